"""Calibration of our own submeters: where it stands, one guided step per page, what was done, and putting it back."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isqrt
from typing import Any

from gateway.calibration_interface import ACCEPT, NO_LOAD, KnownLoad, Standing, Step, steps_of
from gateway.commission_interface import Commissioning, RefusedError
from gateway.pages.commission_form import Fields, key_of, milli
from gateway.pages.commission_lines import refusal
from gateway.pages.commission_work import Answer, Ask, NotThereError, Works, meter_address, meter_of, said
from gateway.pages.viewer import UNKNOWN, Viewer
from gateway.site import MeterTable
from protocols.reading import milliseconds_of

# Whoever was away for longer begins anew: another day has another load.
SAME_WORK_MS = 3_600_000
# U x I and P with Q are the same power twice; more apart is a slip of the thumb, or a load too distorted to calibrate with.
FITS_PERCENT = 5
LIMIT_PCT = "1"
LIMIT_MILLIPERCENT_MAX = 20_000
_PHASED = re.compile(r"(?P<kind>voltage|current)_(?P<phase>l\d)_(?P<what>\w+)")
_KNOWN = ("voltage", "current", "active", "reactive")
_SHOWN = (("voltage_{}_n", 1, 1000), ("current_{}", 3, 1000), ("active_power_{}", 1, 1000))


@dataclass(frozen=True)
class CalibrationPages:
    desk: Commissioning

    def pages(self) -> Works:
        return [("/meters/{meter}/calibration", self._home), ("/meters/{meter}/calibration/{step}", self._step)]

    def actions(self) -> Works:
        return [
            ("/meters/{meter}/calibration", self._unlock),
            ("/meters/{meter}/lock", self._lock),
            ("/meters/{meter}/calibration/back/{number:int}", self._put_back),
            ("/meters/{meter}/calibration/{step}", self._do),
        ]

    def _home(self, ask: Ask) -> Answer:
        return self._shown_home(ask)

    def _shown_home(self, ask: Ask, error: RefusedError | None = None) -> Answer:
        meter = self._meter(ask)
        standing, silence = None, ""
        try:
            standing = self.desk.calibration.standing(meter.name)
        except RefusedError as found:
            silence = said(found, ask.viewer)
        records = self.desk.calibration.records(meter.name)
        values: dict[str, Any] = {
            **self._frame(meter, standing, ask, error),
            "silence": silence,
            "steps": [] if standing is None else _listed(standing, records, ask.viewer),
            "records": [_record(each, standing, ask.viewer) for each in records],
        }
        return Answer("calibration", values, 409 if error else 200)

    def _step(self, ask: Ask) -> Answer:
        typed = {"limit": self._meter(ask).class_ or LIMIT_PCT} | _last_typed(self.desk.calibration.records(self._meter(ask).name), ask)
        return self._shown_step(ask, typed)

    def _shown_step(self, ask: Ask, typed: Fields, error: RefusedError | None = None) -> Answer:
        meter = self._meter(ask)
        standing, name = self.desk.calibration.standing(meter.name), str(ask.place["step"])
        if name not in steps_of(standing.phases):
            raise NotThereError
        shown = self.desk.read(meter.name)
        phases = [f"l{number}" for number in range(1, standing.phases + 1)] if name == NO_LOAD else [name.rpartition("_")[2]]
        values = {
            **self._frame(meter, standing, ask, error),
            "step": name,
            "kind": name if name == NO_LOAD else name.rpartition("_")[0],
            "phase": "" if name == NO_LOAD else phases[0].upper(),
            "shown": [_values(phase, shown.values, ask.viewer) for phase in phases],
            "known": _KNOWN,
            "typed": typed,
        }
        return Answer("calibration_step", values, 409 if error else 200)

    def _frame(self, meter: MeterTable, standing: Standing | None, ask: Ask, error: RefusedError | None) -> dict[str, Any]:
        here = meter_address(meter.name)
        minutes = 0 if standing is None else -(-standing.unlocked_s // 60)
        return {"meter": meter, "here": here, "standing": standing, "minutes": minutes, **refusal(ask, error)}

    def _meter(self, ask: Ask) -> MeterTable:
        meter = meter_of(self.desk, ask)
        if not self.desk.calibration.possible(meter.name):
            raise NotThereError
        return meter

    def _unlock(self, ask: Ask) -> Answer | str:
        meter = self._meter(ask)
        try:
            self.desk.calibration.unlock(meter.name, key_of(ask.fields))
        except RefusedError as error:
            return self._shown_home(ask, error)
        return f"{meter_address(meter.name)}/calibration"

    def _lock(self, ask: Ask) -> str:
        meter = self._meter(ask)
        self.desk.calibration.lock(meter.name)
        return f"{meter_address(meter.name)}/calibration"

    def _do(self, ask: Ask) -> Answer | str:
        meter = self._meter(ask)
        try:
            self.desk.calibration.do(meter.name, ask.person, step_of(str(ask.place["step"]), ask.fields, ask.viewer))
        except RefusedError as error:
            return self._shown_step(ask, ask.fields, error)
        return f"{meter_address(meter.name)}/calibration"

    def _put_back(self, ask: Ask) -> Answer | str:
        meter = self._meter(ask)
        try:
            self.desk.calibration.put_back(meter.name, ask.person, ask.place["number"])
        except RefusedError as error:
            return self._shown_home(ask, error)
        return f"{meter_address(meter.name)}/calibration"


def step_of(name: str, fields: Fields, viewer: Viewer) -> Step:
    """RefusedError for what no reference shows."""
    if name == NO_LOAD:
        return Step(name)
    volts, amperes, watts, reactive = (milli(fields.get(key, ""), key) for key in _KNOWN)
    if volts <= 0 or amperes <= 0 or not watts:
        raise RefusedError("calibration_refused.nothing")
    apparent, other = volts * amperes // 1000, isqrt(watts * watts + reactive * reactive)
    if abs(apparent - other) * 100 > FITS_PERCENT * apparent:
        said = {name: viewer.number(Decimal(value) / 1000, 1) for name, value in (("apparent", apparent), ("other", other))}
        raise RefusedError("calibration_refused.apart", percent=FITS_PERCENT, **said)
    load = KnownLoad(volts, amperes, watts, reactive)
    if not name.startswith(ACCEPT):
        return Step(name, load)
    limit = milli(fields.get("limit", ""), "limit")
    if not 1 <= limit <= LIMIT_MILLIPERCENT_MAX:
        raise RefusedError("calibration_refused.limit", most=LIMIT_MILLIPERCENT_MAX // 1000)
    return Step(name, load, limit)


def _listed(standing: Standing, records: Sequence[Mapping[str, Any]], viewer: Viewer) -> list[dict[str, Any]]:
    """The steps with when each was last done on this very meter, and which comes next."""
    steps = steps_of(standing.phases)
    here = [each for each in records if each["serial_number"] == standing.serial_number]
    recent = [each for each in here if viewer.now_ms - milliseconds_of(each["time"]) < SAME_WORK_MS and each["step"] in steps]
    after = steps.index(recent[0]["step"]) + 1 if recent else 0
    done: dict[str, str] = {}
    for each in here:
        done.setdefault(each["step"], _when(each, viewer))
    return [{"name": name, "done": done.get(name, ""), "is_next": number == after} for number, name in enumerate(steps)]


def _record(record: Mapping[str, Any], standing: Standing | None, viewer: Viewer) -> dict[str, Any]:
    before, after = record["before"], record["after"]
    changed = [(_words(name, viewer), before.get(name, UNKNOWN), value) for name, value in after.items() if before.get(name) != value]
    same = standing is not None and standing.serial_number == record["serial_number"]
    return {**record, "when": _when(record, viewer), "changed": changed, "can_go_back": same and bool(changed)}


def _words(constant: str, viewer: Viewer) -> str:
    """voltage_l1_gain_nano -> "Voltage gain L1 (nV)"; what has no word is shown by its own name."""
    found = _PHASED.fullmatch(constant)
    key = f"calibration_value.{found['kind']}_{found['what']}" if found else f"calibration_value.{constant}"
    return viewer.say(key, phase=found["phase"].upper() if found else "") if key in viewer.language.texts else constant


def _when(record: Mapping[str, Any], viewer: Viewer) -> str:
    return f"{viewer.local(milliseconds_of(record['time'])):%Y-%m-%d %H:%M}"


def _values(phase: str, values: Mapping[str, int], viewer: Viewer) -> dict[str, Any]:
    def text(quantity: str, decimals: int, size: int) -> str:
        return viewer.number(Decimal(values[quantity]) / size, decimals) if quantity in values else UNKNOWN

    return {"phase": phase.upper(), "cells": [text(name.format(phase), decimals, size) for name, decimals, size in _SHOWN]}


def _last_typed(records: Sequence[Mapping[str, Any]], ask: Ask) -> dict[str, str]:
    """An acceptance begins with what the reference showed a moment ago."""
    name = str(ask.place["step"])
    last = records[0] if records else {}
    recent = last and ask.viewer.now_ms - milliseconds_of(last["time"]) < SAME_WORK_MS
    if not recent or not name.startswith(ACCEPT) or not str(last["step"]).endswith(name.rpartition("_")[2]) or "reference" not in last:
        return {}
    return {key: f"{Decimal(value) / 1000:f}" for key, value in zip(_KNOWN, last["reference"].values(), strict=True)}
