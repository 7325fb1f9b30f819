"""Small sets of modules made by chance, in which few names stand for many things. Each set has `a.run()`, which tells what it saw.

Modules import from later ones only, and call nothing while they are loaded: when one is loaded that a function imports may change.
What a function sets anew is not imported by name, and what a class may call its own is not read in its body: the joiner refuses both.
"""

from random import Random

# Few, so that they meet; short ones too, as those are given anew; a built-in one; and names that modules have.
_NAMES = ("at", "x", "y", "size", "told", "value", "item", "max", "b", "c")
_MODULES = ("a", "b", "c", "d")
_DEPTH_MAX = 3
# Whatever a name stands for it can be told, and nothing of how it is called.
TELL = f"""
calls = []
def tell(what):
    if callable(what):
        if len(calls) >= {_DEPTH_MAX}:
            return 'deep'
        calls.append(what)
        try:
            return ['called', tell(what())]
        finally:
            calls.pop()
    if isinstance(what, (list, tuple)):
        return [tell(each) for each in what]
    if isinstance(what, (str, int)) or what is None:
        return what
    return tell(what.shown) if hasattr(what, 'shown') else 'module'
"""


def module_set(seed: int) -> dict[str, str]:
    random = Random(seed)
    made: dict[str, _Module] = {}
    for name in reversed(_MODULES):
        made[name] = _Module(name, random, made)
    return {name: module.text() for name, module in made.items()} | {"telling": TELL}


class _Module:
    def __init__(self, name: str, random: Random, later: "dict[str, _Module]") -> None:
        self.name, self._random, self._later = name, random, dict(later)
        self.importable: list[str] = []  # not what a function sets anew
        self.all: list[str] = []
        self.asked: list[str] = []  # by others, as of the module
        self.own: list[str] = []  # to import one in a function loads this module, and not only the one that it comes from
        self._modules: dict[str, str] = {}  # what a name that stands for a module stands for
        self._lines = ["from telling import tell"]
        names = random.sample(_NAMES, random.randint(4, 8))
        for each in names:
            self._bind(each)
        if name == "a":
            self._function("run", "", set(self.all))

    def text(self) -> str:
        return "\n".join(self._lines) + "\n"

    def _bind(self, name: str) -> None:
        kinds = [self._value, self._set_by_function, self._plain_function, self._class]
        imports = [self._import_name, self._import_name, self._import_module] if self._later else []
        kind = self._random.choice(kinds + imports)
        kind(name)
        if kind in (self._value, self._plain_function, self._class):
            self.own.append(name)
        self.all.append(name)
        if name not in self._modules:  # a module is not handed on
            self.asked.append(name)

    # -- what stands on the top

    def _value(self, name: str) -> None:
        self._lines.append(f"{name} = ['{self.name}.{name}']")
        if self._random.random() < 0.3:
            self._lines.append(f"{name} = {name} + [{self._held(set(self.all) | {name})}]")
        self.importable.append(name)

    def _set_by_function(self, name: str) -> None:
        self._lines += [f"{name} = 1", f"def up_{name}():", f"    global {name}", f"    {name} = {name} + 1", f"    return {name}"]
        self.all.append(f"up_{name}")
        self.importable.append(f"up_{name}")

    def _plain_function(self, name: str) -> None:
        if self._random.random() < 0.2:
            self._lines += [
                f"def around_{name}(inner):",
                "    def wrapped(*rest, **named):",
                "        return ['wrapped', tell(inner(*rest, **named))]",
            ]
            self._lines += ["    return wrapped", f"@around_{name}"]
        self._function(name, "", set(self.all) | {name})
        self.importable.append(name)

    def _class(self, name: str) -> None:
        field, method = self._random.sample(_NAMES, 2)
        visible = set(self.all) - {field, method}  # what could be the class's or the module's is refused
        self._lines += [f"class {name}:", f"    {field} = [{self._held(visible)}]"]
        self._lines += ["    def __init__(self):", f"        self.{method} = {self._use(visible)}"]
        self._lines += ["    def shown(self):", f"        return [self.{field}, self.{method}, {self._use(visible | {name})}]"]
        self.importable.append(name)

    def _import_name(self, name: str) -> None:
        where = self._random.choice(sorted(self._later))
        self._lines.append(f"from {where} import {self._random.choice(self._later[where].importable or ['tell'])} as {name}")
        self.importable.append(name)

    def _import_module(self, name: str) -> None:
        where = self._random.choice(sorted(self._later))
        self._lines.append(f"import {where} as {name}" if where != name else f"import {where}")
        self._modules[name] = where

    # -- functions

    def _function(self, name: str, indent: str, visible: set[str]) -> None:
        """Can be called without arguments. What is visible is what has a value when it is called."""
        random = self._random
        arguments = random.sample(_NAMES, random.randint(0, 3))
        given = ", ".join(f"{each}={self._use(visible - {name}) if indent else self._held(visible - {name})}" for each in arguments)
        self._lines.append(f"{indent}def {name}({given}):")
        inner = indent + "    "
        local = random.sample([each for each in _NAMES if each not in arguments], random.randint(0, 2))
        self._lines += [f"{inner}{each} = ['{name} {each}']" for each in local]
        seen = visible | set(arguments) | set(local)
        hidden = self._modules
        self._modules = {each: of for each, of in hidden.items() if each not in {*arguments, *local}}
        where = random.choice(sorted(self._later)) if self._later else ""
        if where and self._later[where].own and random.random() < 0.4:
            lazy = f"lazy_{random.choice(_NAMES)}"
            self._lines.append(f"{inner}from {where} import {random.choice(self._later[where].own)} as {lazy}")
            seen = seen | {lazy}
        if len(indent) < 8 and random.random() < 0.3:
            self._lines += [
                f"{inner}kept = 0",
                f"{inner}def add(step=1):",
                f"{inner}    nonlocal kept",
                f"{inner}    kept += step",
                f"{inner}    return kept",
            ]
            self._function("within", inner, seen | {"add"})
            seen = seen | {"within", "add"}
        self._lines.append(f"{inner}return [{', '.join(self._use(seen) for _ in range(random.randint(2, 4)))}]")
        self._modules = hidden

    def _use(self, visible: set[str]) -> str:
        """Tells what a name stands for."""
        random = self._random
        if not visible or random.random() < 0.1:
            return self._loop(visible, "tell({})")
        name = self._chosen(visible)
        forms = ("tell({0})", "tell({0})", "f'é{{tell({0})}} {{tell({0})!s:>4}}'", "(lambda item: [item, tell({0})])(1)")
        return random.choice(forms[: 3 if name.startswith("item.") else 4]).format(name)

    def _held(self, visible: set[str]) -> str:
        """Holds what a name stands for, to be told later."""
        random = self._random
        if not visible or random.random() < 0.2:
            return self._loop(visible, "{}")
        forms = ("{0}", "[{0}]", "lambda: f'é{{tell({0})}}'", "lambda item=1: [item, {0}]")
        name = self._chosen(visible)
        return random.choice(forms[: 3 if name.startswith("item.") else 4]).format(name)

    def _chosen(self, visible: set[str]) -> str:
        """A name, or one of the module that it stands for."""
        name = self._random.choice(sorted(visible))
        others = self._later[self._modules[name]].asked if name in self._modules else []
        return f"{name}.{self._random.choice(others)}" if others and self._random.random() < 0.9 else name

    def _loop(self, visible: set[str], form: str) -> str:
        each = self._random.choice(_NAMES)
        shown = sorted(visible - {each})
        told = form.format(self._random.choice(shown)) if shown else "0"
        return f"[({each}, {told}) for {each} in (1, 2)]"
