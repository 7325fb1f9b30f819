"""A self check of the board's modules that needs no test runner; `test_micropython` runs it."""

import sys

sys.path.insert(0, ".")

from protocols.crc16 import crc16
from protocols.errors import MeterRefused, OurMistake, WrongAnswer
from protocols.frame import ECHO, NEED_DATA, NOISE, RtuFrame, RtuReplyReader, RtuRequestReader, TcpFrame, TcpReader, rtu_frame, tcp_frame
from protocols.pdu import (
    READ_WRITE,
    Identify,
    ReadRequest,
    ReadWriteRegisters,
    WriteRegister,
    WriteRegisters,
    encode_request,
    reply_objects,
    reply_words,
)
from protocols.quantity import QUANTITIES
from protocols.register import TYPES, decode, decode_from, encode, encode_into, missing_words, new_row, span, text_of
from protocols.responder import FUNCTIONS, answer, read_write_registers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READ = ReadRequest(4, 0, 2)


class Bench:
    def __init__(self) -> None:
        self.words = [0x4366, 0x3334]

    def read(self, function: int, address: int, count: int) -> list[int] | None:
        return self.words[address : address + count] if address + count <= 2 else None

    def write(self, address: int, words: tuple[int, ...]) -> int:
        self.words[address : address + len(words)] = list(words)
        return 0


def refusal(action: "Callable[[], object]") -> str:
    try:
        action()
    except (MeterRefused, OurMistake, WrongAnswer) as error:
        return error.reason
    return "nothing"


def check_registers() -> None:
    row = new_row("voltage_l1_n", 4, 0, "float32", exponent=3)
    assert decode(row, (0x4366, 0x3334)) == 230200
    assert encode(row, 16777217000) == [0x4B80, 0x0000]
    assert decode(row, missing_words(row) or []) is None
    for type_ in TYPES:
        for order in ("big", "little"):
            each = new_row("heat", 3, 0, type_, order, 1, 1, order)
            assert decode(each, encode(each, 1230)) == 1230, type_
    wide = new_row("active_energy_import", 3, 0, "uint64", exponent=0)
    assert decode(wide, encode(wide, 2**63 - 1)) == 2**63 - 1
    scale = new_row("sf", 3, 9, "int16")
    row = new_row("current_l1", 3, 4, "int16", exponent=3, scale=scale)
    image = {(3, 9): 0xFFFE}
    encode_into(row, -12340, image)
    assert (decode_from(row, image), span(row)) == (-12340, (4, 10))
    assert text_of([0x4232, 0x3300]) == "B23"
    assert QUANTITIES["voltage_l1_n"].unit == "V"


def check_frames() -> None:
    request = rtu_frame(1, encode_request(READ))
    reply = rtu_frame(1, answer(encode_request(READ), Bench()))
    assert crc16(b"123456789") == 0x4B37
    assert request == bytes.fromhex("01040000000271cb")
    reader = RtuReplyReader(1, READ)
    taken = []
    for octet in request + b"\0" + reply:
        reader.feed(bytes((octet,)))
        taken.append(reader.take())
    assert [each for each in taken if each is not NEED_DATA] == [ECHO, RtuFrame(1, reply[1:-2])]
    assert reader.noise == 1
    assert reply_words(READ, reply[1:-2]) == (0x4366, 0x3334)
    server = RtuRequestReader()
    server.feed(request + b"\0")
    assert server.end_of_frame() == RtuFrame(1, request[1:-2])
    server.feed(request[1:])
    assert server.end_of_frame() is NOISE
    server.feed(request + b"\xff" + reply)
    assert server.end_of_frames() == [RtuFrame(1, request[1:-2]), RtuFrame(1, reply[1:-2])]
    tcp = TcpReader()
    tcp.feed(tcp_frame(7, 1, b"\x83\x02"))
    assert tcp.take() == TcpFrame(7, 1, b"\x83\x02")


def check_answers() -> None:
    bench = Bench()
    assert answer(encode_request(ReadRequest(4, 1, 2)), bench) == b"\x84\x02"
    assert answer(b"\x63", bench) == b"\xe3\x01"
    assert refusal(lambda: reply_words(READ, b"\x84\x02")) == "exception_2"
    assert refusal(lambda: reply_words(READ, b"\x03\x00")) == "wrong_answer"
    assert refusal(lambda: encode_request(ReadRequest(4, 0, 126))) == "our_mistake"
    for write in (WriteRegister(0, 5), WriteRegisters(0, (5, 6))):
        assert reply_words(write, answer(encode_request(write), bench)) == ()
    assert bench.words == [5, 6]
    functions = dict(FUNCTIONS)
    functions[READ_WRITE] = read_write_registers
    exchange = ReadWriteRegisters(0, 2, 1, (9,))
    assert reply_words(exchange, answer(encode_request(exchange), bench, (), functions)) == (5, 9)
    identity = answer(encode_request(Identify(1, 0)), bench, (b"a", b"b", b"c"))
    assert reply_objects(Identify(1, 0), identity) == {0: b"a", 1: b"b", 2: b"c"}


check_registers()
check_frames()
check_answers()
print("all good")  # noqa: T201 - what the test waits for
