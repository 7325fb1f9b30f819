"""All that a meter does after its start, one act after the other on one board: for `submeter_pieces`. Each act can also be done alone."""

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware import boot, flash_plan
from firmware.counter_journal import TEN_SECONDS
from firmware.received_file import FOLDER
from gateway import catalogue
from gateway.calibrating import Calibrating
from gateway.calibration_interface import KnownLoad
from protocols.pdu import READ_HOLDING, Identify, ReadRequest, ReadWriteRegisters, Report, WriteRegister, WriteRegisters, encode_request
from tools.bench.watched_meter import UNIT, WIDEST, TroubleError, WatchedMeter, asked, pdu, until
from tools.board import carried
from tools.board.flash import BLOCK_BYTES
from tools.board.network_script import NetworkScript
from tools.board.wishes import KEY, Wishes
from tools.bundle import sealed

SPEED = 10.0
_SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(32))
_ANY = ("127.0.0.1", 0)
_VERSION = "7.8.9"
_SENT_BYTES = 5_000  # of the bundle; the rest lies there, as after a transfer that was interrupted
_SECTORS = 2  # of the journal, that are to be begun meanwhile
_NETWORK = {"ssid": "workshop", "password": "its password"}
# Seconds of meter time: the network goes and comes back, then the DHCP server.
_EVENTS = (
    [0.0, "name", _NETWORK["ssid"]], [0.0, "password", _NETWORK["password"]], [0.0, "there", True], [15.0, "there", False],
    [40.0, "there", True], [60.0, "dhcp", False], [75.0, "dhcp", True],
)  # fmt: skip
_MODEL = catalogue.meters()["shiftwatt-submeter"]
_PLACES = {each.name: each for each in _MODEL.fields}
_QUARTER_MS, _FIRST_QUARTER, _QUARTERS_APART, _QUARTERS = 900_000, 1_950_000, 40, 3  # each in another sector of the profile


class Bench:
    """One folder with board, flash and wire; the meters that lived on it."""

    def __init__(self, folder: Path, piece_bytes: int, heap: str) -> None:
        self.folder, self.board, self.flash = folder, folder / "board", folder / "flash"
        self.did: Counter[str] = Counter()
        self.turns = self.joined_turns = 0
        self.troubles: list[str] = []
        self._heap = heap
        self._wishes = Wishes(
            link=folder / "line", tcp=_ANY, page=_ANY, board=self.board, flash=self.flash, speed=SPEED, piece_bytes=piece_bytes,
            baud=115_200, update_key=_SIGNER.public_key().public_bytes_raw().hex(),
        )  # fmt: skip

    @contextmanager
    def running(self, script: NetworkScript | None = None) -> Iterator[WatchedMeter]:
        watched = WatchedMeter(replace(self._wishes, network=script), self._heap)
        try:
            with watched:
                yield watched
                watched.require_whole()
        finally:
            self.troubles += watched.troubles
            self.did["rtu answers"] += watched.rtu_answers
            self.turns += watched.meter.cuts
            self.joined_turns += watched.meter.larger

    def page(self, meter: WatchedMeter, path: str, **form: str) -> str:
        meter.require_whole()
        host, port = meter.meter.listening["page"]
        with urlopen(f"http://{host}:{port}{path}", urlencode(form).encode() if form else None, timeout=20) as answer:
            text: str = answer.read().decode()
        self.did["pages"] += 1
        return text


Act = Callable[[Bench], None]


def in_trouble(bench: Bench) -> None:
    """The network comes, goes, and comes back; pages show it; its settings are changed."""
    with bench.running(NetworkScript(_EVENTS, _NETWORK)) as meter:
        until("a radio in trouble", 60, lambda: any("not_found" in line for line in meter.lines))
        until("a network that is back", 60, lambda: _online_again(bench, meter))
        _change_settings(bench, meter, ssid=_NETWORK["ssid"], password=_NETWORK["password"] + "s")
    bench.did["networks lost"] = 2


def _online_again(bench: Bench, meter: WatchedMeter) -> bool:
    time.sleep(1)
    try:
        return sum("gone" in line or "no_address" in line for line in meter.lines) > 0 and "connected" in bench.page(meter, "/")
    except (URLError, OSError):
        return False


def asked_and_set(bench: Bench) -> None:
    """Four masters over TCP and one over RTU, every function, both pages in both languages, settings, clock, profile, calibration."""
    with bench.running() as meter:
        before = _journal(bench.flash)
        _ask_everything(bench, meter)
        for path in ("/", "/?lang=zh", "/settings", "/settings?lang=zh"):
            bench.page(meter, path)
        _expect_missing(bench, meter, "/nowhere")
        _change_settings(bench, meter, name="press 3", unit_address=str(UNIT))
        _fill_profile(bench, meter)
        _calibrate(bench, meter)
        until("new sectors of the journal", 240, lambda: _has_new_sectors(bench, meter, before))
        bench.page(meter, "/")  # its modules had left memory meanwhile


def answering(bench: Bench) -> None:
    """A small part: every function, and one page."""
    with bench.running() as meter:
        _ask_everything(bench, meter)
        bench.page(meter, "/?lang=zh")
        _ask_everything(bench, meter)


def _has_new_sectors(bench: Bench, meter: WatchedMeter, before: set[tuple[int, bytes]]) -> bool:
    _ask_everything(bench, meter)  # among it a latch, for which the counters are saved
    bench.did["journal sectors"] = len(_journal(bench.flash) - before)
    return bench.did["journal sectors"] >= _SECTORS


def _ask_everything(bench: Bench, meter: WatchedMeter) -> None:
    questions = [encode_request(each) for each in (ReadRequest(READ_HOLDING, *WIDEST), ReadRequest(4, *WIDEST), Identify(1, 0), Report())]
    questions += [
        b"\x08\0\0\x12\x34",
        encode_request(WriteRegister(_PLACES["latch"].address, 7)),
        encode_request(ReadRequest(4, 1100, 100)),
    ]
    with ExitStack() as stack:
        masters = [stack.enter_context(meter.connected()) for _ in range(4)]
        for master in masters:
            for question in questions:
                if pdu(master, question)[0] != question[0]:
                    raise TroubleError(f"refused: {question.hex()}")
                bench.did["tcp answers"] += 1


def _expect_missing(bench: Bench, meter: WatchedMeter, path: str) -> None:
    try:
        bench.page(meter, path)
    except URLError as error:
        if getattr(error, "code", 0) == 404:
            return
        raise
    raise TroubleError(f"{path} is there")


def _change_settings(bench: Bench, meter: WatchedMeter, **form: str) -> None:
    asking = bench.page(meter, "/unlock", key=str(KEY))
    token = re.findall("name=token value=([0-9]+)", asking)[0]
    bench.page(meter, "/settings", token=token, **form)
    bench.did["settings changed"] += 1


def _fill_profile(bench: Bench, meter: WatchedMeter) -> None:
    """Quarters end in sectors of their own; each is fetched in one exchange."""
    for number in range(_QUARTERS):
        quarter = _FIRST_QUARTER + _QUARTERS_APART * number
        clock_ms = quarter * _QUARTER_MS - 3_000
        meter.ask(WriteRegisters(_PLACES["clock_ms"].address, _words(clock_ms, 4)))
        until("a quarter's record", 60, partial(_recorded, meter, quarter))
        bench.did["profile records"] = number + 1


def _recorded(meter: WatchedMeter, quarter: int) -> bool:
    window, state = _PLACES["profile_data"], 4  # of the record's words
    chosen = _words(quarter, 2)
    return meter.ask(ReadWriteRegisters(window.address, window.words, _PLACES["profile_select"].address, chosen))[state] == 0


def _calibrate(bench: Bench, meter: WatchedMeter) -> None:
    with meter.connected() as connection:
        work = Calibrating(_MODEL, lambda request, _: asked(connection, request), time.sleep, time.monotonic)
        work.unlock(KEY)
        before = work.standing().values
        volts, amps = (asked(connection, ReadRequest(READ_HOLDING, at, 2)) for at in (100, 106))
        power = asked(connection, ReadRequest(READ_HOLDING, 116, 2)) + asked(connection, ReadRequest(READ_HOLDING, 124, 2))
        load = KnownLoad(_number(volts), _number(amps), 10 * _number(power[:2]), 10 * _number(power[2:]))
        higher = load._replace(voltage_mv=load.voltage_mv * 1002 // 1000, active_power_mw=load.active_power_mw * 1002 // 1000)
        work.do("known_load_l1", "Li Wei", higher)
        work.do("accept_l1", "Li Wei", higher, 2_000)
        work.put_back("Li Wei", before)
        bench.did["calibrations"] = 2


def updated(bench: Bench) -> None:
    """A new version is received, checked and installed; it starts, meters on trial and is confirmed, its memory in pieces, too."""
    bundle = sealed(carried.application({"firmware.version": f'VERSION = "{_VERSION}"\n'}), _VERSION, "simulated", _SIGNER.sign)
    received = bench.board / FOLDER
    received.mkdir(exist_ok=True)
    (received / sha256(bundle).digest()[:16].hex()).write_bytes(bundle[:-_SENT_BYTES])
    site, file = bench.folder / "site.toml", bench.folder / "bundle"
    file.write_bytes(bundle)
    with bench.running() as meter:
        host, port = meter.meter.listening["tcp"]
        site.write_text(
            f'[site]\nname = "bench"\ntimezone = "Europe/Berlin"\ndata = "{bench.folder}/data"\n[[line]]\nname = "bench"\n'
            f'tcp = "{host}:{port}"\n[[meter]]\nname = "own"\nline = "bench"\naddress = {UNIT}\nmodel = "{_MODEL.name}"\nrole = "load"\n',
            encoding="utf-8",
        )
        words = [sys.executable, "-m", "tools.command", "update", "own", str(file), "--site", str(site), "--json"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
        if done.returncode:
            raise TroubleError(done.stderr.strip().splitlines()[-1])
        until("a version that is written down as good", 60, lambda: _is_good(bench.board))
        bench.page(meter, "/")
    bench.did["updates"] = 1


def _is_good(board: Path) -> bool:
    slot, state, starts, *_ = (board / "slot").read_text(encoding="ascii").split()
    return (int(slot), int(state), int(starts)) == (1, boot.GOOD, 0)


def _journal(flash: Path) -> set[tuple[int, bytes]]:
    """The sectors of the journal that were begun, each with its head."""
    with flash.open("rb") as file:
        file.seek(flash_plan.JOURNAL * BLOCK_BYTES)
        heads = [file.read(BLOCK_BYTES)[:64] for _ in range(TEN_SECONDS.blocks)]
    return {(number, head) for number, head in enumerate(heads) if head[32:] != b"\xff" * 32}


def _words(number: int, count: int) -> tuple[int, ...]:
    return tuple(number >> 16 * place & 0xFFFF for place in reversed(range(count)))


def _number(words: tuple[int, ...]) -> int:
    return int.from_bytes(b"".join(word.to_bytes(2, "big") for word in words), "big", signed=True)


ACTS: tuple[Act, ...] = (in_trouble, asked_and_set, updated)
