"""Many gateways at once against a hub: how much it takes, how fast it answers, and what the limit is.

`python -m tools.fleet [--gateways 1000] [--seconds 60] [--hubs 1] [--flat-out] [--sqlite]` starts a PostgreSQL of its
own (or an SQLite file) and hub processes, and plays the gateways over loopback. Made beforehand, with the gateway's
own code: keys, enrolment, readings, batches, signatures, compression. During the run each gateway has a connection of
its own and sends a batch every ten seconds (`--flat-out`: as soon as the last one is answered); one in ten is away for
the middle third and comes back with its backlog. The run ends when every batch is confirmed.
"""

import asyncio
import json
import os
import random
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.deliver.key import GatewayKey, gateway_id
from protocols.batch import GENESIS, PackedBatch, pack, seal
from tools.bench import parts, postgresql
from tools.bench.backlog import INTERVAL_MS, readings
from tools.hub.database import HubDatabase
from tools.hub.registry import Registry
from tools.hub.server import now_ms, open_database
from tools.hub.source import HubRecords

AWAY_ONE_IN = 10
RETRY_S = 1.0  # of a played gateway; a real one backs off further
ANSWER_S_MAX = 60.0  # as the real client waits


class Played(NamedTuple):
    """One gateway: who it is, and all that it will send."""

    key: GatewayKey
    bearer: str
    batches: list[PackedBatch]
    port: int
    is_away: bool


@dataclass
class Tally:
    latencies_s: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    bytes: int = 0


def made(wishes: Namespace, database: HubDatabase, ports: list[int]) -> Iterator[Played]:
    """Keys from the seed, enrolled, with every batch sealed that the run will need."""
    wobble, registry = random.Random(wishes.seed), Registry(database, now_ms)
    count = max(1, round(wishes.seconds * 1000 / INTERVAL_MS))
    start_ms = now_ms() // INTERVAL_MS * INTERVAL_MS
    for number in range(wishes.gateways):
        private = Ed25519PrivateKey.from_private_bytes(wobble.randbytes(32))
        public_key = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
        key = GatewayKey(gateway_id(public_key), public_key, private.sign)
        request = {"token": registry.invite(f"works {number}"), "gateway": key.gateway, "public_key": public_key}
        batches = list(_batches(key, count, wishes.meters, start_ms, wobble))
        yield Played(key, registry.enrol(request)["token"], batches, ports[number % len(ports)], number % AWAY_ONE_IN == 0)


def _batches(key: GatewayKey, count: int, meters: int, start_ms: int, wobble: random.Random) -> Iterator[PackedBatch]:
    previous, sequence = GENESIS, 1
    for number in range(1, count + 1):
        at_ms = start_ms + number * INTERVAL_MS
        found = [
            each._replace(sequence=sequence + place) for place, each in enumerate(readings(meters, at_ms, at_ms + INTERVAL_MS, wobble))
        ]
        batch = seal(key.gateway, number, previous, at_ms, found, key.sign)
        previous, sequence = batch.hash, sequence + len(found)
        yield pack(batch)


async def play(gateway: Played, began: float, wishes: Namespace, tally: Tally, phase_s: float) -> None:
    connection = _Connection(gateway.port)
    away_from, away_to = wishes.seconds / 3, wishes.seconds * 2 / 3
    try:
        for batch in gateway.batches:
            due_s = 0.0 if wishes.flat_out else phase_s + (batch.number - 1) * INTERVAL_MS / 1000
            if gateway.is_away and away_from <= due_s < away_to:
                due_s = away_to
            await asyncio.sleep(began + due_s - time.monotonic())
            while not await _sent(connection, gateway, batch, tally):  # noqa: ASYNC110 - it asks the hub, not a flag
                await asyncio.sleep(RETRY_S)
    finally:
        connection.close()


async def _sent(connection: "_Connection", gateway: Played, batch: PackedBatch, tally: Tally) -> bool:
    began = time.monotonic()
    try:
        status = await asyncio.wait_for(connection.post("/v1/batches", batch.content, gateway.bearer), ANSWER_S_MAX)
    except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
        connection.close()
        tally.statuses[type(error).__name__] += 1
        return False
    tally.latencies_s.append(time.monotonic() - began)
    tally.statuses[str(status)] += 1
    tally.bytes += len(batch.content)
    return status in (200, 201)


class _Connection:
    """HTTP/1.1 as far as this needs it: one request after another over one connection, opened again when it was closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, content: bytes, bearer: str) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection(parts.HOST, self._port)
        reader, writer = self._streams
        head = f"POST {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {bearer}\r\nContent-Type: application/json\r\n"
        writer.write(f"{head}Content-Encoding: gzip\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
        await writer.drain()
        answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = next(int(line.partition(":")[2]) for line in answer.split("\r\n") if line.startswith("content-length:"))
        await reader.readexactly(length)
        if "connection: close" in answer:
            self.close()
        return int(answer.split(" ", 2)[1])

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _all(gateways: list[Played], wishes: Namespace) -> tuple[Tally, float]:
    tally, began, phases = Tally(), time.monotonic() + 0.5, random.Random(wishes.seed)
    await asyncio.gather(*(play(each, began, wishes, tally, phases.uniform(0, INTERVAL_MS / 1000)) for each in gateways))
    return tally, time.monotonic() - began


def run(wishes: Namespace, folder: Path, stack: ExitStack) -> dict[str, Any]:
    server = None if wishes.sqlite else stack.enter_context(postgresql.server())
    db = server.fresh() if server else parts.hub_address(folder)
    database = stack.enter_context(closing(open_database(db)))
    ports = [parts.free_port() for _ in range(wishes.hubs)]
    began = time.monotonic()
    gateways = list(made(wishes, database, ports))
    prepared_s = time.monotonic() - began
    hubs = [stack.enter_context(parts.hub(folder, port, db, f"hub-{port}.log")) for port in ports]
    cpu = {"hub": lambda: sum(postgresql.cpu_s(hub.process.pid) for hub in hubs), "fleet": time.process_time}
    if server:
        cpu["database"] = server.cpu_s
    cpu["whole machine"] = _machine_cpu_s
    before = {name: spent() for name, spent in cpu.items()}
    tally, seconds = asyncio.run(_all(gateways, wishes))
    cores = {name: round((spent() - before[name]) / seconds, 2) for name, spent in cpu.items()}
    cores["others"] = round(2 * cores["whole machine"] - sum(cores.values()), 2)
    found = HubRecords(database, now_ms).completeness(None, None)
    for hub in hubs:
        hub.stop()
    records = sum(each["records"] for each in found["gateways"])
    sent = sum(batch.last_sequence - batch.first_sequence + 1 for each in gateways for batch in each.batches)
    return {
        "store": "sqlite" if wishes.sqlite else "postgresql",
        "gateways": len(gateways),
        "hubs": wishes.hubs,
        "pace": "flat out" if wishes.flat_out else "a batch every 10 s",
        "prepared_s": round(prepared_s, 1),
        "seconds": round(seconds, 1),
        "batches_per_s": round(len(tally.latencies_s) / seconds, 1),
        "records_per_s": round(records / seconds),
        "wire_bytes_per_record": round(tally.bytes / max(records, 1), 1),
        "latency_ms": {f"p{share}": _percentile_ms(tally.latencies_s, share) for share in (50, 95, 99, 100)},
        "answers": dict(tally.statuses),
        "cores_used": cores,
        "limit": _limit(cores, flat_out=wishes.flat_out),
        "records_at_hub": records,
        "complete": found["complete"] and records == sent,
    }


def _percentile_ms(values: list[float], share: int) -> float:
    ordered = sorted(values)
    return round(1000 * ordered[min(len(ordered) - 1, len(ordered) * share // 100)], 1) if ordered else 0.0


def _machine_cpu_s() -> float:
    """Time that all processors were busy, whoever with: on a machine that is shared the others take their part."""
    user, nice, system, _idle, _waiting, *more = (
        int(each) for each in Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:8]
    )
    return (user + nice + system + sum(more)) / os.sysconf("SC_CLK_TCK")


def _limit(cores: dict[str, float], *, flat_out: bool) -> str:
    """Whoever uses most of the processors while nobody is held back."""
    name = max((each for each in cores if each not in ("whole machine", "others")), key=lambda each: cores[each])
    return f"the processor time of the {name}" if flat_out else "none reached: the gateways set the pace"


def main() -> int:
    parser = ArgumentParser(prog="python -m tools.fleet", description=__doc__)
    parser.add_argument("--gateways", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each gateway is played")
    parser.add_argument("--meters", type=int, default=32, help="of one gateway")
    parser.add_argument("--hubs", type=int, default=1, help="hub processes over the one database")
    parser.add_argument("--flat-out", action="store_true", help="no pace: find the limit")
    parser.add_argument("--sqlite", action="store_true", help="instead of PostgreSQL; one hub process only")
    parser.add_argument("--seed", type=int, default=1)
    wishes = parser.parse_args()
    if wishes.sqlite and wishes.hubs > 1:
        parser.error("an SQLite file has one hub process; leave --hubs out")
    with tempfile.TemporaryDirectory(prefix="shiftwatt-fleet-") as folder, ExitStack() as stack:
        found = run(wishes, Path(folder), stack)
    print(json.dumps(found))
    good = found["complete"] and set(found["answers"]) <= {"200", "201"}
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
