"""The sender's policy, over real HTTP to a hub that answers as it is told."""

import gzip
import json
from email.utils import formatdate
from pathlib import Path

import pytest

from gateway.deliver.backoff import LONGEST_S
from gateway.deliver.key import GatewayKey
from gateway.deliver.sender import NEWEST_EVERY, REFUSED_WAIT_S, WINDOW
from gateway.deliver.tests.fakes import START_MS, FakeOutbox, Reply, a_key, chain
from gateway.deliver.tests.sending import Script, confirmed, drain, said, sending


@pytest.fixture
def key(tmp_path: Path) -> GatewayKey:
    return a_key(tmp_path)


def test_everything_is_sent_and_acknowledged(tmp_path: Path, key: GatewayKey) -> None:
    """A queue drains without waiting, and the status counts batches and records."""
    outbox, hub = FakeOutbox(key, chain(key, 20)), Script()
    with sending(tmp_path, key, outbox, hub) as sender:
        waits = drain(sender)

    status = sender.status()
    assert set(waits[:-1]) == {0.0}
    assert sorted(outbox.acknowledged) == list(range(1, 21))
    assert (status.hub, status.sentence, status.batches_acknowledged, status.records_acknowledged) == ("reachable", "", 20, 100)
    assert status.last_acknowledged_ms == START_MS


def test_request_carries_token_and_canonical_gzip(tmp_path: Path, key: GatewayKey) -> None:
    """The body is the sealed document, compressed; the token goes in its header and nowhere else."""
    batch = chain(key, 1)[0]
    hub = Script()
    with sending(tmp_path, key, FakeOutbox(key, [batch]), hub) as sender:
        sender.work()

    request = hub.requests[0]
    assert (request.path, request.headers["Authorization"], request.headers["Content-Encoding"]) == ("/v1/batches", "Bearer bearer", "gzip")
    assert json.loads(gzip.decompress(request.body)) == batch.body


def test_oldest_first_with_the_newest_early(tmp_path: Path, key: GatewayKey) -> None:
    """A backlog goes in order, but the newest batch does not wait for its end."""
    outbox, hub = FakeOutbox(key, chain(key, 30)), Script()
    with sending(tmp_path, key, outbox, hub) as sender:
        drain(sender)

    assert hub.numbers == [30, *range(1, 30)]


def test_newest_share_is_bounded(tmp_path: Path, key: GatewayKey) -> None:
    """While fresh batches keep coming, at most one push in NEWEST_EVERY + 1 is for them and the backlog goes on."""
    batches = chain(key, 200)
    outbox = FakeOutbox(key, batches[:100])
    fresh = iter(batches[100:])

    def seal_another(_: int) -> None:
        batch = next(fresh)
        outbox.queue[batch.number] = batch

    hub = Script(seal_another)
    with sending(tmp_path, key, outbox, hub) as sender:
        for _ in range(5):
            sender.work()

    live = [number for number in hub.numbers if number >= 100]
    assert [number for number in hub.numbers if number < 100] == list(range(1, 5 * WINDOW + 1))
    assert len(live) == 5 * WINDOW // NEWEST_EVERY
    assert live == sorted(live)


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_refused_for_good(tmp_path: Path, key: GatewayKey, status: int) -> None:
    """A refused batch is kept with the hub's reason, its tombstone takes its place and the queue goes on."""
    outbox = FakeOutbox(key, chain(key, 5))
    refused = iter([said(status, "it stinks")])
    hub = Script(lambda number: next(refused, None) if number == 2 else None)
    with sending(tmp_path, key, outbox, hub) as sender:
        drain(sender)

    assert outbox.refused == {2: "The hub answers: it stinks"}
    assert sorted(outbox.acknowledged) == [1, 2, 3, 4, 5]
    assert hub.numbers.count(2) == 2
    assert (sender.status().batches_refused, sender.status().records_acknowledged) == (1, 20)


def test_refused_tombstone_is_not_buried_again(tmp_path: Path, key: GatewayKey) -> None:
    """If the hub takes not even the tombstone, it is tried again with growing waits while the others pass."""
    outbox = FakeOutbox(key, chain(key, 5))
    hub = Script(lambda number: said(409) if number == 2 else None)
    with sending(tmp_path, key, outbox, hub) as sender:
        waits = [sender.work() for _ in range(12)]

    assert len(outbox.refused) == 1
    assert sorted(outbox.acknowledged) == [1, 3, 4, 5]
    assert waits[-1] == LONGEST_S
    assert sender.status().hub == "refusing"


@pytest.mark.parametrize("status", [401, 403])
def test_unauthorised_waits_for_a_person(tmp_path: Path, key: GatewayKey, status: int) -> None:
    """Nothing is given up; the sender says so and goes on trying slowly, until it works again."""
    outbox, hub = FakeOutbox(key, chain(key, 3)), Script(lambda _: said(status, "who are you"))
    with sending(tmp_path, key, outbox, hub) as sender:
        waits = [sender.work(), sender.work()]
        refusing = sender.status()
        hub.reply = lambda _: None
        drain(sender)

    assert waits == [REFUSED_WAIT_S, REFUSED_WAIT_S]
    assert (refusing.hub, refusing.sentence) == ("refusing", "The hub answers: who are you")
    assert (outbox.refused, sorted(outbox.acknowledged), sender.status().hub) == ({}, [1, 2, 3], "reachable")


@pytest.mark.parametrize(
    ("reply", "sentence"),
    [
        (said(500), "because"),
        (said(501), "because"),
        (said(429), "because"),
        (Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"}), "captive portal"),
        (Reply(302, b"", {"Location": "http://portal.example/"}), "captive portal"),
        (Reply(413, b"<html>too large</html>", {"Content-Type": "text/html"}), "a proxy's error"),
        (Reply(200, b'{"hello": "world"}'), "without confirming"),
        (Reply(200, b'{"highest": 0, "beyond": []}'), "without confirming"),
        (Reply(200, json.dumps({"highest": 9, "padding": "x" * 2**20}).encode()), "not a hub's answer"),
    ],
)
def test_trouble_is_retried_with_backoff(tmp_path: Path, key: GatewayKey, reply: Reply, sentence: str) -> None:
    """Any other answer acknowledges and refuses nothing; waits grow, then all is sent."""
    outbox, hub = FakeOutbox(key, chain(key, 3)), Script(lambda _: reply)
    with sending(tmp_path, key, outbox, hub) as sender:
        waits = [sender.work() for _ in range(3)]
        troubled = sender.status()
        hub.reply = lambda _: None
        drain(sender)

    assert waits == [1.0, 2.0, 4.0]
    assert troubled.hub == "unreachable"
    assert sentence in troubled.sentence
    assert (outbox.refused, sorted(outbox.acknowledged)) == ({}, [1, 2, 3])


def test_poison_batch_does_not_stop_the_queue(tmp_path: Path, key: GatewayKey) -> None:
    """A batch on which the hub fails every time is tried last; the others pass."""
    outbox = FakeOutbox(key, chain(key, 30))
    hub = Script(lambda number: said(500) if number == 1 else None)
    with sending(tmp_path, key, outbox, hub) as sender:
        for _ in range(20):
            sender.work()

    assert sorted(outbox.acknowledged) == list(range(2, 31))
    assert list(outbox.queue) == [1]


def test_the_hub_may_ask_for_a_pause(tmp_path: Path, key: GatewayKey) -> None:
    """Retry-After is heeded, within the longest wait."""
    wishes = iter(["120", "86400"])
    hub = Script(lambda _: Reply(503, b"{}", {"Retry-After": next(wishes), "Content-Type": "application/json"}))
    with sending(tmp_path, key, FakeOutbox(key, chain(key, 1)), hub) as sender:
        waits = [sender.work(), sender.work()]

    assert waits == [120.0, LONGEST_S]


def test_no_connection(tmp_path: Path, key: GatewayKey) -> None:
    """A hub that is not there is unreachable, in words that say why."""
    with sending(tmp_path, key, FakeOutbox(key, chain(key, 1)), Script()) as sender:
        pass  # the server is gone now

    assert sender.work() == 1.0
    assert sender.status().hub == "unreachable"
    assert "Connection refused" in sender.status().sentence


def dated(number: int, time_s: int) -> Reply:
    """A confirmation by a hub whose clock says `time_s`."""
    reply = confirmed(number)
    return reply._replace(headers={**reply.headers, "Date": formatdate(time_s, usegmt=True)})


@pytest.mark.parametrize(
    ("ahead_s", "said"),
    [(0, ""), (60, ""), (-60, ""), (61, "1 min ahead of"), (-10_800, "3 h behind"), (30 * 86_400, "30 days ahead of")],
)
def test_wrong_clock_is_said_and_stops_nothing(tmp_path: Path, key: GatewayKey, ahead_s: int, said: str) -> None:
    """A gateway whose clock differs from the hub's by more than a minute goes on delivering and says by how much."""
    outbox = FakeOutbox(key, chain(key, 3))
    hub = Script()
    hub.reply = lambda number: dated(number, START_MS // 1000 - ahead_s)
    with sending(tmp_path, key, outbox, hub, wall_ms=lambda: START_MS) as sender:
        drain(sender)
        status = sender.status()
        hub.reply = lambda number: dated(number, START_MS // 1000)
        outbox.queue.update({batch.number: batch for batch in chain(key, 1)})
        drain(sender)

    assert sorted(outbox.acknowledged) == [1, 1, 2, 3]
    assert status.hub == "reachable"
    assert said in status.sentence if said else status.sentence == ""
    assert sender.status().sentence == ""


def test_date_of_a_portal_is_no_clock(tmp_path: Path, key: GatewayKey) -> None:
    """Whoever is not the hub does not tell us the time."""
    portal = Reply(200, b"<html>", {"Content-Type": "text/html", "Date": formatdate(0, usegmt=True)})
    with sending(tmp_path, key, FakeOutbox(key, chain(key, 1)), Script(lambda _: portal)) as sender:
        sender.work()

    assert "clock" not in sender.status().sentence
