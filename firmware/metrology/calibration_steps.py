"""The guided calibration as pure functions: with no load, with one known load, and the acceptance of the result.

Each takes a window that was just measured and gives a calibration, or refuses with a sentence. Storing it is the caller's matter.
"""

from collections import namedtuple

from firmware.metrology.calibration import Calibration, CalibrationRefused, Channel
from firmware.metrology.calibration_bytes import channel_name, checked
from firmware.metrology.integers import UNIT_BITS, arc_sine_cdeg, divide_nearest, square_root
from firmware.metrology.quantities import phase_values
from firmware.metrology.window import Window

# A known load below this share of full scale would carry its noise into every later reading.
KNOWN_LOAD_COUNTS_MIN = 1000
# With no load a current channel shows noise and pickup; more than 1 % of full scale is a load, or an open input.
NO_LOAD_MILLICOUNTS_MAX = 330000
# One known load may move a gain by this much from the factory's: more means a wrong ratio, sensor or reference.
GAIN_CHANGE_PERCENT_MAX = 20


class KnownLoad(namedtuple("KnownLoad", ("voltage_mv", "current_ma", "active_power_mw", "reactive_power_mvar"))):
    """What the reference meter shows for one phase."""

    voltage_mv: int
    current_ma: int
    active_power_mw: int
    reactive_power_mvar: int


def no_load(window: Window, calibration: Calibration) -> Calibration:
    """Takes what every current channel shows now as its offset; the voltage may be on, nothing may flow."""
    _require_whole(window)
    channels = list(calibration.channels)
    for number, sums in enumerate(window.phases):
        place = 2 * number + 1
        rms = _rms_millicounts(sums.i, sums.ii, window.frames)
        if rms > NO_LOAD_MILLICOUNTS_MAX:
            raise CalibrationRefused(
                "%s shows %d.%03d counts with no load; at most %d are noise. Switch off the load or close the input, then try again."
                % (channel_name(place), rms // 1000, rms % 1000, NO_LOAD_MILLICOUNTS_MAX // 1000)
            )
        channels[place] = Channel(channels[place].gain_nano, rms, channels[place].phase_cdeg)
    return checked(Calibration(tuple(channels), calibration.creep_ma, calibration.changes))


def known_load(window: Window, calibration: Calibration, phase: int, load: KnownLoad) -> Calibration:
    """Gains of both channels and the angle between them, from one phase's steady load."""
    _require_whole(window)
    sums = window.phases[phase]
    channels = list(calibration.channels)
    places = (2 * phase, 2 * phase + 1)
    parts = ((sums.v, sums.vv, load.voltage_mv), (sums.i, sums.ii, load.current_ma))
    for place, (total, square, known) in zip(places, parts):
        channels[place] = _gained(place, channels[place], _rms_millicounts(total, square, window.frames), known)
    # With the new gains and no angle the difference to the reference is the angle.
    voltage = Channel(channels[places[0]].gain_nano, channels[places[0]].offset_millicounts, 0)
    current = Channel(channels[places[1]].gain_nano, channels[places[1]].offset_millicounts, 0)
    shown = phase_values(sums, window, voltage, current, 0)
    if shown.reactive_power_mvar is None:
        raise CalibrationRefused("This front end tells no angle, so there is no phase to calibrate. Set its gains only.")
    known_square = load.active_power_mw * load.active_power_mw + load.reactive_power_mvar * load.reactive_power_mvar
    shown_square = shown.active_power_mw * shown.active_power_mw + shown.reactive_power_mvar * shown.reactive_power_mvar
    cross = shown.reactive_power_mvar * load.active_power_mw - shown.active_power_mw * load.reactive_power_mvar
    along = shown.active_power_mw * load.active_power_mw + shown.reactive_power_mvar * load.reactive_power_mvar
    if along <= 0:
        raise CalibrationRefused(
            "The power has the opposite sign of the reference. Turn the sensor of %s around." % channel_name(places[1])
        )
    sine = divide_nearest(cross << UNIT_BITS, square_root(known_square * shown_square))
    channels[places[0]] = voltage
    channels[places[1]] = Channel(current.gain_nano, current.offset_millicounts, arc_sine_cdeg(sine))
    return checked(Calibration(tuple(channels), calibration.creep_ma, calibration.changes))


def accept(window: Window, calibration: Calibration, phase: int, load: KnownLoad, limit_millipercent: int) -> int:
    """The error of the active power in 0.001 % of the reference's apparent power; refuses when it is over the limit."""
    _require_whole(window)
    voltage, current = calibration.channels[2 * phase : 2 * phase + 2]
    shown = phase_values(window.phases[phase], window, voltage, current, calibration.creep_ma)
    apparent = divide_nearest(load.voltage_mv * load.current_ma, 1000)
    error = divide_nearest((shown.active_power_mw - load.active_power_mw) * 100000, apparent)
    if abs(error) > limit_millipercent:
        raise CalibrationRefused(
            "L%d shows %d mW where the reference shows %d mW: %d.%03d %% of the apparent power, the limit is %d.%03d %%. Calibrate again."
            % (
                phase + 1,
                shown.active_power_mw,
                load.active_power_mw,
                abs(error) // 1000,
                abs(error) % 1000,
                limit_millipercent // 1000,
                limit_millipercent % 1000,
            )
        )
    return error


def _require_whole(window: Window) -> None:
    """A window with a gap inside has no frequency either, so it is refused, too."""
    if window.clipped or window.frequency_mhz is None:
        raise CalibrationRefused(
            "The window has %d clipped samples and %s; calibrate only on a clean one. Check voltage and range, then try again."
            % (window.clipped, "no whole cycles of voltage" if window.frequency_mhz is None else "whole cycles")
        )


def _rms_millicounts(total: int, square: int, frames: int) -> int:
    return divide_nearest(square_root((frames * square - total * total) * 1000000), frames)


def _gained(place: int, channel: Channel, rms_millicounts: int, known_milli: int) -> Channel:
    effective = square_root(rms_millicounts * rms_millicounts - channel.offset_millicounts * channel.offset_millicounts)
    if effective < KNOWN_LOAD_COUNTS_MIN * 1000:
        raise CalibrationRefused(
            "%s shows %d counts with the known load; at least %d are needed. Use a larger load."
            % (channel_name(place), effective // 1000, KNOWN_LOAD_COUNTS_MIN)
        )
    gain = divide_nearest(known_milli * 1000000000, effective)
    if abs(gain - channel.gain_nano) * 100 > GAIN_CHANGE_PERCENT_MAX * channel.gain_nano:
        raise CalibrationRefused(
            "%s would need a gain of %d instead of %d nV or nA per count, more than %d %% away. Check ratio, sensor and reference."
            % (channel_name(place), gain, channel.gain_nano, GAIN_CHANGE_PERCENT_MAX)
        )
    return Channel(gain, channel.offset_millicounts, channel.phase_cdeg)
