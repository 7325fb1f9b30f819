"""Everything that leaves the gateway by itself: the sender to the hub and the forwarders to other systems, each in a thread of its own.

Made from the site's tables; what they do is `deliver`'s. None of them can hold up polling, the store or one another.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.clock import Clock, SystemClock
from gateway.deliver.client import HubClient
from gateway.deliver.enrolment import Enrolment
from gateway.deliver.key import GatewayKey
from gateway.deliver.sender import REACHABLE, DeliveryStatus, Sender
from gateway.deliver.sinks.forwarder import Forwarder
from gateway.deliver.sinks.influx import TABLE as INFLUX
from gateway.deliver.sinks.influx import Influx
from gateway.deliver.sinks.mqtt import Broker, Mqtt, Present
from gateway.deliver.sinks.position_file import PositionFile
from gateway.deliver.sinks.sink import Sink
from gateway.deliver.sinks.topics import Topics
from gateway.deliver.sinks.webhook import TABLE as WEBHOOK
from gateway.deliver.sinks.webhook import Webhook
from gateway.deliver.upstream import Upstream, open_session
from gateway.site import Site, UpstreamTable
from gateway.site_sinks import InfluxTable, WebhookTable
from gateway.status import ForwardStatus, GatewayStatus, OutboxStatus

# A shift of every day of the week, and the one that runs over into this week.
SHIFTS_SHOWN_MS = 8 * 86_400_000
# A thread may be in the middle of an answer it waits for; the process ends without it.
STOP_S = 5.0


class Delivery:
    def __init__(
        self,
        site: Site,
        key: GatewayKey,
        store: Store,
        clock: Clock,
        status: Callable[[], GatewayStatus],
        alarms: Callable[[], Iterable[Mapping[str, Any]]],
    ) -> None:
        self._site, self._key, self._store, self._clock = site, key, store, clock
        self._status, self._alarms = status, alarms
        self._stop = threading.Event()
        self._sender = self._make_sender() if site.upstream is not None else None
        self._forwarders = [self._forwarder(sink) for sink in self._sinks()]
        works = [("sender", self._sender)] if self._sender else []
        works += [(forwarder.name, forwarder) for forwarder in self._forwarders]  # type: ignore[misc]
        self._threads = [threading.Thread(target=work.run, args=(self._stop,), name=name, daemon=True) for name, work in works]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(STOP_S)

    def hub_takes(self) -> bool:
        return self._sender is not None and self._sender.status().hub == REACHABLE

    def outbox(self) -> OutboxStatus:
        depth = self._store.outbox.depth()
        if self._sender is None:
            said = DeliveryStatus("none", "No [upstream] is set: batches are sealed and kept here.")
        else:
            said = self._sender.status()
        return OutboxStatus(
            hub=said.hub,
            sentence=said.sentence,
            batches=depth.batches,
            records=depth.records,
            oldest_ms=depth.oldest_ms,
            last_acknowledged_ms=depth.last_acknowledged_ms,
            batches_acknowledged=depth.batches_acknowledged,
            records_acknowledged=depth.records_acknowledged,
            batches_refused=depth.refused,
        )

    def forwards(self) -> tuple[ForwardStatus, ...]:
        return tuple(forwarder.status() for forwarder in self._forwarders)

    def _make_sender(self) -> Sender:
        table = self._site.upstream
        assert table is not None
        client = HubClient(open_session(self._address(table, "[upstream]")), table.url)
        enrolment = Enrolment(self._site.data_folder, table.url, self._path(table.enrol_token_file), self._key)
        wall = SystemClock()
        return Sender(self._store.outbox, client, enrolment, now_ms=self._clock.now_ms, random=random.random, wall_ms=wall.now_ms)

    def _sinks(self) -> Iterator[Sink]:
        site = self._site
        if site.mqtt is not None:
            broker = Broker(site.mqtt.url, site.mqtt.user, self._path(site.mqtt.password_file), str(self._path(site.mqtt.ca_file) or ""))
            present = Present(self._status, self._newest_figures, self._alarms)
            prefix = site.mqtt.home_assistant_topic if site.mqtt.home_assistant else ""
            yield Mqtt(broker, Topics(site.mqtt.topic, site.site.name), self._key.gateway, present, home_assistant=prefix)
        if site.webhook is not None:
            yield Webhook(self._address(site.webhook, WEBHOOK), site.folder / site.webhook.secret_file, SystemClock().now_ms)
        if site.influx is not None:
            token = self._path(site.influx.token_file)
            yield Influx(self._address(site.influx, INFLUX), site.influx.org, site.influx.bucket, token, self._store.boot)

    def _forwarder(self, sink: Sink) -> Forwarder:
        positions = PositionFile(self._site.data_folder, sink.name)
        source = self._store.records
        return Forwarder(sink, source, source.newest, positions, random=random.random, now_s=time.monotonic)

    def _address(self, table: UpstreamTable | WebhookTable | InfluxTable, name: str) -> Upstream:
        return Upstream(table.url, str(self._path(table.ca_file) or ""), table.proxy, table.allow_plain_http, name)

    def _path(self, name: str) -> Path | None:
        return self._site.folder / name if name else None

    def _newest_figures(self) -> list[dict[str, Any]]:
        now_ms = self._clock.now_ms()
        return series.figures(self._store.reader(), now_ms - SHIFTS_SHOWN_MS, now_ms + 1)
