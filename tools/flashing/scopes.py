"""What the names of a module stand for where they are read: who binds them, and in which scope. For `joining`."""

import ast
import re
from collections.abc import Container
from dataclasses import dataclass, field
from functools import lru_cache

from tools.flashing.slimming import LOOKS_MAX


@dataclass(frozen=True)
class Binding:
    """`module` None: bound by the module itself; `name` None: the import binds a whole module."""

    module: str | None = None
    name: str | None = None


_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
Place = tuple[int, int, str]  # of the name of a function, class or argument: line, column, name


class Scope:
    """A module (no outer one), a class's body or a function's."""

    def __init__(self, outer: "Scope | None" = None, *, is_class: bool = False) -> None:
        self.outer, self.is_class = outer, is_class
        self.bound: dict[str, Binding] = {}
        self.imported: set[str] = set()
        self.of_module: set[str] = set()
        self.arguments: dict[str, int] = {}  # of a function, numbered through from the outermost one

    def argument(self, name: str) -> int | None:
        """Its number, if it is one that may have another name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bound and (scope is self or not scope.is_class):
                return scope.arguments.get(name)
            scope = scope.outer
        return None

    def depth(self) -> int:
        """How many arguments the functions around it have."""
        return len(self.arguments) + (self.outer.depth() if self.outer else 0)

    def binding(self, name: str) -> Binding | None:
        """Of a name that is the module's, or that an import in a function binds; None for what is local or built in."""
        if name in self.of_module:
            return self._module().bound.get(name)
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bound and (scope is self or not scope.is_class):
                return scope.bound[name] if scope.outer is None or name in scope.imported else None
            scope = scope.outer
        return None

    def is_lazy(self, name: str) -> bool:
        scope: Scope | None = self
        while scope is not None and scope.outer is not None:
            if name in scope.bound:
                return name in scope.imported
            scope = scope.outer
        return False

    def _module(self) -> "Scope":
        return self if self.outer is None else self.outer._module()  # noqa: SLF001 - its own kind


@dataclass
class Names:
    """Of one module. `uses` are names, attributes of names, and the names of functions and classes by their place."""

    globals: dict[str, Binding] = field(default_factory=dict)
    locals: set[str] = field(default_factory=set)
    free: set[str] = field(default_factory=set)
    letters: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    set_in_functions: set[str] = field(default_factory=set)
    unclear: set[str] = field(default_factory=set)  # read in the body of a class that binds it: before that it is the module's
    whole: set[str] = field(default_factory=set)  # modules that are handed on, or in which something is set
    eager: list[str] = field(default_factory=list)
    lazy: list[str] = field(default_factory=list)
    imports: list[tuple[ast.ImportFrom | ast.Import, Scope]] = field(default_factory=list)
    # With the number of the module's statement in which each stands.
    uses: list[tuple["ast.Name | ast.Attribute | Place", Scope, int]] = field(default_factory=list)
    statements: list[ast.stmt] = field(default_factory=list)


@lru_cache(LOOKS_MAX)
def names_of(text: str, ours: frozenset[str], kept: frozenset[str] = frozenset()) -> Names:
    """`ours` are the modules of the tree, `kept` names of arguments that are given by name. Nobody changes what it gives."""
    top = Scope()
    tree = ast.parse(text)
    outer = {name for node in ast.walk(tree) if isinstance(node, ast.Nonlocal) for name in node.names}
    reader = _Reader(set(ours), kept | outer | {"self"}, text.split("\n"))
    reader.bind(tree.body, top)
    for number, node in enumerate(tree.body):
        reader.number = number
        reader.read(node, top)
    found = reader.found
    found.statements = tree.body
    found.globals = top.bound
    found.free = {node.id for node, scope, _ in found.uses if isinstance(node, ast.Name) and _is_free(node.id, scope)}
    return found


def binding_of(node: ast.Import | ast.ImportFrom, alias: ast.alias, ours: Container[str]) -> Binding:
    if isinstance(node, ast.Import):
        return Binding(alias.name)
    if f"{node.module}.{alias.name}" in ours:
        return Binding(f"{node.module}.{alias.name}")
    return Binding(node.module, alias.name)


def _is_free(name: str, scope: Scope) -> bool:
    each: Scope | None = scope
    while each is not None:
        if name in each.bound:
            return False
        each = each.outer
    return True


class _Reader:
    def __init__(self, ours: set[str], kept: frozenset[str] | set[str], lines: list[str]) -> None:
        self._ours, self._kept, self._lines = ours, kept, lines
        self.found = Names()
        self.number = 0

    def bind(self, body: list[ast.stmt], scope: Scope) -> None:
        """All names that these statements bind in their own scope."""
        for node in body:
            self._bind(node, scope)

    def _bind(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            scope.bound[node.name] = Binding()
            for each in node.decorator_list:
                self._bind(each, scope)
            return
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            self._bind_import(node, scope)
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            scope.bound.setdefault(node.id, Binding())
        elif isinstance(node, ast.ExceptHandler) and node.name:
            scope.bound[node.name] = Binding()
        elif isinstance(node, ast.Global):
            scope.of_module |= set(node.names)
        elif isinstance(node, (ast.Lambda, *_COMPREHENSIONS)):
            return
        for child in ast.iter_child_nodes(node):
            self._bind(child, scope)

    def _bind_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        for alias in node.names:
            local = alias.asname or alias.name
            scope.bound[local] = binding_of(node, alias, self._ours)
            scope.imported.add(local)

    def read(self, node: ast.AST, scope: Scope) -> None:
        if isinstance(node, (ast.FunctionDef, ast.Lambda)):
            self._read_function(node, scope)
        elif isinstance(node, ast.ClassDef):
            self._read_class(node, scope)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._read_import(node, scope)
        elif isinstance(node, ast.Global):
            self._read_global(node, scope)
        elif isinstance(node, _COMPREHENSIONS):
            self._read_comprehension(node, scope)
        else:
            self._read_use(node, scope)

    def _read_use(self, node: ast.AST, scope: Scope) -> None:
        found = self.found
        if isinstance(node, ast.Attribute):
            found.letters.add(node.attr)
            found.attributes.add(node.attr)
            if isinstance(node.value, ast.Name):
                binding = scope.binding(node.value.id)
                if binding is not None and binding.name is None and binding.module in self._ours:
                    found.uses.append((node, scope, self.number))
                    if not isinstance(node.ctx, ast.Load):
                        found.whole.add(binding.module)
                    return
        elif isinstance(node, ast.Name):
            found.letters.add(node.id)
            found.uses.append((node, scope, self.number))
            if scope.is_class and node.id in scope.bound and isinstance(node.ctx, ast.Load):
                found.unclear.add(node.id)
            binding = scope.binding(node.id)
            if binding is not None and binding.name is None and binding.module in self._ours:
                found.whole.add(binding.module)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.strings.add(node.value)
        for child in _run_time_children(node):
            self.read(child, scope)

    def _read_function(self, node: ast.FunctionDef | ast.Lambda, scope: Scope) -> None:
        arguments = node.args
        for each in [*arguments.defaults, *[default for default in arguments.kw_defaults if default]]:
            self.read(each, scope)
        if isinstance(node, ast.FunctionDef):
            self._read_name(node.lineno, node.col_offset + len("def "), node.name, scope)
            for each in node.decorator_list:
                self.read(each, scope)
        inner = Scope(scope)
        named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        inner.bound = {each.arg: Binding() for each in named if each}
        free = [each for each in named if each and each.arg not in self._kept]
        inner.arguments = {each.arg: number for number, each in enumerate(free, scope.depth())}
        for argument in free:
            self.found.uses.append(((argument.lineno, argument.col_offset, argument.arg), inner, self.number))
        body: list[ast.stmt] = node.body if isinstance(node, ast.FunctionDef) else [ast.Expr(node.body)]
        self.bind(body, inner)
        for name in inner.of_module:
            inner.bound.pop(name, None)
        self.found.locals |= set(inner.bound) - set(inner.arguments)
        self.found.letters |= set(inner.bound)
        for statement in body:
            self.read(statement, inner)

    def _read_comprehension(self, node: _Comprehension, scope: Scope) -> None:
        """A scope of its own, but for what it goes through first."""
        first = node.generators[0]
        self.read(first.iter, scope)
        inner = Scope(scope)
        for generator in node.generators:
            self._bind(generator.target, inner)
        self.found.locals |= set(inner.bound)
        self.found.letters |= set(inner.bound)
        for generator in node.generators:
            parts = [generator.target, *generator.ifs] + ([] if generator is first else [generator.iter])
            for each in parts:
                self.read(each, inner)
        for each in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            self.read(each, inner)

    def _read_class(self, node: ast.ClassDef, scope: Scope) -> None:
        self._read_name(node.lineno, node.col_offset + len("class "), node.name, scope)
        for each in [*node.bases, *node.decorator_list]:
            self.read(each, scope)
        inner = Scope(scope, is_class=True)
        self.bind(node.body, inner)
        self.found.letters |= set(inner.bound)
        for statement in node.body:
            self.read(statement, inner)

    def _read_name(self, line: int, column: int, name: str, scope: Scope) -> None:
        self.found.letters.add(name)
        self.found.uses.append(((line, column, name), scope, self.number))

    def _read_import(self, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
        self.found.imports.append((node, scope))
        targets = self.found.eager if scope.outer is None else self.found.lazy
        for alias in node.names:
            module = binding_of(node, alias, self._ours).module
            if module in self._ours:
                targets.append(module)

    def _read_global(self, node: ast.Global, scope: Scope) -> None:
        """Its names have no places of their own."""
        self.found.set_in_functions |= set(node.names)
        statement = self._lines[node.lineno - 1].encode()[: node.end_col_offset]
        for each in re.finditer(rb"\w+", statement):
            name = each.group().decode()
            if name in node.names and each.start() > node.col_offset:
                self.found.uses.append(((node.lineno, each.start(), name), scope, self.number))


def _run_time_children(node: ast.AST) -> list[ast.AST]:
    for_checkers = ("annotation", "returns")
    fields = [value for name, value in ast.iter_fields(node) if name not in for_checkers]
    return [each for value in fields for each in (value if isinstance(value, list) else [value]) if isinstance(each, ast.AST)]
