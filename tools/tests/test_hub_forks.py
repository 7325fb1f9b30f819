"""Two devices with one identity, a gateway that was set back, a device that takes over, and keys that change."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.deliver.key import GatewayKey, rotation_statement
from gateway.deliver.tests.fakes import START_MS, chain, records
from protocols.batch import SealedBatch, seal, seal_tombstone
from tools.hub import forks
from tools.tests.hub_bench import Hub, fresh_key, signed


def branch(key: GatewayKey, trunk: list[SealedBatch], batches: int) -> list[SealedBatch]:
    """What a copy of the gateway seals from the last of `trunk` on: the same numbers, other contents."""
    made = list(trunk)
    for _ in range(batches):
        last = made[-1]
        sealed_ms = START_MS + last.number * 60_000 + 500
        made.append(seal(key.gateway, last.number + 1, last.hash, sealed_ms, records(last.last_sequence + 1, 5), key.sign))
    return made[len(trunk) :]


def held(running: Hub, key: GatewayKey) -> dict[str, Any]:
    found: list[dict[str, Any]] = running.get("/v1/completeness")["gateways"]
    return next(each for each in found if each["gateway"] == key.gateway)


def test_copied_gateway_is_told_apart(running: Hub, key: GatewayKey, bearer: str) -> None:
    """The second device's batches are refused and named, whatever it sends; the first one's stay, and both are told what to do."""
    batches = chain(key, 6)
    copy = branch(key, batches[:3], 3)
    for batch in batches[:5]:
        running.push(batch, bearer)
    refused = [running.push(batch, bearer) for batch in copy]
    after = running.push(batches[5], bearer)
    found = held(running, key)

    assert [(each.status_code, each.json().get("fork")) for each in refused] == [(409, True)] * 3
    assert all("shiftwatt identity new" in each.json()["error"] for each in refused)
    assert (after.status_code, found["highest"], found["head"]) == (201, 6, batches[5].hash)
    assert (found["complete"], found["fork_count"]) == (False, 3)
    assert {each["hash"] for each in found["forks"]} == {batch.hash for batch in copy}
    assert running.sequences(key) == list(range(1, 31))


def test_branch_beyond_a_gap_gives_way_to_the_chain(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A copy's newest batches that came in before the gap was filled leave as soon as the chain shows that they are not its own."""
    batches = chain(key, 6)
    copy = branch(key, batches[:2], 4)
    for batch in (*batches[:2], copy[2], copy[3]):
        assert running.push(batch, bearer).status_code == 201
    answers = [running.push(batch, bearer).json() for batch in batches[2:5]]
    found = held(running, key)
    kept = running.rows("select body from forks where gateway = ? order by number", key.gateway)

    assert [each["highest"] for each in answers] == [3, 4, 5]
    assert [(each["number"], each["hash"]) for each in found["forks"]] == [(5, copy[2].hash), (6, copy[3].hash)]
    assert (found["batches"], found["records"], found["beyond"]) == (5, 25, [])
    assert running.sequences(key) == list(range(1, 26))
    assert [json.loads(gzip.decompress(body)) for (body,) in kept] == [copy[2].body, copy[3].body]


def test_wrong_first_batch_gives_way(running: Hub, key: GatewayKey, bearer: str) -> None:
    """Also at the very beginning the chain decides, not who came first."""
    first, second = chain(key, 2)
    bodies = {1: first.body, 2: signed(second.body, key, previous="1" * 64)}
    answers = [running.push(bodies[number], bearer) for number in (2, 1)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert (held(running, key)["highest"], held(running, key)["fork_count"], running.sequences(key)) == (1, 1, [1, 2, 3, 4, 5])


def test_set_back_gateway_is_noticed(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A gateway that was restored from an older backup and just went on is refused, and told how to go on."""
    batches = chain(key, 5)
    for batch in batches:
        running.push(batch, bearer)
    again = branch(key, batches[:2], 1)[0]
    answer = running.push(again, bearer)

    assert (answer.status_code, "shiftwatt identity adopt" in answer.json()["error"]) == (409, True)
    assert held(running, key)["head"] == batches[4].hash


def test_settled_fork_is_forgotten(running: Hub, key: GatewayKey, bearer: str) -> None:
    """After the operator has settled it the gateway counts as complete again, and gets what had been taken in by mistake."""
    batches = chain(key, 3)
    copy = branch(key, batches[:1], 2)
    for batch in (batches[0], copy[1], batches[1], batches[2], copy[0]):
        running.push(batch, bearer)
    with running.database.writing() as session:
        count, bodies = forks.settle(session, key.gateway)

    assert (count, [json.loads(gzip.decompress(body)) for body in bodies]) == (2, [copy[1].body])
    assert (held(running, key)["complete"], held(running, key)["fork_count"]) == (True, 0)


def test_named_branches_are_bounded(running: Hub, key: GatewayKey, bearer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that goes on and on does not fill the store."""
    monkeypatch.setattr(forks, "NAMED_MAX", 2)
    running.push(chain(key, 1)[0], bearer)
    for second in range(4):
        running.push(signed(chain(key, 1)[0].body, key, sealed_at=f"2026-03-28T23:00:0{second}Z"), bearer)

    assert held(running, key)["fork_count"] == 2


def take_over(running: Hub, key: GatewayKey, token: str) -> dict[str, Any]:
    answer = running.session.post(
        f"{running.url}/v1/enrol", json={"token": token, "gateway": key.gateway, "public_key": key.public_key}, timeout=10
    )
    assert answer.status_code == 201, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_new_device_goes_on_with_the_chain(running: Hub, key: GatewayKey, bearer: str, tmp_path: Path) -> None:
    """With a token made for it a new device with a new key goes on under the old id; the dead one is out, should it come back."""
    batches = chain(key, 3)
    for batch in batches:
        running.push(batch, bearer)
    new = fresh_key(tmp_path / "new")
    found = take_over(running, new, running.registry.replace(key.gateway))
    successor = seal(found["gateway"], 4, found["head"]["hash"], START_MS, records(found["head"]["last_sequence"] + 1, 5), new.sign)
    late = branch(key, batches, 1)[0]

    assert (found["gateway"], found["head"]) == (key.gateway, {"number": 3, "hash": batches[2].hash, "last_sequence": 15})
    assert running.push(late, bearer).status_code == 401
    assert running.push(late, found["token"]).status_code == 422
    assert running.push(successor, found["token"]).status_code == 201
    assert (held(running, key)["highest"], held(running, key)["complete"]) == (4, True)
    assert held(running, key)["keys"] == [
        {"from_number": 1, "public_key": key.public_key},
        {"from_number": 4, "public_key": new.public_key},
    ]


def test_take_over_may_be_repeated_until_used(running: Hub, key: GatewayKey, bearer: str, tmp_path: Path) -> None:
    """A lost answer to the take-over does no harm: the same device asks again; once it has delivered the token is void."""
    running.push(chain(key, 1)[0], bearer)
    new = fresh_key(tmp_path / "new")
    token = running.registry.replace(key.gateway)
    take_over(running, new, token)
    found = take_over(running, new, token)
    next_batch = seal(key.gateway, 2, found["head"]["hash"], START_MS, records(6, 5), new.sign)
    status = running.push(next_batch, found["token"]).status_code
    again = running.session.post(
        f"{running.url}/v1/enrol", json={"token": token, "gateway": new.gateway, "public_key": new.public_key}, timeout=10
    )

    assert (status, again.status_code) == (201, 403)


def test_only_known_gateways_are_replaced(running: Hub) -> None:
    """A name that no gateway or more than one has is a sentence."""
    with pytest.raises(ValueError, match="names 0 gateways"):
        running.registry.replace("nobody")


def rotation(key: GatewayKey, from_number: int, new: GatewayKey, signer: GatewayKey | None = None) -> dict[str, Any]:
    signature = (signer or key).sign(rotation_statement(key.gateway, from_number, new.public_key)).hex()
    return {"gateway": key.gateway, "from_number": from_number, "public_key": new.public_key, "signature": signature}


def rotate(running: Hub, bearer: str, document: dict[str, Any]) -> int:
    headers = {"Authorization": f"Bearer {bearer}"}
    return running.session.post(f"{running.url}/v1/keys", json=document, headers=headers, timeout=10).status_code


def test_key_is_changed_by_its_owner(running: Hub, key: GatewayKey, bearer: str, tmp_path: Path) -> None:
    """The old key vouches for the new one; from the named number on only the new one signs, before it only the old one."""
    new = fresh_key(tmp_path / "new")
    old_batches = chain(key, 2)
    running.push(old_batches[0], bearer)
    first = rotate(running, bearer, rotation(key, 3, new)), rotate(running, bearer, rotation(key, 3, new))
    third = seal(key.gateway, 3, old_batches[1].hash, START_MS, records(11, 5), new.sign)
    by_old = seal(key.gateway, 3, old_batches[1].hash, START_MS, records(11, 5), key.sign)

    assert first == (200, 200)
    assert [running.push(batch, bearer).status_code for batch in (by_old, third, old_batches[1])] == [422, 201, 201]
    assert held(running, key)["complete"]


def test_foreign_change_of_key_is_refused(running: Hub, key: GatewayKey, bearer: str, tmp_path: Path) -> None:
    """Neither a thief of the token nor a number that is taken gets a key in."""
    thief = fresh_key(tmp_path / "thief")
    running.push(chain(key, 1)[0], bearer)
    other = running.enrolled(thief, "thief")
    found = [
        rotate(running, bearer, rotation(key, 2, thief, signer=thief)),
        rotate(running, bearer, rotation(key, 1, thief)),
        rotate(running, other, rotation(key, 2, thief)),
        rotate(running, bearer, {"gateway": key.gateway}),
        rotate(running, bearer, {**rotation(key, 2, thief), "public_key": "zz"}),
    ]

    assert found == [403, 409, 403, 400, 400]
    assert len(held(running, key)["keys"]) == 1


def test_replayed_batch_takes_the_place_of_its_tombstone(running: Hub, key: GatewayKey, bearer: str) -> None:
    """The batch that a tombstone stands for comes after all: it is taken once, a reader further on sees it, the chain goes on."""
    batches = chain(key, 4)
    tombstone = seal_tombstone(batches[1], "refused once", key.sign)
    for batch in (batches[0], tombstone, batches[2]):
        running.push(batch, bearer)
    cursor = running.get("/v1/readings?limit=10000")["cursor"]
    before = held(running, key)
    answers = [running.push(batch, bearer) for batch in (batches[1], batches[1], batches[3])]
    after = held(running, key)
    late = running.get(f"/v1/readings?limit=10000&after={cursor}&gateway={key.gateway}")["readings"]

    assert [each["number"] for each in before["tombstones"]] == [2]
    assert [(each.status_code, each.json()["highest"]) for each in answers] == [(201, 3), (200, 3), (201, 4)]
    assert (after["tombstones"], after["missing"], after["batches"], after["records"]) == ([], [], 4, 20)
    assert running.sequences(key) == list(range(1, 21))
    assert [each["sequence"] for each in late] == [6, 8, 9, 10, 16, 18, 19, 20]


def test_other_contents_do_not_replace_a_tombstone(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A batch that the tombstone does not stand for is refused under its number."""
    batches = chain(key, 2)
    running.push(batches[0], bearer)
    running.push(seal_tombstone(batches[1], "refused once", key.sign), bearer)
    answer = running.push(branch(key, batches[:1], 1)[0], bearer)

    assert (answer.status_code, answer.json().get("fork")) == (409, True)
    assert len(held(running, key)["tombstones"]) == 1
