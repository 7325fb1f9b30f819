"""The calibration as registers name it; both directions. Limits and storing are `metrology`'s."""

from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.calibration_bytes import checked

_FIELDS = ("gain_nano", "offset_millicounts", "phase_cdeg")


def registers(calibration: Calibration) -> "dict[str, int]":
    values = {"creep_ma": calibration.creep_ma, "calibration_changes": calibration.changes}
    for number, channel in enumerate(calibration.channels):
        for field, value in zip(_FIELDS, channel):
            values[_name(number, field)] = value
    return values


def changed(calibration: Calibration, changes: "dict[str, int]") -> Calibration:
    """The calibration after the changes; KeyError for a phase the meter has not, CalibrationRefused for what is out of limits."""
    left = dict(changes)
    creep_ma = left.pop("creep_ma", calibration.creep_ma)
    channels = []
    for number, channel in enumerate(calibration.channels):
        channels.append(Channel(*[left.pop(_name(number, field), value) for field, value in zip(_FIELDS, channel)]))
    if left:
        raise KeyError(min(left))
    return checked(Calibration(tuple(channels), creep_ma, calibration.changes))


def _name(number: int, field: str) -> str:
    return "%s_l%d_%s" % (("voltage", "current")[number % 2], number // 2 + 1, field)
