"""Joins modules into the few that a board loads together: each module of its own takes some 600 bytes of a small heap.

What is loaded together follows from the sources. An import in a function says "only when needed", so what it names leads a
module of its own, with all that nobody else reaches. What two of them reach stays by itself. All that starting composes lies
with the module that starts, but for what is forgotten after it.
A module that is handed on whole, or in which another one sets something, stays by itself, too.

Within a joined module no two globals may have one name. They and the arguments of functions get short names that attributes have
already, as far as there are any: of different names there shall be few. Lines are those of the sources behind
one another; `places` of the result tells where each source begins, so that a traceback can be read.
"""

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tools.flashing.grouping import grouped
from tools.flashing.scopes import Binding, Names, Place, Scope, binding_of, names_of

SHORT = 2  # letters: what has more has its name for a reason
_ARGUMENTS_MAX = 40  # of a function and those around it


@dataclass(frozen=True)
class Joined:
    """A module as the board has it; `places` are (line, dotted name of the source that begins there)."""

    text: str
    places: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class _Entity:
    """What a global name stands for: something of a source, or what comes from outside (`name` is then the import)."""

    source: str
    name: str


@dataclass
class _Group:
    leader: str
    members: list[str]
    names: dict[_Entity, str] = field(default_factory=dict)
    imported: set[_Entity] = field(default_factory=set)
    arguments: list[str] = field(default_factory=list)


def joined(texts: dict[str, str], starts: Iterable[str], kept: frozenset[str]) -> dict[str, Joined]:
    """By the leader's dotted name; `kept` are names of arguments that somebody outside gives by name."""
    by_name = {node.arg for text in texts.values() for node in ast.walk(ast.parse(text)) if isinstance(node, ast.keyword) and node.arg}
    sources = {name: names_of(text, texts, kept | by_name) for name, text in texts.items()}
    groups = {leader: _Group(leader, members) for leader, members in grouped(sources, tuple(starts)).items()}
    of = {member: group for group in groups.values() for member in group.members}
    work = _Work(texts, sources, of)
    for group in groups.values():
        work.name(group)
    return {group.leader: work.text(group) for group in groups.values()}


class _Work:
    def __init__(self, texts: dict[str, str], sources: dict[str, Names], of: dict[str, _Group]) -> None:
        self._texts, self._sources, self._of = texts, sources, of
        self._whole = {name for source in sources.values() for name in source.whole}
        self._short = sorted({name for source in sources.values() for name in source.attributes if len(name) <= SHORT})

    # -- names

    def name(self, group: _Group) -> None:
        """Gives each global of the group its name. Where two want one, the first in the leader's own text keeps it."""
        wanted: dict[_Entity, str] = {}
        avoided: dict[_Entity, set[str]] = {}
        hidden: dict[_Entity, set[str]] = {}  # by what is local where it goes by another name
        for member in sorted(group.members, key=lambda each: (each != group.leader, each)):
            source = self._sources[member]
            for local, binding in source.globals.items():
                entity = self._entity(member, local, binding)
                if entity is not None:
                    wanted.setdefault(entity, local)
                    avoided.setdefault(entity, set()).update(source.locals)
                    if local != wanted[entity]:
                        hidden.setdefault(entity, set()).update(source.locals)
            for node, scope, _ in source.uses:
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    of = scope.binding(node.value.id)
                    if of is not None and of.module in self._sources and self._of[of.module] is group:
                        hidden.setdefault(self._defined(of.module, node.attr), set()).update(source.locals)
        taken = set(dir(builtins)) | {name for member in group.members for name in self._sources[member].free}
        others = iter(self._others(taken | {name for name in wanted.values() if len(name) > SHORT}))
        spare: list[str] = []
        # What comes from outside keeps its name: that is what the import statement binds.
        for entity, name in sorted(wanted.items(), key=lambda item: item[0].source != ""):
            chosen = name
            if (
                name in taken
                or (len(name) <= SHORT and entity.source and entity.source not in self._whole)
                or name in hidden.get(entity, ())
            ):
                at = next((at for at, each in enumerate(spare) if each not in avoided[entity] | hidden.get(entity, set())), None)
                chosen = spare.pop(at) if at is not None else ""
                while not chosen:
                    candidate = next(others)
                    if candidate in avoided[entity] | hidden.get(entity, set()):
                        spare.append(candidate)
                    else:
                        chosen = candidate
            taken.add(chosen)
            group.names[entity] = chosen
        hidden_by = {name for member in group.members for name in self._sources[member].locals}
        free = self._others(taken | hidden_by)
        group.arguments = [next(free) for _ in range(_ARGUMENTS_MAX)]

    def _others(self, taken: set[str]) -> Iterator[str]:
        """Names that something else has already on the board, as long as there are some."""
        yield from (name for name in self._short if name not in taken)
        number = 0
        while True:
            yield f"g{number}_"
            number += 1

    def _entity(self, member: str, local: str, binding: Binding) -> _Entity | None:
        """None for a name that stands for a module of ours in the same group: it is gone."""
        if binding.module is None:
            return _Entity(member, local)
        if binding.module not in self._sources:
            return _Entity("", f"{binding.module} {binding.name} {local}")
        if binding.name is None:
            same = self._of[binding.module] is self._of[member] and not self._alone(binding.module)
            return None if same else _Entity("", f"module {binding.module} {local}")
        return self._defined(binding.module, binding.name)

    def _defined(self, module: str, name: str) -> _Entity:
        """Where it comes from, by way of whoever hands it on."""
        binding = self._sources[module].globals.get(name)
        if binding is None or binding.module is None:
            return _Entity(module, name)
        if binding.module not in self._sources:
            return _Entity("", f"{binding.module} {binding.name} {name}")
        if binding.name is None:
            raise ValueError(f"{name} of {module} is a module, and is handed on")
        return self._defined(binding.module, binding.name)

    def _alone(self, module: str) -> bool:
        return self._of[module].members == [module]

    def _named(self, module: str, name: str) -> str:
        """What a name of a module is called by others, who import it from the module's group."""
        return self._of[module].names.get(self._defined(module, name), name)

    # -- texts

    def text(self, group: _Group) -> Joined:
        parts: list[str] = []
        places: list[tuple[int, str]] = []
        line = 1
        for member in group.members:
            part = self._changed(group, member)
            places.append((line, member))
            parts.append(part)
            line += part.count("\n") + 1
        return Joined("\n".join(parts), tuple(places))

    def _changed(self, group: _Group, member: str) -> str:
        source = self._sources[member]
        lines = [line.encode() for line in self._texts[member].split("\n")]
        edits = [edit for use in source.uses for edit in self._edit(group, member, use[0], use[1])]
        for line, begin, end, new in sorted(set(edits), reverse=True):
            text = lines[line - 1]
            lines[line - 1] = text[:begin] + new.encode() + text[end:]
        for node, scope in source.imports:
            self._import(group, member, node, scope, lines)
        return b"\n".join(lines).decode()

    def _edit(
        self, group: _Group, member: str, node: "ast.Name | ast.Attribute | Place", scope: Scope
    ) -> Iterator[tuple[int, int, int, str]]:
        if isinstance(node, ast.Attribute):
            assert isinstance(node.value, ast.Name)
            binding = scope.binding(node.value.id)
            if binding is None or binding.module not in self._sources or binding.name is not None:
                return
            new = self._named(binding.module, node.attr)
            if self._of[binding.module] is group and not self._alone(binding.module):
                yield node.lineno, node.col_offset, node.end_col_offset or 0, new
            elif new != node.attr:
                end = node.end_col_offset or 0
                yield node.end_lineno or 0, end - len(node.attr), end, new
            return
        line, column, name = (node.lineno, node.col_offset, node.id) if isinstance(node, ast.Name) else node
        argument = scope.argument(name)
        if argument is not None:
            yield line, column, column + len(name.encode()), group.arguments[argument]
            return
        binding = scope.binding(name)
        if binding is None:
            return
        entity = self._entity(member, name, binding)
        if scope.is_lazy(name) and not self._here(group, entity):
            return
        new = name if entity is None else group.names.get(entity, name)
        if new != name:
            yield line, column, column + len(name.encode()), new

    def _here(self, group: _Group, entity: _Entity | None) -> bool:
        return entity is None or (bool(entity.source) and self._of[entity.source] is group)

    def _import(self, group: _Group, member: str, node: ast.ImportFrom | ast.Import, scope: Scope, lines: list[bytes]) -> None:
        left = []
        for alias in node.names:
            local = alias.asname or alias.name
            binding = binding_of(node, alias, self._sources)
            entity = self._entity(member, local, binding)
            if self._here(group, entity):
                continue
            assert entity is not None
            if scope.is_lazy(local):
                left.append(self._written(binding, local))
            elif entity not in group.imported:
                group.imported.add(entity)
                left.append(self._written(binding, group.names[entity]))
        indent = lines[node.lineno - 1][: node.col_offset].decode()
        text = indent + ("; ".join(left) if left else "pass" if indent else "")
        count = (node.end_lineno or 0) - node.lineno + 1
        tail = lines[node.lineno - 1 + count - 1][node.end_col_offset or 0 :]
        assert not tail.strip() or tail.strip().startswith(b"#"), tail
        lines[node.lineno - 1 : node.lineno - 1 + count] = [text.encode()] + [b""] * (count - 1)

    def _written(self, binding: Binding, local: str) -> str:
        module, name = binding.module, binding.name
        assert module is not None
        if module not in self._sources:
            shown = f"{name} as {local}" if name != local else name
            return f"from {module} import {shown}" if name else f"import {module}" + (f" as {local}" if module != local else "")
        leader = self._of[module].leader
        if name is None:
            package, _, last = leader.rpartition(".")
            return f"from {package} import {last}" + (f" as {local}" if last != local else "")
        defined = self._defined(module, name)
        if not defined.source:
            package, outer, _ = defined.name.split(" ")
            return f"from {package} import {outer} as {local}" if outer != "None" else f"import {package} as {local}"
        new = self._of[defined.source].names.get(defined, defined.name)
        return f"from {self._of[defined.source].leader} import {new}" + (f" as {local}" if new != local else "")
