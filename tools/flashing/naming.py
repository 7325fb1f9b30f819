"""What the globals and arguments of a joined module are called: names that are on the board already, as far as there are any.

For `joining`, whose head says why.
"""

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from tools.flashing.entities import Entity, Group, Modules
from tools.flashing.scopes import binding_of

SHORT = 2  # letters: what has more has its name for a reason
_ARGUMENTS_MAX = 40  # of a function and those around it


@dataclass
class _Wish:
    """`name` is what it is called now; `avoided` are the locals of all who know it: another name must be none of them.

    `hiding` are the locals of those who know it by another name: its own must be none of them either.
    """

    name: str
    avoided: set[str] = field(default_factory=set)
    hiding: set[str] = field(default_factory=set)


class _Pool:
    """Names that nobody has; one that does not fit is left for the next."""

    def __init__(self, names: Iterator[str]) -> None:
        self._names = names
        self._spare: list[str] = []

    def take(self, unfit: set[str]) -> str:
        found = next((name for name in self._spare if name not in unfit), None)
        if found is not None:
            self._spare.remove(found)
            return found
        for name in self._names:
            if name not in unfit:
                return name
            self._spare.append(name)
        raise AssertionError("there is always another one")


def give_names(modules: Modules) -> None:
    """To all groups. Where two want one name, the first in the leader's own text keeps it."""
    short = sorted({name for source in modules.sources.values() for name in source.attributes if len(name) <= SHORT})
    for group in {id(each): each for each in modules.group_of.values()}.values():
        _name(group, modules, short)


def _name(group: Group, modules: Modules, short: list[str]) -> None:
    wishes = _wishes(group, modules)
    members = [modules.sources[member] for member in group.members]
    taken: set[str] = set().union(*(member.free for member in members))
    may_keep = {entity for entity, wish in wishes.items() if len(wish.name) > SHORT or entity.source in {"", *modules.whole}}
    pool = _Pool(_unused(short, taken))
    # What comes from outside keeps its name: that is what the import statement binds.
    for entity, wish in sorted(wishes.items(), key=lambda item: item[0].source != ""):
        keeps = entity in may_keep and wish.name not in taken | wish.hiding
        group.names[entity] = wish.name if keeps else pool.take(wish.avoided | wish.hiding | taken)
        taken.add(group.names[entity])
    arguments = _unused(short, taken.union(*(member.locals for member in members)))
    group.arguments = list(itertools.islice(arguments, _ARGUMENTS_MAX))


def _wishes(group: Group, modules: Modules) -> dict[Entity, _Wish]:
    wishes: dict[Entity, _Wish] = {}
    for member in sorted(group.members, key=lambda each: (each != group.leader, each)):
        source = modules.sources[member]
        for local, binding in source.globals.items():
            entity = modules.entity(member, local, binding)
            if entity is not None:
                wish = wishes.setdefault(entity, _Wish(local))
                wish.avoided |= source.locals
                if local != wish.name:
                    wish.hiding |= source.locals
    for member in group.members:
        others = itertools.chain(_asked_by_module(member, group, modules), _imported_in_functions(member, modules))
        for entity in others:
            if entity in wishes:
                wishes[entity].hiding |= modules.sources[member].locals
    return wishes


def _asked_by_module(member: str, group: Group, modules: Modules) -> Iterator[Entity]:
    """What is asked for as `module.name`, where the module becomes part of the group: the name then stands alone."""
    for node, scope, _ in modules.sources[member].uses:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            of = scope.binding(node.value.id)
            if of is not None and of.module in modules.sources and modules.group_of[of.module] is group:
                yield modules.defined(of.module, node.attr)


def _imported_in_functions(member: str, modules: Modules) -> Iterator[Entity]:
    """Where that is in the same group now it goes by its own name."""
    for node, scope in modules.sources[member].imports:
        for alias in node.names if scope.outer else ():
            entity = modules.entity(member, alias.asname or alias.name, binding_of(node, alias, modules.sources))
            if entity is not None:
                yield entity


def _unused(short: list[str], taken: set[str]) -> Iterator[str]:
    """First those that something else has already on the board."""
    yield from (name for name in short if name not in taken)
    yield from (name for name in map("g{}_".format, itertools.count()) if name not in taken)
