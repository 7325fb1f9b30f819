"""One meter in commissioning: its wiring live, the clamp, its row of the site file, its exchange."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from gateway.commission_interface import Commissioning, Deviation, RefusedError, Shown, Taken
from gateway.pages.commission_form import PHASES, clamp_ma, meter_fields, meter_row, plate_ratio, whole
from gateway.pages.commission_lines import form_choices, refusal
from gateway.pages.commission_work import HOME, Answer, Ask, Works, meter_address, meter_of
from gateway.pages.finding import Said, said
from gateway.pages.viewer import UNKNOWN, Viewer
from gateway.site import MeterTable
from protocols.amount import inside, outside
from protocols.quantity import QUANTITIES

# A person moves a clamp and looks up.
LIVE_S = 2


@dataclass(frozen=True)
class MeterPages:
    desk: Commissioning

    def pages(self) -> Works:
        return [
            ("/meters/{meter}", self._meter),
            ("/meters/{meter}/wiring", self._wiring),
            ("/meters/{meter}/clamp", self._clamp),
            ("/meters/{meter}/change", self._form),
            ("/meters/{meter}/exchange", self._exchange),
        ]

    def actions(self) -> Works:
        return [
            ("/meters/{meter}/change", self._change),
            ("/meters/{meter}/remove", self._remove),
            ("/meters/{meter}/take-out", self._take_out),
            ("/meters/{meter}/put-in", self._put_in),
            ("/meters/{meter}/leave-in", self._leave_in),
        ]

    def _meter(self, ask: Ask) -> Answer:
        meter = meter_of(self.desk, ask)
        shown, sheets = self.desk.read(meter.name), [each for each in self.desk.sheets() if each["meter"]["name"] == meter.name]
        ratios = self.desk.ratios(meter.name)
        values = {
            "meter": meter,
            "here": meter_address(meter.name),
            "shown": shown,
            "sheets": sheets,
            "ratios": ratios,
            "plate": ask.fields.get("plate", ""),
            **_beside_plate(ask.fields.get("plate", ""), ratios.get("ct_ratio", ""), ask.viewer),
            "can_calibrate": self.desk.calibration.possible(meter.name),
        }
        return Answer("meter", {**values, "findings": self._findings(meter, shown, ask.viewer), "taken": self.desk.taken(meter.name)})

    def _wiring(self, ask: Ask) -> Answer:
        meter = meter_of(self.desk, ask)
        try:
            clamps = clamp_ma(ask.fields)
        except RefusedError as error:
            return self._clamp_form(meter, ask, error)
        shown = self.desk.read(meter.name)
        deviations, judged = self.desk.against_clamp(meter.name, shown.values, clamps) if clamps and shown.ok else ((), ())
        values = {
            "meter": meter,
            "here": meter_address(meter.name),
            "shown": shown,
            "at": UNKNOWN if shown.time_ms is None else ask.viewer.instant(shown.time_ms),
            "findings": [*self._findings(meter, shown, ask.viewer), *said(judged, ask.viewer)],
            "phases": [_phase(phase, shown.values, ask.viewer) for phase in PHASES if f"current_{phase}" in shown.values],
            "deviations": [_deviation(each, ask.viewer) for each in deviations],
        }
        return Answer("wiring", {**values, "refresh": LIVE_S})

    def _findings(self, meter: MeterTable, shown: Shown, viewer: Viewer) -> list[Said]:
        return said(self.desk.wiring(meter.name, shown.values), viewer) if shown.ok else []

    def _clamp(self, ask: Ask) -> Answer:
        return self._clamp_form(meter_of(self.desk, ask), ask)

    def _clamp_form(self, meter: MeterTable, ask: Ask, error: RefusedError | None = None) -> Answer:
        values = {"meter": meter, "here": meter_address(meter.name), "phases": PHASES, "typed": ask.fields}
        return Answer("clamp", values | refusal(ask, error), 409 if error else 200)

    def _form(self, ask: Ask) -> Answer:
        meter = meter_of(self.desk, ask)
        return self._shown_form(meter, meter_fields(meter))

    def _change(self, ask: Ask) -> Answer | str:
        meter, row = meter_of(self.desk, ask), meter_row(ask.fields)
        try:
            self.desk.change_meter(ask.person, meter.name, row, ask.fields.get("seen", ""), anyway=bool(ask.fields.get("anyway")))
        except RefusedError as error:
            return self._shown_form(meter, ask.fields, ask, error)
        return meter_address(row["name"])

    def _shown_form(
        self, meter: MeterTable, fields: Mapping[str, str], ask: Ask | None = None, error: RefusedError | None = None
    ) -> Answer:
        back = meter_address(meter.name)
        values = {"found": {}, "fields": whole(fields), "back": back, "action": f"{back}/change", **form_choices(self.desk, meter.name)}
        # After a refusal with somebody else's change in it, saving again is meant.
        values["seen"] = self.desk.mark(meter.name)
        return Answer("meter_form", {**values, **refusal(ask, error)}, 409 if error else 200)

    def _remove(self, ask: Ask) -> str:
        self.desk.remove_meter(ask.person, meter_of(self.desk, ask).name)
        return HOME

    def _exchange(self, ask: Ask) -> Answer:
        return self._exchange_form(ask)

    def _exchange_form(self, ask: Ask, error: RefusedError | None = None) -> Answer:
        """The first step, or the second once the old meter's last values are noted."""
        meter = meter_of(self.desk, ask)
        taken, shown = self.desk.taken(meter.name), self.desk.read(meter.name)
        still_old = taken is not None and _is_still_old(taken, shown)
        counters = [
            {
                "quantity": quantity,
                "shows": _typed(quantity, ask.fields if error else {}, {} if still_old else shown.values),
                "unit": _unit(quantity, ask.viewer),
            }
            for quantity in self.desk.counted(meter.name)
        ]
        values: dict[str, object] = {"meter": meter, "here": meter_address(meter.name), "taken": taken, "shown": shown}
        values["finals"] = [(quantity, value, _unit(quantity, ask.viewer)) for quantity, value in (taken.finals if taken else {}).items()]
        values |= {"counters": counters, "still_old": still_old, "since": ask.viewer.instant(taken.time_ms) if taken else ""}
        return Answer("exchange", values | refusal(ask, error), 409 if error else 200)

    def _take_out(self, ask: Ask) -> Answer | str:
        meter = meter_of(self.desk, ask)
        try:
            self.desk.take_out(meter.name, ask.person, ask.fields)
        except RefusedError as error:
            return self._exchange_form(ask, error)
        return f"{meter_address(meter.name)}/exchange"

    def _put_in(self, ask: Ask) -> Answer:
        meter = meter_of(self.desk, ask)
        try:
            number = self.desk.put_in(meter.name, ask.fields)
        except RefusedError as error:
            return self._exchange_form(ask, error)
        return Answer("exchanged", {"meter": meter, "here": meter_address(meter.name), "number": number})

    def _leave_in(self, ask: Ask) -> str:
        meter = meter_of(self.desk, ask)
        self.desk.leave_in(meter.name)
        return meter_address(meter.name)


def _beside_plate(typed: str, set_in_meter: str, viewer: Viewer) -> dict[str, object]:
    """What to say of the ratio in the meter; nothing was typed: nothing is said."""
    if not typed.strip() or not set_in_meter:
        return {"plate_said": "", "plate_fits": False}
    try:
        plate = plate_ratio(typed)
    except RefusedError as error:
        return {"plate_said": viewer.say(error.key, **error.holes), "plate_fits": False}
    times = Fraction(set_in_meter) / plate
    if times == 1:
        return {"plate_said": viewer.say("commission.plate_fits"), "plate_fits": True}
    shown = viewer.number(Decimal(times.numerator) / times.denominator, 3)
    said = viewer.say("commission.plate_differs", meter=set_in_meter, plate=typed.strip(), times=shown)
    return {"plate_said": said, "plate_fits": False}


def _is_still_old(taken: Taken, shown: Shown) -> bool:
    """A new meter that begins within a percent above the old one's last value, in all that is counted, is the old one."""
    finals = {quantity: inside(quantity, text, QUANTITIES[quantity].unit) for quantity, text in taken.finals.items()}
    known = [(shown.values[quantity], final) for quantity, final in finals.items() if quantity in shown.values]
    return bool(known) and any(final for _, final in known) and all(final <= value <= final + final // 100 for value, final in known)


def _unit(quantity: str, viewer: Viewer) -> str:
    return viewer.word("unit", QUANTITIES[quantity].unit)


def _typed(quantity: str, typed: Mapping[str, str], shows: Mapping[str, int]) -> str:
    """What was typed, else what the meter shows now."""
    return typed.get(quantity) or (outside(quantity, shows[quantity]) if quantity in shows else "")


def _phase(phase: str, values: Mapping[str, int], viewer: Viewer) -> dict[str, str]:
    def text(quantity: str, decimals: int, size: int = 1000) -> str:
        return viewer.number(Decimal(values[quantity]) / size, decimals) if quantity in values else UNKNOWN

    return {
        "name": phase.upper(),
        "voltage": text(f"voltage_{phase}_n", 1),
        "current": text(f"current_{phase}", 2),
        "power": text(f"active_power_{phase}", 2, 1_000_000),
        "factor": text(f"power_factor_{phase}", 2),
    }


def _deviation(each: Deviation, viewer: Viewer) -> dict[str, str]:
    """`within` is "" where the site file names no class, or there is nothing to compare."""
    known = each.deviation is not None and each.limit is not None
    within = ("yes" if abs(each.deviation or 0) <= (each.limit or 0) else "no") if known else ""
    return {
        "phase": each.phase.upper(),
        "clamp": viewer.number(Decimal(each.clamp_ma) / 1000, 2),
        "shown": UNKNOWN if each.shown_ma is None else viewer.number(Decimal(each.shown_ma) / 1000, 2),
        "deviation": UNKNOWN if each.deviation is None else viewer.number(Decimal(each.deviation) / 1000, 2),
        "limit": UNKNOWN if each.limit is None else viewer.number(Decimal(each.limit) / 1000, 2),
        "within": within,
    }
