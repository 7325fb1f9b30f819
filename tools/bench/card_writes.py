"""What the store writes to the card per poll at the default pace: 32 meters, polled and committed every 10 seconds.

`python -m tools.bench.card_writes [--hours 6] [--commit 10] [--seal 20]` runs the store alone, with a clock that is told,
and a hub that takes each batch at once; prints one JSON line. Bytes written are those that the kernel counts for this process.
"""

import json
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from random import Random
from typing import Any

from gateway.buffer.store import COMMIT_S, Store
from gateway.wear import written_bytes
from protocols.reading import Reading
from tools.bench.footprint import UNITS, measure

INTERVAL_S = 10
BEGIN_MS = 1_770_000_000_000
COUNTERS_S = 900


def _poll(number: int, at_s: int, wobble: Random) -> Reading:
    values = dict(measure_of[number](at_s * 1000))
    if at_s % COUNTERS_S:
        del values["active_energy_import"]
    at_ms = at_s * 1000 + number * 30 + wobble.randrange(5)
    return Reading(f"m{number}", 1, at_ms, BEGIN_MS + at_ms, values, {}, 20 + wobble.randrange(20))


measure_of = {number: measure(number) for number in range(1, UNITS + 1)}


def measured(hours: float, commit_s: int, seal_s: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder), "gw-1", lambda digest: digest + digest)
        wobble = Random(1)
        end_s = int(hours * 3600)
        _run(store, 0, end_s // 2, commit_s, seal_s, wobble)
        before = _now(store)
        _run(store, end_s // 2, end_s, commit_s, seal_s, wobble)
        after = _now(store)
        query = "select name, sum(pgsize) as bytes from dbstat group by name order by bytes desc limit 5"
        shares = store.reader().execute(query).fetchall()
        found = {f"{share['name']}_bytes": share["bytes"] for share in shares}
        store.close()
    polls = (end_s - end_s // 2) // INTERVAL_S * UNITS
    stored, written = ((there - here) / polls for here, there in zip(before, after, strict=True))
    return {
        "polls": polls,
        "commit_s": commit_s,
        "seal_s": seal_s,
        "bytes_per_poll": round(stored, 1),
        "written_bytes_per_poll": round(written, 1),
        **found,
    }


def _run(store: Store, from_s: int, to_s: int, commit_s: int, seal_s: int, wobble: Random) -> None:
    for at_s in range(from_s, to_s, INTERVAL_S):
        store.add(_poll(number, at_s, wobble) for number in measure_of)
        if at_s % commit_s == 0:
            store.commit(BEGIN_MS + at_s * 1000)
        if at_s % seal_s == 0:
            store.outbox.seal(BEGIN_MS + at_s * 1000)
            store.outbox.acknowledge([batch.number for batch in store.outbox.waiting(100)], BEGIN_MS + at_s * 1000)


def _now(store: Store) -> tuple[int, int]:
    page, pages, free = (store.reader().execute(f"pragma {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count"))
    return page * (pages - free), written_bytes() or 0


def main() -> None:
    parser = ArgumentParser(prog="python -m tools.bench.card_writes", description=__doc__)
    parser.add_argument("--hours", type=float, default=6.0)
    parser.add_argument("--commit", type=int, default=COMMIT_S)
    parser.add_argument("--seal", type=int, default=COMMIT_S * 2, help="as the gateway does it while a hub takes: every second commit")
    arguments = parser.parse_args()
    print(json.dumps(measured(arguments.hours, arguments.commit, arguments.seal)))


if __name__ == "__main__":
    main()
