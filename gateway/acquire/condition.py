"""What one meter on the wire is fit for: asked now, left alone to finish a late answer, or given up for a while.

A meter answers its requests in order. So after a time-out one answer may still be on its way, and as long
as it may, the meter is left alone (draining): whatever it says then is late. When the wait is over without
it, the next request must have another length: its answer proves that nothing older can follow, and cannot
be mistaken for it. Pure: instants are seconds handed in, on whatever clock the caller lives by.
"""

from collections import deque
from dataclasses import replace

from gateway.acquire.turnaround import Turnaround
from gateway.status import PollCounters
from protocols.errors import LineNoise, MeterRefused, ProtocolError
from protocols.pdu import ACKNOWLEDGE, BUSY, GATEWAY_REFUSALS, REFUSED, TOO_SHORT, Request, function_of, reply_pdu_length

# The latest answers reported from the field come about 3 s after the time-out (gateways that queue), and take wire time.
LATE_S_MAX = 3.2
# No answer is this late: what was asked longer ago is not waited for any more.
FORGOTTEN_S = 30.0
# Noise in place of an answer was most likely the answer, damaged: the meter is done and may be asked soon.
NOISE_S = 0.05
# One or two lost frames are noise, and late answers may be damaged by the next meter's; five in a row are a meter that is not there.
ABSENT_AFTER = 5
# An absent meter is asked again after 5, 10, 20 ... s, at least every five minutes: who repairs it wants to see it soon.
BACKOFF_S_MIN = 5.0
BACKOFF_S_MAX = 300.0
BUSY_S = 1.0  # a meter that says it is busy (flash write, ratio change) is done within about a second
RECENT_POLLS = 20  # what flaky and slow are judged by
FLAKY_FAILURES = 2  # of the recent polls: one in ten
SLOW_US = 500_000  # an answer that takes half a second holds up the line for everyone

_KINDS: tuple[tuple[type[ProtocolError], str], ...] = (
    (LineNoise, "noise"),
    (ProtocolError, "timeouts"),
)


class Condition:
    def __init__(self, turnaround: Turnaround) -> None:
        self.turnaround = turnaround
        self.counters = PollCounters()
        self._recent: deque[str] = deque(maxlen=RECENT_POLLS)  # "ok", "failed" or "late"
        self._lengths: set[int] = set()  # reply lengths of requests that may still be answered
        # Whoever used the wire before us may have left a request unanswered, of any length.
        self.unknown_past = True
        self._unanswered: Request | None = None
        self._ready_at = 0.0
        self._failed_at = 0.0
        self._failures = 0
        self.reason = ""

    @property
    def ready_at(self) -> float:
        return self._ready_at

    @property
    def missing(self) -> Request | None:
        """The last request, if its answer has not been heard."""
        return self._unanswered

    @property
    def absent(self) -> bool:
        return self._failures >= ABSENT_AFTER

    @property
    def state(self) -> str:
        if not self._recent:
            return "waiting"
        if self.absent:
            return "absent"
        if self._recent.count("failed") >= FLAKY_FAILURES:
            return "flaky"
        return "slow" if "late" in self._recent or self.turnaround.slow_us >= SLOW_US else "ok"

    def suspect(self, length: int) -> bool:
        """Whether a reply PDU of `length` could be the answer to an older request."""
        return self.unknown_past or self.unanswered(length)

    def unanswered(self, length: int) -> bool:
        """Whether a request of ours with that reply length may still be answered."""
        return length in self._lengths

    @property
    def in_doubt(self) -> bool:
        """Whether any older request may still be answered; an exception reply, which has no length of its own, may be that answer."""
        return self.unknown_past or bool(self._lengths)

    def answered(self, request: Request, turnaround_us: int) -> None:
        """A good answer to a request whose length was not suspect: nothing older can follow."""
        self.turnaround.add(turnaround_us)
        self._count("answers")
        # After a stranger it may have been the answer to the stranger's request of the same length: then ours is still to come.
        self._in_step({reply_pdu_length(request)} if self.unknown_past else set())

    def refused(self, request: Request, refusal: MeterRefused, now: float) -> None:
        """An exception reply is an answer: the meter is there, unless a gateway says that it is not.

        In doubt it may be an older request's: then ours is still to come.
        """
        self._count("exceptions")
        if refusal.code in GATEWAY_REFUSALS:
            self._missed(refusal.reason, now, BUSY_S)  # nothing is on its way: the gateway has waited for it
            return
        self._in_step({reply_pdu_length(request)} if self.in_doubt else set())
        self.reason = refusal.reason
        if refusal.code in (ACKNOWLEDGE, BUSY):
            self._ready_at = now + BUSY_S

    def failed(self, request: Request, error: ProtocolError, now: float) -> None:
        self._count(next(name for kind, name in _KINDS if isinstance(error, kind)))
        self._unanswered = request
        if now - self._failed_at > FORGOTTEN_S:
            self._lengths.clear()
        self._failed_at = now
        self._lengths.add(reply_pdu_length(request))
        self._missed(error.reason, now, NOISE_S if isinstance(error, LineNoise) else LATE_S_MAX)

    def _missed(self, reason: str, now: float, wait: float) -> None:
        """Not there this time; who is missed too often is asked ever less often."""
        self._recent.append("failed")
        self._failures += 1
        self.reason = reason
        if self.absent:
            wait = max(wait, min(BACKOFF_S_MAX, BACKOFF_S_MIN * 2 ** min(self._failures - ABSENT_AFTER, 10)))
        self._ready_at = now + wait

    def late(self, pdu: bytes, now: float) -> None:
        """A frame of this meter that nobody waits for; the one that was missed ends the draining at once."""
        if self._unanswered is None or not _fits(self._unanswered, pdu):
            self._count("wrong_answers")
            return
        self._count("late_replies")
        if _is_refusal(pdu) and len(self._lengths) > 1:
            return  # whose of the unanswered requests it refuses cannot be told
        self.turnaround.late()
        self._unanswered = None
        self._lengths.clear()
        self._failures = 0
        self._ready_at = now
        self._recent.append("late")

    def reopened(self) -> None:
        """The line was away: what was asked before may be answered now, and somebody else may have asked."""
        self.unknown_past = True

    def perhaps_spoken(self, now: float) -> None:
        """What looks like the head of the missing answer was heard, damaged. The next request will show whether that was it."""
        if self._unanswered is not None and not self.absent:
            self._ready_at = min(self._ready_at, now + NOISE_S)

    def asked(self) -> None:
        self._count("requests")

    def wake(self, now: float) -> None:
        """A person wants it asked now: end the backoff, but not the wait for a late answer."""
        if self.absent:
            self._ready_at = min(self._ready_at, now + (0.0 if self._unanswered is None else LATE_S_MAX))

    def _in_step(self, lengths: set[int]) -> None:
        """`lengths` may still be answered."""
        self._recent.append("ok")
        self._lengths = lengths
        self.unknown_past = False
        self._unanswered = None
        self._failures = 0
        self.reason = ""

    def _count(self, name: str) -> None:
        self.counters = replace(self.counters, **{name: getattr(self.counters, name) + 1})


def _fits(request: Request, pdu: bytes) -> bool:
    """Whether `pdu` is what an answer to `request` looks like."""
    if pdu[0] & ~REFUSED != function_of(request):
        return False
    return _is_refusal(pdu) or reply_pdu_length(request) in (TOO_SHORT, len(pdu))


def _is_refusal(pdu: bytes) -> bool:
    return len(pdu) == 2 and bool(pdu[0] & REFUSED)
