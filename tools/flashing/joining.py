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
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tools.flashing.entities import Group, Modules
from tools.flashing.grouping import grouped
from tools.flashing.naming import give_names
from tools.flashing.scopes import Binding, Place, Scope, binding_of, names_of

_Edit = tuple[int, int, int, str]  # line, columns from and to, what stands there then


@dataclass(frozen=True)
class Joined:
    """A module as the board has it; `places` are (line, dotted name of the source that begins there)."""

    text: str
    places: tuple[tuple[int, str], ...]


def joined(texts: dict[str, str], starts: Iterable[str], kept: frozenset[str]) -> dict[str, Joined]:
    """By the leader's dotted name; `kept` are names of arguments that somebody outside gives by name."""
    by_name = {node.arg for text in texts.values() for node in ast.walk(ast.parse(text)) if isinstance(node, ast.keyword) and node.arg}
    sources = {name: names_of(text, frozenset(texts), kept | by_name) for name, text in texts.items()}
    groups = [Group(leader, members) for leader, members in grouped(sources, tuple(starts)).items()]
    modules = Modules(sources, groups)
    give_names(modules)
    return {group.leader: _Writer(group, modules, texts).text() for group in groups}


class _Writer:
    """Writes one group's text."""

    def __init__(self, group: Group, modules: Modules, texts: dict[str, str]) -> None:
        self._group, self._modules, self._texts = group, modules, texts

    def text(self) -> Joined:
        parts: list[str] = []
        places: list[tuple[int, str]] = []
        line = 1
        for member in self._group.members:
            part = self._changed(member)
            places.append((line, member))
            parts.append(part)
            line += part.count("\n") + 1
        return Joined("\n".join(parts), tuple(places))

    def _changed(self, member: str) -> str:
        source = self._modules.sources[member]
        lines = [line.encode() for line in self._texts[member].split("\n")]
        edits = [edit for node, scope, _ in source.uses for edit in self._edits(member, node, scope)]
        for line, begin, end, new in sorted(edits, reverse=True):
            text = lines[line - 1]
            lines[line - 1] = text[:begin] + new.encode() + text[end:]
        for node, scope in source.imports:
            self._import(member, node, scope, lines)
        return b"\n".join(lines).decode()

    def _edits(self, member: str, node: "ast.Name | ast.Attribute | Place", scope: Scope) -> Iterator[_Edit]:
        if isinstance(node, ast.Attribute):
            yield from self._attribute_edits(member, node, scope)
            return
        line, column, name = (node.lineno, node.col_offset, node.id) if isinstance(node, ast.Name) else node
        new = self._new_name(member, name, scope)
        if new != name:
            yield line, column, column + len(name), new

    def _attribute_edits(self, member: str, node: ast.Attribute, scope: Scope) -> Iterator[_Edit]:
        """Of a name in one of our modules."""
        assert isinstance(node.value, ast.Name)
        binding = scope.binding(node.value.id)
        if binding is None or binding.module not in self._modules.sources or binding.name is not None:
            return
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        new = self._modules.named(binding.module, node.attr)
        if self._modules.is_within(binding.module, self._group):
            yield node.lineno, node.col_offset, node.end_col_offset, new
            return
        yield from self._edits(member, node.value, scope)
        if new != node.attr:
            yield node.end_lineno, node.end_col_offset - len(node.attr), node.end_col_offset, new

    def _new_name(self, member: str, name: str, scope: Scope) -> str:
        argument = scope.argument(name)
        if argument is not None:
            return self._group.arguments[argument]
        binding = scope.binding(name)
        if binding is None:
            return name
        entity = self._modules.entity(member, name, binding)
        return name if entity is None else self._group.names.get(entity, name)

    def _import(self, member: str, node: ast.ImportFrom | ast.Import, scope: Scope, lines: list[bytes]) -> None:
        """What has become part of the group is imported no more, what many import is imported once."""
        left = []
        for alias in node.names:
            local = alias.asname or alias.name
            binding = binding_of(node, alias, self._modules.sources)
            entity = self._modules.entity(member, local, binding)
            if entity is None or self._modules.is_here(self._group, entity):
                continue
            if scope.is_lazy(local):
                left.append(self._written(binding, local))
            elif entity not in self._group.imported:
                self._group.imported.add(entity)
                left.append(self._written(binding, self._group.names[entity]))
        _put_in_place(lines, node, left)

    def _written(self, binding: Binding, local: str) -> str:
        """The import that binds this to the local name."""
        module, name = binding.module, binding.name
        assert module is not None
        if module not in self._modules.sources:
            return _import_text(module, name, local)
        if name is None:
            package, _, last = self._modules.group_of[module].leader.rpartition(".")
            return _import_text(package, last, local) if package else _import_text(last, None, local)
        defined = self._modules.defined(module, name)
        if not defined.source:
            package, outer, _ = defined.name.split(" ")
            return _import_text(package, None if outer == "None" else outer, local)
        group = self._modules.group_of[defined.source]
        return _import_text(group.leader, group.names.get(defined, defined.name), local)


def _import_text(module: str, name: str | None, local: str) -> str:
    shown = f"from {module} import {name}" if name else f"import {module}"
    return shown if local == (name or module) else f"{shown} as {local}"


def _put_in_place(lines: list[bytes], node: ast.stmt, statements: list[str]) -> None:
    """Of one statement, which has its lines for itself."""
    assert node.end_lineno is not None
    tail = lines[node.end_lineno - 1][node.end_col_offset :].strip()
    assert not tail or tail.startswith(b"#"), tail
    indent = lines[node.lineno - 1][: node.col_offset].decode()
    text = indent + ("; ".join(statements) if statements else "pass" if indent else "")
    count = node.end_lineno - node.lineno + 1
    lines[node.lineno - 1 : node.end_lineno] = [text.encode()] + [b""] * (count - 1)
