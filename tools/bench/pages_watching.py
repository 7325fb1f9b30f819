"""What twenty browsers cost the poller: `python -m tools.bench.pages_watching`.

Starts the demo (virtual factory, gateway, hub, two weeks of history) and lets it poll in turns: alone, and with twenty
event streams open while two old browsers load the overview every ten seconds. Compares what the polls of both were like,
from the store itself, and measures the overview at the server, the first of all after the start too. Prints one JSON line;
ends with 1 if a bound does not hold.
"""

import argparse
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import requests

WATCHERS, RELOADERS = 20, 2
RELOAD_S = 10.0
OVERVIEW_MS_MAX, TURNAROUND_RATIO_MAX = 50.0, 1.05
TIMEOUT_S = 20
PREPARED_S_MAX = 300
LOADS = 60


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.bench.pages_watching", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="of each turn")
    parser.add_argument("--turns", type=int, default=4, help="half of them watched")
    parser.add_argument("--port", type=int, default=8480)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, _demo(Path(name), wanted.port, wanted.seconds * wanted.turns + 120) as (page, first_ms):
        overview = {"first_ms": first_ms, **_loads(page)}
        turns = [(turn % 2 == 1, *_turn(page, wanted.seconds, watched=turn % 2 == 1)) for turn in range(wanted.turns)]
        polls = {
            watched: _polls(Path(name), [(begin, end) for is_watched, begin, end in turns if is_watched == watched])
            for watched in (False, True)
        }
    if not all(any(took is not None for took, _ in found) for found in polls.values()):
        sys.exit(f"The demo polled nothing in some turn ({overview}): is this machine too busy for it? Try again with longer --seconds.")
    result = _judged(overview, polls)
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)


@contextmanager
def _demo(folder: Path, port: int, seconds: int) -> Iterator[tuple[str, float]]:
    """The address of its overview, as soon as that is there, and how long its first browser of all waited for it."""
    words = [sys.executable, "-m", "tools.command", "demo", "--port", str(port), "--seconds", str(seconds), "--data", str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    page = f"http://127.0.0.1:{port}/"
    try:
        until = time.monotonic() + PREPARED_S_MAX
        while (first_ms := _first(page)) is None:
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"The demo did not come up at {page}; start `shiftwatt demo` by hand to see why.")
            time.sleep(0.05)
        time.sleep(RELOAD_S)  # the first round of polls is not like the others
        yield page, first_ms
    finally:
        process.terminate()
        process.wait()


def _first(page: str) -> float | None:
    """Milliseconds until the whole answer; None while nobody listens."""
    begun = time.perf_counter()
    try:
        answer = requests.get(page, timeout=TIMEOUT_S)
    except requests.ConnectionError:
        return None
    return (time.perf_counter() - begun) * 1000 if answer.ok else None


def _loads(page: str) -> dict[str, float]:
    """Milliseconds from asking for the overview until its last byte, and what the whole of it weighs."""
    with requests.Session() as browser:
        took = []
        for _ in range(LOADS):
            begun = time.perf_counter()
            answer = browser.get(page, timeout=TIMEOUT_S)
            took.append((time.perf_counter() - begun) * 1000)
            time.sleep(0.1)
        parts = [each.split('"')[0] for each in answer.text.split('"/static/')[1:]]
        size = len(answer.content) + sum(len(browser.get(f"{page}static/{part}", timeout=TIMEOUT_S).content) for part in parts)
    return {"median_ms": statistics.median(took), "p95_ms": statistics.quantiles(took, n=20)[-1], "bytes": size}


def _turn(page: str, seconds: int, *, watched: bool) -> tuple[int, int]:
    """The stretch of time it lasted, in milliseconds."""
    ends = threading.Event()
    watchers = [threading.Thread(target=_watch, args=(page, ends)) for _ in range(WATCHERS if watched else 0)]
    watchers += [threading.Thread(target=_reload, args=(page, ends)) for _ in range(RELOADERS if watched else 0)]
    for each in watchers:
        each.start()
    begin = time.time_ns() // 1_000_000
    time.sleep(seconds)
    end = time.time_ns() // 1_000_000
    ends.set()
    for each in watchers:
        each.join()
    return begin, end


def _watch(page: str, ends: threading.Event) -> None:
    with closing(requests.get(f"{page}events/live", stream=True, timeout=TIMEOUT_S)) as answer:
        for _ in answer.iter_content(chunk_size=None):
            if ends.is_set():
                return


def _reload(page: str, ends: threading.Event) -> None:
    while not ends.wait(RELOAD_S):
        requests.get(page, timeout=TIMEOUT_S)


def _polls(folder: Path, turns: list[tuple[int, int]]) -> list[tuple[int | None, str | None]]:
    """Turnaround and what was missing of every poll in those stretches of time."""
    (path,) = folder.rglob("shiftwatt.db")
    found: list[tuple[int | None, str | None]] = []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        for begin, end in turns:
            found += store.execute("select turnaround_ms, missing from power where time_ms between ? and ?", (begin, end))
    return found


def _judged(overview: dict[str, float], polls: dict[bool, list[tuple[int | None, str | None]]]) -> dict[str, object]:
    means = {watched: statistics.mean(took for took, _ in found if took is not None) for watched, found in polls.items()}
    lost = {watched: sum(took is None for took, _ in found) for watched, found in polls.items()}
    ratio = means[True] / means[False]
    ok = max(overview["first_ms"], overview["median_ms"]) <= OVERVIEW_MS_MAX and ratio <= TURNAROUND_RATIO_MAX and lost[True] <= lost[False]
    return {
        "overview": {name: round(value, 1) for name, value in overview.items()},
        "polls": {"alone": len(polls[False]), "watched": len(polls[True])},
        "lost": {"alone": lost[False], "watched": lost[True]},
        "turnaround_ms": {"alone": round(means[False], 2), "watched": round(means[True], 2), "ratio": round(ratio, 4)},
        "ok": ok,
    }


if __name__ == "__main__":
    main()
