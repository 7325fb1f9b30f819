"""Intervals at the hub: the gateway's own where batches come in order, the same end whatever order they come in, and cursors that hold."""

import csv
import io
import random
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from gateway.buffer.source import Description
from gateway.buffer.store import Store
from gateway.deliver.key import GatewayKey
from gateway.deliver.tests.fakes import START_MS
from gateway.interfaces import INTERVALS, Filter
from protocols.batch import GENESIS, SealedBatch, seal
from protocols.reading import ClockSet, Reading, Record, SiteDescription, iso, milliseconds_of
from tools.hub.server import open_database
from tools.hub.source import HubRecords
from tools.tests.hub_bench import Hub, fresh_key, hub, now

QUARTER = 15 * 60_000
T0 = START_MS // QUARTER * QUARTER


def counter(time_ms: int, value: int, meter: str = "main", **more: Any) -> Reading:
    return Reading(meter, 1, time_ms - T0, time_ms, {"active_energy_import": value}, {}, **more)


def undated(monotonic_ms: int, value: int, boot: int = 2) -> Reading:
    return Reading("main", boot, monotonic_ms, None, {"active_energy_import": value}, {})


def a_day(chance: random.Random) -> list[Record]:
    """Two meters with holes, late reads, reads between boundaries, a counter that falls, and a boot that learns its time at its end."""
    made: list[Record] = []
    for quarter in range(40):
        for meter in ("main", "press-1"):
            if chance.random() < 0.8:
                value = quarter * 1000 if quarter < 30 or meter == "main" else quarter
                made.append(counter(T0 + quarter * QUARTER + chance.choice((0, 300, 90_000)), value, meter))
        made += [counter(T0 + quarter * QUARTER + 400_000, quarter * 1000 + 7)] * (chance.random() < 0.3)
    made += [undated(quarter * QUARTER, 40_000 + quarter * 500) for quarter in range(1, 8)]
    made += [ClockSet(2, T0 + 40 * QUARTER, T0 + 48 * QUARTER), undated(8 * QUARTER, 44_000)]
    return [record._replace(sequence=sequence) for sequence, record in enumerate(made, start=1)]


def sealed(key: GatewayKey, records: list[Record], per_batch: int = 4) -> list[SealedBatch]:
    made: list[SealedBatch] = []
    for at in range(0, len(records), per_batch):
        previous = made[-1].hash if made else GENESIS
        made.append(seal(key.gateway, len(made) + 1, previous, START_MS, records[at : at + per_batch], key.sign))
    return made


def newest(documents: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[str, str | None, str]]:
    """What a consumer ends up with: of each meter and end the document that came last."""
    return {(each["meter"], each["end"]): (each["start"], each["amount"], each["quality"]) for each in documents}


def at_the_gateway(folder: Path, key: GatewayKey, records: list[Record]) -> list[dict[str, Any]]:
    with closing(Store(folder, key.gateway, key.sign, Description("works", "", QUARTER))) as store:
        store.add(records)
        store.commit(1)
        return list(store.records.page(INTERVALS, 0, 10_000, Filter()).documents)


def mine(running: Hub, key: GatewayKey, limit: int = 1000) -> list[dict[str, Any]]:
    return [each for each in running.everything(INTERVALS, limit) if each["gateway"] == key.gateway]


def test_batches_in_order_tell_what_the_gateway_tells(running: Hub, key: GatewayKey, bearer: str, tmp_path: Path) -> None:
    """The same documents: dates that came later, falls, gaps and late reads included."""
    records = a_day(random.Random(1))
    for batch in sealed(key, records):
        assert running.push(batch, bearer).status_code == 201
    here = at_the_gateway(tmp_path, key, records)

    assert len(here) > 70
    assert {each["quality"] for each in here} == {"measured", "late", "gap", "counter_fell"}
    assert sorted(mine(running, key), key=str) == sorted(here, key=str)


@pytest.mark.parametrize("seed", range(4))
def test_any_order_ends_the_same(running: Hub, key: GatewayKey, bearer: str, tmp_path: Path, seed: int) -> None:
    """Batches in any order and twice, pulled meanwhile in small pages: what was told stays, and the newest of each end is the truth."""
    chance = random.Random(seed)
    records = a_day(chance)
    batches = sealed(key, records)
    arriving = [*batches, *chance.sample(batches, 5)]
    chance.shuffle(arriving)
    pulled: list[dict[str, Any]] = []
    after = ""
    for batch in arriving:
        running.push(batch, bearer)
        page = running.get(f"/v1/intervals?gateway={key.gateway}&limit={chance.randrange(1, 9)}{after}")
        pulled += page["intervals"]
        after = f"&after={page['cursor']}"
    pulled += running.get(f"/v1/intervals?gateway={key.gateway}{after}")["intervals"]

    assert pulled == mine(running, key, chance.randrange(5, 50))
    assert newest(pulled) == newest(at_the_gateway(tmp_path, key, records))


def test_consumer_of_intervals_misses_nothing(tmp_path: Path, new_store: Callable[[], str]) -> None:
    """Ten gateways push out of order while a consumer follows its cursor."""
    with hub(new_store()) as running:
        keys = [fresh_key(tmp_path / str(number)) for number in range(10)]
        tokens = [running.enrolled(key, f"works {number}") for number, key in enumerate(keys)]
        done = threading.Event()

        def deliver(number: int) -> None:
            chance = random.Random(number)
            batches = sealed(keys[number], a_day(chance), 9)
            chance.shuffle(batches)
            with requests.Session() as session:
                for batch in batches:
                    Hub(running.url, running.database, session).push(batch, tokens[number])

        def follow() -> list[dict[str, Any]]:
            seen: list[dict[str, Any]] = []
            after, last = "", False
            with requests.Session() as session:
                while not last:
                    last, page = done.is_set(), {"more": True}
                    while page["more"]:
                        page = session.get(f"{running.url}/v1/intervals?limit=13{after}", timeout=60).json()
                        seen += page["intervals"]
                        after = f"&after={page['cursor']}"
            return seen

        with ThreadPoolExecutor(11) as pool:
            consumer = pool.submit(follow)
            for push in [pool.submit(deliver, number) for number in range(10)]:
                push.result(120)
            done.set()
            seen = consumer.result(120)
        expected = running.everything(INTERVALS)

    assert len(expected) > 700
    assert seen == expected


def test_filters_and_forms(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A meter and a period select; CSV has a row for each."""
    reads: list[Record] = [counter(T0 + n // 2 * QUARTER, n // 2 * 5, "ab"[n % 2], sequence=n + 1) for n in range(8)]
    for batch in sealed(key, reads):
        running.push(batch, bearer)
    asked = f"/v1/intervals?gateway={key.gateway}&meter=a&from={iso(T0 + QUARTER)}&to={iso(T0 + 2 * QUARTER)}"
    (document,) = running.get(asked)["intervals"]
    text = running.session.get(running.url + asked, headers={"Accept": "text/csv"}, timeout=20).text
    (row,) = csv.DictReader(io.StringIO(text))

    assert document == {
        "gateway": key.gateway,
        "sequence": 5,
        "meter": "a",
        "quantity": "active_energy_import",
        "unit": "kWh",
        "start": iso(T0 + QUARTER),
        "end": iso(T0 + 2 * QUARTER),
        "amount": "0.000005",
        "quality": "measured",
        "first": {"time": iso(T0 + QUARTER), "value": "0.000005"},
        "last": {"time": iso(T0 + 2 * QUARTER), "value": "0.000010"},
    }
    assert (row["start"], row["amount"], row["gateway"]) == (document["start"], "0.000005", key.gateway)


def test_length_is_the_sites(running: Hub, key: GatewayKey, bearer: str) -> None:
    """Intervals are as long as the site description says that came before the reads."""
    site = SiteDescription(START_MS, {"meters": [], "inputs": {"interval_s": 300}}, 1)
    reads = [counter(T0 + n * 300_000, n * 7, sequence=n + 2) for n in range(4)]
    for batch in sealed(key, [site, *reads], 2):
        running.push(batch, bearer)

    assert [milliseconds_of(each["end"]) - milliseconds_of(each["start"]) for each in mine(running, key)] == [300_000] * 3


def test_other_branch_takes_its_intervals_along(running: Hub, key: GatewayKey, bearer: str, tmp_path: Path) -> None:
    """Reads of a copied device that turn out not to be this gateway's leave, and so does what was told against them."""
    reads: list[Record] = [counter(T0 + n * QUARTER, n * 1000, sequence=n + 1) for n in range(12)]
    batches = sealed(key, reads, 2)
    copied = [each._replace(values={"active_energy_import": 77}) for each in reads[4:] if isinstance(each, Reading)]
    copy = list(batches[:2])
    for at in range(0, len(copied), 2):
        copy.append(seal(key.gateway, len(copy) + 1, copy[-1].hash, START_MS + 5, copied[at : at + 2], key.sign))
    for batch in (*batches[:2], copy[4], copy[5], batches[2], batches[3], batches[4], batches[5]):
        assert running.push(batch, bearer).status_code == 201

    found = mine(running, key)
    assert newest(found) == newest(at_the_gateway(tmp_path, key, reads))
    assert not any(each[end]["value"] == "0.000077" for each in found for end in ("first", "last"))


@contextmanager
def _without_intervals(store: str) -> Iterator[None]:
    """The store as it was before there were intervals."""
    with closing(open_database(store)) as database, database.writing() as session:
        for table in ("intervals", "boundaries", "undated_counters"):
            session.run(f"drop table {table}")
        session.run("delete from steps where name = 'intervals'")
    yield


def test_store_of_before_gets_them_at_the_first_start(tmp_path: Path, new_store: Callable[[], str]) -> None:
    """An updated hub tells the intervals of what it has held for long."""
    store, key = new_store(), fresh_key(tmp_path)
    records = a_day(random.Random(3))
    with hub(store) as running:
        bearer = running.enrolled(key)
        for batch in sealed(key, records):
            running.push(batch, bearer)
        before = running.everything(INTERVALS)
    with _without_intervals(store), closing(open_database(store)) as database:
        after = HubRecords(database, now).page(INTERVALS, 0, 10_000, Filter()).documents

    assert newest(list(after)) == newest(before) != {}
