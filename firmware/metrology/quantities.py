"""A window and a calibration give what people read: volts, amperes, watts, var, VA, power factor and hertz, in integer thousandths.

Pure arithmetic on integers of any length, once per window. A direct component is taken out of every product, and the angles by
which the current is measured late are turned back. Knows nothing of energy.
"""

from collections import namedtuple

from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.integers import UNIT_BITS, divide_nearest, sine_cosine, square_root
from firmware.metrology.window import PhaseSums, Window

_NANO_PER_MILLI = 1000000
_NANO_SQUARE_PER_MILLI = 1000000000000000  # nV * nA = 10**-18 W
_NANO_SQUARE_PER_NANO = 1000000000
_MDEG_PER_CDEG = 10


class PhaseValues(
    namedtuple("PhaseValues", ("voltage_mv", "current_ma", "active_power_mw", "reactive_power_mvar", "apparent_power_mva", "power_factor"))
):
    """Of one phase; a positive reactive power is an inductive load, None where the front end cannot tell.

    The power factor is None where there is no power.
    """

    voltage_mv: int
    current_ma: int
    active_power_mw: int
    reactive_power_mvar: int | None
    apparent_power_mva: int
    power_factor: int | None


class Measurement(
    namedtuple("Measurement", ("phases", "active_power_mw", "reactive_power_mvar", "apparent_power_mva", "power_factor", "frequency_mhz"))
):
    """All phases and their totals; the apparent powers are added as numbers."""

    phases: tuple[PhaseValues, ...]
    active_power_mw: int
    reactive_power_mvar: int | None
    apparent_power_mva: int
    power_factor: int | None
    frequency_mhz: int | None


def measure(window: Window, calibration: Calibration) -> Measurement:
    phases = tuple(
        phase_values(sums, window, calibration.channels[2 * number], calibration.channels[2 * number + 1], calibration.creep_ma)
        for number, sums in enumerate(window.phases)
    )
    active = sum([phase.active_power_mw for phase in phases])
    reactive = _sum_or_none([phase.reactive_power_mvar for phase in phases])
    apparent = sum([phase.apparent_power_mva for phase in phases])
    return Measurement(phases, active, reactive, apparent, _power_factor(active, apparent), window.frequency_mhz)


def phase_values(sums: PhaseSums, window: Window, voltage: Channel, current: Channel, creep_ma: int) -> PhaseValues:
    frames = window.frames
    # Each times frames squared; the squares also times a million, because offsets are in thousandths of a count.
    vv = _without_offset(frames * sums.vv - sums.v * sums.v, voltage, frames)
    ii = _without_offset(frames * sums.ii - sums.i * sums.i, current, frames)
    active, reactive = _powers(sums, window, current.phase_cdeg - voltage.phase_cdeg)
    gain = voltage.gain_nano * current.gain_nano
    voltage_mv = divide_nearest(square_root(vv) * voltage.gain_nano, 1000 * frames * _NANO_PER_MILLI)
    current_ma = divide_nearest(square_root(ii) * current.gain_nano, 1000 * frames * _NANO_PER_MILLI)
    if current_ma < creep_ma:
        return PhaseValues(voltage_mv, 0, 0, None if reactive is None else 0, 0, None)
    scale = frames * frames * _NANO_SQUARE_PER_MILLI
    active_mw = divide_nearest(active * gain, scale << UNIT_BITS)
    reactive_mvar = None if reactive is None else divide_nearest(reactive * gain, scale << UNIT_BITS)
    # Rounding and noise may leave the product of the roots just under the power itself.
    apparent_mva = max(divide_nearest(square_root(vv * ii) * gain, 1000000 * scale), abs(active_mw))
    return PhaseValues(voltage_mv, current_ma, active_mw, reactive_mvar, apparent_mva, _power_factor(active_mw, apparent_mva))


def _without_offset(square: int, channel: Channel, frames: int) -> int:
    """Noise and pickup that are there with no load add up in squares, so they are taken off in squares."""
    offset = channel.offset_millicounts * frames
    return max(square * 1000000 - offset * offset, 0)


def _powers(sums: PhaseSums, window: Window, phase_cdeg: int) -> "tuple[int, int | None]":
    """Active and reactive, in squared counts times frames squared times 2**30.

    With the voltage of `shift` ago the product is P cos(shift) + Q sin(shift), so Q follows exactly though a quarter of a cycle is no
    whole number of samples. Then the current is turned back by the angle it is measured late.
    """
    frames = window.frames
    direct = frames * sums.vi - sums.v * sums.i
    if sums.vi_shifted is None:  # without it nothing can be turned either
        return direct << UNIT_BITS, None
    shifted = frames * sums.vi_shifted - sums.v * sums.i
    sine, cosine = sine_cosine(window.shift_mdeg)
    quadrature = divide_nearest((shifted << UNIT_BITS) - direct * cosine, sine)
    return _turned(direct, quadrature, phase_cdeg * _MDEG_PER_CDEG - window.skew_mdeg)


def _turned(direct: int, quadrature: int, late_mdeg: int) -> "tuple[int, int]":
    """A sample taken late shows a lagging current earlier in its cycle; a sensor's positive phase shows it later."""
    sine, cosine = sine_cosine(late_mdeg)
    return direct * cosine + quadrature * sine, quadrature * cosine - direct * sine


def phase_energies(active: int, reactive: "int | None", voltage: Channel, current: Channel) -> "tuple[int, int | None]":
    """What a chip has counted, in voltage count times current count times hour, as nWh and nvarh."""
    gain = voltage.gain_nano * current.gain_nano
    if reactive is None:
        return divide_nearest(active * gain, _NANO_SQUARE_PER_NANO), None
    turned = _turned(active, reactive, (current.phase_cdeg - voltage.phase_cdeg) * _MDEG_PER_CDEG)
    scale = _NANO_SQUARE_PER_NANO << UNIT_BITS
    return divide_nearest(turned[0] * gain, scale), divide_nearest(turned[1] * gain, scale)


def _sum_or_none(values: "list[int | None]") -> "int | None":
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _power_factor(active: int, apparent: int) -> "int | None":
    if apparent == 0:
        return None
    return max(-1000, min(1000, divide_nearest(active * 1000, apparent)))
