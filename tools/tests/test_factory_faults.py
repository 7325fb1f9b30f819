"""Each named fault does what its name says, at its rate, from its seed."""

from random import Random

import pytest

from protocols.frame import checked, rtu_frame
from tools.factory.faults import (
    FAULTS,
    AdapterUnplugged,
    BabblingMeter,
    BitFlips,
    DeadMeter,
    DuplicatedAddress,
    ExceptionSix,
    Fault,
    LateReply,
    LostReply,
    RegisterHoles,
    TruncatedFrame,
    UnknownFaultError,
    WrongTransaction,
    fault,
    parse_fault,
)
from tools.factory.truth import Reply
from tools.tests.factory_bench import bytes_of, line, reply, request, run_until, station

SECOND = 1_000_000


def poll(struck: Fault, times: int = 1) -> tuple[list[bytes], list[Reply]]:
    """What the master heard in each of `times` polls ten seconds apart, and the truth."""
    wire = line([station(5, struck), station(6)])
    heard = []
    for number in range(times):
        wire.master_sends(number * 10 * SECOND, request(5))
        heard.append(bytes_of(run_until(wire, (number + 1) * 10 * SECOND - 1)))
    return heard, list(wire.truth)


def test_a_late_reply_is_whole_and_marked() -> None:
    """The answer comes after the delay, says what it answered, and counts as late and delivered."""
    heard, truth = poll(LateReply(1.0, 2 * SECOND, 2 * SECOND))

    assert heard == [reply(5)]
    assert (truth[0].late, truth[0].delivered, truth[0].overtaken) == (True, True, False)
    assert truth[0].begun_us is not None
    assert truth[0].begun_us > 2 * SECOND


def test_a_late_reply_after_the_next_request_is_overtaken() -> None:
    """The truth tells that the master had gone on; the bytes carry the old request's registers."""
    wire = line([station(5, LateReply(1.0, SECOND, SECOND))])
    wire.master_sends(0, request(5, 100))
    run_until(wire, SECOND // 2)
    wire.master_sends(SECOND // 2, request(5, 200))
    heard = bytes_of(run_until(wire, 10 * SECOND))

    assert heard == reply(5, 100) + reply(5, 200)
    assert [(each.request, each.overtaken) for each in wire.truth] == [(1, True), (2, False)]


def test_a_lost_reply_never_reaches_the_wire() -> None:
    """Nothing is heard; the truth knows what was said."""
    heard, truth = poll(LostReply())

    assert heard == [b""]
    assert (truth[0].said, truth[0].begun_us, truth[0].delivered) == (reply(5)[1:-2], None, False)


def test_bit_flips_break_the_check_sum() -> None:
    """A few bits differ, the length does not, and no CRC fits."""
    heard, truth = poll(BitFlips(), 50)

    flipped = [sum((got ^ sent).bit_count() for got, sent in zip(each, reply(5), strict=True)) for each in heard]
    assert all(1 <= bits <= 3 for bits in flipped)
    assert not any(checked(each) for each in heard)
    assert not any(each.delivered for each in truth)


def test_a_truncated_frame_is_a_true_beginning() -> None:
    """What arrives is the start of the answer, shorter than the whole."""
    heard, _ = poll(TruncatedFrame(), 20)

    assert all(reply(5).startswith(each) and 0 < len(each) < len(reply(5)) for each in heard)


def test_a_dead_meter_is_silent() -> None:
    """It neither answers nor leaves a trace in the truth."""
    assert poll(DeadMeter()) == ([b""], [])


def test_a_meter_that_is_dead_at_times_comes_back() -> None:
    """With a rate below 1 it is dead in that share of its windows."""
    heard, _ = poll(DeadMeter(0.3, window_us=10 * SECOND), 200)

    assert 30 < heard.count(b"") < 90


def test_a_babbling_meter_speaks_unasked() -> None:
    """Bytes arrive on an idle line, and frames that meet them are garbled."""
    wire = line([station(5, BabblingMeter())])
    heard = run_until(wire, 10 * SECOND)

    assert len({at_us // SECOND for at_us, _ in heard}) >= 9
    assert not wire.truth


def test_exception_6_replaces_the_answer() -> None:
    """The meter says it is busy; the truth keeps what it would have said."""
    heard, truth = poll(ExceptionSix())

    assert heard == [rtu_frame(5, b"\x84\x06")]
    assert (truth[0].said, truth[0].delivered) == (reply(5)[1:-2], False)


@pytest.mark.parametrize(("first", "refused"), [(20, False), (21, True), (31, True), (32, False)])
def test_a_register_hole_refuses_reads_that_touch_it(first: int, refused: bool) -> None:
    """Registers 30 and 31 cannot be read, neither alone nor in a block."""
    wire = line([station(5, RegisterHoles())])
    wire.master_sends(0, request(5, first, 10))

    assert bytes_of(run_until(wire, SECOND)) == (rtu_frame(5, b"\x84\x02") if refused else reply(5, first, 10))


def test_a_duplicated_address_garbles_the_answer() -> None:
    """Two meters answer within milliseconds: the master gets no frame it could take for one."""
    heard, truth = poll(DuplicatedAddress(), 20)

    assert not any(reply(5) in each for each in heard)
    assert {each.station for each in truth} == {"meter-5", "meter-5 (twin)"}


def test_a_slow_twin_answers_after_the_first() -> None:
    """If the second meter takes longer than the first one's reply, two whole answers with different values arrive."""
    wire = line([station(5, DuplicatedAddress(latest_us=SECOND))], seed=3)
    wire.master_sends(0, request(5))
    heard = bytes_of(run_until(wire, 10 * SECOND))

    assert heard.startswith(reply(5))
    assert len(heard) == 2 * len(reply(5))
    assert checked(heard[len(reply(5)) :])


def test_an_unplugged_adapter_passes_nothing() -> None:
    """Neither request nor answer gets through while it is out, and both do afterwards."""
    wire = line([station(5)], faults=[AdapterUnplugged(0.5, window_us=SECOND)])
    plugged, answered = [], []
    for number in range(40):
        plugged.append(wire.plugged_in(number * SECOND))
        wire.master_sends(number * SECOND, request(5))
        answered.append(bytes_of(run_until(wire, (number + 1) * SECOND - 1)) == reply(5))

    assert plugged == answered
    assert {True, False} == set(plugged)


def test_a_wrong_transaction_id_is_never_the_right_one() -> None:
    """The id differs from the request's, whatever the chance."""
    random = Random(1)

    assert all(WrongTransaction().transaction(number, random) != number for number in range(1_000))


@pytest.mark.parametrize("name", ["late_reply", "lost_reply", "bit_flips", "truncated_frame", "exception_6"])
def test_a_rate_of_a_tenth_strikes_a_tenth(name: str) -> None:
    """Of 300 polls between 15 and 50 are struck, the others are untouched."""
    _, truth = poll(fault(name, 0.1), 300)

    assert 15 < sum(each.late or not each.delivered for each in truth) < 50


def test_every_fault_can_be_named() -> None:
    """The table knows the names commands and files use, and builds each."""
    assert [type(fault(name, 0.5)) for name in FAULTS] == list(FAULTS.values())


def test_a_fault_is_read_from_a_word() -> None:
    """Name, rate and meter; rate and meter may be left out."""
    assert parse_fault("late_reply=0.1@press-1") == ("press-1", LateReply(0.1))
    assert parse_fault("dead_meter@cnc") == ("cnc", DeadMeter(1.0))
    assert parse_fault("echo") == ("", FAULTS["echo"](1.0))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("lat_reply=0.1@cnc", "known are late_reply"), ("echo=often", "not a number between 0 and 1"), ("echo=2", "between 0 and 1")],
)
def test_a_wrong_fault_is_refused_in_words(text: str, sentence: str) -> None:
    """The error says what would be right."""
    with pytest.raises(UnknownFaultError, match=sentence):
        parse_fault(text)


def test_wrong_parameters_are_refused_in_words() -> None:
    """A parameter the fault does not have is named together with those it has."""
    with pytest.raises(UnknownFaultError, match="it takes shortest_us, longest_us"):
        fault("late_reply", 1.0, delay=3)
