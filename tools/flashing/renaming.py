"""Gives the names of our own short ones before modules are compiled: on a board each different name takes some 25 bytes.

A name that one module uses alone gets a short name that other modules use for something else, so there are few different ones.
Classes that a log names keep their names; a traceback names the line of the source. What the chip, the
interpreter or the simulated board knows by a name keeps it, too. Lines stay where they are.
"""

import ast
import builtins
import io
import itertools
import keyword
import select
import socket
import string
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from tools.flashing.slimming import run_time_nodes

# What objects of the interpreter answer to; a name of ours that is the same stays, as nobody can tell whose it is.
_TYPES = (
    str,
    bytes,
    bytearray,
    memoryview,
    list,
    tuple,
    dict,
    set,
    int,
    io.BytesIO,
    io.StringIO,
    type(sha256()),
    socket.socket,
    type(select.poll()),
)
INTERPRETERS = frozenset(dir(builtins)) | frozenset(name for each in _TYPES for name in dir(each))


@dataclass
class _Module:
    """`places` are line, column in bytes, and the name that stands there."""

    text: str
    places: list[tuple[int, int, str]] = field(default_factory=list)
    costly: set[str] = field(default_factory=set)  # those that take memory on the board: not what is local to a function
    left: set[str] = field(default_factory=set)
    bases: set[str] = field(default_factory=set)  # modules of ours that it imports classes from to inherit

    @property
    def names(self) -> set[str]:
        return {name for _, _, name in self.places}


def renamed(texts: dict[str, str], left: frozenset[str]) -> dict[str, str]:
    """`left` are names that others know; text by dotted name."""
    modules = {name: _looked_at(text, texts) for name, text in texts.items()}
    kept = set(left) | INTERPRETERS | {part for name in texts for part in name.split(".")} | set(keyword.kwlist)
    kept |= {name for module in modules.values() for name in module.left}
    costly = {name for module in modules.values() for name in module.costly} - kept
    used_by = defaultdict(set)
    for module_name, module in modules.items():
        for name in module.names & costly:
            used_by[name].add(_family(module_name, modules))
    unchanged = {name for module in modules.values() for name in module.names} - costly
    everywhere = dict(zip(sorted(name for name in costly if len(used_by[name]) > 1), _short(unchanged | kept), strict=False))
    taken = unchanged | kept | set(everywhere.values())
    changes: dict[str, dict[str, str]] = {}
    for family in sorted({each for users in used_by.values() for each in users}):
        alone = sorted(name for name in costly if used_by[name] == {family})
        changes[family] = everywhere | dict(zip(alone, _short(taken), strict=False))
    return {name: _changed(module, changes.get(_family(name, modules), everywhere)) for name, module in modules.items()}


def _short(taken: set[str]) -> Iterator[str]:
    letters = string.ascii_lowercase + string.ascii_uppercase
    for length in itertools.count(1):
        for name in map("".join, itertools.product(letters, repeat=length)):
            if name not in taken:
                yield name


def _family(name: str, modules: dict[str, _Module]) -> str:
    """Modules whose classes inherit from one another share their short names: the first of them stands for all."""
    family, waiting = set(), [name]
    while waiting:
        each = waiting.pop()
        if each not in family:
            family.add(each)
            waiting += [other for other, module in modules.items() if each in module.bases] + list(modules[each].bases)
    return min(family)


def _looked_at(text: str, texts: dict[str, str]) -> _Module:
    module, tree = _Module(text), ast.parse(text)
    imported: dict[str, str] = {}
    for node in run_time_nodes(tree):
        _note(module, node)
        if isinstance(node, ast.ImportFrom) and node.module in texts:
            imported |= {alias.name: node.module for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            if _is_logged(node):
                module.left.add(node.name)
            elif node in tree.body:
                module.places.append((node.lineno, node.col_offset + len("class "), node.name))
                module.costly.add(node.name)
            module.bases |= {imported[base.id] for base in node.bases if isinstance(base, ast.Name) and base.id in imported}
        scope = node.body if isinstance(node, (ast.Module, ast.ClassDef)) else []
        for statement in scope:
            if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.For, ast.If, ast.Try, ast.With)):
                module.costly |= {each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    return module


def _is_logged(node: ast.ClassDef) -> bool:
    """What a log names by its class: an exception, and a port of the main loop, which says when it is quiet."""
    bound = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)}
    bound |= {each.name for each in node.body if isinstance(each, ast.FunctionDef)}
    bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
    return "quiet" in bound or any(
        base in dir(builtins) or base.endswith(("Error", "Noise", "Answer", "Refused", "Mistake")) for base in bases
    )


def _note(module: _Module, node: ast.AST) -> None:  # noqa: C901 - one kind of node after the other
    if isinstance(node, ast.Name):
        module.places.append((node.lineno, node.col_offset, node.id))
    elif isinstance(node, ast.Attribute):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        module.places.append((node.end_lineno, node.end_col_offset - len(node.attr), node.attr))
        if isinstance(node.ctx, ast.Store):
            module.costly.add(node.attr)
    elif isinstance(node, ast.arg):
        module.places.append((node.lineno, node.col_offset, node.arg))
        module.costly.add(node.arg)
    elif isinstance(node, ast.FunctionDef):
        module.places.append((node.lineno, node.col_offset + len("def "), node.name))
        module.costly.add(node.name)
    elif isinstance(node, ast.ImportFrom):
        module.places += [(alias.lineno, alias.col_offset, alias.name) for alias in node.names]
        module.left |= {alias.asname for alias in node.names if alias.asname}
    elif isinstance(node, ast.Import):
        module.left |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    elif isinstance(node, ast.keyword) and node.arg:
        module.left.add(node.arg)
    elif isinstance(node, ast.ExceptHandler) and node.name:
        module.left.add(node.name)
    elif isinstance(node, (ast.Global, ast.Nonlocal)):
        module.left |= set(node.names)
    elif isinstance(node, ast.JoinedStr):  # names in it have no places of their own
        module.left |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
        module.left |= {each.attr for each in ast.walk(node) if isinstance(each, ast.Attribute)}
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "namedtuple":
        _note_fields(module, node.args[0])
        _note_fields(module, node.args[1])


def _note_fields(module: _Module, fields: ast.expr) -> None:
    """Of a namedtuple: they are strings."""
    for each in ast.walk(fields):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            if each.value.isidentifier():
                module.places.append((each.lineno, each.col_offset + 1, each.value))
                module.costly.add(each.value)
            else:
                module.left |= set(each.value.split())


def _changed(module: _Module, changes: dict[str, str]) -> str:
    lines = [line.encode() for line in module.text.split("\n")]
    for line, column, name in sorted(set(module.places), reverse=True):
        if name in changes:
            text, end = lines[line - 1], column + len(name.encode())
            assert text[column:end] == name.encode(), (name, text)
            lines[line - 1] = text[:column] + changes[name].encode() + text[end:]
    return b"\n".join(lines).decode()
