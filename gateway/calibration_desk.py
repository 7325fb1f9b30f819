"""Calibration as people at the pages ask for it: one at a time per meter, written down with who, when, before and after.

How the meter does it is `calibrating`'s matter; what a page looks like is not known here.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from gateway.calibrating import Calibrating, CalibrationRefusedError, why_refused
from gateway.calibration_folder import CalibrationFolder
from gateway.calibration_interface import Standing, Step, can_calibrate
from gateway.clock import Clock
from gateway.commission_interface import RefusedError
from gateway.exchanging import of_own
from gateway.metering import Metering
from gateway.site import Site
from protocols.amount import decimal_text
from protocols.meter import Meter
from protocols.reading import iso

PUT_BACK = "put_back"
_IN_THOUSANDTHS = ("shown", "known", "limit")


class CalibrationDesk:
    def __init__(
        self,
        site: Site,
        models: Mapping[str, Meter],
        clock: Clock,
        metering: Callable[[], Metering],
        report: Callable[[str, str, str], None],
        sleep: Callable[[float], object] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`report` is told (meter, person, step)."""
        self._sleep, self._monotonic = sleep, monotonic
        self._models, self._clock, self._metering, self._report = models, clock, metering, report
        self._folder = CalibrationFolder(site.data_folder)
        self._at_work: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def possible(self, meter: str) -> bool:
        table = self._metering().site.meter_named(meter)
        return bool(table.line) and can_calibrate(self._models[table.model])

    def records(self, meter: str) -> list[dict[str, Any]]:
        table = self._metering().site.meter_named(meter)
        return [each for each in self._folder.records() if each["meter"] in (meter, *table.was)]

    def standing(self, meter: str) -> Standing:
        with _said():
            return self._calibrating(meter).standing()

    def unlock(self, meter: str, key: int) -> None:
        with self._alone(meter):
            self._calibrating(meter).unlock(key)

    def lock(self, meter: str) -> None:
        self.unlock(meter, 0)

    def do(self, meter: str, person: str, step: Step) -> None:
        with self._alone(meter):
            calibrating = self._calibrating(meter)
            before = calibrating.standing()
            try:
                error = calibrating.do(step.name, person, step.load, step.limit_millipercent)
            except CalibrationRefusedError as refusal:
                if refusal.why != "refused":
                    raise
                shown = self._metering().acquisition.read_now(meter).values
                raise why_refused(step.name, before, shown, step.load, step.limit_millipercent) from refusal
            found: dict[str, Any] = {} if error is None else {"error_pct": decimal_text(error, 3)}
            if step.load is not None:
                found["reference"] = step.load._asdict()
            if step.limit_millipercent:
                found["limit_pct"] = decimal_text(step.limit_millipercent, 3)
            self._keep(meter, person, step.name, before, calibrating.standing(), found)

    def put_back(self, meter: str, person: str, number: int) -> None:
        with self._alone(meter):
            record = next((each for each in self.records(meter) if each["number"] == number), None)
            if record is None:
                raise CalibrationRefusedError("no_record", number=number)
            calibrating = self._calibrating(meter)
            before = calibrating.standing()
            if record["serial_number"] != before.serial_number:
                raise CalibrationRefusedError("other_meter", now=before.serial_number, then=record["serial_number"])
            calibrating.put_back(person, record["before"])
            self._keep(meter, person, PUT_BACK, before, calibrating.standing(), {"of": number})

    def _keep(self, meter: str, person: str, step: str, before: Standing, after: Standing, found: Mapping[str, Any]) -> None:
        self._folder.keep(
            {
                "time": iso(self._clock.now_ms()),
                "meter": meter,
                "serial_number": after.serial_number,
                "person": person,
                "step": step,
                **found,
                "before": before.values,
                "after": after.values,
            }
        )
        self._report(meter, person, step)

    def _calibrating(self, meter: str) -> Calibrating:
        metering = self._metering()
        table = metering.site.meter_named(meter)
        if not self.possible(meter):
            raise CalibrationRefusedError("not_ours")
        if metering.acquisition.lent():
            raise RefusedError("commission_refused.busy", line=metering.acquisition.lent())
        return Calibrating(self._models[table.model], of_own(metering.acquisition, table), self._sleep, self._monotonic)

    @contextmanager
    def _alone(self, meter: str) -> Iterator[None]:
        """Two persons' steps would mix their references; the second one is told, not queued."""
        lock = self._at_work[meter]
        if not lock.acquire(blocking=False):
            raise RefusedError("calibration_refused.somebody", name=meter)
        try:
            with _said():
                yield
        finally:
            lock.release()


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except CalibrationRefusedError as refusal:
        holes: dict[str, Any] = {
            name: decimal_text(value, 3) if name in _IN_THOUSANDTHS and isinstance(value, int) else value
            for name, value in refusal.holes.items()
        }
        raise RefusedError(f"calibration_refused.{refusal.why}", (), **holes) from refusal
