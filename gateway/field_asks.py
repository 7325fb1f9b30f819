"""What other commands ask a running gateway to do on one of its lines: the control socket's table for `field_work`.

The line's polling pauses meanwhile. How far a long one is can be asked on the side.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from gateway import field_work
from gateway.acquire.master import WireClosed
from gateway.acquire.scan import BUDGET_S
from gateway.acquire.scan_result import Progress
from gateway.acquire.set_address import HAND_S, SettingRefused
from gateway.acquire.wire import Wire
from gateway.acquisition import Acquisition
from gateway.control import Ask, ControlError
from gateway.field_work import Target
from gateway.site import Site
from protocols.errors import ProtocolError
from protocols.meter import Meter
from protocols.pdu import ReadRequest

log = logging.getLogger(__name__)
# The command's own budget, what a proof and an identification under way take, and a person at the meter twice.
EXTRA_S = 30.0
FIELD_ASKS = ("scan", "set_address", "read_raw", "progress")


class FieldAsks:
    def __init__(self, site: Site, models: Mapping[str, Meter], acquisition: Acquisition) -> None:
        self._site = site
        self._models = models
        self._acquisition = acquisition
        self._said: dict[str, dict[str, Any]] = {}  # by line: share and sentences of what is under way

    def asks(self) -> dict[str, Ask]:
        return dict(zip(FIELD_ASKS, (self.scan, self.set_address, self.read_raw, self.progress), strict=True))

    def progress(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._said.get(str(request["line"]), {"share": 0.0, "sentences": []})

    def scan(self, request: Mapping[str, Any]) -> dict[str, Any]:
        target = self._target(request)

        def say(progress: Progress) -> None:
            self._said[target.line] = {"share": progress.share, "sentences": [progress.sentence]}

        async def work(wire: Wire) -> dict[str, Any]:
            return await field_work.scan(wire, target, self._models, self._site, request, say)

        return self._lent(target, work, float(request.get("budget_s") or BUDGET_S) + EXTRA_S)

    def set_address(self, request: Mapping[str, Any]) -> dict[str, Any]:
        target = self._target(request)
        said: list[str] = []
        self._said[target.line] = {"share": 0.0, "sentences": said}

        async def work(wire: Wire) -> dict[str, Any]:
            return await field_work.set_address(wire, target, self._models, request, said.append)

        return self._lent(target, work, 2 * HAND_S + EXTRA_S)

    def read_raw(self, request: Mapping[str, Any]) -> dict[str, Any]:
        target = self._target(request)
        wanted = ReadRequest(int(request["function"]), int(request["register"]), int(request["count"]))

        async def work(wire: Wire) -> dict[str, Any]:
            return {"words": await field_work.read_raw(wire, target, int(request["address"]), wanted)}

        return self._lent(target, work, EXTRA_S)

    def _target(self, request: Mapping[str, Any]) -> Target:
        line = next((line for line in self._site.line if line.name == request["line"]), None)
        if line is None:
            raise ControlError(f"the running gateway has no line {request['line']!r}; was the site file changed since it started?")
        return field_work.target_of(line)

    def _lent(self, target: Target, work: Callable[[Wire], Any], wait_s: float) -> dict[str, Any]:
        log.info("the line %s is lent to a command; its polling pauses", target.line)
        try:
            done: dict[str, Any] = self._acquisition.lend(target.line, work, wait_s)
        except (WireClosed, SettingRefused, ProtocolError) as error:
            raise ControlError(str(error)) from error
        except TimeoutError as error:
            raise ControlError(f"the line {target.line} was not done within {wait_s:.0f} s") from error
        finally:
            self._said.pop(target.line, None)
        return done
