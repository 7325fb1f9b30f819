"""Holds what a master stored against what the line knows to be true. How it was polled is not known here."""

from dataclasses import dataclass

from protocols.pdu import ReadRequest
from tools.bench.late_line import Bench
from tools.factory.truth import Reply

# A poll of one meter: three blocks, each at most the time-out and its wire time.
POLL_US_MAX = 1_000_000

Truth = dict[tuple[int, int], Reply]


@dataclass(frozen=True)
class Verdict:
    """`in_time` are good answers to wanted reads within their time-out."""

    polls: int
    late: int
    stored_values: int
    wrong_values: int
    wrong_instants: int  # among them: right, but at another instant
    in_time: int
    in_time_stored: int
    good_per_s: float
    seconds: float


def judge(found: Bench, seconds: float, slack_us: int = 0) -> Verdict:
    """`slack_us`: how long bytes may take between line and master; in simulated time they take none.

    A value is right if it is what its meter said of its register, in time, once, in answer to the newest request on
    the line, and if it stands at the instant at which that was said.
    """
    truth = _truth(found)
    seen: set[tuple[int, int]] = set()
    booked: set[tuple[int, int, str]] = set()
    values = wrong = misdated = 0
    for at_us, reading in found.stored:
        number = _number(reading.meter)
        rows = {row.quantity: row for row in found.stations[number - 1].spec.meter.rows}
        for quantity, value in reading.values.items():
            values += 1
            key = (number, value & 0xFFFF)
            reply = truth.get(key)
            right = (
                reply is not None
                and value >> 16 == number << 9 | rows[quantity].address
                and (*key, quantity) not in booked
                and not reply.overtaken
                and _in_time(found, number, reply, slack_us)
            )
            if right and reply is not None and not _stands_where_said(reading.time_ms, at_us, reply, slack_us):
                right = False
                misdated += 1
            booked.add((*key, quantity))
            wrong += not right
            if right:
                seen.add(key)
    ends_us = max((reply.ended_us or 0 for reply in found.line.truth), default=0) - POLL_US_MAX  # the last poll was cut short
    wanted = [
        key
        for key, reply in truth.items()
        if _in_time(found, key[0], reply, -slack_us) and _is_block(found, key[0], reply.asked) and (reply.ended_us or 0) < ends_us
    ]
    late = sum(reply.late for reply in found.line.truth)
    return Verdict(
        found.requests, late, values, wrong, misdated, len(wanted), sum(key in seen for key in wanted), len(seen) / seconds, seconds
    )


def _number(meter: str) -> int:
    return int(meter.removeprefix("m"))


def _truth(found: Bench) -> Truth:
    """The answers by meter and number of the request; an answer of one register tells no number, but is never a wanted one."""
    return {(_number(reply.station), int.from_bytes(reply.said[4:6], "big")): reply for reply in found.line.truth if len(reply.said) > 4}


def _in_time(found: Bench, number: int, reply: Reply, slack_us: int) -> bool:
    """Whole at the master before its time-out. A meter that is still busy with an older request may be late without a fault."""
    if not reply.delivered or reply.ended_us is None:
        return False
    address, count = int.from_bytes(reply.asked[1:3], "big"), int.from_bytes(reply.asked[3:5], "big")
    allowed_us = found.stations[number - 1].timeout_s(ReadRequest(reply.asked[0], address, count)) * 1e6
    return reply.ended_us - reply.sent_at_us <= allowed_us + slack_us


def _stands_where_said(time_ms: int | None, at_us: int, reply: Reply, slack_us: int) -> bool:
    """The reading's instant is that of the first answer of its poll; the others came between it and the handing over."""
    assert time_ms is not None
    assert reply.ended_us is not None
    return time_ms * 1000 - 1000 - slack_us <= reply.ended_us <= at_us + 1 and at_us - time_ms * 1000 < POLL_US_MAX + slack_us


def _is_block(found: Bench, number: int, asked: bytes) -> bool:
    """Probes that only bring a meter back in step carry no wanted value."""
    place = (int.from_bytes(asked[1:3], "big"), int.from_bytes(asked[3:5], "big"))
    return place in {(block.address, block.count) for block in found.stations[number - 1].blocks("power")}
