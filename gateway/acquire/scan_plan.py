"""In which order a line is searched: settings and addresses, the likely ones first. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.acquire.wire import Settings

# What meters leave the factory with, most frequent first; 4800 is asked for only where time is left.
LIKELY = (
    Settings(9600, "N"),
    Settings(9600, "E"),
    Settings(19200, "E"),
    Settings(19200, "N"),
    Settings(2400, "N"),
    Settings(2400, "E"),
    Settings(38400, "N"),
    Settings(115200, "N"),
    Settings(4800, "N"),
    Settings(4800, "E"),
)
# DL/T 645 is 8E1 by its standard; 2400 baud is usual, 9600 on newer meters.
DLT_SETTINGS = (Settings(2400, "E"), Settings(9600, "E"))
EVERYBODY = tuple(range(1, 248))
# People count from 1; 126 is where one maker's meters begin.
FIRST = (*range(1, 17), 126)
# Every address at these would cost a quarter of the time of all others together.
SLOW_BAUD = 4800

QUICK, FULL, AGAIN = "quick", "full", "again"


class Step(NamedTuple):
    kind: str
    settings: Settings
    addresses: tuple[int, ...]


def allowed(baud: int | None, parity: str | None, first: Settings | None = None) -> tuple[Settings, ...]:
    """The settings that may be tried: all, or those a person asked for; `first` is what the site file says."""
    likely = LIKELY if first is None else (first, *(each for each in LIKELY if each[:2] != first[:2]))
    bauds = tuple(dict.fromkeys(each.baud for each in likely)) if baud is None else (baud,)
    named = tuple(each for each in likely if baud in (None, each.baud) and parity in (None, each.parity))
    if baud is not None and parity is not None:
        return (Settings(baud, parity),)
    if baud is not None and not named:
        return tuple(Settings(baud, each) for each in ("N", "E"))
    if parity is not None and not named:
        return tuple(Settings(each, parity) for each in bauds)
    return named


def quick_steps(settings: Sequence[Settings], expected: Sequence[int]) -> Iterator[Step]:
    """A few addresses at every setting."""
    addresses = tuple(dict.fromkeys((*expected, *FIRST)))
    return (Step(QUICK, each, addresses) for each in settings)


def full_steps(settings: Sequence[Settings], inhabited: Sequence[Settings]) -> Iterator[Step]:
    """Every address: first where somebody was found, and there once more; slow settings last."""
    ordered = (*inhabited, *(each for each in settings if each not in inhabited))
    fast = [each for each in ordered if each.baud > SLOW_BAUD or each in inhabited]
    common = [each for each in fast if each.baud <= 19_200]
    yield from (Step(FULL, each, EVERYBODY) for each in common)
    yield from (Step(FULL, each, EVERYBODY) for each in fast if each not in common)
    yield from (Step(AGAIN, each, EVERYBODY) for each in ordered if each in inhabited)
    yield from (Step(FULL, each, EVERYBODY) for each in ordered if each not in fast)
