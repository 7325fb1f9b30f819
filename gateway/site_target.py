"""The table of a site file that says what a shift should need, and what its keys must be to the shifts. It changes no figure."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator

from gateway.site_calendar import ShiftTable
from gateway.site_key import DAYS, Day, Name, Table
from gateway.site_mistake import Mistake, suggestion
from protocols.amount import UNITS, thousandths_of
from protocols.errors import OurMistake


def _amount(text: str, unit: str, kind: str) -> str:
    if text:
        number, _, written = text.strip().partition(" ")
        sizes = UNITS[unit]
        try:
            positive = written.strip() in sizes and thousandths_of(number, sizes[written.strip()]) > 0
        except OurMistake:
            positive = False
        if not positive:
            raise ValueError(f"must be {kind} such as '3200 {unit}', not {text!r}")
    return text


Energy = Annotated[str, AfterValidator(lambda text: _amount(text, "kWh", "an energy"))]
Carbon = Annotated[str, AfterValidator(lambda text: _amount(text, "kg", "a mass"))]


class TargetTable(Table):
    """What one shift should need at most: `energy` such as "3200 kWh", location-based `carbon` such as "1800 kg".

    Of several targets that fit a shift the first in the file holds. A target changes no figure; pages compare with it.
    """

    shift: Name
    production_line: str = ""
    days: tuple[Day, ...] = DAYS  # type: ignore[assignment]  # the literal type of a constant tuple of the same words
    energy: Energy = ""
    carbon: Carbon = ""

    @property
    def energy_kwh(self) -> Decimal | None:
        return _in_unit(self.energy, "kWh")

    @property
    def carbon_kg(self) -> Decimal | None:
        return _in_unit(self.carbon, "kg")

    @property
    def weekdays(self) -> frozenset[int]:
        """0 is Monday."""
        return frozenset(DAYS.index(day) for day in self.days)


def _in_unit(text: str, unit: str) -> Decimal | None:
    if not text:
        return None
    number, _, written = text.strip().partition(" ")
    return Decimal(thousandths_of(number, UNITS[unit][written.strip()])) / UNITS[unit][unit]


def targets(rows: Mapping[str, list[tuple[str, Any]]]) -> Iterator[Mistake]:
    shifts: list[ShiftTable] = [shift for _, shift in rows["shift"]]
    for place, row in rows["target"]:
        own = sorted({shift.name for shift in shifts if shift.production_line == row.production_line})
        where = f"the production line {row.production_line!r}" if row.production_line else "the whole site"
        if row.shift not in own:
            yield Mistake(place, "shift", f"{where} has no [[shift]] named {row.shift!r}{suggestion(row.shift, own)}")
        if not row.energy and not row.carbon:
            yield Mistake(place, "energy", "is missing, and carbon too: a target needs at least one of them")
