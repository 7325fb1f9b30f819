"""Takes stored documents to another system, in order, and goes on where it was after any outage. Knows no system and no protocol.

Nothing is queued in memory: one page at a time is read from the store when the system has taken the one before.
So an outage of any length costs no memory, holds up nobody, and loses nothing that the store still has.
Bounds: a document may come twice (up to SAVE_S of them after a power cut); one that the system itself rejects is
tried REJECTED_MAX times and then set aside with a sentence, so that the others pass.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from gateway.deliver.backoff import full_jitter_s
from gateway.deliver.sender import Stop
from gateway.deliver.sinks.position_file import PositionFile
from gateway.deliver.sinks.sink import AwayError, Document, RejectedError, Sink
from gateway.interfaces import Filter, RecordSource
from gateway.status import ForwardStatus

log = logging.getLogger(__name__)

REACHABLE, UNREACHABLE = "reachable", "unreachable"
LOOK_S = 1.0  # records are committed every ten seconds; looking costs a query of an index per kind
SAVE_S = 10.0  # a card is spared: what was delivered since may come twice after a power cut
WAIT_S_MAX = 60.0  # a broker on the same LAN is asked again within a minute of its return
REJECTED_MAX = 5  # with backoff about half a minute: a receiver that is being updated is back by then


class Forwarder:
    def __init__(
        self,
        sink: Sink,
        source: RecordSource,
        head: Callable[[], int],
        positions: PositionFile,
        *,
        random: Callable[[], float],
        now_s: Callable[[], float],
    ) -> None:
        """`head` is the position of the newest record: where a system that is new here begins."""
        self._sink, self._source, self._head, self._file = sink, source, head, positions
        self._random, self._now_s = random, now_s
        self._size = sink.page_size
        self._failures = self._rejections = 0
        self._saved_s = now_s()
        self._positions: dict[str, int] = {}
        self._status = ForwardStatus(sink.name, UNREACHABLE, f"{sink.name} has not been tried yet.")

    @property
    def name(self) -> str:
        return self._sink.name

    def status(self) -> ForwardStatus:
        behind = self._head() - min(self._positions.values(), default=self._head())
        return replace(self._status, behind=max(behind, 0))

    def run(self, stop: Stop) -> None:
        """The body of the forwarder's thread."""
        try:
            while not stop.is_set():
                stop.wait(self._work_or_log())
        finally:
            self._sink.close()
            self._save(0.0)

    def _work_or_log(self) -> float:
        try:
            return self.work()
        except Exception:  # the thread's last line: a failing store or folder must not end forwarding until a restart
            log.exception("forwarding to %s failed inside the gateway", self._sink.name)
            return self._later("Forwarding failed inside the gateway, its log says why; it will be tried again.", None)

    def work(self) -> float:
        """Hand over what is there, one page of each kind; how many seconds to wait before the next call."""
        if not self._positions:
            self._begin()
        try:
            self._sink.refresh()
            moved = [self._page(kind) for kind in self._sink.kinds]
        except AwayError as away:
            return self._later(away.sentence, away.wait_s)
        self._failures = 0
        self._say(REACHABLE, "")
        self._save(SAVE_S)
        return 0.0 if any(moved) else LOOK_S

    def _begin(self) -> None:
        kept, head = self._file.load(), self._head()
        # A position beyond the newest record is that of another store: this one is new from its first record on.
        self._positions = {kind: position if (position := kept.get(kind, head)) <= head else 0 for kind in self._sink.kinds}

    def _page(self, kind: str) -> bool:
        """Whether there was something, and so may be more."""
        before, head = self._positions[kind], self._head()
        page = self._source.page(kind, before, self._size, Filter())
        documents = list(page.documents)
        waiting = next((index for index, each in enumerate(documents) if not self._sink.is_ready(each)), None)
        # Of this kind nothing is left below the newest record that there was before we asked.
        position = page.position if page.more else max(page.position, head)
        if waiting is not None:
            documents = documents[:waiting]
            position = documents[-1]["sequence"] if documents else before
        wanted = [each for each in documents if self._sink.wants(kind, each)]
        if wanted and not self._taken(kind, wanted):
            return True
        self._positions[kind] = position
        return bool(documents) or (page.more and waiting is None)

    def _taken(self, kind: str, documents: Sequence[Document]) -> bool:
        """False if a smaller page should be tried; True also for a single one that was given up."""
        try:
            self._sink.take(kind, documents)
        except RejectedError as rejected:
            if self._size > 1:
                self._size = max(1, self._size // 2)
                return False
            self._rejections += 1
            if self._rejections < REJECTED_MAX:
                raise AwayError(rejected.sentence) from rejected
            self._set_aside(kind, documents[0], rejected.sentence)
        else:
            self._status = replace(self._status, delivered=self._status.delivered + len(documents))
        self._rejections = 0
        self._size = min(self._sink.page_size, self._size * 2)
        return True

    def _set_aside(self, kind: str, document: Document, sentence: str) -> None:
        log.error("%s will not take record %s of %s, the next ones follow: %s", self._sink.name, document["sequence"], kind, sentence)
        self._status = replace(self._status, set_aside=self._status.set_aside + 1)

    def _later(self, sentence: str, wished_s: float | None) -> float:
        self._failures += 1
        self._say(UNREACHABLE, sentence)
        return max(full_jitter_s(self._failures, self._random, longest_s=WAIT_S_MAX), min(wished_s or 0.0, WAIT_S_MAX))

    def _say(self, state: str, sentence: str) -> None:
        if (state, sentence) != (self._status.state, self._status.sentence):
            log.info("%s %s: %s", self._sink.name, state, sentence or "ready")
        self._status = replace(self._status, state=state, sentence=sentence)

    def _save(self, every_s: float) -> None:
        if self._positions and self._now_s() - self._saved_s >= every_s:
            self._saved_s = self._now_s()
            try:
                self._file.save(self._positions)
            except OSError as error:  # a full disk is a state; the place is kept in memory meanwhile
                log.error("how far %s has got cannot be kept (%s)", self._sink.name, error.strerror)  # noqa: TRY400
