"""The virtual line against arithmetic: wire time, silence, turnaround, collisions, settings."""

from random import Random

import pytest

from tools.factory.faults import Echo
from tools.factory.serial_settings import LineSettings, as_heard
from tools.factory.wire import PIECE_BYTES
from tools.tests.factory_bench import TURNAROUND_US, bytes_of, line, reply, request, run_until, station

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("settings", "byte_us", "silence_us"),
    [
        (LineSettings(9600, "N", 1), 1_042, 4_011),
        (LineSettings(9600, "E", 1), 1_146, 4_011),
        (LineSettings(19_200, "N", 2), 573, 2_006),
        (LineSettings(1_200, "E", 1), 9_167, 32_084),
        (LineSettings(115_200, "N", 1), 87, 1_750),
    ],
)
def test_times_are_those_of_the_serial_line_specification(settings: LineSettings, byte_us: int, silence_us: int) -> None:
    """Byte time and t3.5 agree with the published table, rounded up to microseconds."""
    assert (settings.wire_us(1), settings.silence_us) == (byte_us, silence_us)


@pytest.mark.parametrize("settings", [LineSettings(9600, "N", 1), LineSettings(19_200, "E", 1), LineSettings(115_200, "N", 2)])
@pytest.mark.parametrize("count", [1, 7, 60, 125])
def test_an_answer_ends_at_the_instant_arithmetic_gives(settings: LineSettings, count: int) -> None:
    """Request, silence, turnaround and reply follow one another without a microsecond between."""
    wire = line([station(5)], settings)
    wire.master_sends(1_000, request(5, 0, count))
    heard = run_until(wire, SECOND)

    begun_us = 1_000 + settings.wire_us(8) + settings.silence_us + TURNAROUND_US
    ends = [begun_us + settings.wire_us(min(end, 5 + 2 * count)) for end in range(PIECE_BYTES, 5 + 2 * count + PIECE_BYTES, PIECE_BYTES)]
    assert [at_us for at_us, _ in heard] == ends
    assert bytes_of(heard) == reply(5, 0, count)


def test_the_truth_names_request_block_and_times() -> None:
    """The record of an undisturbed answer says what was asked, what was said, when, and that it arrived."""
    wire = line([station(5)])
    wire.master_sends(0, request(5, 3, 2))
    run_until(wire, SECOND)

    begun_us = wire.settings.wire_us(8) + wire.settings.silence_us + TURNAROUND_US
    asked, said = request(5, 3, 2)[1:-2], reply(5, 3, 2)
    assert [(each.number, each.sent_at_us, each.frame) for each in wire.requests] == [(1, 0, request(5, 3, 2))]
    assert [tuple(each) for each in wire.truth] == [
        (1, "meter-5", asked, said[1:-2], 0, begun_us, begun_us + wire.settings.wire_us(9), True, False, False, said)
    ]


def test_bytes_written_piece_by_piece_queue_behind_one_another() -> None:
    """A master that writes its request in two calls at once sends it as one frame."""
    wire = line([station(5)])
    wire.master_sends(0, request(5)[:3])
    wire.master_sends(10, request(5)[3:])

    assert bytes_of(run_until(wire, SECOND)) == reply(5)


def test_a_gap_inside_a_request_makes_two_broken_frames() -> None:
    """Silence of t3.5 ends a frame wherever it falls; nobody answers the halves."""
    wire = line([station(5)])
    wire.master_sends(0, request(5)[:3])
    wire.master_sends(wire.settings.wire_us(3) + wire.settings.silence_us, request(5)[3:])

    assert run_until(wire, SECOND) == []


@pytest.mark.parametrize("gap_us", [1_000, 4_010])
def test_a_gap_below_the_silence_does_not_end_a_frame(gap_us: int) -> None:
    """A master that hesitates before the last byte is understood, and the silence counts from that byte."""
    wire = line([station(5)])
    wire.master_sends(0, request(5)[:7])
    last_us = wire.settings.wire_us(7) + gap_us
    wire.master_sends(last_us, request(5)[7:])

    assert bytes_of(run_until(wire, SECOND)) == reply(5)
    assert wire.truth[0].begun_us == last_us + wire.settings.wire_us(1) + wire.settings.silence_us + TURNAROUND_US


@pytest.mark.parametrize(("after_us", "answered"), [(-1, False), (0, True)])
def test_a_request_needs_the_silence_after_the_reply_before(after_us: int, answered: bool) -> None:
    """A request that begins before t3.5 has passed melts into the reply before it."""
    wire = line([station(5), station(6)])
    wire.master_sends(0, request(5))
    last_us = run_until(wire, SECOND)[-1][0]

    other = line([station(5), station(6)])
    other.master_sends(0, request(5))
    run_until(other, last_us)
    other.master_sends(last_us + other.settings.silence_us + after_us, request(6))
    assert bytes_of(run_until(other, SECOND)) == (reply(6) if answered else b"")


def test_only_the_addressed_station_answers() -> None:
    """Other addresses, broken check sums and broadcasts stay unanswered."""
    wire = line([station(5)])
    for number, frame in enumerate((request(6), request(5)[:-1] + b"\0", request(0))):
        wire.master_sends(number * SECOND, frame)

    assert run_until(wire, 3 * SECOND) == []


def test_two_speakers_at_once_garble_what_overlaps() -> None:
    """Two stations of one address: nothing of either reply arrives as it was sent."""
    wire = line([station(5), station(5)])
    wire.master_sends(0, request(5))
    heard = bytes_of(run_until(wire, SECOND))

    assert len(heard) == 2 * len(reply(5))
    assert reply(5) not in heard
    assert [each.delivered for each in wire.truth] == [False, False]


def test_a_master_that_speaks_into_a_reply_loses_what_it_covers() -> None:
    """While the master sends it hears nothing; bytes before and after its own arrive whole."""
    wire = line([station(5)])
    wire.master_sends(0, request(5, 0, 30))
    begun_us = wire.settings.wire_us(8) + wire.settings.silence_us + TURNAROUND_US
    run_until(wire, begun_us)
    wire.master_sends(begun_us + wire.settings.wire_us(20), request(5))
    heard = bytes_of(run_until(wire, SECOND))

    whole = reply(5, 0, 30)
    assert heard == whole[:20] + whole[29:]
    assert not wire.truth[0].delivered
    assert wire.truth[0].overtaken


def test_a_station_answers_one_frame_at_a_time_and_keeps_one_waiting() -> None:
    """Requests that come while it works are answered in order, at most two in all."""
    slow = station(5)
    slow._turnaround_us = (SECOND, SECOND)
    wire = line([slow])
    for number in range(3):
        wire.master_sends(number * 100_000, request(5, number, 4))

    heard = run_until(wire, 10 * SECOND)

    first, second = wire.truth
    assert bytes_of(heard) == reply(5, 0, 4) + reply(5, 1, 4)
    assert first.ended_us is not None
    assert second.begun_us == first.ended_us + SECOND


@pytest.mark.parametrize(("gap_us", "answered"), [(59_999, False), (60_000, True)])
def test_a_meter_that_wants_quiet_ignores_a_hasty_request(gap_us: int, answered: bool) -> None:
    """It hears only what begins its quiet time after traffic for others; its own traffic does not count."""
    wire = line([station(5, quiet_us=60_000), station(6)])
    wire.master_sends(0, request(6))
    ends_us = run_until(wire, SECOND)[-1][0]

    other = line([station(5, quiet_us=60_000), station(6)])
    other.master_sends(0, request(6))
    run_until(other, ends_us + gap_us - 1)
    other.master_sends(ends_us + gap_us, request(5))
    first = run_until(other, SECOND)
    other.master_sends(SECOND, request(5))
    own = run_until(other, SECOND + 50_000)
    other.master_sends(own[-1][0] + 50_000, request(5))

    assert bytes_of(first) == (reply(5) if answered else b"")
    assert bytes_of(own + run_until(other, 3 * SECOND)) == reply(5) + reply(5)


def test_echo_returns_the_request_as_it_leaves() -> None:
    """On an echoing line the master hears its own bytes, then the answer."""
    wire = line([station(5)], faults=[Echo()])
    wire.master_sends(0, request(5))
    heard = run_until(wire, SECOND)

    assert heard[0] == (wire.settings.wire_us(8), request(5))
    assert bytes_of(heard[1:]) == reply(5)


@pytest.mark.parametrize(
    "announced",
    [
        LineSettings(19_200, "N", 1),
        LineSettings(4_800, "N", 1),
        LineSettings(9600, "E", 1),
        LineSettings(9600, "O", 1),
        LineSettings(9600, "E", 2),
    ],
)
def test_other_settings_than_the_meter_s_end_in_silence(announced: LineSettings) -> None:
    """A wrong baud or parity garbles the request, and a meter does not answer garbage."""
    wire = line([station(5)], LineSettings(9600, "N", 1))
    wire.announce(announced)
    for number in range(20):
        wire.master_sends(number * SECOND, request(5, number))

    assert run_until(wire, 20 * SECOND) == []


def test_stop_bits_alone_do_no_harm() -> None:
    """Receivers look at the first stop bit only."""
    wire = line([station(5)], LineSettings(9600, "N", 1))
    wire.announce(LineSettings(9600, "N", 2))
    wire.master_sends(0, request(5))

    assert bytes_of(run_until(wire, SECOND)) == reply(5)


def test_a_meter_that_ignores_parity_is_heard_as_garbage() -> None:
    """A lenient meter answers a request of the wrong parity, in its own: wrong parity can be told from nobody."""
    wire = line([station(5, checks_parity=False)], LineSettings(9600, "N", 1))
    wire.announce(LineSettings(9600, "E", 1))
    wire.master_sends(0, request(5))
    heard = bytes_of(run_until(wire, SECOND))

    assert len(heard) == len(reply(5))
    assert heard != reply(5)


def test_meters_of_different_settings_share_a_wire() -> None:
    """Each meter is heard with the settings it has, and only with those."""
    slow, fast = LineSettings(2_400, "E", 1), LineSettings(9600, "N", 1)
    wire = line([station(5, settings=slow), station(6, settings=fast)], fast)
    answers = []
    for number, (settings, address) in enumerate([(fast, 5), (slow, 5), (fast, 6), (slow, 6)]):
        wire.announce(settings)
        wire.master_sends(number * SECOND, request(address))
        answers.append(bytes_of(run_until(wire, (number + 1) * SECOND - 1)))

    assert answers == [b"", reply(5), reply(6), b""]


def test_parity_errors_strike_the_bytes_arithmetic_names() -> None:
    """An even-parity sender is misread without parity exactly where its parity bit is 0."""
    data = bytes(range(256))
    heard = as_heard(data, LineSettings(9600, "E", 1), LineSettings(9600, "N", 1), Random(1))

    assert [byte for byte, got in zip(data, heard, strict=True) if byte == got] == [byte for byte in data if byte.bit_count() % 2]


def test_bytes_shorter_than_expected_are_misread_but_for_the_last() -> None:
    """Ten bits back to back where eleven are expected: the next start bit stands in the place of the stop bit."""
    data = bytes(range(256))
    heard = as_heard(data, LineSettings(9600, "N", 1), LineSettings(9600, "O", 1), Random(1))

    assert [index for index, (byte, got) in enumerate(zip(data, heard, strict=True)) if byte == got] == [255]


def test_the_same_seed_gives_the_same_line() -> None:
    """Collisions and garbage are reproducible."""
    runs = []
    for _ in range(2):
        wire = line([station(5), station(5)], seed=11)
        wire.master_sends(0, request(5))
        runs.append(run_until(wire, SECOND))

    assert runs[0] == runs[1]
