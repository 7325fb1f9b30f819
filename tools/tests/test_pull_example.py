"""docs/how_to/pull_and_check.py as a reader would run it, against a real hub and a gateway, with honest and tampered chains."""

import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette

from gateway.buffer.store import Store
from gateway.deliver.api import routes
from gateway.deliver.key import GatewayKey, gateway_key
from gateway.deliver.tests.fakes import START_MS, chain, served
from gateway.deliver.tokens import authoriser
from protocols.batch import seal_tombstone
from protocols.reading import Event, Reading
from tools.tests.hub_bench import fresh_key, hub, signed

EXAMPLE = Path(__file__).parents[2] / "docs" / "how_to" / "pull_and_check.py"


def typed(url: str, key: GatewayKey) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, EXAMPLE, url, "", key.gateway, key.public_key], capture_output=True, text=True, check=False)


def test_hub_proves_itself_to_a_consumer(tmp_path: Path) -> None:
    """Every batch is pulled, the chain holds, a tombstone is named, and the head is the hub's own."""
    key, other = fresh_key(tmp_path / "one"), fresh_key(tmp_path / "two")
    batches = chain(key, 12)
    with hub(tmp_path) as found:
        bearer = found.enrolled(key)
        for batch in [*batches[:5], seal_tombstone(batches[5], "the disk was full", key.sign), *batches[6:]]:
            found.push(batch, bearer)
        found.push(chain(other, 1)[0], found.enrolled(other, "another"))
        said = typed(found.url, key)
        (held,) = (each for each in found.get("/v1/completeness")["gateways"] if each["gateway"] == key.gateway)

    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.splitlines() == [
        "batch 6: records 26 to 30 dropped: the disk was full",
        f"complete: batches 1 to 12, head {held['head']}",
    ]


def test_gateway_proves_itself_to_a_consumer(tmp_path: Path) -> None:
    """A gateway without a hub serves the same proof; one that has delivered still shows every head, and completeness its key."""
    key = gateway_key(tmp_path, lambda count: b"\3" * count)
    store = Store(tmp_path, key.gateway, key.sign)
    for number in range(3):
        store.add([Reading("main", store.boot, number, START_MS, {"active_power": number}, {}), Event("swap", "main", "", 1, 0, START_MS)])
        store.commit(START_MS)
        store.outbox.seal(START_MS)
    with served(Starlette(routes=routes(store.records, authoriser(list, public_read=True)))) as url:
        said = typed(url, key)
    store.outbox.acknowledge([1], START_MS)
    first, second = store.records.batches(0, 2).documents
    completeness = store.records.completeness(None, START_MS)
    store.close()

    assert said.stdout == f"complete: batches 1 to 3, head {completeness['gateways'][0]['head']}\n"
    assert (first["hash"], "signature" in first, "signature" in second) == (second["previous"], False, True)
    assert (completeness["complete"], completeness["gateways"][0]["proven_until"]) == (True, "2026-03-28T22:00:00Z")


def gap(bodies: dict[int, Any], _key: GatewayKey) -> None:
    del bodies[2]


def changed(bodies: dict[int, Any], _key: GatewayKey) -> None:
    bodies[2]["sealed_at"] = "2026-03-28T22:00:01Z"


def other_branch(bodies: dict[int, Any], key: GatewayKey) -> None:
    bodies[2] = signed(bodies[2], key, previous="11" * 32)


def skipped_records(bodies: dict[int, Any], key: GatewayKey) -> None:
    bodies[3] = signed(bodies[3], key, first_sequence=12)


@pytest.mark.parametrize("harm", [gap, changed, other_branch, skipped_records])
def test_harm_is_seen(tmp_path: Path, harm: Callable[[dict[int, Any], GatewayKey], None]) -> None:
    """A missing, changed, unlinked or shortened batch ends the check with its number."""
    key = fresh_key(tmp_path)
    bodies = {batch.number: dict(batch.body) for batch in chain(key, 3)}
    harm(bodies, key)
    check = runpy.run_path(str(EXAMPLE))["check"]

    with pytest.raises(SystemExit, match=r"batch [23]"):
        check(bodies, _public(key))


def test_foreign_signature_is_seen(tmp_path: Path) -> None:
    """A chain that holds in itself but was signed by somebody else is not this gateway's."""
    ours, foreign = fresh_key(tmp_path / "one"), fresh_key(tmp_path / "two")
    bodies = {batch.number: dict(batch.body) for batch in chain(foreign, 2)}
    check = runpy.run_path(str(EXAMPLE))["check"]

    assert check(bodies, _public(foreign))[0] == 2
    with pytest.raises(SystemExit, match="not signed by this gateway"):
        check(bodies, _public(ours))


def test_tombstone_of_a_later_key(tmp_path: Path) -> None:
    """After a change of key the consumer gives both."""
    old, new = fresh_key(tmp_path / "one"), fresh_key(tmp_path / "two")
    first, second = chain(old, 2)
    bodies = {1: dict(seal_tombstone(first, "thinned", new.sign).body), 2: dict(second.body)}
    check = runpy.run_path(str(EXAMPLE))["check"]

    assert check(bodies, [*_public(new), *_public(old)]) == (2, second.hash)
    with pytest.raises(SystemExit, match="batch 1 was not signed by this gateway"):
        check(bodies, _public(old))


def _public(key: GatewayKey) -> list[str]:
    return [key.public_key]
