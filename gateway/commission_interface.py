"""What the commissioning pages ask of the gateway, as typed Protocols and plain values; the composition root hands in the real one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from gateway.calibration_interface import Calibrations
from gateway.interfaces import Judgement
from gateway.site import Site
from gateway.status import LineStatus
from protocols.meter import Meter


class RefusedError(Exception):
    """It was not done and nothing was written. `key` names the sentence, `holes` fill it; `details` are sentences of who checked,
    `fields` those of a form that are to be mended.
    """

    def __init__(self, key: str, details: Sequence[str] = (), fields: Sequence[str] = (), **holes: Any) -> None:
        super().__init__(key, *details)
        self.key = key
        self.fields = tuple(fields)
        self.details = tuple(details)
        self.holes = holes


@dataclass(frozen=True)
class Job:
    """A search, or the setting of an address, on one line. `trouble` is why it could not be done.

    `trouble_kind` names the page's own words on it; `ended_ms` is None while it runs.
    """

    kind: str
    line: str
    began_ms: int
    running: bool = True
    share: float = 0.0
    sentences: tuple[str, ...] = ()
    result: Mapping[str, Any] | None = None
    trouble: str = ""
    trouble_kind: str = ""
    ended_ms: int | None = None


class Shown(NamedTuple):
    """What a meter said when it was asked just now; inner thousandths."""

    ok: bool
    reason: str
    time_ms: int | None
    values: Mapping[str, int]


class Deviation(NamedTuple):
    """One phase against a clamp: thousandths of a percent; `limit` is what the classes allow, None where the site names no class."""

    phase: str
    shown_ma: int | None
    clamp_ma: int
    deviation: int | None
    limit: int | None


class Version(NamedTuple):
    """One change of the site file; `stands` where the file is still as this change left it."""

    number: int
    time_ms: int
    person: str
    kind: str
    subject: str
    stands: bool


class Taken(NamedTuple):
    """What an old meter showed when it was taken out, by counted quantity as people write it."""

    time_ms: int
    person: str
    finals: Mapping[str, str]


class Commissioning(Protocol):
    """Every function may be called from any thread; those that read a meter or change the site take their time."""

    @property
    def site(self) -> Site: ...
    @property
    def models(self) -> Mapping[str, Meter]: ...
    @property
    def calibration(self) -> Calibrations: ...

    def lines(self) -> Mapping[str, LineStatus]: ...
    def search(self, line: str) -> int:
        """When it began, which tells it from others; likewise of an address."""

    def set_address(self, line: str, wishes: Mapping[str, Any]) -> int: ...
    def job(self, line: str) -> Job | None: ...

    def read(self, meter: str) -> Shown: ...
    def ratios(self, meter: str) -> Mapping[str, str]: ...
    def wiring(self, meter: str, values: Mapping[str, int]) -> Sequence[Judgement]: ...
    def against_clamp(
        self, meter: str, values: Mapping[str, int], clamp_ma: Mapping[str, int]
    ) -> tuple[Sequence[Deviation], Sequence[Judgement]]: ...

    def add_meter(self, person: str, row: Mapping[str, Any], *, anyway: bool) -> None: ...
    def mark(self, meter: str) -> str:
        """What its entry is like now, to be handed back with a change of it."""

    def change_meter(self, person: str, name: str, changes: Mapping[str, Any], seen: str, *, anyway: bool) -> None:
        """`seen` is the mark of the entry that the person looked at: what somebody else wrote meanwhile is not overwritten."""

    def remove_meter(self, person: str, name: str) -> None: ...
    def change_line(self, person: str, name: str, changes: Mapping[str, Any]) -> None: ...
    def versions(self) -> Sequence[Version]: ...
    def difference(self, number: int) -> str: ...
    def restore(self, person: str, number: int, seen: int) -> None:
        """`seen` is the newest change that the person knew of."""

    def counted(self, meter: str) -> Sequence[str]: ...
    def taken(self, meter: str) -> Taken | None: ...
    def take_out(self, meter: str, person: str, finals: Mapping[str, str]) -> None: ...
    def put_in(self, meter: str, starts: Mapping[str, str]) -> str: ...
    def leave_in(self, meter: str) -> None: ...

    def sheets(self) -> Sequence[Mapping[str, Any]]: ...
    def sheet(self, sheet: str) -> Mapping[str, Any] | None: ...
    def accept(self, meter: str, person: str, clamp_ma: Mapping[str, int], remark: str) -> str: ...
