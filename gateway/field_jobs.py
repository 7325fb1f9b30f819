"""Searches and settings of addresses that run in the background while pages show how far they are: at most one a line.

What is done on the wire is `field_asks`' matter; here is only that somebody waits for it.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from gateway.acquire.master import WireClosed
from gateway.commission_interface import Job, RefusedError
from gateway.control import ControlError
from gateway.field_asks import FieldAsks
from protocols.errors import NoAnswer

log = logging.getLogger(__name__)
SEARCH, SET_ADDRESS = "search", "set_address"
# Refusals say why themselves.
_WHY: Mapping[type[BaseException | None], str] = {WireClosed: "line_closed", TimeoutError: "late", NoAnswer: "silent"}


class FieldJobs:
    def __init__(self, asks: Callable[[], FieldAsks], now_ms: Callable[[], int]) -> None:
        self._asks, self._now_ms = asks, now_ms
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, kind: str, line: str, request: Mapping[str, Any]) -> int:
        """When it began; RefusedError while another one runs on that line."""
        with self._lock:
            if line in self._jobs and self._jobs[line].running:
                raise RefusedError("commission_refused.busy", line=line)
            job = self._jobs[line] = Job(kind, line, self._now_ms())
        threading.Thread(target=self._run, args=(kind, line, {"line": line, **request}), name=f"{kind} {line}", daemon=True).start()
        return job.began_ms

    def job(self, line: str) -> Job | None:
        job = self._jobs.get(line)
        if job is None or not job.running:
            return job
        said = self._asks().progress({"line": line})
        return replace(job, share=float(said["share"]), sentences=tuple(said["sentences"]))

    def _run(self, kind: str, line: str, request: Mapping[str, Any]) -> None:
        result, trouble, why = None, "", ""
        try:
            result = {SEARCH: self._asks().scan, SET_ADDRESS: self._asks().set_address}[kind](request)
        except ControlError as error:
            trouble, why = str(error), getattr(error.__cause__, "why", "") or _WHY.get(type(error.__cause__), "")
        except Exception as error:  # the person gets a sentence, the log the rest
            log.exception("%s on %s failed", kind, line)
            why = "gateway"
            trouble = f"this gateway failed at it ({type(error).__name__}); its log says why"
        with self._lock:
            was = self._jobs[line]
            self._jobs[line] = Job(kind, line, was.began_ms, False, 1.0, (), result, trouble, why, self._now_ms())  # noqa: FBT003
