"""A sender with a queue in memory and a hub that answers as a script says: what the sender's tests share."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.deliver.client import HubClient
from gateway.deliver.enrolment import Enrolment
from gateway.deliver.key import GatewayKey
from gateway.deliver.sender import IDLE_S, Sender
from gateway.deliver.tests.fakes import START_MS, FakeOutbox, Reply, Request, scripted_hub
from gateway.deliver.upstream import Upstream, open_session


class Script:
    """A hub that holds what it is sent, unless `reply` has something to say about a number first."""

    def __init__(self, reply: Callable[[int], Reply | None] = lambda _: None) -> None:
        self.numbers: list[int] = []
        self.requests: list[Request] = []
        self.reply = reply

    def __call__(self, request: Request) -> Reply:
        self.requests.append(request)
        body = json.loads(gzip.decompress(request.body))
        self.numbers.append(body["number"])
        return self.reply(body["number"]) or confirmed(body["number"])


def confirmed(number: int) -> Reply:
    return Reply(200, json.dumps({"highest": 0, "beyond": [number]}).encode())


def said(status: int, sentence: str = "because") -> Reply:
    return Reply(status, json.dumps({"error": sentence}).encode())


@contextmanager
def sending(
    folder: Path,
    key: GatewayKey,
    outbox: FakeOutbox,
    hub: Callable[[Request], Reply],
    *,
    bearer: str = "bearer",
    wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
) -> Iterator[Sender]:
    with scripted_hub(hub) as url:
        enrolment = Enrolment(folder, url, folder / "hub.token", key)
        if bearer:
            enrolment.keep("once", bearer)
        client = HubClient(open_session(Upstream(url)), url)
        yield Sender(outbox, client, enrolment, now_ms=lambda: START_MS, random=lambda: 1.0, wall_ms=wall_ms)
        client.close()


def drain(sender: Sender, rounds: int = 100) -> list[float]:
    """Work until there is nothing to do; the waits that were asked for."""
    waits = []
    for _ in range(rounds):
        waits.append(sender.work())
        if waits[-1] == IDLE_S and sender.status().hub == "reachable":
            break
    return waits
