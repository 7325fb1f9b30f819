"""MQTT over TLS against a real mosquitto: a handshake that holds, and the sentences of those that do not."""

import gc
import shutil
import socket
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

pytest.importorskip("paho.mqtt", reason="paho-mqtt, an optional part, is not installed (extra mqtt)")
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from gateway.deliver.sinks.mqtt import Broker, Mqtt, Present
from gateway.deliver.sinks.sink import AwayError
from gateway.deliver.sinks.topics import Topics
from gateway.status import ClockStatus, GatewayStatus, OutboxStatus, StoreStatus

# Debian keeps it where only root looks.
MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin") or shutil.which("mosquitto")
PASSWD = shutil.which("mosquitto_passwd")
pytestmark = pytest.mark.skipif(MOSQUITTO is None or PASSWD is None, reason="mosquitto, the broker of these tests, is not installed")
WAIT_S = 15.0  # it answers in milliseconds; this is when a test gives up
NOW = datetime(2026, 3, 28, tzinfo=UTC)


class Authority:
    def __init__(self, folder: Path, name: str) -> None:
        self._key, self._name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        made = self._certificate(self._name, self._key, datetime.now(UTC) + timedelta(days=2))
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, until: datetime) -> x509.CertificateBuilder:
        made = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        return made.serial_number(x509.random_serial_number()).not_valid_before(NOW - timedelta(days=9000)).not_valid_after(until)

    def issue(self, folder: Path, name: str, until: datetime | None = None) -> tuple[Path, Path]:
        """Certificate and key of a broker at 127.0.0.1, which has no name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._certificate(subject, key, until or datetime.now(UTC) + timedelta(days=1))
        made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        certificate, private = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return certificate, private


class Running(NamedTuple):
    """Ports of one broker: `port` speaks TLS with a good certificate, `expired` with an old one, `plain` without."""

    folder: Path
    authority: Authority
    port: int
    expired: int
    plain: int


def free_ports(count: int) -> list[int]:
    found = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in found]
    for each in found:
        each.close()
    return ports


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("mosquitto")
    authority = Authority(folder, "works")
    good, old = authority.issue(folder, "broker"), authority.issue(folder, "old", NOW)
    port, expired, plain = free_ports(3)
    subprocess.run([str(PASSWD), "-b", "-c", str(folder / "users"), "shiftwatt", "mqtt-secret"], check=True, capture_output=True)
    (folder / "password").write_text("mqtt-secret\n")
    lines = ["user root", "allow_anonymous false", f"password_file {folder}/users"]
    for number, pair in ((port, good), (expired, old), (plain, None)):
        lines.append(f"listener {number} 127.0.0.1")
        lines += [f"certfile {pair[0]}", f"keyfile {pair[1]}"] if pair else []
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen([str(MOSQUITTO), "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    try:
        _await(plain)
        yield Running(folder, authority, port, expired, plain)
    finally:
        process.kill()
        process.wait()


def _await(port: int) -> None:
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.02)
    raise AssertionError("mosquitto did not start")


def mqtt(broker: Broker) -> Mqtt:
    store, outbox = StoreStatus("ok", "", "", 0, 0, None, 0, 0), OutboxStatus("none", "", 0, 0, None, None)
    status = GatewayStatus("works", 0, 0, 1, (), (), ClockStatus("set", ""), outbox, store)
    return Mqtt(broker, Topics("shiftwatt", "works"), "gw-1", Present(lambda: status, list, list))


def guarded(running: Running, url: str, ca_file: Path | None = None) -> Broker:
    return Broker(url, "shiftwatt", running.folder / "password", str(ca_file or running.authority.file))


def test_state_arrives_over_tls(running: Running) -> None:
    """With the broker's own authority named, the handshake holds and the retained state stands there for others."""
    sink = mqtt(guarded(running, f"mqtts://127.0.0.1:{running.port}"))
    sink.refresh()
    found: list[str] = []
    arrived = threading.Event()

    def heard(_client: object, _data: object, message: paho.MQTTMessage) -> None:
        found.append(f"{message.topic} {message.payload.decode()} {message.retain}")
        arrived.set()

    listener = paho.Client(CallbackAPIVersion.VERSION2)
    listener.tls_set(ca_certs=str(running.authority.file))
    listener.username_pw_set("shiftwatt", "mqtt-secret")
    listener.on_message = heard
    listener.connect("127.0.0.1", running.port)
    listener.subscribe("shiftwatt/works/status", qos=1)
    listener.loop_start()
    heard_it = arrived.wait(WAIT_S)
    listener.disconnect()
    listener.loop_stop()
    sink.close()

    assert heard_it
    assert found[0] == "shiftwatt/works/status online True"


def _said(broker: Broker) -> str:
    # paho leaves the socket of a handshake that failed to the garbage collector; here and now, not in another test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        sentence = _sentence(broker)
        gc.collect()
    return sentence


def _sentence(broker: Broker) -> str:
    sink = mqtt(broker)
    try:
        sink.refresh()
    except AwayError as away:
        return away.sentence
    finally:
        sink.close()
    raise AssertionError("the broker was trusted")


def test_other_authority_is_refused(running: Running) -> None:
    """A certificate that another authority vouches for, or only this machine's list could, is not trusted; the sentence names the key."""
    other = Authority(running.folder, "somebody-else").file
    place = f"mqtts://127.0.0.1:{running.port}"
    said = [_said(guarded(running, place, other)), _said(Broker(place, "shiftwatt", running.folder / "password"))]

    assert all("not trusted" in each and "[mqtt] ca_file" in each for each in said), said


def test_other_name_and_other_time_are_refused(running: Running) -> None:
    """A certificate for another name, an expired one and a port without TLS have sentences of their own."""
    name = _said(guarded(running, f"mqtts://localhost:{running.port}"))
    expired = _said(guarded(running, f"mqtts://127.0.0.1:{running.expired}"))
    plain = _said(guarded(running, f"mqtts://127.0.0.1:{running.plain}"))

    assert ("not trusted" in name, "made for in [mqtt] url" in name) == (True, True), name
    assert ("expired" in expired, "clock" in expired) == (True, True), expired
    assert ("TLS" in plain, "port" in plain, "ca_file" in plain) == (True, True, False), plain


def test_wrong_password_over_tls(running: Running, tmp_path: Path) -> None:
    """The handshake holds, the broker says no: the keys are named, the password is not."""
    (tmp_path / "password").write_text("mqtt-wrong")
    said = _said(Broker(f"mqtts://127.0.0.1:{running.port}", "shiftwatt", tmp_path / "password", str(running.authority.file)))

    assert ("password_file" in said, "mqtt-wrong" in said) == (True, False)
