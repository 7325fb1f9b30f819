"""MQTT 3.1.1 over paho, an optional part: every message with QoS 1, counted as delivered when the broker has confirmed it.

A connection that fails is thrown away with all that was under way in it; the page comes again on the next one.
"""

import logging
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gateway.deliver.sinks.home_assistant import discovery
from gateway.deliver.sinks.http import secret
from gateway.deliver.sinks.sink import AwayError, Document
from gateway.deliver.sinks.topics import OFFLINE, ONLINE, Message, Topics
from gateway.interfaces import EVENTS, FIGURES, READINGS
from gateway.status import GatewayStatus

try:
    from paho.mqtt import client as paho
    from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
except ImportError:  # the extra "mqtt" is not installed
    paho = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

TABLE = "[mqtt]"
PORTS = {"mqtt": 1883, "mqtts": 8883}
PAGE_SIZE = 200  # messages on their way at once; a broker's own limit for one client is often a thousand
CONNECT_S = 10.0
CONFIRM_S = 30.0  # a broker that has not confirmed a page by then is taken for gone
KEEP_ALIVE_S = 30  # the last will speaks one and a half of this after the power was cut
FIGURES_S = 30.0  # how old a running shift may be on the broker
_WATCH_S = 0.05


@dataclass(frozen=True)
class Broker:
    """[mqtt] of the site file, paths made absolute."""

    url: str
    user: str = ""
    password_file: Path | None = None
    ca_file: str = ""


@dataclass(frozen=True)
class Present:
    """Where the state that is shown comes from; each may be asked from the forwarder's thread."""

    status: Callable[[], GatewayStatus]
    figures: Callable[[], Iterable[Mapping[str, Any]]]
    alarms: Callable[[], Iterable[Mapping[str, Any]]]


class Mqtt:
    name = "mqtt"
    kinds = (READINGS, FIGURES, EVENTS)
    page_size = PAGE_SIZE

    def __init__(self, broker: Broker, topics: Topics, gateway: str, present: Present, *, home_assistant: str = "") -> None:
        """`home_assistant` is the prefix of its discovery, "" for none."""
        self._broker, self._topics, self._gateway, self._present = broker, topics, gateway, present
        self._home_assistant = home_assistant
        self._connection: _Connection | None = None
        self._shown: dict[str, str] = {}  # on this connection, by topic
        self._figures_s = 0.0

    def is_ready(self, _document: Document) -> bool:
        return True

    def wants(self, _kind: str, _document: Document) -> bool:
        return True

    def take(self, kind: str, documents: Sequence[Document]) -> None:
        self._send([self._topics.record(kind, document) for document in documents], retain=False)

    def refresh(self) -> None:
        """Publish what has changed of the present state; all of it on a new connection."""
        if self._connection is not None and self._connection.is_lost:
            self._drop()
            raise AwayError(f"{TABLE} url: the broker closed the connection.")
        changed = [message for message in self._state() if self._shown.get(message.topic) != message.payload]
        for start in range(0, len(changed), PAGE_SIZE):
            page = changed[start : start + PAGE_SIZE]
            self._send(page, retain=True)
            self._shown |= dict(page)

    def _state(self) -> Iterator[Message]:
        status = self._present.status()
        yield from self._topics.present(status, self._present.alarms())
        if time.monotonic() - self._figures_s >= FIGURES_S or not self._shown:
            self._figures_s = time.monotonic()
            yield from self._topics.newest_shifts(self._present.figures())
        if self._home_assistant:
            yield from discovery(self._home_assistant, self._topics, self._gateway, status)
        yield Message(self._topics.status, ONLINE)

    def _send(self, messages: Sequence[Message], *, retain: bool) -> None:
        if paho is None:
            raise AwayError(f"{TABLE} needs one more part: pip install 'shiftwatt[mqtt]', then restart the gateway.")
        try:
            if self._connection is None:
                self._connection = _Connection(self._broker, self._topics.status, self._gateway)
                self._shown = {}
            self._connection.send(messages, retain=retain)
        except AwayError:
            self._drop()
            raise

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._shown = {}

    def close(self) -> None:
        """Says offline itself: the last will is for ends that nobody could announce."""
        if self._connection is not None:
            try:
                self._connection.send([Message(self._topics.status, OFFLINE)], retain=True)
            except AwayError:
                log.info("the broker is told by the last will that this gateway is gone")
        self._drop()


# X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH; _CERT_NOT_YET_VALID and _CERT_HAS_EXPIRED
_OTHER_NAME, _OTHER_TIME = (62, 64), (9, 10)


def _of_handshake(place: str, error: ssl.SSLError) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"{place} does not answer with TLS ({error.reason}); check the port in {TABLE} url."
    said = f"The certificate of {place} is not trusted ({error.verify_message.rstrip('.')})"
    if error.verify_code in _OTHER_NAME:
        return f"{said}: write the name that it was made for in {TABLE} url."
    if error.verify_code in _OTHER_TIME:
        return f"{said}: the broker needs a new one, or the clock here is wrong."
    return f"{said}: name its own authority in {TABLE} ca_file."


class _Connection:
    """One connection from its CONNACK to its first failure."""

    def __init__(self, broker: Broker, status_topic: str, gateway: str) -> None:
        address = urlsplit(broker.url)
        self._place = f"{address.scheme}://{address.hostname}:{address.port or PORTS[address.scheme]}"
        self._lost = threading.Event()
        self._answered = threading.Event()
        self._refusal = ""
        self._client = self._made(broker, status_topic, gateway, encrypted=address.scheme == "mqtts")
        try:
            self._client.connect(str(address.hostname), address.port or PORTS[address.scheme], KEEP_ALIVE_S)
        except ssl.SSLError as error:
            raise AwayError(_of_handshake(self._place, error)) from None
        except ConnectionResetError:
            raise AwayError(
                f"{self._place} ends the connection at once; check the port in {TABLE} url, and whether it speaks TLS."
            ) from None
        except (OSError, ValueError) as error:
            reason = f" ({error.strerror})" if isinstance(error, OSError) and error.strerror else ""
            raise AwayError(f"{self._place} cannot be reached{reason}. Check the network and whether the broker runs.") from None
        self._client.loop_start()
        self._answered.wait(CONNECT_S)
        if self._refusal or not self._answered.is_set():
            self.close()
            raise AwayError(self._refusal or f"{self._place} does not answer as a broker does; check {TABLE} url.")

    def _made(self, broker: Broker, status_topic: str, gateway: str, *, encrypted: bool) -> Any:
        # Connections are ours to make: a client that comes back by itself would bring old messages after newer ones.
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"shiftwatt-{gateway}",
            protocol=MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,
        )
        client.will_set(status_topic, OFFLINE, qos=1, retain=True)
        client.max_queued_messages_set(PAGE_SIZE)
        client.connect_timeout = CONNECT_S
        if broker.user:
            client.username_pw_set(broker.user, secret(broker.password_file, TABLE) if broker.password_file else None)
        if encrypted:
            try:
                client.tls_set(ca_certs=broker.ca_file or None)
            except OSError as error:
                raise AwayError(f"{TABLE} ca_file {broker.ca_file} cannot be used ({error.strerror or error})") from None
        client.on_connect = self._on_connect
        client.on_disconnect = lambda *_: self._lost.set()
        return client

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._refusal = f"{self._place} refuses the connection ({reason}); check {TABLE} user and password_file."
        self._answered.set()

    @property
    def is_lost(self) -> bool:
        return self._lost.is_set()

    def send(self, messages: Sequence[Message], *, retain: bool) -> None:
        """Returns when the broker has confirmed them all."""
        until = time.monotonic() + CONFIRM_S
        try:
            under_way = [self._client.publish(each.topic, each.payload.encode(), qos=1, retain=retain) for each in messages]
            while not all(each.is_published() for each in under_way):
                if self._lost.is_set() or time.monotonic() > until:
                    raise AwayError(f"{self._place} went away before it had confirmed everything; that is sent again.")
                next(each for each in under_way if not each.is_published()).wait_for_publish(_WATCH_S)
        except (ValueError, RuntimeError, OSError):  # paho's words for a full queue and a lost connection
            raise AwayError(f"{self._place} takes no messages now; they are sent again.") from None

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
