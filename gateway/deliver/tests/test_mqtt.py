"""MQTT against a real broker on a real socket: stream, retained state, last will, Home Assistant, outages, refusals."""

import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("amqtt", reason="amqtt, the broker of these tests, is not installed (extra test)")
paho = pytest.importorskip("paho.mqtt.client", reason="paho-mqtt is not installed (extra mqtt)")

from paho.mqtt.enums import CallbackAPIVersion  # noqa: E402 - only where it is installed

from gateway.deliver.sinks.mqtt import Broker, Mqtt, Present  # noqa: E402
from gateway.deliver.sinks.sink import AwayError  # noqa: E402
from gateway.deliver.sinks.topics import Topics, level  # noqa: E402
from gateway.deliver.tests.forwarding import Records, forwarder, until  # noqa: E402
from gateway.interfaces import EVENTS, READINGS  # noqa: E402
from gateway.status import ClockStatus, GatewayStatus, MeterStatus, OutboxStatus, StoreStatus  # noqa: E402

BASE = "shiftwatt/works"
WAIT_S = 10.0  # a broker on loopback answers in milliseconds; this is when a test gives up


_PROGRAM = """
import asyncio, json, sys
from amqtt.broker import Broker

async def main():
    await Broker(json.loads(sys.argv[1])).start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


class RunningBroker:
    """amqtt in a process of its own, which ends as in a power cut; it can be started again on its port."""

    def __init__(self, passwords: Path | None = None) -> None:
        with socket.create_server(("127.0.0.1", 0)) as found:
            self.port = found.getsockname()[1]
        plugins: dict[str, Any] = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": passwords is None}}
        if passwords is not None:
            plugins["amqtt.plugins.authentication.FileAuthPlugin"] = {"password_file": str(passwords)}
        self._config = {"listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{self.port}"}}, "plugins": plugins}

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", _PROGRAM, json.dumps(self._config)], stderr=subprocess.DEVNULL)
        end = time.monotonic() + 3 * WAIT_S
        while time.monotonic() < end:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.02)
        raise AssertionError("the broker did not start")

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningBroker]:
    found = RunningBroker()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def broker(shared: RunningBroker) -> Iterator[RunningBroker]:
    """Without anything retained by the test before."""
    yield shared
    cleaner = Listener(shared.port)
    cleaner.forget()
    cleaner.close()


class Listener:
    """A subscriber to everything: all messages in order, and the newest by topic."""

    def __init__(self, port: int, pattern: str = "#") -> None:
        self.messages: list[tuple[str, str, bool]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _d, each: self.messages.append((each.topic, each.payload.decode(), each.retain))
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(pattern, qos=1)
        self._client.loop_start()
        assert subscribed.wait(WAIT_S)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def forget(self) -> None:
        """Delete what the broker retains; all of it has arrived when an own message has."""
        self._client.publish("end", "", qos=1)
        self.expect(lambda: any(topic == "end" for topic, _, _ in self.messages))
        for topic in {topic for topic, _, was_retained in self.messages if was_retained}:
            self._client.publish(topic, b"", qos=1, retain=True).wait_for_publish(WAIT_S)

    def newest(self, topic: str) -> str | None:
        return next((payload for each, payload, _ in reversed(self.messages) if each == topic), None)

    def sequences(self, topic: str) -> list[int]:
        return [json.loads(payload)["sequence"] for each, payload, _ in list(self.messages) if each == topic]

    def expect(self, done: Callable[[], bool]) -> None:
        """Wait for the network; how long it takes is no part of any claim."""
        end = time.monotonic() + WAIT_S
        while not done():
            assert time.monotonic() < end, [topic for topic, _, _ in self.messages]
            time.sleep(0.01)


VALUES = {"active_power": 1_500_000, "active_energy_import": 7}
METER = MeterStatus("main", "m", "rs485-1", 1, "import", "", "", "ok", time_ms=1_774_735_200_000, values=VALUES)


class Site:
    """What is shown, for a test to change."""

    def __init__(self) -> None:
        store, outbox = StoreStatus("ok", "", "", 0, 0, None, 0, 0), OutboxStatus("none", "", 0, 0, None, None)
        self.status = GatewayStatus("works", 0, 0, 1, (METER,), (), ClockStatus("set", ""), outbox, store)
        self.alarms: list[dict[str, Any]] = []
        self.figures: list[dict[str, Any]] = [
            {"production_line": None, "shift": "night", "start": "2026-03-27T22:00:00Z", "state": "final"},
            {"production_line": "hall/1", "shift": "night", "start": "2026-03-28T22:00:00Z", "state": "running"},
            {"production_line": None, "shift": "night", "start": "2026-03-28T22:00:00Z", "state": "running"},
        ]

    def mqtt(self, broker: Broker, *, home_assistant: str = "") -> Mqtt:
        present = Present(lambda: self.status, lambda: self.figures, lambda: self.alarms)
        return Mqtt(broker, Topics("shiftwatt", "works"), "gw-1", present, home_assistant=home_assistant)


def test_stream_in_order_and_state_retained(tmp_path: Path, broker: RunningBroker) -> None:
    """Every record comes once, in order, as the read API shows it; a subscriber that comes later finds the present state, and no stream."""
    records, site = Records(), Site()
    listener = Listener(broker.port)
    sink = site.mqtt(Broker(broker.url))
    forward = forwarder(sink, records, tmp_path)
    forward.work()
    records.readings(450)
    records.figure("final")
    records.event("alarm_raised")
    until(lambda: forward.status().behind == 0, forward.work)
    listener.expect(lambda: len(listener.messages) >= 452 + 5)
    late = Listener(broker.port)
    late.expect(lambda: len(late.messages) >= 5)
    retained: dict[str, Any] = {topic: json.loads(payload) if payload.startswith("{") else payload for topic, payload, _ in late.messages}
    for each in (listener, late, sink):
        each.close()

    assert listener.sequences(f"{BASE}/readings/main") == list(range(1, 451))
    assert listener.sequences(f"{BASE}/figures") + listener.sequences(f"{BASE}/events") == [451, 452]
    assert json.loads(listener.newest(f"{BASE}/figures") or "") == records.all[450][1]
    assert sorted(retained) == [
        f"{BASE}/alarms", f"{BASE}/meters/main", f"{BASE}/shifts/hall%2F1/night", f"{BASE}/shifts/site/night", f"{BASE}/status",
    ]  # fmt: skip
    assert retained[f"{BASE}/meters/main"]["values"] == {"active_power": "1.500000", "active_energy_import": "0.000007"}
    assert retained[f"{BASE}/shifts/site/night"]["state"] == "running"
    assert retained[f"{BASE}/status"] == "online"
    assert all(was_retained for _, _, was_retained in late.messages)


def test_only_what_changed_is_published_again(broker: RunningBroker) -> None:
    """The present state is sent when it differs from what the broker has, and not otherwise."""
    site = Site()
    listener = Listener(broker.port)
    sink = site.mqtt(Broker(broker.url))
    sink.refresh()
    listener.expect(lambda: len(listener.messages) == 5)
    sink.refresh()
    site.alarms = [{"key": "absent:main", "sentence": "main does not answer"}]
    site.status = replace(site.status, meters=(replace(METER, state="absent", values={}),))
    sink.refresh()
    listener.expect(lambda: len(listener.messages) >= 7)
    listener.close()
    sink.close()

    assert [topic for topic, _, _ in listener.messages[5:]] == [f"{BASE}/meters/main", f"{BASE}/alarms"]
    assert json.loads(listener.newest(f"{BASE}/alarms") or "")["count"] == 1


@pytest.mark.parametrize("clean", [True, False])
def test_offline_is_said(broker: RunningBroker, clean: bool) -> None:
    """A gateway that stops says offline itself; one whose power fails leaves it to its last will."""
    listener = Listener(broker.port, f"{BASE}/status")
    sink = Site().mqtt(Broker(broker.url))
    sink.refresh()
    listener.expect(lambda: listener.newest(f"{BASE}/status") == "online")
    if not clean:
        assert sink._connection is not None
        sink._connection._client.socket().shutdown(socket.SHUT_RDWR)
        listener.expect(lambda: listener.newest(f"{BASE}/status") == "offline")
    sink.close()
    listener.expect(lambda: listener.newest(f"{BASE}/status") == "offline")
    listener.close()


def test_lost_connection_is_seen_while_nothing_changes(broker: RunningBroker) -> None:
    """The last will has said offline meanwhile; the next connection says online again, with the whole state."""
    listener = Listener(broker.port)
    sink = Site().mqtt(Broker(broker.url))
    sink.refresh()
    assert sink._connection is not None
    lost = sink._connection
    lost._client.socket().shutdown(socket.SHUT_RDWR)
    listener.expect(lambda: lost.is_lost and listener.newest(f"{BASE}/status") == "offline")
    with pytest.raises(AwayError, match="closed the connection"):
        sink.refresh()
    sink.refresh()
    listener.expect(lambda: listener.newest(f"{BASE}/status") == "online")
    listener.close()
    sink.close()

    assert [topic for topic, _, _ in listener.messages].count(f"{BASE}/meters/main") == 2


def test_outage_of_the_broker_loses_nothing(tmp_path: Path) -> None:
    """What comes while the broker is away is sent when it is back, and its state is whole again although it had forgotten everything."""
    records, site, broker = Records(), Site(), RunningBroker()
    broker.start()
    sink = site.mqtt(Broker(broker.url))
    forward = forwarder(sink, records, tmp_path)
    forward.work()
    records.readings(5)
    forward.work()
    broker.stop()
    records.readings(300)
    waits = [forward.work() for _ in range(3)]
    away = forward.status()
    broker.start()
    listener = Listener(broker.port)
    until(lambda: forward.status().behind == 0, forward.work)
    listener.expect(lambda: listener.newest(f"{BASE}/status") == "online" and len(listener.sequences(f"{BASE}/readings/main")) >= 300)
    for each in (listener, sink, broker):
        (each.stop if isinstance(each, RunningBroker) else each.close)()

    assert (away.state, away.behind, waits[0]) == ("unreachable", 300, 1.0)
    assert sorted(set(listener.sequences(f"{BASE}/readings/main"))) == list(range(6, 306))
    assert listener.newest(f"{BASE}/meters/main") is not None


def test_home_assistant_finds_meters_and_alarm(broker: RunningBroker) -> None:
    """Each quantity of a meter is announced with its class, unit and place; the alarm too; power measures and energy only rises."""
    listener = Listener(broker.port, "homeassistant/#")
    sink = Site().mqtt(Broker(broker.url), home_assistant="homeassistant")
    sink.refresh()
    listener.expect(lambda: len(listener.messages) >= 3)
    found = {topic: json.loads(payload) for topic, payload, _ in listener.messages}
    listener.close()
    sink.close()

    power = found["homeassistant/sensor/gw-1/main_active_power/config"]
    energy = found["homeassistant/sensor/gw-1/main_active_energy_import/config"]
    assert (power["device_class"], power["unit_of_measurement"], power["state_class"]) == ("power", "kW", "measurement")
    assert (energy["device_class"], energy["unit_of_measurement"], energy["state_class"]) == ("energy", "kWh", "total_increasing")
    assert (power["state_topic"], power["availability_topic"]) == (f"{BASE}/meters/main", f"{BASE}/status")
    assert found["homeassistant/binary_sensor/gw-1/alarm/config"]["state_topic"] == f"{BASE}/alarms"


def test_refused_password_is_said_without_it(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A broker that wants another password is a sentence that names the keys; the password stands in no sentence and no log."""
    caplog.set_level(logging.DEBUG)
    (tmp_path / "users").write_text("somebody:$6$x$y\n")
    (tmp_path / "password").write_text("mqtt-secret")
    guarded = RunningBroker(tmp_path / "users")
    guarded.start()
    sink = Site().mqtt(Broker(guarded.url, "shiftwatt", tmp_path / "password"))
    with pytest.raises(AwayError, match="password_file") as caught:
        sink.refresh()
    sink.close()
    guarded.stop()

    assert "mqtt-secret" not in caplog.text + caught.value.sentence


def test_nobody_there_and_no_broker(tmp_path: Path) -> None:
    """A port where nobody listens, a ca_file that is not there, a password file that is not there: each says what to look at."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    said = []
    for broker in (
        Broker(f"mqtt://127.0.0.1:{port}"),
        Broker(f"mqtts://127.0.0.1:{port}", ca_file=str(tmp_path / "none.pem")),
        Broker(f"mqtt://127.0.0.1:{port}", "shiftwatt", tmp_path / "password"),
    ):
        with pytest.raises(AwayError) as caught:
            Site().mqtt(broker).refresh()
        said.append(caught.value.sentence)

    assert ["Connection refused" in said[0], "ca_file" in said[1], "password" in said[2]] == [True] * 3


@pytest.mark.parametrize(("name", "topic"), [("press-1", "press-1"), ("a/b", "a%2Fb"), ("+#$", "%2B%23%24"), ("", "%00"), ("车间", "车间")])
def test_any_name_is_one_level(name: str, topic: str) -> None:
    """What means something in a topic is written otherwise; names of any language stay readable."""
    assert level(name) == topic


def test_kinds_have_their_topics() -> None:
    """Readings by meter; figures and events in one topic each."""
    topics = Topics("shiftwatt", "works")

    assert topics.record(READINGS, {"meter": "main"}).topic == f"{BASE}/readings/main"
    assert topics.record(EVENTS, {"kind": "x"}).topic == f"{BASE}/events"
