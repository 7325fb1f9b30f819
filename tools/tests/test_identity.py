"""`shiftwatt identity` against a real hub: a dead device replaced, a restored backup, a copied card, a changed key."""

import gzip
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.buffer.outbox import THINNED
from gateway.buffer.store import Store
from gateway.clock import SystemClock
from gateway.deliver import key as key_file
from gateway.deliver import key_history
from gateway.deliver.client import HubClient
from gateway.deliver.enrolment import Enrolment
from gateway.deliver.sender import Sender
from gateway.deliver.upstream import Upstream, open_session
from gateway.retention import Retention
from protocols.batch import SealedBatch, seal_tombstone
from protocols.reading import Reading
from tools.command import app
from tools.tests.hub_bench import NOW_MS, Hub, hub, signed


class Device:
    """A gateway's folder on some card; opened for a while like `run` does, but without meters."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.site = folder / "site.toml"
        self.data = folder / "data"
        if not folder.exists():
            self.data.mkdir(parents=True)
            upstream = f'[upstream]\nurl = "{url}/"\nenrol_token_file = "hub.token"\n'
            self.site.write_text(f'[site]\nname = "works"\ntimezone = "Asia/Shanghai"\ndata = "data"\n\n{upstream}')

    def copied(self, folder: Path) -> "Device":
        shutil.copytree(self.folder, folder)
        return Device(folder, self.url)

    def gateway(self) -> str:
        return key_file.gateway_key(self.data).gateway

    def works(self, readings: int, *, send: bool = True) -> str:
        """One life: new readings in two batches, sent as far as the hub takes them; what the sender says then."""
        key = key_file.gateway_key(self.data)
        store = Store(self.data, key.gateway, key.sign)
        client = HubClient(open_session(Upstream(self.url)), self.url)
        enrolment = Enrolment(self.data, self.url + "/", self.folder / "hub.token", key)
        wall = SystemClock()
        sender = Sender(store.outbox, client, enrolment, now_ms=lambda: NOW_MS, random=random.Random(1).random, wall_ms=wall.now_ms)
        try:
            for number in range(readings):
                store.add([Reading("main", store.boot, number, NOW_MS + number, {"active_power": random.getrandbits(20)}, {}, 5)])
                store.commit(NOW_MS)
                if number % 2:
                    store.outbox.seal(NOW_MS)
            store.outbox.seal(NOW_MS)
            for _ in range(20 if send else 0):
                sender.work()
                if not store.outbox.depth().batches:
                    break
            return sender.status().sentence
        finally:
            store.close()
            client.close()

    def waiting(self) -> int:
        key = key_file.gateway_key(self.data)
        store = Store(self.data, key.gateway, key.sign)
        try:
            return store.outbox.depth().batches
        finally:
            store.close()

    def token(self, text: str) -> Path:
        path = self.folder / "hub.token"
        path.write_text(text)
        return path

    def verified(self) -> dict[str, Any]:
        """What `shiftwatt verify` says of its store."""
        found: dict[str, Any] = json.loads(CliRunner().invoke(app, ["verify", "--json", "--site", str(self.site)]).stdout)
        return found

    def run(self, *words: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["identity", *words, "--site", str(self.site)])
        return result.exit_code, result.output


@pytest.fixture(scope="module")
def running(new_store: Callable[[], str]) -> Iterator[Hub]:
    """One hub for all tests; each test brings devices of its own."""
    with hub(new_store()) as found:
        yield found


@pytest.fixture
def device(running: Hub, tmp_path: Path) -> Device:
    """An enrolled gateway that has delivered six readings."""
    made = Device(tmp_path / "pi", running.url)
    made.token(running.registry.invite(f"works {os.urandom(4).hex()}"))
    assert made.works(6) == ""
    return made


def held(running: Hub, gateway: str) -> tuple[bool, int, int, int]:
    """Complete, highest, records, forks."""
    found = running.get("/v1/completeness")["gateways"]
    entry = next(each for each in found if each["gateway"] == gateway)
    return entry["complete"], entry["highest"], entry["records"], entry["fork_count"]


def boots(running: Hub, gateway: str) -> list[int]:
    return [each["boot"] for each in running.everything("readings") if each["gateway"] == gateway]


def test_dead_device_is_replaced(running: Hub, device: Device, tmp_path: Path) -> None:
    """A new device with an empty card goes on under the old id, in the same chain; the dead one can no longer send."""
    gateway = device.gateway()
    new = Device(tmp_path / "new", running.url)
    status, said = new.run("adopt", str(new.token(running.registry.replace(gateway))))
    sentence = new.works(4)
    dead = device.works(2)

    assert (status, f"This device is {gateway} now and goes on behind batch 3." in said) == (0, True)
    assert (sentence, new.gateway()) == ("", gateway)
    assert held(running, gateway) == (True, 5, 10, 0)
    assert "token" in dead


def test_restored_backup_goes_on(running: Hub, device: Device, tmp_path: Path) -> None:
    """A device that was set back is refused, and after `adopt` it goes on behind what the hub has; what it has made meanwhile arrives."""
    gateway = device.gateway()
    restored = device.copied(tmp_path / "restored")
    device.works(4)
    refused = restored.works(2)
    fork = held(running, gateway)
    status, said = restored.run("adopt", str(restored.token(running.registry.replace(gateway))))
    sentence = restored.works(2)

    assert ("identity adopt" in refused, fork) == (True, (False, 5, 10, 1))
    assert (status, "2 records that the hub had not confirmed follow under new numbers" in said) == (0, True)
    assert (sentence, held(running, gateway)[1:3]) == ("", (6, 14))
    assert sorted(boots(running, gateway)) == [1] * 6 + [2] * 6 + [4] * 2


def test_unsent_batches_of_the_backup_fill_the_gap(running: Hub, device: Device, tmp_path: Path) -> None:
    """What the dead device had sealed but not delivered comes from the backup under its own numbers."""
    gateway = device.gateway()
    device.works(2, send=False)
    restored = device.copied(tmp_path / "restored")
    device.works(4)
    with running.database.writing() as session:
        for table in ("batches", "bodies"):
            session.run(f"delete from {table} where gateway = ? and number = 4", gateway)
        session.run("update gateways set highest = 3 where gateway = ?", gateway)
    before = held(running, gateway)[:2]
    _, said = restored.run("adopt", str(restored.token(running.registry.replace(gateway))))
    restored.works(2)

    assert before == (False, 3)
    assert "1 older batches were delivered on the way" in said
    assert held(running, gateway)[:2] == (True, 7)


def test_copied_card_becomes_a_gateway_of_its_own(running: Hub, device: Device, tmp_path: Path) -> None:
    """After `new` the copy has another id and key, and delivers all that the hub had not confirmed of it."""
    gateway = device.gateway()
    copy = device.copied(tmp_path / "copy")
    device.works(2)
    refused = copy.works(4)
    status, said = copy.run("new")
    copy.token(running.registry.invite(f"copy {os.urandom(4).hex()}"))
    sentence = copy.works(2)

    assert "identity new" in refused
    assert (status, copy.gateway() in said, copy.gateway() != gateway) == (0, True, True)
    assert (sentence, held(running, copy.gateway())) == ("", (True, 1, 6, 0))
    assert held(running, gateway)[1:] == (4, 8, 2)
    assert (copy.data / "gateway.key").stat().st_mode & 0o777 == 0o600


def test_key_is_rotated(running: Hub, device: Device) -> None:
    """From the next batch on the gateway signs with another key, under the same id; unsent batches keep their signatures."""
    gateway, before = device.gateway(), key_file.gateway_key(device.data).public_key
    device.works(2, send=False)
    status, said = device.run("rotate")
    sentence = device.works(2)
    after = key_file.gateway_key(device.data).public_key

    assert (status, "From batch 5 on" in said, after in said, before != after) == (0, True, True, True)
    assert (sentence, device.gateway(), held(running, gateway)) == ("", gateway, (True, 5, 10, 0))


def test_what_stands_for_an_old_batch_may_be_signed_with_a_new_key(running: Hub, device: Device) -> None:
    """A batch of before the change of key that is refused, or thinned, after it: the hub takes its tombstone, and `verify` holds."""
    gateway = device.gateway()
    device.works(8, send=False)
    device.run("rotate")
    key = key_file.gateway_key(device.data)
    store = Store(device.data, key.gateway, key.sign, retention=Retention(free_bytes_min=2**62))
    first, *_ = store.outbox.waiting(9)
    store.outbox.refuse(first.number + 3, "it was refused after the change of key")
    while store.thin(NOW_MS).dropped:
        """Space is short: to the very last, what no hub has, too."""
    store.close()
    sentence = device.works(2)
    verified = device.verified()
    (found,) = (each for each in running.get("/v1/completeness")["gateways"] if each["gateway"] == gateway)

    assert (sentence, device.waiting()) == ("", 0)
    assert (found["highest"], found["missing"], found["fork_count"]) == (8, [], 0)
    assert {each["number"]: each["reason"] for each in found["tombstones"]} == {
        **dict.fromkeys(range(first.number, first.number + 3), THINNED),
        first.number + 3: "it was refused after the change of key",
    }
    assert (verified["holds"], verified["batches"]) == (True, 8)


def test_old_key_signs_nothing_new(running: Hub, device: Device) -> None:
    """Whoever still has the key of before a change cannot go on with it, not even with a tombstone."""
    old = key_file.gateway_key(device.data)
    device.run("rotate")
    device.works(2, send=False)
    key = key_file.gateway_key(device.data)
    store = Store(device.data, key.gateway, key.sign)
    (batch,) = store.outbox.waiting(9)
    store.close()
    bearer = json.loads((device.data / "hub.json").read_text())["bearer"]
    sealed = json.loads(gzip.decompress(batch.content))
    whole = SealedBatch(batch.number, batch.first_sequence, batch.last_sequence, sealed["previous"], sealed["hash"], sealed)
    forged = [signed(sealed, old), seal_tombstone(whole, "forged", old.sign).body]

    assert [running.push(each, bearer).status_code for each in forged] == [422, 422]
    assert running.push(whole, bearer).status_code == 201


def test_interrupted_rotation_is_finished_by_repeating_it(running: Hub, device: Device) -> None:
    """If the hub has the new key and the gateway was switched off before it noted so, nothing starts until it is finished."""
    gateway = device.gateway()
    old = (device.data / "gateway.key").read_bytes()
    device.run("rotate")
    (device.data / "gateway.key").rename(device.data / "gateway.key.next")
    (device.data / "gateway.key").write_bytes(old)
    with pytest.raises(key_file.KeyFileError, match="identity rotate"):
        key_file.gateway_key(device.data)
    status, _ = device.run("rotate")
    sentence = device.works(2)

    assert (status, sentence, held(running, gateway)[:2]) == (0, "", (True, 4))


def test_refused_rotation_leaves_everything(running: Hub, device: Device) -> None:
    """A hub that says no leaves the old key in place."""
    running.registry.revoke(
        next(each["name"] for each in running.get("/v1/completeness")["gateways"] if each["gateway"] == device.gateway())
    )
    before = key_file.gateway_key(device.data)
    status, said = device.run("rotate")

    assert (status, "token" in said) == (1, True)
    assert key_file.gateway_key(device.data).public_key == before.public_key


@pytest.mark.parametrize("words", [("adopt", "nowhere.token"), ("rotate",)])
def test_identity_needs_a_hub(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Without a token or a hub that answers, nothing is changed and a sentence says why."""
    device = Device(tmp_path / "pi", "http://127.0.0.1:9")
    status, said = device.run(*words)

    assert status == 1
    assert "Traceback" not in said
    assert len(said.strip()) > 20


def test_show(tmp_path: Path) -> None:
    """The id and the public key are what a person may see; the private key is not."""
    device = Device(tmp_path / "pi", "http://127.0.0.1:9")
    status, said = device.run("show")

    assert (status, device.gateway() in said) == (0, True)
    assert "PRIVATE" not in said


def test_c31_after_a_change_of_key_each_batch_is_verified_with_its_own(device: Device) -> None:
    """The old public key stays, vouched for by its signature; one that vouches for nobody is refused."""
    device.run("rotate")
    device.works(2)
    found = device.verified()
    file = device.data / key_history.FILE
    line = json.loads(file.read_text())
    file.write_text(json.dumps({**line, "before": "cd" * 32}) + "\n")
    told = CliRunner().invoke(app, ["verify", "--site", str(device.site)])

    assert (found["holds"], found["batches"], found["notes"]) == (True, 4, [])
    assert (told.exit_code, "is not vouched for" in told.stderr) == (1, True)


def test_c31_a_device_that_took_the_place_of_another_is_verified_from_there_on(running: Hub, device: Device, tmp_path: Path) -> None:
    """What only the hub can prove is said; where the chain goes on is signed, so nobody can cut one off like that."""
    new = Device(tmp_path / "new", running.url)
    new.run("adopt", str(new.token(running.registry.replace(device.gateway()))))
    new.works(4)
    found = new.verified()
    with closing(sqlite3.connect(new.data / "shiftwatt.db")) as connection:
        connection.execute("update batch set last_sequence = last_sequence - 1, first_sequence = first_sequence - 1 where sealed_ms = 0")
        connection.commit()

    assert (found["holds"], found["batches"]) == (True, 2)
    assert ["proven by the hub alone" in note for note in found["notes"]] == [False, True]
    assert new.verified()["broken"]["field"] == "signature"


def test_c31_restored_and_copied_stores_hold(running: Hub, device: Device, tmp_path: Path) -> None:
    """Renumbered behind the hub's chain, or begun anew from the first record that the hub has not confirmed."""
    copy, restored = device.copied(tmp_path / "copy"), device.copied(tmp_path / "restored")
    device.works(4)
    copy.run("new")
    copy.token(running.registry.invite(f"copy {os.urandom(4).hex()}"))
    copy.works(2)
    restored.works(2)
    restored.run("adopt", str(restored.token(running.registry.replace(device.gateway()))))
    restored.works(2)
    of_copy, of_restored = copy.verified(), restored.verified()

    assert (of_copy["holds"], of_restored["holds"]) == (True, True)
    assert "belong to the chain of a former identity" in of_copy["notes"][0]
