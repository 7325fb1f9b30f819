"""What the hub takes, what it refuses and why, over real HTTP into a real store."""

from pathlib import Path
from typing import Any

from gateway.deliver.key import GatewayKey
from gateway.deliver.tests.fakes import START_MS, chain, records
from protocols.batch import seal, seal_tombstone
from tools.tests.hub_bench import Hub, fresh_key, gateways, signed


def held(running: Hub, key: GatewayKey) -> dict[str, Any]:
    found: list[dict[str, Any]] = running.get("/v1/completeness")["gateways"]
    return next(each for each in found if each["gateway"] == key.gateway)


def test_batch_is_taken_once(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A batch is created by its first arrival; sending it again is confirmed and changes nothing."""
    batch = chain(key, 1)[0]
    first, again = running.push(batch, bearer), running.push(batch, bearer)

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"highest": 1, "beyond": []}
    assert running.sequences(key) == [1, 2, 3, 4, 5]
    assert (held(running, key)["batches"], held(running, key)["records"]) == (1, 5)


def test_any_order_of_arrival(running: Hub, key: GatewayKey, bearer: str) -> None:
    """Batches beyond a gap are named, and joined when the gap is filled."""
    batches = chain(key, 5)
    answers = [running.push(batches[number - 1], bearer).json() for number in (3, 5, 1, 4, 2)]

    assert answers == [
        {"highest": 0, "beyond": [3]},
        {"highest": 0, "beyond": [3, 5]},
        {"highest": 1, "beyond": [3, 5]},
        {"highest": 1, "beyond": [3, 4, 5]},
        {"highest": 5, "beyond": []},
    ]
    assert running.sequences(key) == list(range(1, 26))


def test_completeness_names_what_is_missing(running: Hub, key: GatewayKey, bearer: str) -> None:
    """Missing numbers are ranges; a period that begins after they were sealed does not need them."""
    batches = chain(key, 9)
    for number in (1, 2, 5, 6, 9):
        running.push(batches[number - 1], bearer)
    found = held(running, key)

    assert (found["complete"], found["highest"], found["head"]) == (False, 2, batches[1].hash)
    assert found["proven_until"] == "2026-03-28T22:02:00Z"
    assert found["missing"] == [{"first": 3, "last": 4}, {"first": 7, "last": 8}]
    assert found["beyond"] == [{"first": 5, "last": 6}, {"first": 9, "last": 9}]
    later = running.get("/v1/completeness?from=2026-03-28T22:06:00Z")["gateways"]
    assert next(each for each in later if each["gateway"] == key.gateway)["missing"] == [{"first": 7, "last": 8}]


def test_complete_until_proven(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A period that ends after the last proof is not complete, however gap-free the batches are."""
    running.push(chain(key, 1)[0], bearer)

    def complete(to: str) -> bool:
        found = running.get(f"/v1/completeness?to={to}")["gateways"]
        return bool(next(each for each in found if each["gateway"] == key.gateway)["complete"])

    assert (complete("2026-03-28T22:01:00Z"), complete("2026-03-28T22:01:01Z")) == (True, False)


def test_foreign_signature_is_refused(running: Hub, key: GatewayKey, bearer: str, tmp_path: Path) -> None:
    """A batch in this gateway's name that another key signed is refused."""
    _, other = gateways(tmp_path)
    response = running.push(signed(chain(key, 1)[0].body, other), bearer)

    assert (response.status_code, "signature" in response.json()["error"]) == (422, True)


def test_replay_with_other_content_is_refused(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A number that is held is not replaced, not even by its own gateway."""
    first = chain(key, 1)[0]
    running.push(first, bearer)
    before = running.rows("select * from bodies")
    response = running.push(signed(first.body, key, sealed_at="2026-03-28T23:00:00Z"), bearer)

    assert (response.status_code, "other contents" in response.json()["error"]) == (409, True)
    assert running.rows("select * from bodies") == before


def test_broken_link_is_refused(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A batch that names another hash than that of the batch before is refused."""
    first, second = chain(key, 2)
    answers = [running.push(body, bearer) for body in (first.body, signed(second.body, key, previous="1" * 64))]

    assert [answer.status_code for answer in answers] == [201, 409]
    assert "does not link" in answers[1].json()["error"]


def test_record_in_two_batches_is_refused(running: Hub, key: GatewayKey, bearer: str) -> None:
    """No record gets in twice under two numbers, also where the neighbours are not held."""
    batches = chain(key, 9)
    running.push(batches[4], bearer)
    twin = seal(key.gateway, 8, batches[6].hash, START_MS, records(25, 5), key.sign)
    response = running.push(twin, bearer)

    assert (response.status_code, "already in batch 5" in response.json()["error"]) == (409, True)


def test_gap_between_neighbours_is_refused(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A batch that links but leaves out records is refused: a gap-free chain must mean gap-free records."""
    first = chain(key, 1)[0]
    running.push(first, bearer)
    response = running.push(seal(key.gateway, 2, first.hash, START_MS, records(7, 3), key.sign), bearer)

    assert response.status_code == 409


def test_tombstone_stands_for_its_batch(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A tombstone fills its number and keeps the chain; completeness shows what it stands for."""
    batches = chain(key, 3)
    tombstone = seal_tombstone(batches[1], "too old", key.sign)
    answers = [running.push(batch, bearer).json() for batch in (batches[2], tombstone, batches[0])]
    found = held(running, key)

    assert answers[-1] == {"highest": 3, "beyond": []}
    assert running.sequences(key) == [1, 2, 3, 4, 5, 11, 12, 13, 14, 15]
    assert (found["complete"], found["missing"], found["records"]) == (False, [], 10)
    assert found["tombstones"] == [
        {
            "number": 2,
            "first_sequence": 6,
            "last_sequence": 10,
            "hash": tombstone.hash,
            "sealed_at": "2026-03-28T22:02:00Z",
            "reason": "too old",
        }
    ]


def test_tombstone_of_another_batch_is_refused(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A tombstone that names a hash which does not fit the chain is refused."""
    batches = chain(key, 2)
    running.push(batches[1], bearer)
    response = running.push(
        signed(seal_tombstone(batches[0], "x", key.sign).body, key, tombstone={"hash": "2" * 64, "reason": "x"}), bearer
    )

    assert response.status_code == 409


def test_token_is_for_its_gateway(running: Hub, key: GatewayKey, bearer: str, tmp_path: Path) -> None:
    """A gateway cannot deliver in the name of another, nor a reader at all, nor anybody without a token."""
    other = fresh_key(tmp_path / "other")
    batch = chain(other, 1)[0]
    reader = running.registry.add_reader(f"reader of {key.gateway}")

    assert [running.push(batch, token).status_code for token in (bearer, reader, "sw_wrong", "")] == [403, 403, 401, 401]
