"""When to send what: oldest first with a reserved share for the newest, again and again until the hub has it.

Works on an `Outbox`, a `HubClient` and an `Enrolment`; knows neither their files nor their bytes. It can
be stopped and started anywhere: what is not acknowledged is still in the outbox, and sending a batch
twice changes nothing at the hub.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

from gateway.deliver.answer import Answer, Verdict, holds
from gateway.deliver.backoff import LONGEST_S, full_jitter_s
from gateway.deliver.client import HubClient
from gateway.deliver.enrolment import Enrolment
from gateway.interfaces import Outbox
from protocols.batch import PackedBatch
from protocols.reading import iso

log = logging.getLogger(__name__)

REACHABLE, UNREACHABLE, REFUSING = "reachable", "unreachable", "refusing"

WINDOW = 4  # batches fetched at once: some 3 MB each in memory, and one that fails still leaves others to try
NEWEST_EVERY = 4  # while a backlog drains one push in four is for the newest batch: a central screen stays live
IDLE_S = 1.0  # how late a fresh batch may leave; looking costs one indexed query
# Certificates, tokens and the dates of records all suffer from a wrong clock; the header has whole seconds, and the answer was on its way.
SKEW_MS_MAX = 60_000
REFUSED_WAIT_S = 60.0  # only a person can help: look now and then whether he has


@dataclass(frozen=True)
class DeliveryStatus:
    """What the sender adds to `OutboxStatus`; the counts are those since start."""

    hub: str
    sentence: str
    last_acknowledged_ms: int | None = None
    batches_acknowledged: int = 0
    records_acknowledged: int = 0
    batches_refused: int = 0


class Stop(Protocol):
    """A `threading.Event`, or what a test puts in its place."""

    def is_set(self) -> bool: ...

    def wait(self, timeout: float | None = None) -> bool: ...


class Sender:
    def __init__(
        self,
        outbox: Outbox,
        client: HubClient,
        enrolment: Enrolment,
        *,
        now_ms: Callable[[], int],
        random: Callable[[], float],
        wall_ms: Callable[[], int] | None = None,
    ) -> None:
        """`wall_ms` is the clock of this machine, which is compared with the hub's; `now_ms` may run in simulated time."""
        self._outbox = outbox
        self._client = client
        self._enrolment = enrolment
        self._now_ms = now_ms
        self._random = random
        self._wall_ms = wall_ms or now_ms
        self._skew = ""
        self._status = DeliveryStatus(UNREACHABLE, f"{client.url} has not been asked yet.")
        self._failures = 0  # in a row, of any batch: the link's backoff
        self._failed: dict[int, int] = {}  # by number: one that fails does not keep the others waiting
        self._live = 0  # the highest number sent so far
        self._declined = ""  # the one-time token that the hub did not take

    def status(self) -> DeliveryStatus:
        return self._status

    def run(self, stop: Stop) -> None:
        """The body of the sender's thread."""
        try:
            while not stop.is_set():
                stop.wait(self._work_or_log())
        finally:
            self._client.close()

    def _work_or_log(self) -> float:
        try:
            return self.work()
        except OSError as error:  # our own disk: every error of the way to the hub is an answer
            return self._later(UNREACHABLE, f"What the hub has cannot be noted here ({error}); it is sent again when there is room.")
        except Exception:  # the thread's last line: a failing store or folder must not end delivery until a restart
            log.exception("sending to the hub failed inside the gateway")
            return self._later(UNREACHABLE, "Sending failed inside the gateway, its log says why; it will be tried again.")

    def work(self) -> float:
        """Send what can be sent now; how many seconds to wait before the next call."""
        bearer, wait_s = self._bearer()
        if bearer is None:
            return wait_s
        idle = True
        for batch in self._turns():
            idle = False
            delay_s = self._settle(batch, self._client.push(batch, bearer))
            if delay_s is not None:
                return delay_s
        return IDLE_S if idle else 0.0

    def _turns(self) -> Iterator[PackedBatch]:
        """A window of the oldest, those that failed least first; among them whatever is newer than all sent so far."""
        window = sorted(self._outbox.waiting(WINDOW), key=lambda batch: (self._failed.get(batch.number, 0), batch.number))
        self._failed = {batch.number: self._failed[batch.number] for batch in window if batch.number in self._failed}
        sent = set()
        for turn, batch in enumerate(window):
            newest = self._outbox.newest() if turn % NEWEST_EVERY == 0 else None
            if newest is not None and newest.number > self._live and newest.number != batch.number:
                sent.add(newest.number)
                yield newest
            if batch.number not in sent:
                yield batch

    def _settle(self, batch: PackedBatch, answer: Answer) -> float | None:
        """Book the answer; None if the next batch may follow at once, else the seconds to wait."""
        self._live = max(self._live, batch.number)
        self._compare_clocks(answer.time_ms)
        if answer.verdict is Verdict.ACCEPTED and not holds(answer.document, batch.number):
            answer = Answer(Verdict.AGAIN, f"{self._client.url} answers without confirming batch {batch.number}; is it a Shiftwatt hub?")
        if answer.verdict is Verdict.ACCEPTED:
            self._acknowledge(batch)
            return None
        if answer.verdict is Verdict.REFUSED and not batch.is_tombstone:  # a tombstone must not be buried in turn, for ever
            self._refuse(batch, answer.sentence)
            return None
        self._failed[batch.number] = self._failed.get(batch.number, 0) + 1
        if answer.verdict is Verdict.UNAUTHORISED:
            return self._wait_for_a_person(answer.sentence)
        state = REFUSING if answer.verdict is Verdict.REFUSED else UNREACHABLE
        return self._later(state, answer.sentence, answer.wait_s)

    def _acknowledge(self, batch: PackedBatch) -> None:
        # Only what was sent just now: a hub restored from a backup, or a foreign one, may name
        # numbers whose contents it has never compared with ours.
        now_ms = self._now_ms()
        self._outbox.acknowledge([batch.number], now_ms)
        self._failures = 0
        self._failed.pop(batch.number, None)
        records = 0 if batch.is_tombstone else batch.last_sequence - batch.first_sequence + 1
        self._status = replace(
            self._status,
            hub=REACHABLE,
            sentence=self._skew,
            last_acknowledged_ms=now_ms,
            batches_acknowledged=self._status.batches_acknowledged + 1,
            records_acknowledged=self._status.records_acknowledged + records,
        )

    def _refuse(self, batch: PackedBatch, sentence: str) -> None:
        log.error("batch %d is refused for good and kept here: %s", batch.number, sentence)
        self._outbox.refuse(batch.number, sentence)
        self._failures = 0
        self._say(REACHABLE, f"Batch {batch.number} was refused for good and is kept here. {sentence}")
        self._status = replace(self._status, batches_refused=self._status.batches_refused + 1)

    def _compare_clocks(self, hub_ms: int | None) -> None:
        """A wrong clock is said, and is no reason to stop: records are dated anew when the clock is set right."""
        if hub_ms is None:
            return
        own_ms = self._wall_ms()
        before = self._skew
        self._skew = _skew_sentence(own_ms, hub_ms) if abs(own_ms - hub_ms) > SKEW_MS_MAX else ""
        if self._skew and not before:
            log.warning(self._skew)

    def _bearer(self) -> tuple[str | None, float]:
        """The token to send with, enrolling first if a new one-time token is there; else the seconds to wait."""
        bearer, invitation = self._enrolment.bearer(), self._enrolment.invitation()
        if invitation is None or (bearer is not None and invitation == self._declined):
            return bearer, 0.0 if bearer else self._wait_for_a_person(self._how_to_enrol())
        answer = self._client.enrol(self._enrolment.request(invitation))
        token = answer.document.get("token")
        if answer.verdict is Verdict.ACCEPTED and isinstance(token, str) and token:
            self._enrolment.keep(invitation, token)
            self._say(REACHABLE, self._skew)
            return token, 0.0
        if answer.verdict is Verdict.AGAIN or answer.verdict is Verdict.ACCEPTED:
            return None, self._later(
                UNREACHABLE, answer.sentence or f"{self._client.url} enrols without giving a token; is it a Shiftwatt hub?"
            )
        self._declined = invitation
        return bearer, self._wait_for_a_person(answer.sentence)

    def _how_to_enrol(self) -> str:
        file = self._enrolment.invitation_file or "the file named by [upstream] enrol_token_file"
        return (
            f"This gateway is not enrolled at {self._client.url}: put the token that `shiftwatt hub enrol NAME` prints there into {file}."
        )

    def _wait_for_a_person(self, sentence: str) -> float:
        self._say(REFUSING, sentence)
        return REFUSED_WAIT_S

    def _later(self, state: str, sentence: str, wished_s: float | None = None) -> float:
        self._failures += 1
        self._say(state, sentence)
        return max(full_jitter_s(self._failures, self._random), min(wished_s or 0.0, LONGEST_S))

    def _say(self, hub: str, sentence: str) -> None:
        if (hub, sentence) != (self._status.hub, self._status.sentence):
            log.info("hub %s: %s", hub, sentence or "ready")
        self._status = replace(self._status, hub=hub, sentence=sentence)


def _skew_sentence(own_ms: int, hub_ms: int) -> str:
    minutes = abs(own_ms - hub_ms) // 60_000
    span = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"
    way = "ahead of" if own_ms > hub_ms else "behind"
    return (
        f"This gateway's clock is {span} {way} the hub's ({iso(own_ms // 1000 * 1000)} here, {iso(hub_ms)} there). "
        "Check that NTP works on both; delivery goes on."
    )
