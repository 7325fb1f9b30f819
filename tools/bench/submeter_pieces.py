"""No large piece of memory after the start: `python -m tools.bench.submeter_pieces` prints one JSON line; status 1 where one was asked for.

The real firmware on the PC's interpreter, its modules joined and compiled as for a board, in a wide heap. Once it answers, its free
memory is cut into pieces (`tools.board.pieces`), and cut again in each turn of its loop, so that a larger piece cannot be had.
Then it does all that a meter does after its start. What asks for more memory in one piece gets a MemoryError, which ends the
meter, is said in its log, refuses a page or leaves an update undone: any of that ends the trial.

- `joined_turns`: turns in which memory given back made a larger piece for a moment, of `turns`.
- `largest_piece_bytes`: the smallest pieces, in steps, with which everything still goes well.
A PC's words are twice as wide as the chip's: what consists of words is half as large there.
"""

import argparse
import json
import logging
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

from gateway.calibrating import CalibrationRefusedError
from protocols.errors import ProtocolError
from tools.bench.meter_life import ACTS, Act, Bench
from tools.bench.watched_meter import TroubleError

MOST_BYTES = 8 * 1024  # after some days the chip's memory is in pieces, and a larger one may not be found
STEP_BYTES = 512
HEAP = "400k"  # that pieces are the only thing that is short


@dataclass
class Outcome:
    did: dict[str, int] = field(default_factory=dict)
    turns: int = 0
    joined_turns: int = 0
    trouble: str = ""


def trial(piece_bytes: int, acts: tuple[Act, ...] = ACTS) -> Outcome:
    trouble = ""
    with tempfile.TemporaryDirectory(prefix="shiftwatt-pieces-") as folder:
        bench = Bench(Path(folder), piece_bytes, HEAP)
        for act in acts:
            try:
                act(bench)
            except (TroubleError, ProtocolError, CalibrationRefusedError, URLError, OSError) as error:
                trouble = f"{act.__name__}: {(bench.troubles or [f'{type(error).__name__}: {error}'])[0]}"
                break
    return Outcome(dict(bench.did), bench.turns, bench.joined_turns, trouble)


def largest_piece(most_bytes: int) -> int:
    """By halving; what goes well with small pieces goes well with larger ones."""
    low, high = 0, most_bytes // STEP_BYTES
    while high - low > 1:
        middle = (low + high) // 2
        if trial(middle * STEP_BYTES).trouble:
            low = middle
        else:
            high = middle
    return high * STEP_BYTES


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--piece-bytes", type=int, default=MOST_BYTES)
    parser.add_argument("--once", action="store_true", help="do not look for the smallest pieces")
    wanted = parser.parse_args()
    logging.getLogger().addHandler(logging.NullHandler())
    outcome = trial(wanted.piece_bytes)
    report = {"piece_bytes": wanted.piece_bytes, "heap": HEAP, **vars(outcome)}
    if not (wanted.once or outcome.trouble):
        report["largest_piece_bytes"] = largest_piece(wanted.piece_bytes)
    print(json.dumps(report))
    return 1 if outcome.trouble else 0


if __name__ == "__main__":
    raise SystemExit(main())
