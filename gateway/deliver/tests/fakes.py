"""Small working stand-ins for what deliver meets: an outbox in memory, a source in memory, a hub that says what it is told, a bad link."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import requests
import uvicorn
from requests.adapters import HTTPAdapter
from starlette.types import ASGIApp

from gateway.deliver.key import GatewayKey, gateway_key
from gateway.interfaces import METERS, Filter, Page
from protocols.batch import GENESIS, PackedBatch, SealedBatch, pack, seal, seal_tombstone
from protocols.reading import ClockSet, Event, Figure, Reading, Record, SiteDescription, iso, milliseconds_of

START_MS = milliseconds_of("2026-03-28T22:00:00Z")
STEP_MS = 10_000


def a_key(folder: Path, seed: int = 1) -> GatewayKey:
    return gateway_key(folder, lambda count: bytes([seed]) * count)


def reading(sequence: int, meter: str = "main", time_ms: int | None = START_MS) -> Reading:
    at = None if time_ms is None else time_ms + sequence * STEP_MS
    values = {"active_power": sequence * 1000, "active_energy_import": 10**9 + sequence}
    return Reading(meter, 1, sequence * STEP_MS, at, values, {"frequency": "exception_2"}, 35, sequence)


def records(first: int, count: int) -> list[Record]:
    """Mostly readings of two meters, and one of every other kind now and then."""
    return [_record(sequence) for sequence in range(first, first + count)]


def _record(sequence: int) -> Record:
    time_ms = START_MS + sequence * STEP_MS
    if sequence % 10 == 7:
        return Event("time_out", "press-1", "press-1 did not answer", 1, sequence * STEP_MS, time_ms, sequence)
    if sequence % 50 == 1:
        return SiteDescription(time_ms, {"meters": [{"meter": "main", "role": "import"}]}, sequence)
    if sequence % 50 == 2:
        return ClockSet(1, START_MS, time_ms, sequence)
    if sequence % 50 == 3:
        return Figure("night", time_ms - 28_800_000, time_ms, 1, time_ms, figure_document(time_ms - 28_800_000, time_ms), sequence)
    return reading(sequence, "main" if sequence % 2 else "press-1")


def figure_document(start_ms: int, end_ms: int) -> dict[str, Any]:
    return {
        "date": "2026-03-28",
        "shift": "night",
        "start": iso(start_ms),
        "end": iso(end_ms),
        "version": 1,
        "carbon": {"scope1_kg": "0.000000"},
    }


def chain(key: GatewayKey, batches: int, per_batch: int = 5, start: Callable[[int, int], list[Record]] = records) -> list[SealedBatch]:
    """A gap-free chain of sealed batches, numbers and sequences from 1."""
    made: list[SealedBatch] = []
    for number in range(1, batches + 1):
        first = (number - 1) * per_batch + 1
        previous = made[-1].hash if made else GENESIS
        made.append(seal(key.gateway, number, previous, START_MS + number * 60_000, start(first, per_batch), key.sign))
    return made


class FakeOutbox:
    def __init__(self, key: GatewayKey, batches: Sequence[SealedBatch] = ()) -> None:
        self.queue = {batch.number: batch for batch in batches}
        self.acknowledged: list[int] = []
        self.refused: dict[int, str] = {}
        self._key = key

    def waiting(self, count: int) -> Sequence[PackedBatch]:
        return [pack(self.queue[number]) for number in sorted(self.queue)[:count]]

    def newest(self) -> PackedBatch | None:
        return pack(self.queue[max(self.queue)]) if self.queue else None

    def acknowledge(self, numbers: Sequence[int], now_ms: int) -> None:
        for number in numbers:
            self.acknowledged.append(number)
            self.queue.pop(number, None)

    def refuse(self, number: int, reason: str) -> None:
        self.refused[number] = reason
        self.queue[number] = seal_tombstone(self.queue[number], reason, self._key.sign)


class FakeSource:
    """Documents in the order in which they were added; positions count from 1."""

    def __init__(self) -> None:
        self.documents: dict[str, list[dict[str, Any]]] = {METERS: [{"gateway": "gw-1", "meter": "main"}]}
        self.asked: list[tuple[str, int, int, Filter]] = []
        self.healthy = True

    def page(self, kind: str, after: int, limit: int, wanted: Filter) -> Page:
        self.asked.append((kind, after, limit, wanted))
        held = self.documents.get(kind, [])
        found = held[after : after + limit]
        return Page(found, after + len(found), more=after + len(found) < len(held))

    def batches(self, after: int, limit: int) -> Page:
        held = self.documents.get("batches", [])
        return Page(held[after : after + limit], min(after + limit, len(held)), more=after + limit < len(held))

    def completeness(self, from_ms: int | None, to_ms: int | None) -> dict[str, Any]:
        return {"complete": True, "gateways": []}

    def health(self) -> dict[str, Any]:
        return {"ok": self.healthy, "records": 12, "sentence": "not a number"}


class Request(NamedTuple):
    path: str
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {"Content-Type": "application/json"}


@contextmanager
def scripted_hub(reply: Callable[[Request], Reply]) -> Iterator[str]:
    """A real HTTP server that answers every POST with what `reply` returns; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = reply(Request(self.path, dict(self.headers), body))
            answer_with = self.send_response_only if "Date" in answer.headers else self.send_response
            answer_with(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    """The application on a real socket, in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


class LossyAdapter(HTTPAdapter):
    """A link that loses requests, loses answers, delivers twice and delivers late, by a seed."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.counts = dict.fromkeys(("lost request", "lost answer", "twice", "late", "good"), 0)
        self._random = random.Random(seed)
        self._late: list[tuple[requests.PreparedRequest, dict[str, Any]]] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        fate = self._random.choices(tuple(self.counts), weights=(1, 1, 1, 1, 4))[0]
        self.counts[fate] += 1
        if fate == "lost request":
            raise requests.ConnectionError("lost")
        if fate == "late":
            self._late.append((request, options))
            raise requests.ReadTimeout("late")
        if self._late and self._random.random() < 0.5:
            late, late_options = self._late.pop(self._random.randrange(len(self._late)))
            super().send(late, *args, **late_options).close()
        response = super().send(request, *args, **options)
        if fate == "lost answer":
            response.close()
            raise requests.ReadTimeout("lost answer")
        if fate == "twice":
            response.close()
            response = super().send(request, *args, **options)
        return response
