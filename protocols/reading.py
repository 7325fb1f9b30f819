"""What a meter said at one instant, and what happened to it: the values that pass between stages.

Nothing here asks the clock: a reading is stamped by whoever made it. Missing is absent from
`values` and stands in `missing` with its reason; it is never 0.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from protocols.amount import outside

IMPORTED = 0  # the boot number of readings that came from elsewhere and carry their own date
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What can be written in UTC: a time with an offset may lie hours outside of it.
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC) - _EPOCH, datetime.max.replace(tzinfo=UTC) - _EPOCH


class Reading(NamedTuple):
    """One poll of one meter; `values` are inner thousandths by quantity name.

    `time_ms` is Unix milliseconds UTC, or None while the gateway's clock was not set: then a
    `ClockSet` of the same boot dates it later. `sequence` is 0 until the store has numbered it.
    """

    meter: str
    boot: int
    monotonic_ms: int
    time_ms: int | None
    values: Mapping[str, int]
    missing: Mapping[str, str]
    turnaround_ms: int | None = None
    sequence: int = 0


class Event(NamedTuple):
    """Something a person may want to know: `kind` is a short word, `detail` a sentence."""

    kind: str
    subject: str
    detail: str
    boot: int
    monotonic_ms: int
    time_ms: int | None
    sequence: int = 0


class ClockSet(NamedTuple):
    """From `known_at_ms` on it is known that, in `boot`, Unix time = monotonic + `offset_ms`."""

    boot: int
    offset_ms: int
    known_at_ms: int
    sequence: int = 0


class Figure(NamedTuple):
    """One version of a shift figure in the form of the contract; `key` names the shift instance.

    It was made from the records up to number `known_sequence`; 0 where that was not noted.
    """

    key: str
    start_ms: int
    end_ms: int
    version: int
    known_at_ms: int
    document: dict[str, Any]
    sequence: int = 0
    known_sequence: int = 0


class SiteDescription(NamedTuple):
    """The site as its file declared it from `known_at_ms` on: its meters, and under `inputs` all that figures depend on."""

    known_at_ms: int
    document: dict[str, Any]
    sequence: int = 0


class Declared(NamedTuple):
    """What a person declared, under a number of its own (`d1`, `d2` ...); taking one back is declared too.

    Figures from `from_ms` on may change by it; None: no figure does.
    """

    id: str
    known_at_ms: int
    from_ms: int | None
    document: dict[str, Any]
    sequence: int = 0


Record = Reading | Event | ClockSet | Figure | SiteDescription | Declared


def iso(time_ms: int) -> str:
    """ISO-8601 in UTC: whole seconds without decimals, else with three."""
    seconds, milliseconds = divmod(time_ms, 1000)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{milliseconds:03d}Z" if milliseconds else f"{text}Z"


def iso_or_none(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso(time_ms)


def milliseconds_of(text: str) -> int:
    """Unix milliseconds of an ISO-8601 time with offset; ValueError without one, if finer than a millisecond, or if UTC cannot tell it."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"the time {text!r} has no offset such as Z or +08:00")
    since = moment - _EPOCH
    if since.microseconds % 1000:
        raise ValueError(f"the time {text!r} is finer than a millisecond")
    if not _FIRST <= since <= _LAST:
        raise ValueError(f"the time {text!r} is in UTC outside the years 1 to 9999")
    return (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000


def outside_values(values: Mapping[str, int]) -> dict[str, str]:
    return {quantity: outside(quantity, value) for quantity, value in values.items()}
