"""A station whose map must be found first: where a SunSpec device has its model is asked before anything else is read.

It is asked again when the device refuses a read that was good before: a new firmware may have moved the map.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway.acquire.station import Station, StationSpec
from gateway.acquire.wants import ENERGY, FACTS, POWER, wants
from gateway.interfaces import Memory
from protocols.pdu import ReadRequest
from protocols.plan import Block
from protocols.register import span
from protocols.sunspec import Walk, placed

log = logging.getLogger(__name__)


class SunSpecStation(Station):
    def __init__(self, spec: StationSpec, memory: Memory | None = None, now_ms: int = 0) -> None:
        super().__init__(spec, memory, now_ms)
        self._walk: Walk | None = Walk()

    @property
    def needs_facts(self) -> bool:
        """Until the walk along the chain is over."""
        return self._walk is not None

    def blocks(self, pace: str) -> tuple[Block, ...]:
        if pace != FACTS:
            return super().blocks(pace)
        return () if self._walk is None or self._walk.request is None else (_block(self._walk.request),)

    def ordered(self, pace: str) -> Iterable[Block]:  # type: ignore[override]  # each step of the walk depends on the one before
        return self._steps() if pace == FACTS else super().ordered(pace)

    def _steps(self) -> Iterator[Block]:
        while self._walk is not None and self._walk.request is not None:
            yield _block(self._walk.request)

    def learn_facts(self, block: Block, words: tuple[int, ...]) -> bool:
        if self._walk is not None and self._walk.request is not None and block == _block(self._walk.request):
            self._walk.answered(words)
            self._settle(self._walk)
        return False

    def learn_refusal(self, block: Block, reason: str, *, sure: bool) -> None:
        if block.rows:
            self._walk = Walk()
            super().learn_refusal(block, reason, sure=sure)
        elif not sure and block not in self._doubted:
            self._doubted.add(block)  # it may have been an older request's
        elif self._walk is not None:
            self._walk.refused()
            self._settle(self._walk)

    def _settle(self, walk: Walk) -> None:
        """The map is where the walk found it; where it found none the file's own place is tried."""
        if walk.request is not None:
            return
        self._walk = None
        meter = placed(self.spec.meter, walk.models)
        if meter is None:
            log.warning("%s has no SunSpec model of %s; the address in the file is tried", self.name, self.spec.meter.name)
            return
        if meter.base != self.spec.meter.base:
            self.spec = replace(self.spec, meter=meter)
            self._wants = {pace: wants(meter, pace, self.spec.counted) for pace in (POWER, ENERGY, FACTS)}
            self._needed = {(row.function, address) for row in meter.rows for address in range(*span(row))}
            self._holes = list(meter.holes)
            self._refused.clear()
            self._plans.clear()


def _block(request: ReadRequest) -> Block:
    return Block(request.function, request.address, request.count, ())
