"""The late-reply bench: what it proves of our defence, and that it sees what happens without one."""

import pytest

from gateway.acquire.condition import Condition
from gateway.acquire.framing import Framing, RtuFraming, Stray
from gateway.acquire.station import Station as Asked
from protocols.errors import ProtocolError
from protocols.frame import rtu_frame
from protocols.pdu import ReadRequest, Request, encode_request, reply_pdu_length
from protocols.reading import Reading
from tools.bench.late_judge import judge
from tools.bench.late_line import METERS, Bench, LateAfter, bench
from tools.bench.late_replies import SHARE_MIN, OracleCondition, bare_pymodbus, real, simulated

POLLS = 1_000
SEEDS = (1, 2, 3)
REAL_POLLS = 20


class Impatient(Condition):
    """Asks again at once and doubts nothing, as most collectors do."""

    def __init__(self, asked: Asked, _late: LateAfter) -> None:
        super().__init__(asked.condition.turnaround)

    def suspect(self, length: int) -> bool:
        return False

    def failed(self, request: Request, error: ProtocolError, now: float) -> None:
        super().failed(request, error, now)
        self._failures = 0
        self._ready_at = now


class Trusting(Condition):
    """Drains like ours, but a damaged or missed answer leaves no doubt about lengths; the wait is cut to half a second."""

    def __init__(self, asked: Asked, _late: LateAfter) -> None:
        super().__init__(asked.condition.turnaround)

    def suspect(self, length: int) -> bool:
        return False

    def failed(self, request: Request, error: ProtocolError, now: float) -> None:
        super().failed(request, error, now)
        self._failures = 0
        self._ready_at = min(self._ready_at, now + 0.5)


class AnyLength(RtuFraming):
    """Takes whatever the right meter says for the answer, cut or filled to the length that was asked for."""

    def __init__(self, address: int, request: Request, before: Framing | None = None) -> None:
        super().__init__(address, request, before)
        self._size = reply_pdu_length(request) - 2

    def feed(self, data: bytes) -> list[tuple[bool, Stray]]:
        return [(is_ours, self._bent(frame) if is_ours else frame) for is_ours, frame in super().feed(data)]

    def _bent(self, frame: Stray) -> Stray:
        return Stray(frame.address, bytes((frame.pdu[0], self._size)) + frame.pdu[2 : 2 + self._size].ljust(self._size, b"\0"))


def test_nothing_wrong_is_stored_nothing_good_is_lost_and_little_time_either() -> None:
    """Of a thousand polls each with three seeds no value is misattributed, every in-time answer is stored, at nine tenths of an
    oracle's pace: one run of a thousand alone varies by a tenth with what the faults hit."""
    ours = [simulated(POLLS, seed) for seed in SEEDS]
    oracles = [simulated(POLLS, seed, OracleCondition) for seed in SEEDS]
    share = sum(each.good_per_s for each in ours) / sum(each.good_per_s for each in oracles)
    print(f"share of the oracle: {share:.4f}")

    assert [each.wrong_values for each in (*ours, *oracles)] == [0] * 2 * len(SEEDS)
    assert [each.in_time_stored for each in ours] == [each.in_time for each in ours]
    assert all(each.in_time > POLLS // 3 and each.late > POLLS // 5 for each in ours)
    assert share >= SHARE_MIN


def test_a_run_can_be_repeated() -> None:
    """The same seed gives the same verdict to the last figure."""
    assert simulated(100, 5) == simulated(100, 5)


def test_bare_pymodbus_books_late_answers_as_others() -> None:
    """What the defence is for: without it values are wrong."""
    assert bare_pymodbus(POLLS, 1) > 0


@pytest.mark.parametrize("condition", [Impatient, Trusting])
def test_the_judge_sees_a_broken_condition(condition: type[Impatient | Trusting]) -> None:
    """Without doubt about older requests wrong values are stored, and counted."""
    assert simulated(POLLS, 1, condition).wrong_values > 0


def test_the_judge_sees_a_broken_framing() -> None:
    """Impatience with answers of any length gives more wrong values than impatience alone."""
    assert simulated(POLLS, 1, Impatient, AnyLength).wrong_values > simulated(POLLS, 1, Impatient).wrong_values


def _answered(found: Bench) -> tuple[int, Reading]:
    """One block of the first meter asked on the line and answered in time, and the reading that ought to be stored of it."""
    station = found.stations[0]
    block = station.blocks("power")[0]
    found.line.master_sends(0, rtu_frame(1, encode_request(ReadRequest(block.function, block.address, block.count))))
    while not found.line.truth:
        found.line.advance(found.line.next_event_us() or 0)
    reply = found.line.truth[0]
    assert reply.ended_us is not None
    words = tuple(int.from_bytes(reply.said[index : index + 2], "big") for index in range(2, len(reply.said), 2))
    values, _ = station.decoded(block, words)
    return reply.ended_us, Reading("m1", 1, 0, reply.ended_us // 1000, values, {})


def test_the_judge_accepts_what_was_said() -> None:
    """The true answer, stored at its time, is right."""
    found = bench(_seed_in_time())
    at_us, reading = _answered(found)
    found.stored.append((at_us, reading))

    verdict = judge(found, 1.0)
    assert (verdict.stored_values, verdict.wrong_values) == (len(reading.values), 0)


def _seed_in_time() -> int:
    for seed in range(20):
        found = bench(seed)
        _answered(found)
        if not found.line.truth[0].late:
            return seed
    raise AssertionError("no seed of twenty gives an answer in time")


@pytest.mark.parametrize("what", ["value", "register", "meter", "twice", "old", "from the future", "overtaken", "late", "never said"])
def test_the_judge_refuses(what: str) -> None:
    """Each way in which a stored value can be wrong is seen."""
    found = bench(_seed_in_time())
    at_us, reading = _answered(found)
    reply = found.line.truth[0]
    first, *others = reading.values
    readings = [reading]
    if what == "value":
        readings = [reading._replace(values={first: reading.values[first] + 1})]
    elif what == "register":
        readings = [reading._replace(values={first: reading.values[others[0]]})]
    elif what == "meter":
        readings = [reading._replace(meter=f"m{METERS}")]
    elif what == "twice":
        readings = [reading, reading]
    elif what == "old":
        at_us += 5_000_000
        readings = [reading._replace(time_ms=at_us // 1000)]
    elif what == "from the future":
        at_us -= 5_000
    elif what == "overtaken":
        found.line.truth[0] = reply._replace(overtaken=True)
    elif what == "late":
        found.line.truth[0] = reply._replace(ended_us=(reply.ended_us or 0) + 400_000)
        at_us += 400_000
        readings = [reading._replace(time_ms=at_us // 1000)]
    else:
        found.line.truth.clear()
    found.stored += [(at_us, each) for each in readings]

    assert judge(found, 1.0).wrong_values > 0


def test_an_answer_that_was_not_stored_is_missed() -> None:
    """An in-time answer to a wanted read counts although nothing was stored of it."""
    found = bench(_seed_in_time())
    _answered(found)
    reply = found.line.truth[0]
    found.line.truth.append(reply._replace(station="m2", ended_us=(reply.ended_us or 0) + 10_000_000))

    verdict = judge(found, 1.0)
    assert (verdict.in_time, verdict.in_time_stored) == (1, 0)


def test_at_line_speed_over_a_real_terminal_nothing_wrong_is_stored() -> None:
    """The same owner through the kernel and pymodbus' own serial client."""
    verdict = real(REAL_POLLS, 1)

    assert verdict.polls >= REAL_POLLS
    assert verdict.stored_values > 0
    assert verdict.wrong_values == 0
