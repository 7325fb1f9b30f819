"""A shift against the target that the site file sets it. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from gateway.interfaces import ShiftTarget
from gateway.pages.shift_figure import LOCATION, ShiftFigure
from gateway.pages.usual import Against
from gateway.pages.viewer import Viewer


def target_of(figure: ShiftFigure, targets: Sequence[ShiftTarget]) -> ShiftTarget | None:
    """The first that names the shift, its production line and its weekday."""
    wanted, day = (figure.name, figure.production_line), figure.day.weekday()
    return next((each for each in targets if (each.shift, each.production_line) == wanted and day in each.weekdays), None)


def against_target(value: Decimal | None, target: Decimal | None, unit: str, viewer: Viewer) -> Against | None:
    if target is None:
        return None
    holes = {"amount": viewer.glance(target), "unit": unit}
    if value is None:
        return Against(viewer.say("target.set", **holes), 0)
    share = value / target
    key = "target.over" if share > 1 else "target.reached"
    said = viewer.say(key, share=viewer.percent(share - 1 if share > 1 else share), **holes)
    return Against(said, max(0, min(100, round(100 * share))), is_over=share > 1)


def target_notes(figure: ShiftFigure, targets: Sequence[ShiftTarget], viewer: Viewer) -> tuple[tuple[str, bool], ...]:
    """For a row: what of each target was needed, and whether that was more than all of it."""
    target = target_of(figure, targets)
    if target is None:
        return ()
    pairs = (("target.energy", figure.energy_kwh, target.energy_kwh), ("target.carbon", figure.carbon[LOCATION].kg, target.carbon_kg))
    return tuple(
        (viewer.say(key, share=viewer.percent(value / whole)), value > whole) for key, value, whole in pairs if value is not None and whole
    )
