"""What turns counts into volts and amperes: the values alone.

Two channels per phase, the voltage's before the current's. Limits and bytes are `calibration_bytes`' matter, where the bytes are
kept `calibration_store`'s, how values are found `calibration_steps`'.
"""

from collections import namedtuple

VERSION = 1


class CalibrationRefused(Exception):
    """The sentence says why and what to do; nothing was changed."""


class Channel(namedtuple("Channel", ("gain_nano", "offset_millicounts", "phase_cdeg"))):
    """nV or nA per count; what is seen with no load, in 0.001 count RMS; how much later it shows, in 0.01 degree."""

    gain_nano: int
    offset_millicounts: int
    phase_cdeg: int


class Calibration(namedtuple("Calibration", ("channels", "creep_ma", "changes"))):
    """Below `creep_ma` a phase counts nothing; `changes` grows by one with every change and never falls."""

    channels: tuple[Channel, ...]
    creep_ma: int
    changes: int
