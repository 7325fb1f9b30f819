"""An asyncio event loop whose clock jumps to the next timer as soon as nothing else is to be done.

For `asyncio.Runner(loop_factory=SimulatedLoop)`. Time is whole microseconds, so a run is the same every time.
Nothing here may wait for the world: a thread or socket is served while the loop is otherwise idle for ever,
but while timers are pending it would find that time has flown.
"""

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

_MICROSECONDS = 1_000_000
# An executor thread that ends answers within this real time; longer means that nothing will ever happen.
_WORLD_SECONDS_MAX = 5.0


class SimulationStuckError(RuntimeError):
    pass


class _JumpingSelector(selectors.BaseSelector):
    """Instead of waiting it moves the clock."""

    def __init__(self) -> None:
        self.now_us = 0
        self._real = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._real.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is not None:
            self.now_us += max(1, round(timeout * _MICROSECONDS))
            return ready
        ready = self._real.select(_WORLD_SECONDS_MAX)
        if not ready:
            raise SimulationStuckError("every task waits and no timer is set: the simulation would stand still for ever")
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_us / _MICROSECONDS

    @property
    def now_us(self) -> int:
        return self._jumping.now_us
