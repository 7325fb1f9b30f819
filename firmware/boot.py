"""Which of the two slots is started, or recovery: decided before anything of the application is touched.

This file lies twice on a board: as `boot.py` in the root, where the chip runs it first and no update replaces it,
and as `firmware.boot` in each slot, for the application to read and write the record. It needs nothing but the chip.

The record is one line in a small file, replaced by renaming. It is written at each start and when the version that
runs has shown that it can meter. Starts by a person at the USB port (soft resets) are not counted and have no watchdog.
"""

import os
import sys
from binascii import crc32
from collections import namedtuple

SLOTS = ("lib", "lib_b")  # the first one as the factory copies it
RECOVERY = "recovery"
STARTS_MAX = 3
# Longer than all imports and the recovery of the journal take; then the application's own watchdog takes over.
DOG_MS = 30_000
GOOD, TRIAL, FALLBACK, LOST = range(4)  # FALLBACK: the other slot failed; LOST: both did
BACK = 7  # the reason in the register: a trial failed, the old version is back
_FILE, _NEW_FILE = "slot", "slot.new"


class Record(namedtuple("Record", ("slot", "state", "starts", "reason", "version"))):
    """`starts` that were not good yet; `version`: the newest one that was good, "-" before the first update."""

    slot: int
    state: int
    starts: int
    reason: int
    version: str


FACTORY = Record(0, GOOD, 0, 0, "-")


def read() -> Record:
    try:
        with open(_FILE) as file:  # noqa: PTH123 - the board has no pathlib
            slot, state, starts, reason, version, check = file.read().split()
        record = Record(int(slot), int(state), int(starts), int(reason), version)
        whole = int(check) == crc32(_text(record).encode()) and record.slot < len(SLOTS) and record.state <= LOST
    except (OSError, ValueError):  # none there, or not ours: UnicodeError is a ValueError
        return FACTORY
    return record if whole else FACTORY


def write(record: Record) -> None:
    text = _text(record)
    with open(_NEW_FILE, "w") as file:  # noqa: PTH123 - likewise
        file.write(text + str(crc32(text.encode())))
    os.rename(_NEW_FILE, _FILE)  # noqa: PTH104 - likewise


def _text(record: Record) -> str:
    return "%d %d %d %d %s " % tuple(record)


def chosen(record: Record, *, power_on: bool) -> Record:
    """What to start now, counted. Lost power says nothing against a version that was good; a trial must hold out."""
    slot, state, starts, reason, version = record
    if power_on and state != TRIAL:
        state, starts = (GOOD if state == LOST else state), 0
    if starts >= STARTS_MAX:
        starts = 0
        reason = BACK if state == TRIAL else reason
        slot, state = (slot, LOST) if state in (FALLBACK, LOST) else (1 - slot, FALLBACK)
    return Record(slot, state, starts + 1, reason, version)


def begin() -> None:
    import machine  # noqa: PLC0415 - only the chip has it, and only here it is needed

    record = read()
    cause = machine.reset_cause()
    if cause != machine.SOFT_RESET:
        machine.WDT(timeout=DOG_MS)
        record = chosen(record, power_on=cause == machine.PWRON_RESET)
        try:  # noqa: SIM105 - no contextlib on the board
            write(record)
        except OSError:  # a full or dying flash: better to meter uncounted than not at all
            pass
    sys.path[:] = [RECOVERY if record.state == LOST else SLOTS[record.slot], ".frozen"]
    if record.state == LOST:
        from firmware.recovery import run  # noqa: PLC0415 - only now the path leads there

        run()


if __name__ == "__main__":
    begin()
