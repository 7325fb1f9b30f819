"""The Modbus server on the interpreter of the board, without a test runner; `test_modbus_micropython` runs it."""

import gc
import struct
import sys

sys.path.insert(0, ".")

from firmware.register_map import PLACES
from firmware.tests.modbus_bench import CLOCK_MS, KEY, UNIT, Pair
from protocols.frame import RtuFrame, TcpFrame, checked, rtu_frame
from protocols.pdu import ReadRequest, ReadWriteRegisters, WriteRegister, WriteRegisters, encode_request, reply_words

POINTER_BYTES = struct.calcsize("P")  # 4 on the board
# What a server, its image and its port may keep; half of it on the board.
KEPT_BYTES_MAX = 8_000
# The largest free piece of a crumbled heap: enough for a tuple of the words of the longest write.
PIECE_BYTES = 128 * POINTER_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from protocols.pdu import Request


def asked(pair: Pair, request: "Request") -> tuple[int, ...]:
    reply = pair.ask(rtu_frame(UNIT, encode_request(request)))
    assert checked(reply)
    return reply_words(request, reply[1:-2])


def check_reading() -> None:
    pair = Pair()
    pair.image.put_measured({"active_energy_import": 2**62 + 1, "active_power": -12_345_675, "voltage_l1_n": 230_000})
    words = asked(pair, ReadRequest(4, 100, 115))
    assert struct.unpack(">Q", struct.pack(">4H", *words[47:51]))[0] == 2**62 + 1
    assert struct.unpack(">i", struct.pack(">2H", *words[14:16]))[0] == -1_234_568
    assert words[0] << 16 | words[1] == 230_000
    assert pair.ask(rtu_frame(UNIT, encode_request(ReadRequest(3, 214, 2)))) == rtu_frame(UNIT, b"\x83\x02")
    assert pair.ask(rtu_frame(UNIT + 1, encode_request(ReadRequest(3, 100, 2)))) == b""


def check_latch() -> None:
    pair = Pair(115200, echo=True)
    pair.image.put_measured({"active_energy_import": 2**40})
    assert pair.ask(rtu_frame(0, encode_request(WriteRegister(1092, 3)))) == b""
    pair.image.put_measured({})
    words = asked(pair, ReadRequest(3, 1092, 123))
    assert (words[0], words[1]) == (3, 120)
    assert struct.unpack(">Q", struct.pack(">4H", *words[4:8]))[0] == CLOCK_MS
    assert struct.unpack(">Q", struct.pack(">4H", *words[55:59]))[0] == 2**40


def check_writing() -> None:
    pair = Pair(19200, driver_enable=True)
    assert pair.ask(rtu_frame(UNIT, encode_request(WriteRegister(516, 9)))) == rtu_frame(UNIT, b"\x86\x01")
    asked(pair, WriteRegisters(450, (KEY >> 16, KEY & 0xFFFF)))
    asked(pair, WriteRegisters(516, (9, 96, 1, 1)))
    assert asked(pair, ReadWriteRegisters(2005, 2, 2005, (1, 2))) == (1, 2)
    asked(pair, WriteRegisters(3030, tuple(range(115))))
    assert pair.application.written[-1] == ("update_data", struct.pack(">112H", *range(3, 115)))
    assert len(pair.driven) == 2 * len(pair.wire.said)
    assert pair.server.serve_tcp(TcpFrame(1, 0, b"\x08\x00\x00\xaa\x55")) == b"\0\x01\0\0\0\x06\0\x08\0\0\xaa\x55"


def check_memory() -> None:
    """On a heap of which only small pieces are free the longest answers are still given; only MicroPython has such a heap."""
    if not hasattr(gc, "mem_alloc"):
        return
    gc.collect()
    before = gc.mem_alloc()
    pair = Pair()
    gc.collect()
    assert gc.mem_alloc() - before <= KEPT_BYTES_MAX * POINTER_BYTES // 8
    read = RtuFrame(UNIT, encode_request(ReadRequest(3, 1092, 123)))
    write = RtuFrame(UNIT, encode_request(WriteRegisters(3030, tuple(range(115)))))
    pieces = crumble()
    replies = [len(pair.server.serve_rtu(read)), len(pair.server.serve_rtu(write))]
    try:
        largest = len(bytearray(2 * PIECE_BYTES))
    except MemoryError:
        largest = 0
    del pieces
    assert (replies, largest) == ([251, 8], 0)


def crumble() -> "list[bytearray | None]":
    """Fills the heap with pieces and frees every other one."""
    pieces: list[bytearray | None] = [None] * (gc.mem_free() // PIECE_BYTES)  # type: ignore[attr-defined]  # MicroPython's
    gc.collect()
    try:
        for at in range(len(pieces)):
            pieces[at] = bytearray(PIECE_BYTES)
    except MemoryError:
        pass
    for at in range(0, len(pieces), 2):
        pieces[at] = None
    gc.collect()
    return pieces


check_reading()
check_latch()
check_writing()
check_memory()
assert len(PLACES) > 100
print("all good")  # noqa: T201 - what the test waits for
