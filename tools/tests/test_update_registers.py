"""The update's registers in the real meter code, driven by the gateway's own steps; only chip and wire are left out."""

import struct
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware import boot, update
from firmware.register_codes import CODES
from firmware.register_image import RegisterImage
from firmware.register_writes import changes_of
from firmware.update import TRIAL_MS_MAX, WINDOWS_MIN, Update
from gateway import catalogue
from gateway.update_codes import REASONS, Command, State
from gateway.updating import Surroundings, UpdateError, Updating
from protocols.errors import MeterRefused, NoAnswer
from protocols.pdu import BUSY, ILLEGAL_VALUE, ReadRequest, ReadWriteRegisters, Request, WriteRegisters, unpack_words
from tools.bundle import sealed
from tools.register_map import MODEL

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = KEY.public_key().public_bytes_raw()
HARDWARE = "bench"
FILES = {"firmware/main.py": b"new main", "protocols/pdu.py": b"new pdu" * 200}


BOARDS: list["Board"] = []


class Board:
    """In the working folder; time stands still."""

    def __init__(self, able: bool = True) -> None:
        self.able = able
        self.energy_mwh = [5_000_000]
        self.restart_at: list[int] = []  # at which of the pieces the power goes
        self.pieces = 0
        self.starts = 0
        self.start(power_on=True)
        BOARDS.append(self)

    def off(self) -> None:
        """What the chip had open is closed, as this interpreter minds it."""
        self.update._file.close()

    def start(self, *, power_on: bool) -> None:
        if self.starts:
            self.off()
        self.starts += 1
        record = boot.chosen(boot.read(), power_on=power_on)
        boot.write(record)
        slot = Path(boot.SLOTS[record.slot], "firmware", "main.py")
        self.version = "0.2.0" if slot.is_file() and slot.read_bytes() == FILES["firmware/main.py"] else "0.1.0"
        self.image = RegisterImage()
        self.image.put_octets("firmware_version", self.version.encode())
        self.image.put_octets("hardware", HARDWARE.encode())
        self.image.put("marks", 0)
        self.update = Update(self.image, HARDWARE, self.version, PUBLIC, 9_000)
        if record.state != boot.TRIAL or self.able:
            for _ in range(WINDOWS_MIN):
                self.update.measured(1_000, 10_000, 0)
        self.settle()

    def exchange(self, request: Request, in_bulk: bool) -> tuple[int, ...]:
        if in_bulk:
            self.pieces += 1
            if self.pieces in self.restart_at:
                self.start(power_on=True)
                raise NoAnswer("the power went")
        words: tuple[int, ...] = ()
        if isinstance(request, WriteRegisters):
            self.write(request.address, request.words)
        elif isinstance(request, ReadWriteRegisters):
            self.write(request.write_address, request.words)
            words = self.read(request.address, request.count)
        else:
            assert isinstance(request, ReadRequest)
            words = self.read(request.address, request.count)
        self.settle()
        return words

    def settle(self) -> None:
        while self.update.busy:
            self.update.work()
        if self.update.restart_wanted:
            self.start(power_on=False)

    def write(self, address: int, words: tuple[int, ...]) -> None:
        code = self.update.write(dict(changes_of(address, words, to_all=False, unlocked=False)))
        if code:
            raise MeterRefused(code)

    def read(self, address: int, count: int) -> tuple[int, ...]:
        if address == ENERGY:
            return unpack_words(struct.pack(">Q", self.energy_mwh[min(self.starts, len(self.energy_mwh)) - 1]))
        octets = self.image.span(address, count)
        assert octets is not None
        return unpack_words(octets)

    def updated(self, bundle: bytes) -> None:
        seconds = [0.0]

        def sleep(pause_s: float) -> None:
            seconds[0] += pause_s

        model = catalogue.meters(None)[MODEL]
        Updating("own", model, Surroundings(self.exchange, sleep, lambda: seconds[0], lambda *_: None)).run(bundle)


ENERGY = 147


def bundle(version: str = "0.2.0", hardware: str = HARDWARE, key: Ed25519PrivateKey = KEY) -> bytes:
    return sealed(FILES, version, hardware, key.sign)


@pytest.fixture(autouse=True)
def on_a_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    Path("lib/firmware").mkdir(parents=True)
    Path("lib/firmware/main.py").write_bytes(b"old main")
    yield
    while BOARDS:
        BOARDS.pop().off()


def test_a_new_version_is_brought_in_tried_and_found_good() -> None:
    """It lies whole in the other slot, the old one is untouched, and what was received is gone."""
    board = Board()
    board.updated(bundle())

    assert (board.version, board.update._state, boot.read()) == ("0.2.0", State.IDLE, boot.Record(1, boot.GOOD, 0, 0, "0.2.0"))
    assert {path: Path("lib_b", path).read_bytes() for path in FILES} == FILES
    assert Path("lib/firmware/main.py").read_bytes() == b"old main"
    assert list(Path("received").iterdir()) == []


def test_a_transfer_goes_on_after_power_cuts() -> None:
    """The meter restarts twice while it receives; the pieces it holds are not sent again from the beginning."""
    board = Board()
    board.restart_at = [3, 6]
    board.updated(bundle())

    assert (board.version, board.pieces <= 7 + 2 + 4) == ("0.2.0", True)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (bundle(key=Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")), 3),
        (bundle()[:-1] + b"\0", 3),
        (bundle().replace(b"0.2.0", b"0.2.1"), 3),
    ],
)
def test_what_is_not_signed_by_the_key_is_refused_by_the_meter(made: bytes, reason: int) -> None:
    """Another key, a changed signature, a changed header: a sentence with the meter's reason, and nothing is installed."""
    board = Board()
    with pytest.raises(UpdateError, match="refused") as refusal:
        board.updated(made)

    assert REASONS[reason] in str(refusal.value)
    assert (board.version, boot.read().slot, Path("lib_b").exists()) == ("0.1.0", 0, False)


@pytest.mark.parametrize(
    ("made", "reason"), [(bundle(hardware="esp32s3"), 4), (bundle(version="0.0.9"), 5), (bundle()[:-70], 1), (b"junk" * 100, 3)]
)
def test_the_meter_itself_refuses_what_the_gateway_would_not_send(made: bytes, reason: int) -> None:
    """Other hardware, an older version, a wrong length, and junk end with their reason and leave nothing behind."""
    board = Board()
    send(board, made)
    board.write(3022, (Command.CHECK,))
    board.settle()

    assert (board.image.number("update_state"), board.image.number("update_reason")) == (State.REFUSED, reason)
    assert list(Path("received").iterdir()) == []


def test_a_changed_file_is_noticed_before_anything_is_installed() -> None:
    """The digest announced is another one than that of what arrived."""
    board = Board()
    made = bundle()
    send(board, made[:-100] + b"?" + made[-99:], digest=sha256(made).digest())
    board.write(3022, (Command.CHECK,))
    board.settle()

    assert board.image.number("update_reason") == 2


def send(board: Board, data: bytes, digest: bytes | None = None) -> None:
    head = struct.pack(">I", len(data)) + (digest or sha256(data).digest()) + struct.pack(">H", Command.BEGIN)
    board.write(3004, unpack_words(head))
    board.settle()
    for at in range(0, len(data), 224):
        board.write(3030, piece(at, data[at : at + 224]))
        board.settle()


def piece(at: int, data: bytes) -> tuple[int, ...]:
    return unpack_words(struct.pack(">IH", at, len(data)) + data + bytes(224 - len(data)))


def test_the_gateway_refuses_before_it_sends() -> None:
    """Other hardware and older versions are sentences, and not a piece goes out."""
    board = Board()
    for made, words in ((bundle(hardware="esp32s3"), "the bundle is for esp32s3"), (bundle(version="0.0.9"), "newer than the bundle's")):
        with pytest.raises(UpdateError, match=words):
            board.updated(made)
    with pytest.raises(UpdateError, match="no bundle"):
        board.updated(b"junk")

    assert board.pieces == 0


def test_a_version_that_cannot_meter_is_not_confirmed_and_the_old_one_returns() -> None:
    """The command says so; when its time is over the meter goes back by itself and tells the reason."""
    board = Board(able=False)
    with pytest.raises(UpdateError, match="does not measure"):
        board.updated(bundle())
    tried = board.version
    board.update.measured(TRIAL_MS_MAX + 1, 0, None)
    board.settle()

    assert (tried, board.version) == ("0.2.0", "0.1.0")
    assert (board.image.number("update_state"), board.image.number("update_reason")) == (State.REFUSED, boot.BACK)
    assert boot.read() == boot.Record(0, boot.GOOD, 0, boot.BACK, "0.1.0")


def test_a_version_that_loses_energy_is_sent_back() -> None:
    """The counter read on trial is below the one before: no confirmation, but the old version at once."""
    board = Board()
    board.energy_mwh = [5_000_000, 4_999_999]

    with pytest.raises(UpdateError, match=r"fell: it was sent back to 0\.1\.0"):
        board.updated(bundle())

    assert board.version == "0.1.0"


def test_pieces_are_taken_in_order_and_again() -> None:
    """A piece again is good, one beyond a gap or the end is not, one while the last is not on flash yet is told busy."""
    board = Board()
    data = bundle()
    send(board, data[:448])
    board.write(3004, unpack_words(struct.pack(">I", len(data))))
    board.write(3030, piece(0, data[:224]))
    held = board.image.number("update_received_bytes")
    codes = []
    for at, part in ((672, data[672:800]), (len(data) - 10, data[:224]), (448, data[448:672]), (672, data[672:800])):
        try:
            board.write(3030, piece(at, part))
            codes.append(0)
        except MeterRefused as refusal:
            codes.append(refusal.code)

    assert (held, codes) == (448, [ILLEGAL_VALUE, ILLEGAL_VALUE, 0, BUSY])


def test_commands_out_of_turn_are_refused() -> None:
    """Nothing can be installed or confirmed that was not checked or is not on trial."""
    board = Board()
    for command in (Command.CHECK, Command.INSTALL, Command.CONFIRM):
        with pytest.raises(MeterRefused, match="exception 3"):
            board.write(3022, (command,))


def test_a_flash_that_is_full_is_told_and_the_running_version_stays() -> None:
    """An error of the file system while installing ends in reason 6."""
    board = Board()
    send(board, bundle())
    board.write(3022, (Command.CHECK,))
    board.settle()
    Path("lib_b").write_bytes(b"a file where the slot should be")
    board.write(3022, (Command.INSTALL,))
    board.settle()

    assert (board.image.number("update_state"), board.image.number("update_reason")) == (State.REFUSED, 6)
    assert (board.version, boot.read().state) == ("0.1.0", boot.GOOD)


def test_what_changed_on_flash_since_the_check_does_not_start() -> None:
    """Each file is compared with the signed digest as it reads back from its slot: reason 6, and nothing to start with is there."""
    board = Board()
    data = bundle()
    send(board, data)
    board.write(3022, (Command.CHECK,))
    board.settle()
    checked = board.image.number("update_state")
    file = next(Path("received").iterdir())
    file.write_bytes(data[:-100] + b"?" + data[-99:])
    board.write(3022, (Command.INSTALL,))
    board.settle()

    assert (checked, board.image.number("update_reason"), boot.read().slot) == (State.CHECKED, 6, 0)
    assert not Path("lib_b/firmware/main.py").exists()


def test_the_register_s_codes_are_those_of_both_sides() -> None:
    """States and commands have the same numbers in the map, the meter and the gateway."""
    assert [name.upper() for name in CODES["update_state"]] == [state.name for state in State]
    assert [name.upper() for name in CODES["update_command"]] == [command.name for command in Command]
    assert (update.ON_TRIAL, update.INSTALLING, update.CONFIRM) == (State.TRIAL, State.INSTALLING, Command.CONFIRM)
