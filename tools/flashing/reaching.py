"""Leaves out the globals that nothing can reach. Slimming goes by letters, so a name that means something elsewhere stays there;
here each name is followed to what it stands for, over all modules of a tree.
"""

import ast
from collections.abc import Iterator

from tools.flashing.scopes import Names, binding_of, names_of
from tools.flashing.slimming import blanked, is_harmless, set_by

_Global = tuple[str, str]  # a module and a name of its own


def reached_only(texts: dict[str, str], starts: tuple[str, ...], asked_for: frozenset[str]) -> dict[str, str]:
    """Those that start are asked from outside: for `asked_for`, and perhaps for any name that stands anywhere.

    Lines stay where they are.
    """
    sources = {name: names_of(text, frozenset(texts)) for name, text in texts.items()}
    live: set[_Global] = set()
    asked = asked_for.union(*(source.letters for source in sources.values()))
    waiting = [(start, name) for start in starts for name in asked & set(sources[start].globals)]
    for module, source in sources.items():
        # What functions import may go by one name for many: all of it counts.
        lazy = [binding_of(node, each, sources) for node, scope in source.imports if scope.outer for each in node.names]
        waiting += [(each.module, each.name) for each in lazy if each.module in sources and each.name]
        waiting += [(each, name) for each in source.whole for name in sources[each].globals]
        for number, statement in enumerate(source.statements):
            if not _defines(statement):
                waiting += _asked(module, number, sources)
    while waiting:
        module, name = waiting.pop()
        if (module, name) in live or name not in sources[module].globals:
            continue
        live.add((module, name))
        binding = sources[module].globals[name]
        if binding.module in sources and binding.name is not None:
            waiting.append((binding.module, binding.name))
        for number, statement in enumerate(sources[module].statements):
            if name in _defines(statement):
                waiting += _asked(module, number, sources)
    return {name: _without(text, name, sources, live) for name, text in texts.items()}


def _defines(statement: ast.stmt) -> list[str]:
    """Nothing for one that does something."""
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return [statement.name]
    if isinstance(statement, (ast.Assign, ast.AnnAssign)) and is_harmless(statement):
        return set_by(statement)
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return ["an import"]
    return []


def _asked(module: str, number: int, sources: dict[str, Names]) -> Iterator[_Global]:
    for node, scope, by in sources[module].uses:
        if by != number or isinstance(node, tuple):
            continue
        if isinstance(node, ast.Name):
            binding = scope.binding(node.id)
            if binding is None:
                continue
            if binding.module is None or not scope.is_lazy(node.id):
                yield module, node.id
            elif binding.module in sources and binding.name is not None:
                yield binding.module, binding.name
        else:
            assert isinstance(node.value, ast.Name)
            binding = scope.binding(node.value.id)
            assert binding is not None
            assert binding.module is not None
            yield binding.module, node.attr
            yield module, node.value.id


def _without(text: str, module: str, sources: dict[str, Names], live: set[_Global]) -> str:
    source = sources[module]
    lines = text.split("\n")
    for statement in source.statements:
        if isinstance(statement, ast.ImportFrom) and any(source.globals[_local(each)].module in sources for each in statement.names):
            left = [each for each in statement.names if (module, _local(each)) in live]
            blanked(lines, statement, [f"from {statement.module} import {', '.join(map(ast.unparse, left))}"] if left else [])
        names = [] if isinstance(statement, (ast.Import, ast.ImportFrom)) else _defines(statement)
        if names and not any((module, name) in live or name.startswith("__") for name in names):
            blanked(lines, statement, [])
    return "\n".join(lines)


def _local(alias: ast.alias) -> str:
    return alias.asname or alias.name
