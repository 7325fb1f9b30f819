"""What people say of shifts, for the pages: targets of the site file, and good units that are declared and taken back."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway import declared
from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.declaring import DeclarationError
from gateway.interfaces import DECLARED, KNOWN, NOT_KEPT, UNDONE, ShiftTarget, UnitsDeclared
from gateway.metering import Metering
from protocols.reading import Declared, iso, milliseconds_of

log = logging.getLogger(__name__)


class ShiftDesk:
    """Is the pages' ShiftBook; may be asked from any thread."""

    def __init__(self, store: Store, metering: Callable[[], Metering], changed: Callable[[], None]) -> None:
        """`metering` is asked each time: it is another one after the site file was changed. `changed` has the figures follow."""
        self._store, self._metering, self._changed = store, metering, changed

    def targets(self) -> Sequence[ShiftTarget]:
        return [
            ShiftTarget(each.shift, each.production_line, each.weekdays, each.energy_kwh, each.carbon_kg)
            for each in self._metering().site.target
        ]

    def products(self) -> Mapping[str, str]:
        return {each.name: each.units_from for each in self._metering().site.product}

    def declared(self, from_ms: int, to_ms: int) -> Sequence[UnitsDeclared]:
        records = series.declarations(self._store.reader())
        holding = {each.id for each in declared.active(records)}
        found = [_units(each, each.id in holding) for each in records if each.document["declare"] == declared.PRODUCTION]
        return sorted((each for each in found if from_ms <= each.time_ms < to_ms), key=lambda each: (-each.time_ms, -each.known_at_ms))

    def declare(self, product: str, time_ms: int, units: str, person: str) -> str:
        request = {"declare": declared.PRODUCTION, "product": product, "time": iso(time_ms), "units": units, "person": person}
        return self._done(request, DECLARED)

    def undo(self, identity: str, person: str) -> str:
        records = series.declarations(self._store.reader())
        if identity not in {each.id for each in declared.active(records) if each.document["declare"] == declared.PRODUCTION}:
            return NOT_KEPT  # a swap or a certificate is not taken back by the way
        return self._done({"declare": declared.UNDO, "undoes": identity, "person": person}, UNDONE)

    def _done(self, request: Mapping[str, Any], done: str) -> str:
        try:
            answer = self._metering().declarations.declare(request)
        except DeclarationError as error:
            log.warning("%s could not be declared: %s", request, error)
            return NOT_KEPT
        self._changed()
        return done if answer.ids else KNOWN


def _units(record: Declared, holds: bool) -> UnitsDeclared:  # noqa: FBT001 - a field of the value
    document = record.document
    time_ms, units = milliseconds_of(document["time"]), document["units"]
    return UnitsDeclared(record.id, document["product"], time_ms, units, document.get("person", ""), record.known_at_ms, holds)
