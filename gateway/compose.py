"""The composition root: the one place where real ports, files, clock, threads and stages meet.

`Gateway` is the whole running thing; `serve` runs it under a web server until it is told to stop.
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette

from gateway import catalogue, control, exchanging, importing, web
from gateway.acquire.poll import PollResult
from gateway.alarm_desk import AlarmDesk, sentence
from gateway.base_load import base_load
from gateway.buffer import series
from gateway.buffer.source import Description
from gateway.buffer.store import Store, StoreError
from gateway.clock import Clock, ScaledClock, SystemClock
from gateway.commission_desk import CommissionDesk
from gateway.declaring import DeclarationError
from gateway.deliver.key import GatewayKey, gateway_key
from gateway.delivery import Delivery
from gateway.field_asks import FIELD_ASKS
from gateway.folder import has_room
from gateway.inquiry import Inquiry
from gateway.language import language_of
from gateway.metering import Metering
from gateway.sealing import Pace
from gateway.shift_desk import ShiftDesk
from gateway.site import Site, is_counter
from gateway.status import GatewayStatus
from gateway.wear import Wear
from gateway.writer import Writer
from protocols.meter import Meter
from protocols.reading import Reading, iso, outside_values

log = logging.getLogger(__name__)

ROOM_WAIT_S = 2.0


def wait_for_room(folder: Path, stop: Callable[[], bool], say: Callable[[str], None]) -> None:
    """A full disk at the start is no reason to end: say so and go on as soon as there is room."""
    said = False
    while not has_room(folder) and not stop():
        if not said:
            said = True
            say(f"The disk of {folder} is full: nothing could be kept. Make room; shiftwatt goes on by itself as soon as there is some.")
        time.sleep(ROOM_WAIT_S)


class Gateway:
    """Made with everything opened, started once, stopped once. Is StatusSource and FigureSource for the pages."""

    def __init__(self, site: Site, models: Mapping[str, Meter], key: GatewayKey, clock: Clock, store: Store, speed: float = 1.0) -> None:
        self._clock = clock
        self._store = store
        self._started_ms = clock.now_ms()
        self._models = models
        self._speed = speed
        self._metering = self._metering_of(site)
        self._alarms = AlarmDesk(
            site,
            models,
            self.status,
            lambda now_ms: base_load(self._metering.site, store.reader(), now_ms),
            lambda event: store.add([event]),
            clock,
            store.boot,
            speed,
        )
        self._inquiry = Inquiry(store, lambda: self._metering, clock.now_ms)
        self._wear = Wear(site.data_folder, self._started_ms)
        self._delivery = Delivery(site, key, store, clock, self.status, self._standing_alarms)
        self._pace = Pace(time.monotonic, lambda: store.outbox.depth().batches, self._delivery.hub_takes)
        self._writer = Writer(store, self._metering.books, clock, self._pace.due, speed)
        self._commission = CommissionDesk(site, models, store, clock, lambda: self._metering, self.reload, self._writer.hurry)
        self._shifts = ShiftDesk(store, lambda: self._metering, self._writer.hurry)
        self._control = control.ControlServer(site.data_folder, self._asks())

    def _metering_of(self, site: Site) -> Metering:
        return Metering(site, self._models, self._clock, self._store, self._deliver, self._speed)

    def reload(self, site: Site) -> None:
        """Follow a changed site file: the lines are opened anew, and nothing that was read is lost. Not while a line is lent."""
        fresh = self._metering_of(site)
        self._metering.stop()
        fresh.start()
        self._metering = fresh
        self._alarms.follow(site, self._models)
        self._writer.keep(fresh.books)

    def start(self) -> None:
        self._writer.hurry()  # a changed site file is noted, and looked at, at once
        self._writer.start()
        self._metering.start()
        self._control.start()
        self._alarms.start()
        self._delivery.start()

    def stop(self) -> None:
        """In the order of the data: no new readings, a last commit, then the rest."""
        self._control.stop()
        self._alarms.stop()
        self._metering.stop()
        self._writer.stop()
        self._delivery.stop()
        self._store.close()

    def _deliver(self, reading: Reading) -> None:
        self._store.add([reading])
        if any(is_counter(quantity) for quantity in reading.values):
            self._pace.counters_came()
            self._writer.hurry()

    # --- what pages and the API ask

    def status(self) -> GatewayStatus:
        metering = self._metering
        return GatewayStatus(
            site=metering.site.site.name,
            time_ms=self._clock.now_ms(),
            started_ms=self._started_ms,
            boot=self._store.boot,
            meters=metering.meters(),
            lines=tuple(metering.acquisition.lines()),
            clock=self._clock.status(),
            outbox=self._delivery.outbox(),
            store=self._store.status(),
            wear=self._wear.status(),
            forwards=self._delivery.forwards(),
        )

    def figures(self, from_ms: int, to_ms: int, as_known_at_ms: int | None = None) -> list[dict[str, Any]]:
        return series.figures(self._store.reader(), from_ms, to_ms, as_known_at_ms)

    def _standing_alarms(self) -> list[dict[str, Any]]:
        words = language_of(self._metering.site.pages.language)
        return [
            {"key": each.key, "severity": each.severity, "since": iso(each.since_ms), "sentence": sentence(each, words)}
            for each in self._alarms.alarms()
        ]

    def application(self, closing: Callable[[], bool]) -> Starlette:
        sources = web.Sources(self._store.records, self, self, self._alarms, self._inquiry, self._commission, self._shifts)
        return web.application(self._metering.site, sources, self._clock.now_ms, closing)

    # --- what other commands ask

    def _asks(self) -> dict[str, control.Ask]:
        figures = {"import": self._ask_import, "declare": self._ask_declare, "counts": self._ask_counts}
        outbox = {"refused": self._ask_refused, "replay": self._ask_replay}
        field = {name: partial(self._ask_field, name) for name in FIELD_ASKS}
        return {**figures, **outbox, **field, "read": self._ask_read, "exchange": self._ask_exchange}

    def _ask_field(self, name: str, request: Mapping[str, Any]) -> dict[str, Any]:
        return self._metering.field.asks()[name](request)

    def _ask_read(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return poll_document(self._metering.acquisition.read_now(str(request["meter"])))

    def _ask_import(self, request: Mapping[str, Any]) -> dict[str, Any]:
        report = importing.Report()
        try:
            importing.take(self._store, [importing.from_json(cells) for cells in request["rows"]], report, self._clock.now_ms())
        except StoreError as error:
            raise control.ControlError(str(error)) from error
        self._writer.changed(report.changed_from_ms)
        self._writer.hurry()
        return {"known": report.known, "taken": report.taken, "conflicts": report.conflicts}

    def _ask_refused(self, _request: Mapping[str, Any]) -> dict[str, Any]:
        return {"refused": [each._asdict() for each in self._store.outbox.refused()]}

    def _ask_replay(self, request: Mapping[str, Any]) -> dict[str, bool]:
        return {"replayed": self._store.outbox.replay(int(request["number"]))}

    def _ask_declare(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Figures follow at the writer's next look."""
        try:
            answer = self._metering.declarations.declare(request["request"])
        except DeclarationError as error:
            raise control.ControlError(str(error)) from error
        self._writer.hurry()
        return answer._asdict()

    def _ask_exchange(self, request: Mapping[str, Any]) -> dict[str, Any]:
        return exchanging.answered(
            exchanging.of_own(self._metering.acquisition, self._metering.site.meter_named(str(request["meter"]))), request
        )

    def _ask_counts(self, _request: Mapping[str, Any]) -> dict[str, int]:
        """Requests, good answers and time-outs of all lines since the start."""
        counters = [line.counters for line in self._metering.acquisition.lines()]
        return {
            "polls": sum(each.requests for each in counters),
            "answers": sum(each.answers for each in counters),
            "timeouts": sum(each.timeouts for each in counters),
        }


def poll_document(result: PollResult) -> dict[str, Any]:
    """The changing part of one entry of `read --json`."""
    return {
        "ok": result.ok,
        "reason": result.reason or None,
        "time": None if result.instant.time_ms is None else iso(result.instant.time_ms),
        "turnaround_ms": result.turnaround_ms,
        "values": outside_values(result.values),
        "missing": result.missing,
    }


def open_clock(store: Store, speed: float, start_ms: int | None) -> Clock:
    """Simulated time where a speed or a start is given; else the system's, which cannot be older than what is stored."""
    if speed != 1.0 or start_ms is not None:
        return ScaledClock(speed, SystemClock().now_ms() if start_ms is None else start_ms)
    return SystemClock((series.span_ms(store.reader()) or (0, 0))[1])


def serve(
    site: Site, *, speed: float = 1.0, start_ms: int | None = None, ready: Callable[[Gateway, uvicorn.Server], None] | None = None
) -> None:
    """Run until SIGINT or SIGTERM. StoreError, KeyFileError, PortTakenError with their sentences before anything was started."""
    found = web.listening_socket(site.pages.listen)
    models = catalogue.meters(site.data_folder)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with found:
        wait_for_room(site.data_folder, stopped.is_set, log.error)
        key = gateway_key(site.data_folder)
        description = Description(site.site.name, key.public_key, site.poll.energy_interval_min * 60_000)
        store = Store(site.data_folder, key.gateway, key.sign, description, site.kept)
        clock = open_clock(store, speed, start_ms)
        gateway = Gateway(site, models, key, clock, store, speed)
        server: uvicorn.Server
        server = web.server(gateway.application(lambda: server.should_exit), site, clock.now_ms())
        if stopped.is_set():
            server.should_exit = True
        gateway.start()
        if ready is not None:
            ready(gateway, server)
        try:
            server.run(sockets=[found])
        finally:
            gateway.stop()
