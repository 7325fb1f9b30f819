"""The power goes at every step of the flash during an update: `python -m tools.bench.update_cuts`.

A real littlefs, the real boot record and update on the real MicroPython; see `update_trial`. The test command runs a part.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.bundle import sealed
from tools.submeter import INTERPRET, require_interpreter

TRIAL = Path(__file__).parent / "update_trial.py"
# As the trial knows them.
HARDWARE, VERSION = "bench", "0.2.0"
FILES = {"firmware/main.py": b"new main" * 110, "protocols/pdu.py": b"new pdu." * 700, "firmware/only_new.py": b"new" * 70}
# How a program or an erase is torn is drawn anew each time: several rounds see several ways.
HEAP = "32m"  # a partition of 256 KiB in memory, several times
ROUNDS, WALKS = 10, 400


def run(seed: int, cuts: int, rounds: int, walks: int) -> dict[str, Any]:
    """`cuts` 0: every step, `rounds` times."""
    require_interpreter()
    key = Ed25519PrivateKey.from_private_bytes(seed.to_bytes(32, "big"))
    with tempfile.TemporaryDirectory(prefix="shiftwatt-update-") as folder:
        path = Path(folder, "bundle")
        path.write_bytes(sealed(FILES, VERSION, HARDWARE, key.sign))
        public = key.public_key().public_bytes_raw().hex()
        words = [
            sys.executable,
            "-c",
            INTERPRET,
            "-X",
            f"heapsize={HEAP}",
            str(TRIAL),
            str(path),
            public,
            *map(str, (seed, cuts, rounds, walks)),
        ]
        said = subprocess.run(words, capture_output=True, text=True, check=False)
    if said.returncode:
        raise RuntimeError(f"the trial ended with {said.returncode}: {said.stdout[-2000:]}{said.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--walks", type=int, default=WALKS)
    wished = parser.parse_args()
    found = run(wished.seed, 0, wished.rounds, wished.walks)
    print(json.dumps(found))
    return 1 if found["faults"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
