"""Bundles forged by hand: the gateway says what is wrong before it sends, the meter refuses by itself, the old version stays."""

import struct
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from typer.testing import CliRunner

from firmware import boot
from gateway.tests.works import OWN_SUBMETER
from gateway.update_codes import Command, State
from gateway.updating import UpdateError, head_of_bundle
from protocols.bundle import signed_text
from tools.command import app
from tools.tests.test_update_registers import FILES, HARDWARE, KEY, Board, bundle, on_a_board, send

__all__ = ["on_a_board"]  # for every test here, too
STRANGER = Ed25519PrivateKey.from_private_bytes(bytes(31) + b"\1")
Entry = tuple[bytes, int, bytes]
MAIN, PDU = ((path.encode(), len(data), sha256(data).digest()) for path, data in FILES.items())
BODY = b"".join(FILES.values())
SIZE, DIGEST, SIGNATURE, OTHER_HARDWARE, OLDER = 1, 2, 3, 4, 5


def forged(
    *entries: Entry,
    magic: bytes = b"SWBUNDLE",
    form: int = 1,
    files: int = 0,
    version: bytes = b"0.2.0",
    hardware: bytes = HARDWARE.encode(),
    more_header: int = 0,
    body: bytes = BODY,
    key: Ed25519PrivateKey = KEY,
) -> bytes:
    """Signed all the same, as only who has the key could; `files` and `more_header` beyond what is there."""
    listed = b"".join(struct.pack(f">B{len(path)}sI32s", len(path), path, length, digest) for path, length, digest in entries)
    head = struct.pack(">8sHH16s16sI", magic, form, len(entries) + files, version, hardware, 48 + len(listed) + more_header)
    return head + listed + body + key.sign(signed_text(sha256(head + listed).digest()))


def renamed(path: bytes) -> bytes:
    return forged(MAIN, (path, *PDU[1:]))


WHOLE = forged(MAIN, PDU)
# What the gateway says, and the meter's reason; 0: nothing that a meter could know before it tries.
FORGED = {
    "another magic": (forged(MAIN, PDU, magic=b"SWBUNDLF"), "does not begin like a bundle", SIGNATURE),
    "a later format": (forged(MAIN, PDU, form=2), "a bundle of format 2", SIGNATURE),
    "a file more": (forged(MAIN, PDU, files=1), "list of files does not add up", SIGNATURE),
    "a file less": (forged(MAIN, PDU, files=-1), "list of files does not add up", SIGNATURE),
    "no files": (forged(body=b""), "header is said to have 48 bytes", SIGNATURE),
    "65535 files": (forged(MAIN, PDU, files=65_533), "list of files does not add up", SIGNATURE),
    "a longer header": (forged(MAIN, PDU, more_header=1), "list of files does not add up", SIGNATURE),
    "a shorter header": (forged(MAIN, PDU, more_header=-1), "list of files does not add up", SIGNATURE),
    "an endless header": (forged(MAIN, PDU, more_header=0x7FFFFFFF), "header is said to have", SIGNATURE),
    "a version that is a word": (forged(MAIN, PDU, version=b"newest"), "version newest is not three numbers", OLDER),
    "a version of letters among numbers": (forged(MAIN, PDU, version=b"0.2.x"), "version 0.2.x is not three numbers", OLDER),
    "a version of other digits": (
        forged(MAIN, PDU, version="0.².0".encode()),
        "version, its hardware or a file should be named",
        SIGNATURE,
    ),
    "a version of negative numbers": (forged(MAIN, PDU, version=b"0.-2.0"), "is not three numbers", OLDER),
    "a version of one number": (forged(MAIN, PDU, version=b"2"), "version 2 is not three numbers", 0),
    "no version": (forged(MAIN, PDU, version=b""), "should be named", SIGNATURE),
    "a version with a line's end": (forged(MAIN, PDU, version=b"0.2.0\n"), "should be named", SIGNATURE),
    "no hardware": (forged(MAIN, PDU, hardware=b""), "should be named", SIGNATURE),
    "no text": (forged(MAIN, PDU, hardware=b"\xff\xfe"), "should be named", SIGNATURE),
    "a path upwards": (renamed(b"../boot.py"), r"names \.\./boot\.py, which lies outside", SIGNATURE),
    "a path round about": (renamed(b"firmware/../../boot.py"), "which lies outside", SIGNATURE),
    "an absolute path": (renamed(b"/boot.py"), "which lies outside", SIGNATURE),
    "a path of no text": (renamed(b"firmware/\xff.py"), "should be named", SIGNATURE),
    "a path with a zero": (renamed(b"firmware/x.py\0"), "should be named", SIGNATURE),
    "an empty path": (renamed(b""), "list of files does not add up", SIGNATURE),
    "a path too long": (renamed(b"firmware/" + b"x" * 56), "list of files does not add up", SIGNATURE),
    "a file longer than all": (forged(MAIN, (PDU[0], 0xFFFFFFFF, PDU[2])), "bytes where", SIZE),
    "a file twice": (forged(MAIN, PDU, PDU, body=BODY + FILES["protocols/pdu.py"]), "names a file twice", 0),
    "nothing to start with": (forged(PDU, body=FILES["protocols/pdu.py"]), "exactly one firmware/main", 0),
    "a changed file": (forged(MAIN, PDU, body=BODY[:-1] + b"?"), r"protocols/pdu\.py was changed or damaged", 0),
    "a byte less": (WHOLE[:-1], "bytes where", SIZE),
    "a byte more": (WHOLE + b"\0", "bytes where", SIZE),
    "without its signature": (WHOLE[:-64], "bytes where", SIZE),
    "cut in its header": (WHOLE[:60], "ends within its list of files", SIGNATURE),
    "an empty file": (b"", "does not begin like a bundle", None),
    # What only a meter can know.
    "another's signature": (WHOLE[:-64] + bundle("0.3.0")[-64:], None, SIGNATURE),
    "another key": (forged(MAIN, PDU, key=STRANGER), None, SIGNATURE),
    "another chip": (forged(MAIN, PDU, hardware=b"esp32s3"), None, OTHER_HARDWARE),
    "an older version": (forged(MAIN, PDU, version=b"0.0.9"), None, OLDER),
    "nothing wrong": (WHOLE, None, 0),
}
NAMES = sorted(FORGED)


@pytest.mark.parametrize("name", NAMES)
def test_the_gateway_says_what_is_wrong_before_it_sends(name: str) -> None:
    """A sentence that names it; what only the meter can know goes through."""
    data, sentence, _ = FORGED[name]
    if sentence is None:
        head_of_bundle(data)
        return
    with pytest.raises(UpdateError, match=sentence):
        head_of_bundle(data)


@pytest.mark.parametrize("name", NAMES)
def test_the_meter_refuses_by_itself_and_stays_what_it_was(name: str) -> None:
    """Over Modbus, past the gateway: its reason, nothing installed, and nothing left of what came."""
    data, _, reason = FORGED[name]
    board = Board()
    if reason is None:
        with pytest.raises(Exception, match="exception 3"):
            send(board, data)
        return
    send(board, data)
    board.write(3022, (Command.CHECK,))
    board.settle()
    wanted = (State.REFUSED if reason else State.CHECKED, reason)

    assert (board.image.number("update_state"), board.image.number("update_reason")) == wanted
    assert (board.version, boot.read().slot, boot.read().state, Path("lib_b").exists()) == ("0.1.0", 0, boot.GOOD, False)
    assert not reason or not list(Path("received").iterdir())


@pytest.mark.parametrize("at", range(48))
def test_every_byte_of_the_head_counts(at: int) -> None:
    """One byte changed without signing again: refused with a reason, whichever it is."""
    board = Board()
    send(board, WHOLE[:at] + bytes((WHOLE[at] ^ 0x55,)) + WHOLE[at + 1 :])
    board.write(3022, (Command.CHECK,))
    board.settle()

    assert board.image.number("update_state") == State.REFUSED
    assert board.image.number("update_reason") in (SIZE, SIGNATURE)


@pytest.mark.parametrize("name", [name for name in NAMES if FORGED[name][1] is not None])
def test_the_command_says_it_in_one_sentence(name: str) -> None:
    """Status 2, the sentence with what to do, no traceback."""
    Path("site.toml").write_text(OWN_SUBMETER, encoding="utf-8")
    Path("forged").write_bytes(FORGED[name][0])
    result = CliRunner().invoke(app, ["update", "own", "forged"])

    assert (result.exit_code, "no bundle for a submeter" in result.output, "Traceback" in result.output) == (2, True, False)
    assert len(result.output.splitlines()) <= 2


def test_a_meter_that_runs_it_already_is_sent_nothing() -> None:
    """The same version again: not a piece goes out, and what runs goes on."""
    board = Board()
    board.updated(bundle())
    pieces = board.pieces
    board.updated(bundle())

    assert (board.pieces, board.version, boot.read().state) == (pieces, "0.2.0", boot.GOOD)


def test_what_is_checked_but_does_not_read_back_is_not_started() -> None:
    """A bundle whose signed list does not fit its files, from a master that did not look: reason 6, both slots safe."""
    board = Board()
    send(board, FORGED["a changed file"][0])
    for command in (Command.CHECK, Command.INSTALL):
        board.write(3022, (command,))
        board.settle()

    assert (board.image.number("update_state"), board.image.number("update_reason")) == (State.REFUSED, 6)
    assert (board.version, boot.read().slot, [path for path in Path("lib_b").rglob("*") if path.is_file()]) == ("0.1.0", 0, [])
