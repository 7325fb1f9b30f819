"""Calibration: its limits, its bytes, its two copies and its log."""

import pytest

from firmware.metrology.calibration import Calibration, CalibrationRefused, Channel
from firmware.metrology.calibration_bytes import checked, from_bytes, log_lines, to_bytes
from firmware.metrology.calibration_store import CalibrationStore

FACTORY = Calibration((Channel(13733000, 0, 0), Channel(640000, 900, -35)), 10, 0)


class Slot:
    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.writes = 0

    def read(self) -> bytes:
        return self.data

    def write(self, data: bytes) -> None:
        self.data = data
        self.writes += 1


class PowerCut(Exception):
    pass


class TearingSlot(Slot):
    """The power goes while it is written: only a part arrives."""

    def __init__(self, data: bytes, kept: int) -> None:
        super().__init__(data)
        self._kept = kept

    def write(self, data: bytes) -> None:
        self.data = data[: self._kept] + self.data[self._kept :]
        raise PowerCut


def changed(changes: int = 0) -> Calibration:
    return Calibration((FACTORY.channels[0], Channel(650000, 900, -20)), 12, changes)


def test_bytes_and_back() -> None:
    """A calibration survives its own form."""
    assert from_bytes(to_bytes(FACTORY)) == FACTORY


def test_any_flipped_bit_is_found() -> None:
    """No bit of the form may change unseen."""
    data = to_bytes(FACTORY)

    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert from_bytes(bytes(flipped)) is None


def test_anything_shorter_is_no_calibration() -> None:
    """Torn, empty or erased."""
    data = to_bytes(FACTORY)

    assert [from_bytes(data[:length]) for length in range(len(data))] == [None] * len(data)
    assert from_bytes(b"\xff" * 64) is None


@pytest.mark.parametrize(
    ("calibration", "words"),
    [
        (Calibration((Channel(0, 0, 0), Channel(1, 0, 0)), 0, 0), "The gain of V1 is 0"),
        (Calibration((Channel(1, 0, 0), Channel(4000000001, 0, 0)), 0, 0), "The gain of I1"),
        (Calibration((Channel(1, 0, 0), Channel(1, 500001, 0)), 0, 0), "The offset of I1"),
        (Calibration((Channel(1, 0, 0), Channel(1, -1, 0)), 0, 0), "The offset of I1"),
        (Calibration((Channel(1, 0, 0),) * 3 + (Channel(1, 0, -1001),), 0, 0), "The phase of I2"),
        (Calibration((Channel(1, 0, 0),) * 3, 0, 0), "not 3 channels"),
        (Calibration((Channel(1, 0, 0),) * 2, 10001, 0), "creep"),
        (Calibration((Channel(1, 0, 0),) * 2, 0, -1), "change counter"),
    ],
)
def test_what_no_sound_installation_needs_is_refused(calibration: Calibration, words: str) -> None:
    """The sentence names the value."""
    with pytest.raises(CalibrationRefused, match=words):
        checked(calibration)


def test_a_change_is_stored_twice_counted_and_logged() -> None:
    """Who, when, before and after; the counter is the store's own."""
    slots, log = (Slot(), Slot()), list[str]()
    store = CalibrationStore(slots, log.append, FACTORY)

    after = store.change(changed(99), "A. Bell", 1763812800)

    assert after == changed(1)
    assert [from_bytes(slot.data) for slot in slots] == [after, after]
    assert log == [
        "1 1763812800 A._Bell I1.gain_nano 640000 650000",
        "1 1763812800 A._Bell I1.phase_cdeg -35 -20",
        "1 1763812800 A._Bell creep_ma 10 12",
    ]
    assert not store.is_factory


def test_an_empty_meter_has_the_factory_s() -> None:
    """Until somebody calibrates, and it is said."""
    store = CalibrationStore((Slot(), Slot(b"\xff" * 40)), print, FACTORY)

    assert (store.current, store.is_factory) == (FACTORY, True)


@pytest.mark.parametrize("torn", [0, 1])
def test_a_power_cut_at_any_byte_leaves_the_old_or_the_new(torn: int) -> None:
    """Never a third thing, and the next start mends the torn copy."""
    old, new = changed(4), Calibration(FACTORY.channels, 3, 5)
    for kept in range(len(to_bytes(old)) + 1):
        slots = [Slot(to_bytes(old)), Slot(to_bytes(old))]
        slots[torn] = TearingSlot(to_bytes(old), kept)
        with pytest.raises(PowerCut):
            CalibrationStore((slots[0], slots[1]), lambda _: None, FACTORY).change(new, "me", 0)
        again = (Slot(slots[0].data), Slot(slots[1].data))
        store = CalibrationStore(again, print, FACTORY)

        assert store.current in (old, new)
        assert again[0].data == again[1].data == to_bytes(store.current)


@pytest.mark.parametrize("order", [(2, 3), (3, 2)])
def test_of_two_sound_copies_the_newer_counts(order: tuple[int, int]) -> None:
    """The power went between the two writes; the older copy is brought up."""
    slots = (Slot(to_bytes(changed(order[0]))), Slot(to_bytes(changed(order[1]))))

    store = CalibrationStore(slots, print, FACTORY)

    assert store.current == changed(3)
    assert slots[0].data == slots[1].data


def test_sound_copies_are_not_written_again() -> None:
    """A start costs no erase."""
    slots = (Slot(to_bytes(changed(2))), Slot(to_bytes(changed(2))))

    CalibrationStore(slots, print, FACTORY)

    assert [slot.writes for slot in slots] == [0, 0]


def test_a_refused_change_leaves_everything() -> None:
    """Copies, counter and log."""
    slots, log = (Slot(), Slot()), list[str]()
    store = CalibrationStore(slots, log.append, FACTORY)

    for wrong in (Calibration((Channel(0, 0, 0),) * 2, 0, 0), Calibration((Channel(1, 0, 0),) * 4, 0, 0)):
        with pytest.raises(CalibrationRefused):
            store.change(wrong, "me", 0)

    assert (store.current, log, [slot.writes for slot in slots]) == (FACTORY, [], [0, 0])


def test_the_log_names_nothing_that_did_not_change() -> None:
    """No line for an equal calibration."""
    assert log_lines(FACTORY, FACTORY, "me", 0) == []
