"""The first thing of a store that does not hold, with its place, and how two documents differ. Nothing is read here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from protocols.reading import ClockSet, Declared, Event, Figure, Reading, Record, SiteDescription, iso

Step = Callable[[int], None]  # how many more records or figures were looked at


@dataclass(frozen=True)
class Broken:
    """`sentence` says all of it to a person; the other fields are for programs, null where they do not apply."""

    sentence: str
    record: str | None = None
    sequence: int | None = None
    batch: int | None = None
    meter: str | None = None
    time: str | None = None
    figure: str | None = None
    version: int | None = None
    field: str | None = None

    def document(self) -> dict[str, Any]:
        return asdict(self)


class BrokenError(Exception):
    """Something that is stored does not hold."""

    def __init__(self, broken: Broken) -> None:
        super().__init__(broken.sentence)
        self.broken = broken


def broken(sentence: str, **place: Any) -> NoReturn:
    raise BrokenError(Broken(sentence, **place))


NAMES: Mapping[type, str] = {
    Reading: "reading",
    Event: "event",
    ClockSet: "clock",
    Figure: "figure",
    Declared: "declaration",
    SiteDescription: "site",
}


def place_of(record: Record) -> dict[str, Any]:
    """The fields of `Broken` that say which record it is."""
    place: dict[str, Any] = {"record": NAMES[type(record)], "sequence": record.sequence}
    time_ms = record.time_ms if isinstance(record, Reading | Event) else getattr(record, "known_at_ms", None)
    place["time"] = None if time_ms is None else when(time_ms)
    if isinstance(record, Reading):
        place["meter"] = record.meter
    if isinstance(record, Figure):
        place |= {"figure": record.key, "version": record.version}
    return place


def when(time_ms: Any) -> str:
    """Also of what somebody put in the place of an instant."""
    try:
        return iso(time_ms)
    except (TypeError, ValueError, OverflowError):
        return str(time_ms)


def in_words(record: Record) -> str:
    """Such as "record 17 (reading of main at 2026-03-02T06:00:00Z)"."""
    place = place_of(record)
    of = place.get("meter") or place.get("figure")
    at = f" at {place['time']}" if place["time"] else ""
    return f"record {record.sequence} ({place['record']}{f' of {of}' if of else ''}{at})"


def first_difference(told: Any, made: Any, path: str = "") -> tuple[str, Any, Any] | None:
    """Path and both values of the first place, in the order of names, at which two documents differ."""
    if isinstance(told, Mapping) and isinstance(made, Mapping):
        keys: Iterable[Any] = sorted(told.keys() | made.keys())
        pairs = [(f"{path}.{key}" if path else str(key), told.get(key), made.get(key)) for key in keys]
    elif isinstance(told, list | tuple) and isinstance(made, list | tuple) and len(told) == len(made):
        pairs = [(f"{path}[{number}]", one, other) for number, (one, other) in enumerate(zip(told, made, strict=True))]
    else:
        return None if told == made and type(told) is type(made) else (path, told, made)
    return next((found for name, one, other in pairs if (found := first_difference(one, other, name)) is not None), None)


_SHOWN = 80  # of a value: a sentence stays a sentence


def shown(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
