"""The typed Protocols through which one room asks another; the composition root hands in the real ones."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

from gateway.language import Language
from gateway.status import GatewayStatus, MeterDetail
from protocols.batch import PackedBatch
from protocols.reading import Event, Reading

METERS, READINGS, INTERVALS, FIGURES, EVENTS = "meters", "readings", "intervals", "figures", "events"
BATCHES = "batches"
KINDS = (METERS, READINGS, INTERVALS, FIGURES, EVENTS)
# Meters stand together in one record; so many bits of a position are the place in it. A site has some hundreds.
METER_BITS = 12


@dataclass(frozen=True)
class Filter:
    """What the caller of the read API wants to see; None does not filter. Times are half-open [from, to)."""

    meter: str | None = None
    gateway: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None

    def covers(self, subject: str | None, document: Mapping[str, Any]) -> bool:
        """Whether a document is about the meter that is wanted; a figure is about all those in it."""
        if self.meter is None or subject is not None:
            return self.meter in (None, subject)
        return any(isinstance(each, Mapping) and each.get("meter") == self.meter for each in document.get("meters") or ())


@dataclass(frozen=True)
class Page:
    """Documents in order of arrival and the position to go on from (the same one if nothing was new)."""

    documents: Sequence[dict[str, Any]]
    position: int
    more: bool


Deliver = Callable[[Reading], None]
# (meter, now) -> stretches without a stored counter reading that the meter's own profile may fill, oldest first.
Gaps = Callable[[str, int], Sequence[tuple[int, int]]]


class Memory(Protocol):
    """What was learnt about the registers of a meter and outlives a restart; called in the lines' thread, waits for no disk."""

    def recall(self, meter: str, fingerprint: str, now_ms: int) -> dict[str, Any] | None:
        """What was kept of that meter with that meter file; None if there is nothing, or it is too old."""
        ...

    def keep(self, meter: str, fingerprint: str, document: dict[str, Any]) -> None: ...


class RecordSource(Protocol):
    """Stored records in the order in which they arrived at this server: what the read API serves.

    Called from several threads at once.
    """

    def page(self, kind: str, after: int, limit: int, wanted: Filter) -> Page:
        """Documents of `kind` that arrived after position `after`; 0 is the beginning."""
        ...

    def batches(self, after: int, limit: int) -> Page:
        """Sealed batches with hash and signature, in the order of arrival here: what a consumer checks the chain with."""
        ...

    def completeness(self, from_ms: int | None, to_ms: int | None) -> dict[str, Any]: ...

    def health(self) -> dict[str, Any]: ...


class StatusSource(Protocol):
    def status(self) -> GatewayStatus: ...


class FigureSource(Protocol):
    """Shift figures in the form of the contract, newest version each; the running shift included."""

    def figures(self, from_ms: int, to_ms: int, as_known_at_ms: int | None = None) -> list[dict[str, Any]]: ...


class Bucket(NamedTuple):
    """What a level was within a stretch of time that begins at `start_ms`, in thousandths."""

    start_ms: int
    mean: int
    least: int
    most: int


class CounterValue(NamedTuple):
    time_ms: int
    value: int


class EventFilter(NamedTuple):
    """ "" does not filter; `before` is the sequence of the oldest event seen so far, 0 begins with the newest."""

    kind: str = ""
    meter: str = ""
    before: int = 0
    limit: int = 100


class HistorySource(Protocol):
    """What is kept, as people look at it. A meter is known by its name of today; its history under earlier names belongs to it."""

    def curve(self, meter: str, quantity: str, from_ms: int, to_ms: int, bucket_ms: int) -> Sequence[Bucket]: ...

    def counter(self, meter: str, quantity: str, from_ms: int, to_ms: int) -> Sequence[CounterValue]: ...

    def events(self, wanted: EventFilter) -> Sequence[Event]: ...

    def event_kinds(self) -> Sequence[str]: ...

    def versions(self, start_ms: int, shift: str, production_line: str) -> Sequence[Mapping[str, Any]]: ...


class StandingAlarm(Protocol):
    """`kind`, `subject` and `evidence` make its sentence from the texts `alarm.<kind>` and `alarm_advice.<kind>`."""

    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def since_ms(self) -> int: ...
    @property
    def evidence(self) -> Mapping[str, str]: ...
    @property
    def noted_by(self) -> str: ...
    @property
    def comment(self) -> str: ...
    @property
    def silent_until_ms(self) -> int: ...


class AlarmSource(Protocol):
    def alarms(self) -> Sequence[StandingAlarm]: ...

    def note(self, key: str, person: str, comment: str, silent_min: int) -> bool:
        """Whether it still stood."""
        ...


class Judgement(Protocol):
    """What a doctor says, with what it rests on."""

    @property
    def kind(self) -> str: ...
    @property
    def confidence(self) -> str: ...

    def sentence(self, language: Language) -> str: ...

    def grounds(self, language: Language) -> str: ...


class DoctorSource(Protocol):
    def wiring(self, meter: str) -> Sequence[Judgement]: ...

    def buses(self) -> Sequence[Judgement] | None:
        """None while the doctor is still looking at the last day: ask again."""
        ...


class MeterSource(Protocol):
    """One meter up close. `read_now` makes it say all it knows, now: it waits for the wire, some seconds at most."""

    def detail(self, meter: str) -> MeterDetail: ...

    def read_now(self, meter: str) -> str:
        """ "" if it answered, else the reason."""
        ...


class ShiftTarget(NamedTuple):
    """What a shift should need at most; None where nothing is said. Weekday 0 is Monday."""

    shift: str
    production_line: str
    weekdays: frozenset[int]
    energy_kwh: Decimal | None
    carbon_kg: Decimal | None


class UnitsDeclared(NamedTuple):
    """Good units of a product that a person declared; `holds` is false once they were taken back."""

    id: str
    product: str
    time_ms: int
    units: str
    person: str
    known_at_ms: int
    holds: bool


class ShiftBook(Protocol):
    """What people say of shifts: what they should need, and what they made."""

    def targets(self) -> Sequence[ShiftTarget]: ...

    def products(self) -> Mapping[str, str]:
        """Each product with the meter that counts it, "" where its units are declared."""
        ...

    def declared(self, from_ms: int, to_ms: int) -> Sequence[UnitsDeclared]:
        """Of the instants in [from, to), the newest first; those that were taken back are among them."""
        ...

    def declare(self, product: str, time_ms: int, units: str, person: str) -> str:
        """DECLARED, KNOWN (word for word the same already holds) or NOT_KEPT."""
        ...

    def undo(self, identity: str, person: str) -> str:
        """UNDONE, or NOT_KEPT where nothing of that number holds."""
        ...


DECLARED, KNOWN, UNDONE, NOT_KEPT = "declared", "known", "undone", "not_kept"


class Outbox(Protocol):
    """The queue of sealed batches; safe to call from the sender's thread."""

    def waiting(self, count: int) -> Sequence[PackedBatch]:
        """The oldest `count` batches that are not acknowledged."""
        ...

    def newest(self) -> PackedBatch | None:
        """The newest batch that is not acknowledged."""
        ...

    def acknowledge(self, numbers: Sequence[int], now_ms: int) -> None: ...

    def refuse(self, number: int, reason: str) -> None:
        """Keep the body with its reason, put a signed tombstone under its number; the queue goes on."""
        ...
