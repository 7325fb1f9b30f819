"""Which modules a board loads together. For `joining`, whose head says by what rule."""

from collections import defaultdict

from tools.flashing.scopes import Names

# It puts together what then stays, and is forgotten itself: what it reaches belongs to what starts.
COMPOSING = "firmware.composing"
_BENCH = "tools"


def grouped(sources: dict[str, Names], starts: tuple[str, ...]) -> dict[str, list[str]]:
    """The members by their leader, in the order in which they are to be loaded."""
    packages = {name.rpartition(".")[0] for name in sources}
    whole = {name for source in sources.values() for name in source.whole} | (packages & set(sources))
    forgotten = {name for source in sources.values() for name in source.strings if name in sources}
    # The bench looks into what the firmware loads, but does not decide it.
    leaders = {*starts, *(name for by, source in sources.items() for name in source.lazy if _room(by) != _BENCH or _room(name) == _BENCH)}
    first = next((start for start in starts if COMPOSING in sources[start].lazy), None)
    led_by: dict[str, set[str]] = defaultdict(set)
    for leader in leaders:
        for name in _reached(sources, leader):
            led_by[name].add(first if first and leader == COMPOSING and name not in forgotten else leader)
    groups: dict[str, list[str]] = {}
    for name in sources:
        found = led_by[name]
        by_start = [start for start in starts if start in found]
        leader = by_start[0] if len(by_start) == 1 else next(iter(found)) if len(found) == 1 else name
        groups.setdefault(name if whole & {name, leader} else leader, []).append(name)
    return {leader: [name for name in _reached(sources, leader, *members) if name in members] for leader, members in groups.items()}


def _room(name: str) -> str:
    return name.split(".", maxsplit=1)[0]


def _reached(sources: dict[str, Names], *names: str) -> list[str]:
    """By imports that are done when they are loaded; each behind what it needs itself."""
    found: list[str] = []
    begun: set[str] = set()

    def visit(name: str) -> None:
        if name not in begun:
            begun.add(name)
            for each in sources[name].eager:
                visit(each)
            found.append(name)

    for each in names:
        visit(each)
    return found
