"""What one poll of one meter brings, while it is under way and when it is done."""

from collections.abc import Iterable
from typing import NamedTuple

from gateway.clock import Instant
from protocols.errors import MeterRefused, ProtocolError
from protocols.pdu import ACKNOWLEDGE, BUSY, ILLEGAL_ADDRESS
from protocols.plan import Block


class PollResult(NamedTuple):
    """For a person who asked. `reason` is "" where `ok`; values are inner thousandths.

    `heard`: the meter answered every request, be it with a refusal.
    """

    meter: str
    ok: bool
    reason: str
    instant: Instant
    turnaround_ms: int | None
    values: dict[str, int]
    missing: dict[str, str]
    heard: bool = False


class Poll:
    def __init__(self, meter: str, pace: str, blocks: Iterable[Block], refused: dict[str, str]) -> None:
        """`refused` are quantities that the meter is known not to give."""
        self.meter = meter
        self.pace = pace
        self.values: dict[str, int] = {}
        self.missing: dict[str, str] = dict(refused)
        self.instant: Instant | None = None  # of the first good answer
        self.turnaround_ms: int | None = None  # the longest
        self.failure: ProtocolError | None = None
        self.age_ms = 0  # by which the counters are older than the answer that brought them
        self._again = False
        self._wanted = [row.quantity for block in blocks for row in block.rows]

    @property
    def complete(self) -> bool:
        """False if another try may bring more."""
        return self.failure is None and not self._again

    def took(self, instant: Instant, values: dict[str, int], missing: dict[str, str], turnaround_us: int) -> None:
        self.instant = self.instant or instant
        self.values.update(values)
        self.missing.update(missing)
        self.turnaround_ms = max(self.turnaround_ms or 0, round(turnaround_us / 1000))

    def forget(self) -> None:
        """What was taken so far is not what was asked for."""
        self.values.clear()
        self.missing.clear()
        self.instant = None

    def was_refused(self, block: Block, refusal: MeterRefused) -> None:
        self.missing.update({row.quantity: refusal.reason for row in block.rows})
        self._again |= refusal.code in (ACKNOWLEDGE, BUSY, ILLEGAL_ADDRESS)

    def fail(self, error: ProtocolError) -> None:
        """The poll ends here: what is not read yet is missing for this reason."""
        self.failure = error
        for quantity in self._wanted:
            if quantity not in self.values:
                self.missing.setdefault(quantity, error.reason)

    def result(self, now: Instant) -> PollResult:
        ok = self.failure is None and bool(self.values)
        reason = self.failure.reason if self.failure else "" if ok else next(iter(self.missing.values()), "no_value")
        return PollResult(self.meter, ok, reason, self.instant or now, self.turnaround_ms, self.values, self.missing, self.failure is None)


def merged(results: list[PollResult]) -> PollResult:
    """One result of the polls of one meter at its paces; ok if it was heard each time and gave anything at all."""
    first = results[0]
    failed = next((each for each in results if not each.heard), None)
    values = {quantity: value for each in results for quantity, value in each.values.items()}
    missing = {quantity: why for each in results for quantity, why in each.missing.items() if quantity not in values}
    turnarounds = [each.turnaround_ms for each in results if each.turnaround_ms is not None]
    longest = max(turnarounds, default=None)
    ok = failed is None and bool(values)
    reason = failed.reason if failed else "" if ok else first.reason
    return PollResult(first.meter, ok, reason, first.instant, longest, values, missing, failed is None)
