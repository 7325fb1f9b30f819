"""The shifts as they are shown: the running one in large figures, the past ones as rows of a table. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from gateway.interfaces import ShiftTarget
from gateway.pages.shift_figure import DIRECT, LOCATION, MARKET, QUALITIES, RUNNING, UNASSIGNED, Carbon, ShiftFigure
from gateway.pages.target import against_target, target_notes, target_of
from gateway.pages.usual import Against, Usual, against
from gateway.pages.viewer import SECOND_MS, UNKNOWN, Amount, Viewer

# Two weeks show the same shift of the same weekday twice; more columns than fourteen do not fit a phone.
DAYS_SHOWN = 14
# `shifts --format json` has them all; here they only have to say where to look.
REASONS_SHOWN_MAX = 3


@dataclass(frozen=True)
class RunningShift:
    title: str
    started: str
    remaining: str
    elapsed_pct: int
    energy: Amount
    counted: str
    carbon: Amount
    carbon_method: str
    carbon_notes: tuple[str, ...]
    products: tuple[str, ...]
    reasons: tuple[str, ...]
    energy_against: Against | None
    carbon_against: Against | None
    solar: str


@dataclass(frozen=True)
class ShiftRow:
    """`carbon` carries its unit: gases may differ from row to row."""

    day: str
    name: str
    energy: str
    carbon: str
    shares: tuple[str, ...]
    known: str
    missing: str
    state: str
    complete: bool
    reasons: tuple[str, ...]
    targets: tuple[tuple[str, bool], ...]
    products: tuple[str, ...]


def of_lines(figures: Iterable[ShiftFigure]) -> dict[str, list[ShiftFigure]]:
    """Figures by production line in order of time; the site itself ("") stands first."""
    ordered = sorted(figures, key=lambda figure: (figure.production_line, figure.start_ms))
    lines: dict[str, list[ShiftFigure]] = {}
    for figure in ordered:
        lines.setdefault(figure.production_line, []).append(figure)
    return lines


def running_shifts(
    figures: Sequence[ShiftFigure],
    viewer: Viewer,
    usuals: Mapping[str, Usual] = MappingProxyType({}),
    targets: Sequence[ShiftTarget] = (),
) -> tuple[RunningShift, ...]:
    """`usuals` by production line, "" for the site."""
    return tuple(
        _running(figure, usuals.get(figure.production_line, Usual(None, None)), target_of(figure, targets), viewer)
        for figure in current(figures, viewer.now_ms)
    )


def current(figures: Sequence[ShiftFigure], now_ms: int) -> list[ShiftFigure]:
    found = [figure for figure in figures if figure.state == RUNNING and figure.start_ms <= now_ms]
    return sorted(found, key=lambda figure: figure.production_line)


def _running(figure: ShiftFigure, usual: Usual, target: ShiftTarget | None, viewer: Viewer) -> RunningShift:
    location = figure.carbon[LOCATION]
    counted = figure.counted_to_ms
    elapsed = Decimal(viewer.now_ms - figure.start_ms) / max(figure.end_ms - figure.start_ms, 1)
    return RunningShift(
        title=title(figure, viewer),
        started=viewer.say("shift.started", time=viewer.time(figure.start_ms)),
        remaining=viewer.say("shift.remaining", span=viewer.duration(figure.end_ms - viewer.now_ms)),
        elapsed_pct=min(100, round(100 * elapsed)),
        energy=viewer.amount(figure.energy_kwh, "kWh"),
        counted=viewer.say("shift.not_counted") if counted is None else viewer.say("shift.counted", time=viewer.time(counted)),
        carbon=carbon_amount(location, viewer),
        carbon_method=viewer.say("carbon.scope2_location"),
        carbon_notes=_carbon_notes(figure, viewer),
        products=tuple(_products(figure, viewer)),
        reasons=_reasons(figure, viewer),
        energy_against=_against(figure.energy_kwh, target and target.energy_kwh, usual.kwh, "kWh", viewer),
        carbon_against=_against(location.kg, target and target.carbon_kg, usual.kg, carbon_unit(location.gases), viewer),
        solar="" if figure.solar_share is None else viewer.say("shift.solar", share=viewer.percent(figure.solar_share)),
    )


def _against(value: Decimal | None, target: Decimal | None, habit: Decimal | None, unit: str, viewer: Viewer) -> Against | None:
    """What was set goes before what is usual."""
    return against_target(value, target, unit, viewer) or against(value, habit, unit, viewer)


def _reasons(figure: ShiftFigure, viewer: Viewer) -> tuple[str, ...]:
    """Where a number is missing or was changed a person wants to know why; else the exact figure holds them."""
    whole = figure.energy_kwh is not None and figure.carbon[LOCATION].kg is not None
    shown = () if whole and figure.state != "restated" else figure.reasons[:REASONS_SHOWN_MAX]
    return tuple(map(viewer.told, shown))


def title(figure: ShiftFigure, viewer: Viewer) -> str:
    name = shift_name(figure, viewer)
    return viewer.say("shift.of_line", shift=name, line=figure.production_line) if figure.production_line else name


def shift_name(figure: ShiftFigure, viewer: Viewer) -> str:
    return viewer.say("shift.unassigned") if figure.name == UNASSIGNED else figure.name


def carbon_amount(carbon: Carbon, viewer: Viewer) -> Amount:
    return viewer.amount(carbon.kg, carbon_unit(carbon.gases))


def carbon_unit(gases: str) -> str:
    """Exactly what the factor counts: a factor of CO2 alone never reads as CO2e."""
    return f"kg {gases}".rstrip()


def _carbon_notes(figure: ShiftFigure, viewer: Viewer) -> tuple[str, ...]:
    location, market, direct = (figure.carbon[line] for line in (LOCATION, MARKET, DIRECT))
    notes = []
    if location.kg is None:
        notes.append(viewer.say("carbon.unknown"))
    if location.provisional:
        notes.append(viewer.say("carbon.provisional"))
    if market.kg is not None:
        notes.append(viewer.say("carbon.scope2_market", amount=_one(carbon_amount(market, viewer))))
    if direct.kg:
        notes.append(viewer.say("carbon.scope1", amount=_one(carbon_amount(direct, viewer))))
    return tuple(notes)


def _products(figure: ShiftFigure, viewer: Viewer) -> Iterable[str]:
    for product in figure.products:
        if product.units:
            intensity = _one(viewer.amount(product.kwh_per_unit, "kWh"))
            carbon = _one(viewer.amount(product.kg_per_unit, carbon_unit(figure.carbon[LOCATION].gases)))
            units = viewer.number(product.units)
            yield viewer.say("shift.product", product=product.name, units=units, intensity=intensity, carbon=carbon)
        elif product.units is not None:  # of nothing there is no amount each
            yield viewer.say("shift.no_product", product=product.name)


def shift_rows(figures: Iterable[ShiftFigure], viewer: Viewer, targets: Sequence[ShiftTarget] = ()) -> tuple[ShiftRow, ...]:
    """The newest first."""
    return tuple(_row(figure, targets, viewer) for figure in sorted(figures, key=lambda figure: -figure.start_ms))


def _row(figure: ShiftFigure, targets: Sequence[ShiftTarget], viewer: Viewer) -> ShiftRow:
    known = figure.energy_kwh is not None
    return ShiftRow(
        day=viewer.day(figure.day),
        name=shift_name(figure, viewer),
        energy=viewer.amount(figure.energy_kwh, "").number,
        carbon=_one(carbon_amount(figure.carbon[LOCATION], viewer)),
        shares=tuple(viewer.percent(figure.shares[quality]) if known else UNKNOWN for quality in QUALITIES),
        known=_how_known(figure, viewer) if known else UNKNOWN,
        missing=missing(figure, viewer),
        state=viewer.word("figure_state", figure.state),
        complete=figure.complete,
        reasons=_reasons(figure, viewer),
        targets=target_notes(figure, targets, viewer),
        products=tuple(_products(figure, viewer)),
    )


def _how_known(figure: ShiftFigure, viewer: Viewer) -> str:
    """Each quality that has a share: all measured is short."""
    shares = [(quality, figure.shares[quality]) for quality in QUALITIES if figure.shares[quality]]
    said = [viewer.say("shift.quality", share=viewer.percent(share), quality=viewer.word("quality", quality)) for quality, share in shares]
    return viewer.say("number.list_joint").join(said)


def missing(figure: ShiftFigure, viewer: Viewer) -> str:
    """Of a running shift what has not come yet is not missing."""
    if figure.state == RUNNING or not figure.missing_s:
        return ""
    return viewer.duration(figure.missing_s * SECOND_MS)


def _one(amount: Amount) -> str:
    return f"{amount.number} {amount.unit}".rstrip()
