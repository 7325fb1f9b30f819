"""The typed Protocols through which one room asks another; the composition root hands in the real ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.status import GatewayStatus
from protocols.batch import PackedBatch

READINGS, INTERVALS, FIGURES, EVENTS = "readings", "intervals", "figures", "events"
KINDS = (READINGS, INTERVALS, FIGURES, EVENTS)


@dataclass(frozen=True)
class Filter:
    """What the caller of the read API wants to see; None does not filter. Times are half-open [from, to)."""

    meter: str | None = None
    gateway: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None


@dataclass(frozen=True)
class Page:
    """Documents in order of arrival and the position to go on from (the same one if nothing was new)."""

    documents: Sequence[dict[str, Any]]
    position: int
    more: bool


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

    def meters(self) -> list[dict[str, Any]]: ...

    def page(self, kind: str, after: int, limit: int, wanted: Filter) -> Page:
        """Documents of `kind` that arrived after position `after`; 0 is the beginning."""
        ...

    def completeness(self, from_ms: int | None, to_ms: int | None) -> dict[str, Any]: ...

    def health(self) -> dict[str, Any]: ...


class StatusSource(Protocol):
    def status(self) -> GatewayStatus: ...


class FigureSource(Protocol):
    """Shift figures in the form of the contract, newest version each; the running shift included."""

    def figures(self, from_ms: int, to_ms: int, as_known_at_ms: int | None = None) -> list[dict[str, Any]]: ...


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
