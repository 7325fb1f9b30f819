"""The sender from its enrolment to its end: tokens, threads, failures inside the gateway, secrets."""

import json
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway.deliver.key import GatewayKey
from gateway.deliver.sender import IDLE_S, REFUSED_WAIT_S
from gateway.deliver.tests.fakes import FakeOutbox, Reply, Request, a_key, chain
from gateway.deliver.tests.sending import Script, confirmed, drain, said, sending


@pytest.fixture
def key(tmp_path: Path) -> GatewayKey:
    return a_key(tmp_path)


def enrolling(token: str, bearer: str, hub: Script) -> Callable[[Request], Reply]:
    def reply(request: Request) -> Reply:
        if request.path != "/v1/enrol":
            return hub(request)
        asked = json.loads(request.body)
        return Reply(201, json.dumps({"token": bearer}).encode()) if asked["token"] == token else said(403, "not known")

    return reply


def test_enrolment_comes_first(tmp_path: Path, key: GatewayKey) -> None:
    """With a one-time token in its file the gateway enrols by itself and sends with what it got."""
    (tmp_path / "hub.token").write_text("once")
    outbox, hub = FakeOutbox(key, chain(key, 2)), Script()
    with sending(tmp_path, key, outbox, enrolling("once", "fresh", hub), bearer="") as sender:
        drain(sender)

    assert {request.headers["Authorization"] for request in hub.requests} == {"Bearer fresh"}
    assert sorted(outbox.acknowledged) == [1, 2]


def test_no_token_at_all_is_said(tmp_path: Path, key: GatewayKey) -> None:
    """A gateway that nobody invited asks for the one-time token and where to put it."""
    with sending(tmp_path, key, FakeOutbox(key, chain(key, 1)), Script(), bearer="") as sender:
        wait_s = sender.work()

    assert wait_s == REFUSED_WAIT_S
    assert (sender.status().hub, "shiftwatt hub enrol" in sender.status().sentence) == ("refusing", True)


def test_bad_invitation_does_not_stop_a_good_bearer(tmp_path: Path, key: GatewayKey) -> None:
    """A mistyped one-time token is said, but what can be sent is sent."""
    (tmp_path / "hub.token").write_text("mistyped")
    outbox, hub = FakeOutbox(key, chain(key, 2)), Script()
    with sending(tmp_path, key, outbox, enrolling("once", "fresh", hub)) as sender:
        drain(sender)

    assert sorted(outbox.acknowledged) == [1, 2]


def test_unreachable_enrolment_is_retried(tmp_path: Path, key: GatewayKey) -> None:
    """A portal in the way of the enrolment costs nothing but time."""
    (tmp_path / "hub.token").write_text("once")
    replies = iter([Reply(200, b"<html>", {"Content-Type": "text/html"}), Reply(200, b"{}"), Reply(201, b'{"token": "fresh"}')])
    outbox = FakeOutbox(key, chain(key, 1))
    hub = Script()
    with sending(
        tmp_path, key, outbox, lambda request: next(replies) if request.path == "/v1/enrol" else hub(request), bearer=""
    ) as sender:
        waits = [sender.work() for _ in range(3)]

    assert waits == [1.0, 2.0, 0.0]
    assert outbox.acknowledged == [1]


class FailingOutbox(FakeOutbox):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.failures = 2

    def waiting(self, count: int) -> Any:
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is gone")
        return super().waiting(count)


class CountingStop:
    """Stops after so many waits, which take no time."""

    def __init__(self, waits: int) -> None:
        self.left = waits
        self.waited: list[float | None] = []

    def is_set(self) -> bool:
        return self.left <= 0

    def wait(self, timeout: float | None = None) -> bool:
        self.left -= 1
        self.waited.append(timeout)
        return self.is_set()


def test_a_failing_store_does_not_end_the_thread(tmp_path: Path, key: GatewayKey, caplog: pytest.LogCaptureFixture) -> None:
    """An error inside the gateway is logged and delivery goes on after a pause."""
    outbox, stop = FailingOutbox(key, chain(key, 2)), CountingStop(4)
    with caplog.at_level(logging.CRITICAL), sending(tmp_path, key, outbox, Script()) as sender:
        sender.run(stop)

    assert stop.waited == [1.0, 2.0, 0.0, IDLE_S]
    assert sorted(outbox.acknowledged) == [1, 2]


def test_thread_stops_when_told(tmp_path: Path, key: GatewayKey) -> None:
    """A sender in its own thread sends and then ends with its stop event, without waiting out its pause."""
    outbox, stop, arrived = FakeOutbox(key, chain(key, 1)), threading.Event(), threading.Event()

    def reply(number: int) -> Reply:
        arrived.set()
        return confirmed(number)

    with sending(tmp_path, key, outbox, Script(reply)) as sender:
        thread = threading.Thread(target=sender.run, args=(stop,))
        thread.start()
        came = arrived.wait(10)
        stop.set()
        thread.join(10)

    assert came
    assert not thread.is_alive()


def test_no_secret_in_any_log(tmp_path: Path, key: GatewayKey, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the one-time token nor the bearer token is ever logged, whatever happens."""
    (tmp_path / "hub.token").write_text("once-secret")
    hub = Script(lambda number: said((401, 500, 422)[number % 3]))
    outbox = FakeOutbox(key, chain(key, 6))
    with (
        caplog.at_level(logging.DEBUG),
        sending(tmp_path, key, outbox, enrolling("once-secret", "bearer-secret", hub), bearer="") as sender,
    ):
        for _ in range(6):
            sender.work()

    assert "refused for good" in caplog.text
    assert "secret" not in caplog.text
