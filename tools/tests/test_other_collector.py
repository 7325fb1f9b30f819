"""The judge of the side-by-side run: what a collector booked, held against what the line knows."""

from typing import Any

from tools.bench.late_line import word
from tools.bench.other_collector import Booked, _judged, _longest_wait_s, _modpoll_config, _told
from tools.factory.truth import Reply

TABLE = """
Device: m1
+-----------+-------+------+
| Reference | Value | Unit |
+-----------+-------+------+
| r0        | 33554433 |   |
| r4        |  None |      |
+-----------+-------+------+

Device: m10
| r38       |     7 |      |
"""


def reply(number: int, served: int, *, overtaken: bool = False, sent_us: int = 0, ended_us: int = 100_000) -> Reply:
    said = bytes((3, 4)) + word(number, 0, served).to_bytes(2, "big") + word(number, 1, served).to_bytes(2, "big")
    return Reply(1, f"m{number}", b"", said, sent_us, 0, ended_us, delivered=True, late=False, overtaken=overtaken, heard=b"")


def booked(meter: int, said_by: int, address: int, served: int) -> Booked:
    return Booked(meter, address, said_by << 25 | address << 16 | served)


def test_the_other_ones_table_is_read_with_its_gaps() -> None:
    """Values by meter and register; what it has not is not booked."""
    assert list(_told(TABLE)) == [Booked(1, 0, 33_554_433), Booked(10, 38, 7)]


def test_values_of_others_and_of_older_requests_are_told_apart() -> None:
    """One right, one of another meter, one of another register, one of an answer that a newer request had overtaken."""
    replies = [reply(1, 5), reply(2, 6, overtaken=True, ended_us=2_500_000)]
    values = [booked(1, 1, 4, 5), booked(2, 1, 4, 5), Booked(1, 8, 1 << 25 | 4 << 16 | 5), booked(2, 2, 0, 6)]

    assert _judged(values, replies) == {"booked_values": 4, "foreign": 2, "older": 1, "oldest_s": 2.5}


def test_the_longest_wait_counts_the_ends_too() -> None:
    """A meter that was never read waited all the time; the dead one does not count."""
    good: list[Any] = [reply(number, 1, ended_us=1_000_000) for number in range(2, 11)]

    assert _longest_wait_s(good, 0, 4_000_000, dead=1) == 3.0
    assert _longest_wait_s(good[1:], 0, 4_000_000, dead=1) == 4.0


def test_both_are_asked_for_the_same_blocks() -> None:
    """Ten devices, one poll each, eight values each."""
    rows = _modpoll_config().splitlines()

    assert [sum(row.startswith(kind) for row in rows) for kind in ("device", "poll", "ref")] == [10, 10, 80]
