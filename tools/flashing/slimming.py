"""Makes the modules of a board smaller before they are compiled: what only the reader of the sources needs is left out.

All modules of a tree are looked at together, because only then it is known what nobody uses:
- a constant number is written where it is used, and its name goes: names and tables of names are what fills a small heap;
- a function, class or constant that nothing reaches goes, such as the master's side of the protocols;
- a class that only gives a namedtuple's fields their types is that namedtuple;
- what stands under `if TYPE_CHECKING` goes, and what a module does when it is started by itself: here none is.
A name counts as used wherever the same letters are used for anything, so nothing that could be meant is left out.
Lines stay where they are: a traceback from the board names the line of the source.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

_KEPT = "__"  # MicroPython's own names
# Texts of a tree's modules in all their rounds; most are the same from one to the next. Whoever makes a tree clears them behind it.
LOOKS_MAX = 1_000


class _Look(NamedTuple):
    """What a text says; nobody changes it."""

    tree: ast.Module
    body: list[ast.stmt]
    nodes: list[ast.AST]
    imported: dict[str, tuple[str, str]]
    left_alone: set[str]


class Module:
    """One source, its constants, and the parts of its text that change."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.tree, self.body, self.nodes, self.imported, self.left_alone = looked_at(text)
        self.lines = text.split("\n")
        self.constants: dict[str, int] = {}


@lru_cache(LOOKS_MAX)
def looked_at(text: str) -> _Look:
    tree = ast.parse(text)
    body = [node for node in tree.body if not _only_for_checkers(node)]
    nodes = [node for part in body for node in run_time_nodes(part)]
    imported: dict[str, tuple[str, str]] = {}
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module:
            imported |= {alias.asname or alias.name: (node.module, alias.name) for alias in node.names}
    stores = Counter(node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    arguments = {node.arg for node in nodes if isinstance(node, ast.arg)}
    formatted = {each.id for node in nodes if isinstance(node, ast.JoinedStr) for each in ast.walk(node) if isinstance(each, ast.Name)}
    # A name that is set twice, or is an argument somewhere, or stands in an f-string (which has no places), is left alone.
    left_alone = {name for name, count in stores.items() if count > 1} | arguments | formatted
    return _Look(tree, body, nodes, imported, left_alone)


def slimmed(sources: dict[str, str], kept: frozenset[str]) -> dict[str, str]:
    """Text by dotted name; `kept` are the names that are asked for from outside."""
    modules = {name: Module(name, text) for name, text in sources.items()}
    _find_constants(modules)
    for module in modules.values():
        _write_constants(module)
    texts = {name: _plain("\n".join(module.lines)) for name, module in modules.items()}
    while True:
        fewer = _without_unused({name: Module(name, text) for name, text in texts.items()}, kept)
        if fewer == texts:
            return texts
        texts = fewer


def _find_constants(modules: dict[str, Module]) -> None:
    """In as many rounds as one constant is made of others."""
    found = -1
    while found != (found := sum(len(module.constants) for module in modules.values())):
        for module in modules.values():
            for local, (where, name) in module.imported.items():
                if where in modules and name in modules[where].constants and local not in module.left_alone:
                    module.constants[local] = modules[where].constants[name]
            for target, value in _assignments(module):
                number = _number(value, module.constants)
                if number is not None and target not in module.left_alone and target.isupper():
                    module.constants[target] = number


def _assignments(module: Module) -> Iterator[tuple[str, ast.expr]]:
    for node in module.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                yield target.id, node.value
            elif isinstance(target, ast.Tuple):
                names = [each.id for each in target.elts if isinstance(each, ast.Name)]
                yield from zip(names, _values(node.value, len(target.elts)), strict=False)


def _values(value: ast.expr, count: int) -> list[ast.expr]:
    """Of a tuple, or of a plain `range(n)`."""
    if isinstance(value, ast.Tuple):
        return value.elts
    if ast.unparse(value) == f"range({count})":
        return [ast.Constant(number) for number in range(count)]
    return []


def _number(value: ast.expr, constants: dict[str, int]) -> int | None:
    """What the expression is, if it is made of whole numbers only."""
    for node in ast.walk(value):
        if isinstance(node, ast.Name):
            if node.id not in constants:
                return None
        elif isinstance(node, ast.Constant):
            if not isinstance(node.value, int):
                return None
        elif not isinstance(node, (ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context)):
            return None
    result = eval(ast.unparse(value), {"__builtins__": {}}, dict(constants))  # noqa: S307 - numbers and operators only
    return int(result) if isinstance(result, int) else None


def _write_constants(module: Module) -> None:
    places = [
        (node.lineno, node.col_offset, node.end_col_offset or 0, module.constants[node.id])
        for node in module.nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in module.constants
    ]
    for line, begin, end, number in sorted(places, reverse=True):
        text = module.lines[line - 1].encode()
        written = str(number) if number >= 0 else f"({number})"
        module.lines[line - 1] = (text[:begin] + written.encode() + text[end:]).decode()


def _plain(text: str) -> str:
    """Without the classes around namedtuples that are there for their annotations only."""
    lines = text.split("\n")
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and len(node.bases) == 1 and all(map(_says_nothing, node.body)):
            base = ast.get_source_segment(text, node.bases[0]) or ""
            if base.startswith("namedtuple("):
                blanked(lines, node, f"{node.name} = {base}".split("\n"))
    return "\n".join(lines)


def _says_nothing(node: ast.stmt) -> bool:
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return text or isinstance(node, ast.Pass) or (isinstance(node, ast.AnnAssign) and node.value is None)


def _without_unused(modules: dict[str, Module], kept: frozenset[str]) -> dict[str, str]:
    used = Counter(kept)
    for module in modules.values():
        for node in module.nodes:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
                used[node.id] += 1
            elif isinstance(node, ast.Attribute):
                used[node.attr] += 1
    wanted = {(where, name) for module in modules.values() for local, (where, name) in module.imported.items() if used[local]}
    for module in modules.values():
        for node in module.tree.body:
            _cut(module, node, used, {name for where, name in wanted if where == module.name})
    return {name: "\n".join(module.lines) for name, module in modules.items()}


def _cut(module: Module, node: ast.stmt, used: Counter[str], wanted: set[str]) -> None:
    def needed(names: list[str]) -> bool:
        return any(used[name] or name in wanted or name.startswith(_KEPT) for name in names)

    if isinstance(node, ast.If) and _only_for_checkers(node):
        _blank(module, node, [module.lines[each.lineno - 1].strip() for each in node.orelse if needed(set_by(each))])
    elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        if not needed([node.name]):
            _blank(module, node, [])
        elif isinstance(node, ast.ClassDef):
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and not (used[method.name] or method.name.startswith(_KEPT)):
                    _blank(module, method, [])
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        names = set_by(node)
        if names and not needed(names) and is_harmless(node):
            _blank(module, node, [])
    elif isinstance(node, ast.ImportFrom):
        left = [alias for alias in node.names if used[alias.asname or alias.name]]
        if len(left) < len(node.names):
            _blank(module, node, [f"from {node.module} import {', '.join(map(ast.unparse, left))}"] if left else [])


def is_harmless(node: ast.Assign | ast.AnnAssign) -> bool:
    """Made of values only: a call might do something, but not these."""
    calls = [each for each in ast.walk(node.value) if isinstance(each, ast.Call)] if node.value else []
    return all(ast.unparse(each.func) in ("range", "namedtuple") for each in calls)


def set_by(node: ast.stmt) -> list[str]:
    return [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]


def _blank(module: Module, node: ast.stmt, instead: list[str]) -> None:
    blanked(module.lines, node, instead)


def blanked(lines: list[str], node: ast.stmt, instead: list[str]) -> None:
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
    count = (node.end_lineno or first) - first + 1
    lines[first - 1 : first - 1 + count] = (instead + [""] * count)[:count]


def _only_for_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "0", "__name__ == '__main__'")


def run_time_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """What MicroPython makes something of: it passes annotations over."""
    yield node
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                yield from run_time_nodes(child)
