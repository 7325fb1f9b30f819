"""Good units that people declared for the shifts of a page, and the form to declare more. Pure; what a form holds is read here too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation

from gateway.interfaces import UnitsDeclared
from gateway.pages.shift_figure import UNASSIGNED, ShiftFigure
from gateway.pages.shifts import title
from gateway.pages.viewer import SECOND_MS, UNKNOWN, Viewer
from protocols.reading import iso

# The shifts of the last days: whoever declares later gives the time.
SHIFTS_OFFERED_MAX = 12
# A shift of a press makes tens of thousands; a typing error of three digits more is none of ours.
UNITS_MAX = 10_000_000


@dataclass(frozen=True)
class Choice:
    value: str
    text: str


@dataclass(frozen=True)
class UnitsRow:
    """`holds` false: taken back."""

    id: str
    product: str
    time: str
    units: str
    person: str
    known: str
    holds: bool


@dataclass(frozen=True)
class ProductionPage:
    """No `products`: the site file names none, and nothing is shown."""

    products: tuple[Choice, ...]
    shifts: tuple[Choice, ...]
    rows: tuple[UnitsRow, ...]
    units_max: int = UNITS_MAX


def production_page(
    products: Mapping[str, str], declared: Sequence[UnitsDeclared], figures: Sequence[ShiftFigure], viewer: Viewer
) -> ProductionPage:
    offered = [
        Choice(name, viewer.say("production.counted_by", product=name, meter=meter) if meter else name) for name, meter in products.items()
    ]
    worked = [each for each in figures if each.name != UNASSIGNED]  # between shifts nobody reports units; the time field takes them
    newest = sorted(worked, key=lambda figure: -figure.start_ms)[:SHIFTS_OFFERED_MAX]
    choices = {iso(made_ms(each.start_ms, each.end_ms, viewer.now_ms)): _shift(each, viewer) for each in reversed(newest)}
    return ProductionPage(
        tuple(offered),
        tuple(Choice(value, text) for value, text in reversed(choices.items())),
        tuple(_row(each, viewer) for each in declared),
    )


def made_ms(start_ms: int, end_ms: int, now_ms: int) -> int:
    """When the units of a shift count as made: at its end, which belongs to it; of the running one now."""
    return max(start_ms, min(end_ms - SECOND_MS, now_ms) // SECOND_MS * SECOND_MS)


def _shift(figure: ShiftFigure, viewer: Viewer) -> str:
    return viewer.say("production.shift", day=viewer.day(figure.day), shift=title(figure, viewer))


def _row(units: UnitsDeclared, viewer: Viewer) -> UnitsRow:
    return UnitsRow(
        units.id,
        units.product,
        viewer.time(units.time_ms),
        exact(units.units, viewer),
        units.person or UNKNOWN,
        viewer.time(units.known_at_ms),
        units.holds,
    )


def exact(units: str, viewer: Viewer) -> str:
    value = Decimal(units)
    return viewer.number(value, 0 if value == value.to_integral_value() else 3)


def units_of(text: str) -> str | None:
    """As many as a person types, with or without a group mark; None if that is no number of units."""
    try:
        units = Decimal(text.strip().replace(",", "").replace("\N{NARROW NO-BREAK SPACE}", ""))
    except InvalidOperation:
        return None
    return str(units) if units.is_finite() and 0 <= units <= UNITS_MAX and units == units.to_integral_value() else None


def instant_of(text: str, viewer: Viewer) -> int | None:
    """The milliseconds of a local time as a browser's field writes it; None if it is none, or not over yet."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    placed = moment.replace(tzinfo=viewer.zone) if moment.tzinfo is None else moment
    time_ms = int(placed.timestamp()) * SECOND_MS
    return time_ms if time_ms <= viewer.now_ms else None
