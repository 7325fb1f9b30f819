"""One of our own submeters calibrated over its line: unlocking, the guided steps, putting back; and why the meter refused.

Each act can be done again. How requests reach the meter, what is kept of it and what a person sees is not known here.
"""

import struct
from collections.abc import Callable, Mapping, Sequence

from gateway.calibration_interface import ACCEPT, KNOWN_LOAD, KnownLoad, Standing
from gateway.exchanging import Exchange
from protocols.errors import MeterRefused, NoAnswer
from protocols.meter import Meter
from protocols.meter_fields import TEXT, Field
from protocols.pdu import BUSY, ILLEGAL_FUNCTION, READ_HOLDING, ReadRequest, Request, WriteRegisters, pack_words, unpack_words

# A meter that erases a flash sector is silent for 120 ms; a line that is full lets a person wait seconds, not minutes.
TRIES, TRY_AGAIN_S = 5, 0.5
# Two windows of measuring take a second; a busy line and an erase in between are told from a meter that hangs.
STEP_S_MAX, LOOK_S = 20.0, 0.25
# What the firmware asks for (`firmware/metrology/calibration_steps.py`); a test compares.
KNOWN_LOAD_COUNTS_MIN, NO_LOAD_MILLICOUNTS_MAX, GAIN_CHANGE_PERCENT_MAX = 1_000, 330_000, 20

KEPT_UNTIL = "current_l3_phase_cdeg"
_PACKED = {"uint16": ">H", "int16": ">h", "uint32": ">I", "int32": ">i"}
_NO_VALUE = {"uint16": 0xFFFF, "int16": -0x8000, "uint32": 0xFFFF_FFFF, "int32": -0x8000_0000}


class CalibrationRefusedError(Exception):
    """`why` names the sentence, `holes` fill it."""

    def __init__(self, why: str, **holes: object) -> None:
        super().__init__(why)
        self.why = why
        self.holes = holes


class Calibrating:
    def __init__(self, model: Meter, exchange: Exchange, sleep: Callable[[float], object], now: Callable[[], float]) -> None:
        self._fields: Mapping[str, Field] = {field.name: field for field in model.fields}
        self._exchange, self._sleep, self._now = exchange, sleep, now

    def standing(self) -> Standing:
        identity = self._read("serial_number", "phases")
        unlocked = self._read("unlocked_s", "unlocked_s")["unlocked_s"]
        kept = self._read("calibration_changes", KEPT_UNTIL)
        changes = kept.pop("calibration_changes")
        kept.pop("calibration_person")
        values = {name: value for name, value in kept.items() if isinstance(value, int)}
        return Standing(str(identity["serial_number"]), int(identity["phases"] or 0), int(unlocked or 0), int(changes or 0), values)

    def unlock(self, key: int) -> None:
        """With 0 it is locked again."""
        self._write({"key": key}, {BUSY: "key_soon"}, "key")

    def do(self, step: str, person: str, load: KnownLoad | None = None, limit_millipercent: int = 0) -> int | None:
        """The error that an acceptance found, in thousandths of a percent; None for the others."""
        before = self.standing()
        self._write({"calibration_person": person})
        if load is not None:
            self._write({f"known_{name}": value for name, value in load._asdict().items()})
            self._write({"accepted_error": limit_millipercent})
        begun = self._number(step)
        self._write({"calibration_step": begun}, otherwise="no_phase")
        error = self._result(begun)
        if not step.startswith(ACCEPT):
            self._require_stored(before.changes)
        return error

    def put_back(self, person: str, values: Mapping[str, int]) -> None:
        """All at once, so that a power cut leaves the one or the other."""
        before = self.standing()
        self._write({"calibration_person": person})
        self._write(values, otherwise="not_taken")
        self._require_stored(before.changes)

    def _result(self, begun: int) -> int | None:
        until = self._now() + STEP_S_MAX
        states = self._fields["calibration_step_state"].codes
        while self._now() < until:
            told = self._read("calibration_step", "calibration_step_error")
            state = states[int(told["calibration_step_state"] or 0)]
            if told["calibration_step"] != begun or state == "idle":
                raise CalibrationRefusedError("begun_anew")
            if state == "refused":
                raise CalibrationRefusedError("refused")
            if state == "done":
                error = told["calibration_step_error"]
                return None if error is None else int(error)
            self._sleep(LOOK_S)
        raise CalibrationRefusedError("no_window", seconds=f"{STEP_S_MAX:g}")

    def _require_stored(self, changes: int) -> None:
        """It writes to flash when its line is quiet."""
        until = self._now() + STEP_S_MAX
        while self._now() < until:
            if self.standing().changes != changes:
                return
            self._sleep(LOOK_S)
        raise CalibrationRefusedError("not_stored")

    # -- registers

    def _number(self, step: str) -> int:
        codes = self._fields["calibration_step"].codes
        return codes.index(step) if step in codes else len(codes)

    def _read(self, first: str, last: str) -> dict[str, int | str | None]:
        """All fields from one to the other, by name, in one request."""
        begins, end = self._fields[first].address, self._fields[last].address + self._fields[last].words
        try:
            data = pack_words(self._ask(ReadRequest(READ_HOLDING, begins, end - begins)))
        except MeterRefused as refusal:  # in recovery mode, or of another maker
            raise CalibrationRefusedError("not_ours") from refusal
        within = [field for field in self._fields.values() if begins <= field.address < end and field.access != "record"]
        return {field.name: _decoded(field, data[2 * (field.address - begins) :][: 2 * field.words]) for field in within}

    def _write(self, values: Mapping[str, int | str], refusals: Mapping[int, str] | None = None, otherwise: str = "not_taken") -> None:
        """Fields that lie one behind the other, in one request."""
        fields = sorted((self._fields[name] for name in values), key=lambda field: field.address)
        data = b"".join(_encoded(field, values[field.name]) for field in fields)
        known = {ILLEGAL_FUNCTION: "locked", **(refusals or {})}
        try:
            self._ask(WriteRegisters(fields[0].address, unpack_words(data)), patient=BUSY not in known)
        except MeterRefused as refusal:
            raise CalibrationRefusedError(known.get(refusal.code, otherwise)) from refusal

    def _ask(self, request: Request, *, patient: bool = True) -> tuple[int, ...]:
        tried = 0
        while True:
            tried += 1
            try:
                return self._exchange(request, False)  # noqa: FBT003 - a function type has no names
            except (MeterRefused, NoAnswer) as trouble:
                may_pass = isinstance(trouble, NoAnswer) or (patient and trouble.code == BUSY)
                if not may_pass:
                    raise
                if tried >= TRIES:
                    raise CalibrationRefusedError("silent") from trouble
                self._sleep(TRY_AGAIN_S)


def _decoded(field: Field, data: bytes) -> int | str | None:
    if field.type == TEXT:
        return data.rstrip(b"\0").decode("ascii", "replace")
    value: int = struct.unpack(_PACKED[field.type], data)[0]
    return None if value == _NO_VALUE[field.type] else value


def _encoded(field: Field, value: int | str) -> bytes:
    """A name is kept in ASCII by the meter; the whole one stands in this gateway's own record."""
    if isinstance(value, str):
        return value.encode("ascii", "replace")[: 2 * field.words].ljust(2 * field.words, b"\0")
    try:
        return struct.pack(_PACKED[field.type], value)
    except struct.error as error:
        raise CalibrationRefusedError("not_taken") from error


def why_refused(
    step: str, standing: Standing, shown: Mapping[str, int], load: KnownLoad | None, limit_millipercent: int
) -> CalibrationRefusedError:
    """The meter says only that it refused; what it shows says why."""
    if load is None:
        return _why_no_load(standing, shown)
    phase = step.rpartition("_")[2]
    if step.startswith(KNOWN_LOAD):
        return _why_known_load(phase, standing, shown, load)
    power = shown.get(f"active_power_{phase}")
    if power is None:
        return CalibrationRefusedError("unclean")
    return CalibrationRefusedError("over_limit", phase=phase.upper(), limit=limit_millipercent, shown=power, known=load.active_power_mw)


def _why_known_load(phase: str, standing: Standing, shown: Mapping[str, int], load: KnownLoad) -> CalibrationRefusedError:
    for kind, quantity, known in (("voltage", f"voltage_{phase}_n", load.voltage_mv), ("current", f"current_{phase}", load.current_ma)):
        found = shown.get(quantity)
        gain = standing.values.get(f"{kind}_{phase}_gain_nano")
        if found is None or gain is None:
            break
        holes = {"phase": phase.upper(), "shown": found, "known": known}
        if abs(found) * 1_000_000 < KNOWN_LOAD_COUNTS_MIN * gain:
            return CalibrationRefusedError(f"small_{kind}", **holes)
        if abs(abs(found) - known) * 100 > GAIN_CHANGE_PERCENT_MAX * abs(found):
            return CalibrationRefusedError(f"far_{kind}", **holes, percent=GAIN_CHANGE_PERCENT_MAX)
    turned = shown.get(f"active_power_{phase}", 0) * load.active_power_mw < 0
    return CalibrationRefusedError("turned", phase=phase.upper()) if turned else CalibrationRefusedError("unclean")


def _why_no_load(standing: Standing, shown: Mapping[str, int]) -> CalibrationRefusedError:
    def millicounts(phase: str) -> int:
        return abs(shown.get(f"current_{phase}", 0)) * 1_000_000_000 // standing.values.get(f"current_{phase}_gain_nano", 1)

    flowing = [phase for phase in _phases(standing) if millicounts(phase) > NO_LOAD_MILLICOUNTS_MAX]
    if not flowing:
        return CalibrationRefusedError("unclean")
    return CalibrationRefusedError("load_flows", phase=flowing[0].upper(), shown=shown[f"current_{flowing[0]}"])


def _phases(standing: Standing) -> Sequence[str]:
    return [f"l{number}" for number in range(1, standing.phases + 1)]
