"""The limits within which a calibration is believed, its bytes, and the lines of the log.

Only the start and a change need it: then it leaves memory again. Where the bytes are kept is `calibration_store`'s matter.
"""

import binascii
import struct

from firmware.metrology.calibration import VERSION, Calibration, CalibrationRefused, Channel

# Every limit says what no sound installation needs.
GAIN_NANO_MIN, GAIN_NANO_MAX = 1, 4000000000  # 4 V or 4 A per count: full scale would be 131 kV or 131 kA
OFFSET_MILLICOUNTS_MAX = 500000  # 1.5 % of full scale: more is a fault of the wiring, not noise
PHASE_CDEG_MAX = 1000  # 10 degrees: a current transformer this far out is saturated or of the wrong kind
CREEP_MA_MAX = 10000  # a starting current of 10 A belongs to a transformer of 2500 A at class 1
PHASES_MAX = 3
CHANGE_MAX = 0xFFFFFFFF

_HEAD = "<BBHI"  # version, channels, creep in mA, changes
_CHANNEL = "<IIh"  # gain, offset, phase
_CRC = "<I"


def checked(calibration: Calibration) -> Calibration:
    """The same, or CalibrationRefused with the first value that cannot be."""
    if len(calibration.channels) not in range(2, 2 * PHASES_MAX + 1, 2):
        raise CalibrationRefused(
            "A calibration has two channels per phase for one to three phases, not %d channels." % len(calibration.channels)
        )
    for number, channel in enumerate(calibration.channels):
        _within("gain", number, channel.gain_nano, GAIN_NANO_MIN, GAIN_NANO_MAX)
        _within("offset", number, channel.offset_millicounts, 0, OFFSET_MILLICOUNTS_MAX)
        _within("phase", number, channel.phase_cdeg, -PHASE_CDEG_MAX, PHASE_CDEG_MAX)
    if not 0 <= calibration.creep_ma <= CREEP_MA_MAX:
        raise CalibrationRefused("The creep current is %d mA; it must lie between 0 and %d mA." % (calibration.creep_ma, CREEP_MA_MAX))
    if not 0 <= calibration.changes <= CHANGE_MAX:
        raise CalibrationRefused("The change counter %d cannot be." % calibration.changes)
    return calibration


def _within(what: str, number: int, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise CalibrationRefused(
            "The %s of %s is %d; it must lie between %d and %d. Check sensor and wiring, then calibrate again."
            % (what, channel_name(number), value, lowest, highest)
        )


def channel_name(number: int) -> str:
    return "%s%d" % ("VI"[number % 2], number // 2 + 1)


def to_bytes(calibration: Calibration) -> bytes:
    checked(calibration)
    body = struct.pack(_HEAD, VERSION, len(calibration.channels), calibration.creep_ma, calibration.changes)
    body += b"".join([struct.pack(_CHANNEL, *channel) for channel in calibration.channels])
    return body + struct.pack(_CRC, binascii.crc32(body))


def from_bytes(data: bytes) -> "Calibration | None":
    """None if it is no whole calibration of this version: erased, torn, flipped or written by another."""
    head, each, check = struct.calcsize(_HEAD), struct.calcsize(_CHANNEL), struct.calcsize(_CRC)
    if len(data) < head + check or data[0] != VERSION:
        return None
    _, count, creep_ma, changes = struct.unpack_from(_HEAD, data, 0)
    end = head + count * each
    if len(data) < end + check or struct.unpack_from(_CRC, data, end)[0] != binascii.crc32(data[:end]):
        return None
    channels = tuple([Channel(*struct.unpack_from(_CHANNEL, data, head + number * each)) for number in range(count)])
    try:
        return checked(Calibration(channels, creep_ma, changes))
    except CalibrationRefused:
        return None


def log_lines(before: Calibration, after: Calibration, who: str, unix_s: int) -> "list[str]":
    """One line per value that changed: change number, when, who, what, before, after."""
    lines = []
    for number, (old, new) in enumerate(zip(before.channels, after.channels)):
        for field, was, is_ in zip(("gain_nano", "offset_millicounts", "phase_cdeg"), old, new):
            if was != is_:
                lines.append(_line(after, unix_s, who, "%s.%s" % (channel_name(number), field), was, is_))
    if before.creep_ma != after.creep_ma:
        lines.append(_line(after, unix_s, who, "creep_ma", before.creep_ma, after.creep_ma))
    return lines


def _line(after: Calibration, unix_s: int, who: str, what: str, was: int, is_: int) -> str:
    return "%d %d %s %s %d %d" % (after.changes, unix_s, who.replace(" ", "_").replace("\n", "_") or "unknown", what, was, is_)
