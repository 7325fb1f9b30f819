"""What the globals of modules stand for once modules are joined: whose they are, followed through whoever hands them on. For `joining`."""

from dataclasses import dataclass, field

from tools.flashing.scopes import Binding, Names


@dataclass(frozen=True)
class Entity:
    """What a global name stands for: something of a source, or what comes from outside (`source` is "", `name` then the import)."""

    source: str
    name: str


@dataclass
class Group:
    """Modules that become one; `names` are what its globals are called there, `arguments` what those of functions are."""

    leader: str
    members: list[str]
    names: dict[Entity, str] = field(default_factory=dict)
    imported: set[Entity] = field(default_factory=set)
    arguments: list[str] = field(default_factory=list)


class Modules:
    """All modules of a tree with what their names stand for, and the group of each."""

    def __init__(self, sources: dict[str, Names], groups: list[Group]) -> None:
        self.sources = sources
        self.group_of = {member: group for group in groups for member in group.members}
        self.whole = {name for source in sources.values() for name in source.whole}
        self._refuse_what_cannot_be_joined()

    def entity(self, member: str, local: str, binding: Binding) -> Entity | None:
        """None for a name that stands for a module of ours in the same group: it is gone."""
        if binding.module is None:
            return Entity(member, local)
        if binding.module not in self.sources:
            return Entity("", f"{binding.module} {binding.name} {local}")
        if binding.name is None:
            gone = self.is_within(binding.module, self.group_of[member])
            return None if gone else Entity("", f"module {binding.module} {local}")
        return self.defined(binding.module, binding.name)

    def defined(self, module: str, name: str) -> Entity:
        """Where it comes from, by way of whoever hands it on."""
        binding = self.sources[module].globals.get(name)
        if binding is None or binding.module is None:
            return Entity(module, name)
        if binding.module not in self.sources:
            return Entity("", f"{binding.module} {binding.name} {name}")
        if binding.name is None:
            raise ValueError(f"{name} of {module} is a module, and is handed on")
        return self.defined(binding.module, binding.name)

    def named(self, module: str, name: str) -> str:
        """What a name of a module is called by others, who import it from the module's group."""
        return self.group_of[module].names.get(self.defined(module, name), name)

    def is_within(self, module: str, group: Group) -> bool:
        """Whether it has become part of that group, and is no module any more."""
        return self.group_of[module] is group

    def is_here(self, group: Group, entity: Entity | None) -> bool:
        return entity is None or (bool(entity.source) and self.group_of[entity.source] is group)

    def _refuse_what_cannot_be_joined(self) -> None:
        """Who imports a name keeps what it stood for then; once joined, all would see what a function sets it to later.

        And a name in the body of a class can be the class's or the module's, of which only one may get another name.
        """
        for member, source in self.sources.items():
            for name in source.unclear & set(source.globals):
                raise ValueError(f"{name} of {member} is read by a class that has such a name of its own; call one of them otherwise")
            for local, binding in source.globals.items():
                if binding.module in self.sources and binding.name is not None:
                    entity = self.defined(binding.module, binding.name)
                    if entity.source and entity.name in self.sources[entity.source].set_in_functions:
                        raise ValueError(f"{local} of {member}: {entity.source} sets it anew; import the module, not the name")
