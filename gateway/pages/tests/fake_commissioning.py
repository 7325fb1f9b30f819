"""A small working stand-in for the commissioning desk: a site of two meters, answers that never change, and a list of what was done."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gateway.calibration_interface import Standing, Step
from gateway.commission_interface import Deviation, Job, RefusedError, Shown, Taken, Version
from gateway.interfaces import Judgement
from gateway.language import Language
from gateway.pages.tests.fakes import NOW_MS, line
from gateway.site import LineTable, MeterTable, Site, SiteTable
from gateway.status import LineStatus
from protocols.meter import Meter
from protocols.reading import iso, outside_values

VALUES = {
    "active_energy_import": 5_215_935_059,
    **{f"voltage_l{phase}_n": 230_000 for phase in (1, 2, 3)},
    **{f"current_l{phase}": 10_000 for phase in (1, 2, 3)},
    **{f"active_power_l{phase}": 2_200_000 for phase in (1, 2, 3)},
}
FOUND = {
    "address": 5, "baud": 9600, "parity": "N", "stop_bits": 1, "model": "eastron-sdm630",
    "evidence": "register 64514 (meter code) says so, and the voltage 230.0 V is near 230 V",
    "confidence": "high", "values": {},
}  # fmt: skip
ANSWERED = Shown(ok=True, reason="", time_ms=NOW_MS, values=VALUES)
TROUBLE = {"kind": "echo", "address": None, "evidence": "what is sent is heard back: the adapter does not switch its receiver off"}
EVIDENCE = {"angles": "L2 -148°", "undone": "L2 32°"}
CALIBRATION = {
    "number": 1, "time": iso(NOW_MS - 60_000), "meter": "own-1", "serial_number": "SIM-1", "person": "Li Wei", "step": "known_load_l1",
    "reference": {"voltage_mv": 230_000, "current_ma": 10_000, "active_power_mw": 2_300_000, "reactive_power_mvar": 0},
    "before": {"voltage_l1_gain_nano": 13_733_000}, "after": {"voltage_l1_gain_nano": 13_800_000},
}  # fmt: skip
SHEET = "20260328T034612Z-press-1"


class Reversed:
    """The judgement that a transformer is turned round."""

    kind, confidence = "ct_reversed", "certain"

    def sentence(self, language: Language) -> str:
        return language.say("finding.ct_reversed", where="L2", **EVIDENCE)

    def grounds(self, language: Language) -> str:
        return language.say("grounds.ct_reversed", where="L2", **EVIDENCE)


def _site() -> Site:
    meters = (
        MeterTable(name="main", line="rs485-1", address=1, model="eastron-sdm630", role="import"),
        MeterTable.model_validate(
            {"name": "press-1", "line": "rs485-1", "address": 2, "model": "eastron-sdm630", "role": "load", "parent": "main", "class": "1"}
        ),
    )
    own = MeterTable(name="own-1", line="rs485-1", address=3, model="shiftwatt-submeter", role="load", parent="main")
    lines = (LineTable(name="rs485-1", port="/dev/ttyUSB0", baud=19200),)
    return Site(site=SiteTable(name="works", timezone="Asia/Shanghai"), line=lines, meter=(*meters, own))


class FakeCalibrations:
    """A meter with one phase, unlocked, whose last step was the known load; `silence` is raised when it is asked."""

    def __init__(self, do: Callable[..., None]) -> None:
        self._do, self.unlocked_s, self.phases = do, 540, 1
        self.silence: RefusedError | None = None
        self.done: list[Mapping[str, Any]] = [CALIBRATION]

    def possible(self, meter: str) -> bool:
        return meter == "own-1"

    def standing(self, meter: str) -> Standing:
        if self.silence is not None:
            raise self.silence
        return Standing("SIM-1", self.phases, self.unlocked_s, 1, {})

    def records(self, meter: str) -> Sequence[Mapping[str, Any]]:
        return self.done

    def unlock(self, meter: str, key: int) -> None:
        self._do("unlock", meter, key)

    def lock(self, meter: str) -> None:
        self._do("lock", meter)

    def do(self, meter: str, person: str, step: Step) -> None:
        self._do("calibrate", meter, person, step)

    def put_back(self, meter: str, person: str, number: int) -> None:
        self._do("put_back", meter, person, number)


@dataclass
class FakeCommissioning:
    """`refusal` is raised by whatever would change something; what is None or empty below is as on an ordinary day."""

    done: list[tuple[Any, ...]] = field(default_factory=list)
    refusal: RefusedError | None = None
    running: bool = False
    is_out: bool = False
    is_healed: bool = False
    site: Site = field(default_factory=_site)
    models: Mapping[str, Meter] = field(default_factory=dict)
    under_way: Job | None = None
    shown: Shown = ANSWERED
    found: Sequence[Judgement] = ()
    line_state: str = "open"
    kinds: tuple[str, ...] = ("meter_added",)
    of_sheet: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.calibration = FakeCalibrations(self._do)

    def _do(self, *what: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.done.append(what)

    def lines(self) -> Mapping[str, LineStatus]:
        return {"rs485-1": replace(line(), state=self.line_state)}

    def search(self, line: str) -> int:
        self._do("search", line)
        return NOW_MS

    def set_address(self, line: str, wishes: Mapping[str, Any]) -> int:
        self._do("set_address", line, wishes["address"])
        return NOW_MS

    def mark(self, meter: str) -> str:
        return f"mark of {meter}"

    def job(self, line: str) -> Job | None:
        if self.under_way is not None:
            return self.under_way
        result = None if self.running else {"found": [FOUND], "trouble": [TROUBLE]}
        ended_ms = None if self.running else NOW_MS
        return Job("search", line, NOW_MS, self.running, 0.4, ("asking address 16",), result, ended_ms=ended_ms)

    def read(self, meter: str) -> Shown:
        return self.shown

    def ratios(self, meter: str) -> Mapping[str, str]:
        return {"ct_ratio": "40"}

    def wiring(self, meter: str, values: Mapping[str, int]) -> Sequence[Judgement]:
        return [] if self.is_healed else self.found or [Reversed()]

    def against_clamp(
        self,
        meter: str,
        values: Mapping[str, int],
        clamp_ma: Mapping[str, int],
    ) -> tuple[Sequence[Deviation], Sequence[Judgement]]:
        return [Deviation(phase, 10_000, clamp, -4_762, 1_500) for phase, clamp in clamp_ma.items()], []

    def add_meter(self, person: str, row: Mapping[str, Any], *, anyway: bool) -> None:
        self._do("add_meter", person, row["name"], row["address"], anyway)

    def change_meter(self, person: str, name: str, changes: Mapping[str, Any], seen: str, *, anyway: bool) -> None:
        self._do("change_meter", person, name, changes["name"], seen, anyway)

    def remove_meter(self, person: str, name: str) -> None:
        self._do("remove_meter", person, name)

    def change_line(self, person: str, name: str, changes: Mapping[str, Any]) -> None:
        self._do("change_line", person, name, dict(changes))

    def versions(self) -> Sequence[Version]:
        return [Version(number, NOW_MS, "Li Wei", kind, "press-1", stands=number == 1) for number, kind in enumerate(self.kinds, 1)]

    def difference(self, number: int) -> str:
        return '+name = "press-1" <b>'

    def restore(self, person: str, number: int, seen: int) -> None:
        self._do("restore", person, number, seen)

    def counted(self, meter: str) -> Sequence[str]:
        return ("active_energy_import",)

    def taken(self, meter: str) -> Taken | None:
        return Taken(NOW_MS, "Li Wei", {"active_energy_import": "5215.000000"}) if self.is_out else None

    def take_out(self, meter: str, person: str, finals: Mapping[str, str]) -> None:
        self._do("take_out", meter, person, finals.get("active_energy_import"))

    def put_in(self, meter: str, starts: Mapping[str, str]) -> str:
        self._do("put_in", meter, starts.get("active_energy_import"))
        return "d1"

    def leave_in(self, meter: str) -> None:
        self._do("leave_in", meter)

    def sheets(self) -> Sequence[Mapping[str, Any]]:
        found = self.sheet(SHEET)
        return [] if found is None else [found]

    def sheet(self, sheet_name: str) -> Mapping[str, Any] | None:
        if sheet_name != SHEET:
            return None
        return {
            "id": SHEET,
            "sound": True,
            "site": "works",
            "meter": {"name": "press-1", "role": "load"},
            "identity": {"manufacturer": "Eastron", "ct_ratio": "40"},
            "readings": outside_values(VALUES),
            "wiring": [{"kind": "ct_reversed", "where": ["L2"], "confidence": "certain", "evidence": EVIDENCE}],
            "reference": [{"phase": "l1", "reference": "10.500", "deviation_pct": "-4.762"}],
            "person": "Li Wei",
            "time": iso(NOW_MS),
            "remark": "<script>",
            "sha256": "0" * 64,
            **self.of_sheet,
        }

    def accept(self, meter: str, person: str, clamp_ma: Mapping[str, int], remark: str) -> str:
        self._do("accept", meter, person, dict(clamp_ma), remark)
        return SHEET
