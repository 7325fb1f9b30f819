"""`demo` from the outside: what a person who tries Shiftwatt for the first time sees."""

import os
import signal
from pathlib import Path

import pytest

from hil_tests.bench import Bench, VirtualBench, cannot
from hil_tests.chain import command, document_of
from tools.bench import parts
from tools.factory.own_submeters import why_simulated

KEYS = {
    "seconds", "polls", "answers", "timeouts", "readings_stored", "figures", "batches_acknowledged",
    "records_acknowledged", "records_at_hub", "conservation", "submeters", "page", "hub", "data",
}  # fmt: skip
STOP_S_MAX = 15.0  # three parts, one after the other; each commits what it has


@pytest.fixture(autouse=True)
def only_virtual(bench: Bench) -> None:
    if not isinstance(bench, VirtualBench):
        cannot("the demo brings its own factory")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


def test_the_demo_ends_by_itself_with_everything_delivered(folder: Path) -> None:
    """`demo --seconds 5 --json` ends with 0, prints the one document of the contract, delivers what it says and balances."""
    port = parts.free_port()
    ended = command("demo", "--seconds", 5, "--json", "--data", folder, "--port", port)
    document = document_of(ended)

    assert ended.returncode == 0, ended.stderr
    assert set(document) == KEYS
    assert document["conservation"] == "exact"
    assert document["records_at_hub"] >= document["records_acknowledged"] > 0
    assert document["readings_stored"] > 0
    assert document["polls"] >= document["answers"] > 0
    assert document["figures"] > 0
    assert document["page"] == f"http://{parts.HOST}:{port}/"
    assert document["data"] == str(folder)
    assert document["submeters"] == ("simulated" if why_simulated(1.0) else "firmware")
    assert _alive(folder) == []


def test_ctrl_c_ends_the_demo_and_all_its_parts(folder: Path) -> None:
    """Interrupted while it runs, the demo ends its parts in order, says what came of it, and leaves no process behind."""
    words = ("demo", "--json", "--data", folder, "--port", parts.free_port())
    with parts.Part.start(folder / "demo.log", "tools.command", *words) as demo:
        demo.until(lambda: len(_alive(folder)) >= 3, "hub, factory and gateway run")
        demo.process.send_signal(signal.SIGINT)
        status = demo.until_ended(STOP_S_MAX)
        left = _alive(folder)

    assert status == 0, demo.said()
    assert left == []
    assert '"conservation": "exact"' in demo.said()
    assert "Traceback" not in demo.said()


def _alive(folder: Path) -> list[str]:
    """Command lines of the parts of the demo in this folder that run; the demo itself is not one."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it ended meanwhile
        if "demo" not in words and int(path.parent.name) != os.getpid() and any(str(folder) in word for word in words):
            found.append(" ".join(words))
    return found
