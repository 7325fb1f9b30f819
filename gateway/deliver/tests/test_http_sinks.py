"""Webhook and InfluxDB over real sockets: what arrives, how it is signed, what each answer leads to, and that no secret gets out."""

import base64
import gzip
import hashlib
import hmac
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from gateway.deliver.sinks.forwarder import REJECTED_MAX
from gateway.deliver.sinks.influx import Influx
from gateway.deliver.sinks.sink import AwayError
from gateway.deliver.sinks.webhook import Webhook, signed
from gateway.deliver.tests.fakes import START_MS, Reply, Request, scripted_hub
from gateway.deliver.tests.forwarding import Records, forwarder, until
from gateway.deliver.upstream import Upstream
from gateway.interfaces import FIGURES, READINGS
from protocols.errors import OurMistake

KEY = b"a key of thirty-two bytes length"
SECRET = "whsec_" + base64.b64encode(KEY).decode()


class Receiver:
    """Keeps what it takes; `replies` are given first."""

    def __init__(self, *replies: Reply) -> None:
        self.requests: list[Request] = []
        self.replies = list(replies)

    def __call__(self, request: Request) -> Reply:
        reply = self.replies.pop(0) if self.replies else Reply(204)
        if reply.status < 300:
            self.requests.append(request)
        return reply

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(each.body) for each in self.requests]


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "webhook.secret"
    path.write_text(SECRET + "\n")
    return path


def webhook(url: str, secret: Path) -> Webhook:
    return Webhook(Upstream(f"{url}/hooks/path-secret", table="[webhook]"), secret, lambda: START_MS)


def told(records: Records, receiver: Receiver, secret: Path, count: int) -> Any:
    """The forwarder, once `count` messages have arrived."""
    with scripted_hub(receiver) as url:
        forward = forwarder(webhook(url, secret), records, secret.parent)
        records_before, records.all = records.all, []
        forward.work()
        records.all = records_before
        until(lambda: len(receiver.requests) >= count, forward.work)
        forward._sink.close()
    return forward


def test_closed_and_restated_shifts_and_alarms(secret: Path) -> None:
    """Each comes once and in order, with the whole document; running and provisional shifts and other events are not told."""
    records, receiver = Records(), Receiver()
    for state, version in (("provisional", 1), ("final", 1), ("restated", 2)):
        records.figure(state, version)
    for kind in ("alarm_raised", "swap", "alarm_cleared"):
        records.event(kind)
    told(records, receiver, secret, 4)
    messages = receiver.messages()

    numbered = [(each["type"], each["data"]["sequence"]) for each in messages]
    assert [each for each in numbered if "shift" in each[0]] == [("shift.closed", 2), ("shift.restated", 3)]
    assert [each for each in numbered if "alarm" in each[0]] == [("alarm.raised", 4), ("alarm.cleared", 6)]
    (restated,) = (each for each in messages if each["type"] == "shift.restated")
    assert restated["data"] == records.all[2][1]
    assert restated["timestamp"] == records.all[2][1]["known_at"]


def test_signature_is_that_of_standard_webhooks(secret: Path) -> None:
    """HMAC-SHA-256 over id, time and body with the secret's bytes, worked out here from the standard's text."""
    records, receiver = Records(), Receiver()
    records.figure("final")
    told(records, receiver, secret, 1)
    request = receiver.requests[0]
    content = f"gw-1-1.{START_MS // 1000}.".encode() + request.body

    assert (request.headers["webhook-id"], request.headers["webhook-timestamp"]) == ("gw-1-1", str(START_MS // 1000))
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(hmac.digest(KEY, content, hashlib.sha256)).decode()
    # The example of the standard itself.
    example = b'{"test": 2432232314}'
    assert signed("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, example) == (
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_receiver_in_trouble_is_waited_for(secret: Path) -> None:
    """While it is away, refuses the way in or asks for time, the message waits and keeps its id; versions stay in order."""
    trouble = [Reply(status, b"later") for status in (503, 502, 429, 404, 401, 302)]
    records, receiver = Records(), Receiver(*trouble)
    for version in (1, 2, 3):
        records.figure("final" if version == 1 else "restated", version)
    forward = told(records, receiver, secret, 3)

    assert [each["data"]["version"] for each in receiver.messages()] == [1, 2, 3]
    assert forward.status().set_aside == 0


def test_message_that_is_not_taken_is_set_aside(secret: Path, caplog: pytest.LogCaptureFixture) -> None:
    """After a bounded number of refusals of just this message the next one goes out, and the log names the record."""
    records, receiver = Records(), Receiver(*[Reply(422, b"no such shift")] * REJECTED_MAX)
    records.figure("final")
    records.figure("restated", 2)
    forward = told(records, receiver, secret, 1)

    assert [each["data"]["version"] for each in receiver.messages()] == [2]
    assert forward.status().set_aside == 1
    assert "record 1 of figures" in caplog.text


def test_no_secret_gets_out(secret: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the key nor the path of the address stands in a log or a sentence, whatever fails."""
    caplog.set_level(logging.DEBUG)
    records, receiver = Records(), Receiver(Reply(500, b"broken"), Reply(403, b"who are you"), Reply(307))
    records.figure("final")
    sentences = []
    with scripted_hub(receiver) as url:
        forward = forwarder(webhook(url, secret), records, secret.parent)
        (secret.parent / "forward-webhook.json").write_text('{"figures": 0, "events": 0}')
        for _ in range(3):
            forward.work()
            sentences.append(forward.status().sentence)
    forward._sink.close()  # and with it the connection that was kept: nobody listens there any more
    records.figure("restated", 2)
    forward.work()
    sentences.append(forward.status().sentence)
    secret.unlink()
    forward.work()
    sentences.append(forward.status().sentence)
    forward._sink.close()

    assert ["500" in sentences[0], "403" in sentences[1], "307" in sentences[2], "refused" in sentences[3]] == [True] * 4
    assert "webhook.secret" in sentences[4]
    for text in (caplog.text, *sentences):
        assert "path-secret" not in text
        assert SECRET.removeprefix("whsec_") not in text


@pytest.mark.parametrize("url", ["http://receiver.example/", "ftp://receiver.example/", "https://user:pw@receiver.example/"])
def test_address_must_be_safe(url: str, secret: Path) -> None:
    """Plain http to another machine, another scheme and a password in the address are refused, naming the table."""
    with pytest.raises(OurMistake, match=r"\[webhook\]"):
        Webhook(Upstream(url, table="[webhook]"), secret, lambda: START_MS)


def lines(receiver: Receiver) -> list[str]:
    return [line for each in receiver.requests for line in gzip.decompress(each.body).decode().splitlines()]


def test_influx_lines(tmp_path: Path) -> None:
    """A line per reading with its exact decimals and its own time, a point per shift; the token goes in its header."""
    (tmp_path / "token").write_text("influx-secret")
    records, receiver = Records(), Receiver()
    records.readings(1, meter="main")
    records.figure("final", 2, shift="früh, 1")
    with scripted_hub(receiver) as url:
        sink = Influx(Upstream(url, table="[influx]"), "works", "energy", tmp_path / "token", boot=1)
        for kind in (READINGS, FIGURES):
            sink.take(kind, [document for each, document in records.all if each == kind])
        sink.close()

    assert lines(receiver) == [
        f"reading,gateway=gw-1,meter=main active_power=0.001000,active_energy_import=1000.000001 {START_MS + 10_000}",
        f"shift,gateway=gw-1,shift=früh\\,\\ 1 load_kwh=2.500000,version=2i {START_MS}",
    ]
    request = receiver.requests[0]
    assert request.path == "/api/v2/write?org=works&bucket=energy&precision=ms"
    assert request.headers["Authorization"] == "Token influx-secret"


def test_undated_reading_waits_or_is_left_out(tmp_path: Path) -> None:
    """A reading of this boot waits for its date; one of an earlier boot will never get one and must not be stamped by the database."""
    undated = {"time": None, "boot": 3, "values": {"active_power": "1.000000"}, "missing": {}}
    present = Influx(Upstream("http://127.0.0.1:9", table="[influx]"), "", "energy", None, boot=3)
    later = Influx(Upstream("http://127.0.0.1:9", table="[influx]"), "", "energy", None, boot=4)
    judged = [(each.is_ready(undated), each.wants(READINGS, undated)) for each in (present, later)]
    empty = present.wants(READINGS, {**undated, "time": "2026-03-28T22:00:00Z", "values": {}})
    for each in (present, later):
        each.close()

    assert judged == [(False, False), (True, False)]
    assert not empty


def test_influx_without_its_token_says_so(tmp_path: Path) -> None:
    """A token file that is not there is a sentence that names it."""
    sink = Influx(Upstream("http://127.0.0.1:9", table="[influx]"), "", "energy", tmp_path / "token", boot=1)
    records = Records()
    records.readings(1)
    with pytest.raises(AwayError, match="token"):
        sink.take(READINGS, [records.all[0][1]])
    sink.close()
