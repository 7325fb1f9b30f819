"""Gateway's sender and hub together: over a bad link, through restarts, with consumers reading meanwhile."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from gateway.deliver.client import HubClient
from gateway.deliver.enrolment import Enrolment
from gateway.deliver.key import GatewayKey
from gateway.deliver.sender import IDLE_S, Sender
from gateway.deliver.tests.fakes import START_MS, FakeOutbox, LossyAdapter, chain
from gateway.deliver.upstream import Upstream, open_session
from tools.tests.hub_bench import Hub, gateways, hub

ROUNDS_MAX = 5000  # far more than a seeded link needs; a sender that never ends is a failure, not a hang


@contextmanager
def sender(running: Hub, folder: Path, key: GatewayKey, outbox: FakeOutbox, adapter: LossyAdapter | None = None) -> Iterator[Sender]:
    session = open_session(Upstream(running.url))
    if adapter is not None:
        session.mount("http://", adapter)
    client = HubClient(session, running.url)
    enrolment = Enrolment(folder, running.url, folder / "hub.token", key)
    yield Sender(outbox, client, enrolment, now_ms=lambda: START_MS, random=random.Random(1).random)
    client.close()


def invite(running: Hub, folder: Path, name: str = "works") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hub.token").write_text(running.registry.invite(name))


def drain(found: Sender, outbox: FakeOutbox) -> None:
    for _ in range(ROUNDS_MAX):
        found.work()
        if not outbox.queue:
            return
    raise AssertionError(f"{len(outbox.queue)} batches are still waiting: {found.status()}")


@pytest.mark.parametrize("seed", [1, 2])
def test_lossy_link_delivers_everything_exactly_once(tmp_path: Path, seed: int) -> None:
    """Requests and answers are lost, doubled and late, enrolment included: every record is at the hub exactly once and it can prove so."""
    key, _ = gateways(tmp_path)
    batches = chain(key, 300)
    outbox, adapter = FakeOutbox(key, batches), LossyAdapter(seed)
    with hub(tmp_path) as running:
        invite(running, tmp_path)
        with sender(running, tmp_path, key, outbox, adapter) as sending:
            drain(sending, outbox)
        rows = running.sequences(key)
        found = running.get("/v1/completeness")

    assert all(count > 20 for count in adapter.counts.values()), adapter.counts
    assert rows == list(range(1, 1501))
    assert (found["complete"], found["gateways"][0]["highest"], found["gateways"][0]["head"]) == (True, 300, batches[-1].hash)
    assert outbox.refused == {}


def test_two_gateways_do_not_mix(tmp_path: Path) -> None:
    """Same numbers and sequences of two gateways stand beside each other."""
    with hub(tmp_path) as running:
        for key, folder in zip(gateways(tmp_path), (tmp_path / "one", tmp_path / "two"), strict=True):
            outbox = FakeOutbox(key, chain(key, 4))
            invite(running, folder, folder.name)
            with sender(running, folder, key, outbox) as sending:
                drain(sending, outbox)
        found = running.get("/v1/completeness")["gateways"]

    assert sorted((each["name"], each["highest"], each["records"], each["complete"]) for each in found) == [
        ("one", 4, 20, True),
        ("two", 4, 20, True),
    ]


def test_a_new_process_goes_on(tmp_path: Path) -> None:
    """A sender that is started again after any number of pushes finds its token and its place."""
    key, _ = gateways(tmp_path)
    outbox = FakeOutbox(key, chain(key, 40))
    with hub(tmp_path) as running:
        invite(running, tmp_path)
        while outbox.queue:
            with sender(running, tmp_path, key, outbox) as sending:
                sending.work()
        found = running.get("/v1/completeness")

    assert (found["complete"], found["gateways"][0]["highest"], len(outbox.acknowledged)) == (True, 40, 40)


def test_revoked_gateway_keeps_its_batches_until_enrolled_again(tmp_path: Path) -> None:
    """After a revocation nothing is lost; a new one-time token in the file is enough to go on."""
    key, _ = gateways(tmp_path)
    outbox = FakeOutbox(key, chain(key, 3))
    with hub(tmp_path) as running:
        invite(running, tmp_path)
        with sender(running, tmp_path, key, outbox) as sending:
            drain(sending, outbox)
            running.registry.revoke("works")
            outbox.queue = {batch.number: batch for batch in chain(key, 6)[3:]}
            sending.work()
            refusing = sending.status().hub
            invite(running, tmp_path, "works")
            drain(sending, outbox)
        found = running.get("/v1/completeness")

    assert refusing == "refusing"
    assert (found["complete"], found["gateways"][0]["highest"]) == (True, 6)


def test_consumer_misses_nothing_while_data_arrive(tmp_path: Path) -> None:
    """A consumer that follows the cursor while two gateways deliver sees each record exactly once."""
    keys = gateways(tmp_path)
    seen: list[tuple[str, int]] = []
    with hub(tmp_path) as running:
        tokens = [running.enrolled(key, f"works {number}") for number, key in enumerate(keys)]
        done = threading.Event()

        def deliver() -> None:
            try:
                for pair in zip(*(reversed(chain(key, 60)) for key in keys), strict=True):
                    for batch, token in zip(pair, tokens, strict=True):
                        assert running.push(batch, token).status_code == 201
            finally:
                done.set()

        thread = threading.Thread(target=deliver)
        thread.start()
        after, last = "", False
        with requests.Session() as session:
            while not last:
                last = done.is_set()  # one more look after the end
                page = {"more": True}
                while page["more"]:
                    page = session.get(f"{running.url}/v1/readings?limit=7{after}", timeout=20).json()
                    seen += [(each["gateway"], each["sequence"]) for each in page["readings"]]
                    after = f"&after={page['cursor']}"
        thread.join()
        expected = [(each["gateway"], each["sequence"]) for each in running.everything("readings")]

    assert len(expected) > 400
    assert seen == expected


def test_idle_sender_waits(tmp_path: Path) -> None:
    """With an empty outbox nothing is sent."""
    key, _ = gateways(tmp_path)
    with hub(tmp_path) as running:
        invite(running, tmp_path)
        with sender(running, tmp_path, key, FakeOutbox(key)) as sending:
            waits = [sending.work(), sending.work()]

    assert waits == [IDLE_S, IDLE_S]
