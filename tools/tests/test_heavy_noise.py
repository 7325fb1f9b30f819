"""What garbled frames meet: the check sum lets through what chance says, and carbon leaves forged counters out."""

from random import Random

import pytest

from protocols.frame import rtu_frame
from tools.bench import heavy_noise
from tools.bench.heavy_noise import PASSES_ONE_IN, Garbled, _booked, alone, expectation, forged, passed
from tools.factory.truth import Reply

SAID = bytes((3, 4, 0, 1, 0, 2))


def reply(heard: bytes) -> Reply:
    return Reply(1, "m1", b"", SAID, 0, 0, 0, delivered=False, late=False, overtaken=False, heard=heard)


def test_garbled_frames_are_told_by_how_far_they_come() -> None:
    """Noise, a frame whose check sum fits, one that looks like the answer, and one that nobody garbled."""
    noise, other, alike, true = b"\x01????????", rtu_frame(1, b"\x04\x02ab"), rtu_frame(1, b"\x03\x04abcd"), rtu_frame(1, SAID)

    assert passed({noise, other, alike}, map(reply, (noise, other, alike, true, b""))) == (3, 2, 1)


def test_a_garbled_frame_keeps_its_address_and_is_remembered() -> None:
    """So that it is looked at by the reader it is for, and counted."""
    fault = Garbled()
    frame = fault.damaged(rtu_frame(7, SAID), Random(1))

    assert frame[0] == 7
    assert frame != rtu_frame(7, SAID)
    assert fault.made == {frame}


@pytest.mark.parametrize(("mean", "interval"), [(0, [0, 0]), (1, [0, 3]), (10, [4, 17])])
def test_the_interval_is_that_of_rare_events(mean: int, interval: list[int]) -> None:
    """As the tables of the Poisson distribution have it."""
    assert expectation(mean * PASSES_ONE_IN) == {"checksum_expected": float(mean), "interval_95": interval}


def test_chance_frames_pass_the_check_sum_as_often_as_chance_says() -> None:
    """A sixteenth of what the command tries, and it is within the interval that is printed beside it."""
    found = alone(heavy_noise.ALONE // 16, 3)
    least, most = found["interval_95"]

    assert least <= found["checksum_passed"] <= most


def test_forged_counters_are_left_out_of_the_figures() -> None:
    """All of them: between two readings a counter may grow by some four parts in ten million of its range."""
    assert forged(300, 1) == {"counters": 300, "caught": 300, "booked": 0, "booked_furthest_off_kwh": 0.0}


class Between(Random):
    """Draws a counter that starts at 0 and a forged value between its neighbours: 41 kWh for 40."""

    def randrange(self, *_: object) -> int:
        return 0

    def getrandbits(self, _bits: int) -> int:
        return 4_100


def test_a_forged_counter_that_could_be_true_is_booked() -> None:
    """No rule can tell it; the bench sees that, and by how much it is off."""
    assert list(_booked(1, Between())) == [(41_000_000, 40_000_000)]
