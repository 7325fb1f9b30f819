"""Modbus requests as values and what their replies mean (Application Protocol V1.1b3).

A PDU begins with the function code; addresses of units, check sums and ports are not known here.
Runs on MicroPython.
"""

import struct
from collections import namedtuple

from protocols.errors import MeterRefused, OurMistake, WrongAnswer

READ_HOLDING, READ_INPUT, WRITE_ONE, WRITE_MANY, READ_WRITE, ENCAPSULATED = 3, 4, 6, 16, 23, 43
DIAGNOSE, REPORT = 8, 17
IDENTIFY = 14  # the only encapsulated interface (MEI) used here
BASIC = 1  # identification: vendor, product code, revision
REFUSED = 0x80  # added to the function code of an exception reply

# Limits of the standard.
PDU_MAX = 253
READ_MAX = 125
WRITE_MAX = 123
READ_WRITE_MAX = 121  # to write, beside up to READ_MAX to read

# Exception codes of the standard.
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, DEVICE_FAILURE, ACKNOWLEDGE, BUSY = 1, 2, 3, 4, 5, 6
GATEWAY_REFUSALS = (0x0A, 0x0B)  # a gateway's word, not the meter's: there is no way to it, it did not answer

# What `reply_length` says when it cannot give a length.
TOO_SHORT = 0
NO_REPLY = -1


class ReadRequest(namedtuple("ReadRequest", ("function", "address", "count"))):
    function: int
    address: int
    count: int


class WriteRegister(namedtuple("WriteRegister", ("address", "word"))):
    address: int
    word: int


class WriteRegisters(namedtuple("WriteRegisters", ("address", "words"))):
    address: int
    words: tuple[int, ...]


class ReadWriteRegisters(namedtuple("ReadWriteRegisters", ("address", "count", "write_address", "words"))):
    """FC 23: `words` are written first, then `count` registers from `address` are read, in one exchange."""

    address: int
    count: int
    write_address: int
    words: tuple[int, ...]


class Identify(namedtuple("Identify", ("category", "first"))):
    """FC 43/14: the objects of `category` (1 basic, 2 regular, 3 extended, 4 one object) from `first` on."""

    category: int
    first: int


class Report(namedtuple("Report", ())):
    """FC 17: a text or number of the maker's that says what the device is."""


TYPE_CHECKING = False  # the board has no typing module and cannot join types
if TYPE_CHECKING:
    Request = ReadRequest | WriteRegister | WriteRegisters | ReadWriteRegisters | Identify | Report
else:
    Request = tuple


def function_of(request: Request) -> int:
    if isinstance(request, ReadRequest):
        return request.function
    return _FUNCTIONS[type(request)]


def encode_request(request: Request) -> bytes:
    """The PDU, without unit address and check sum; OurMistake if the standard has no such request."""
    if isinstance(request, ReadRequest):
        _require(request.function in (READ_HOLDING, READ_INPUT), "function %d reads no registers" % request.function)
        _require_span(request.address, request.count, READ_MAX)
        return struct.pack(">BHH", request.function, request.address, request.count)
    if isinstance(request, WriteRegister):
        _require_span(request.address, 1, 1)
        return struct.pack(">BHH", WRITE_ONE, request.address, request.word)
    if isinstance(request, WriteRegisters):
        _require_span(request.address, len(request.words), WRITE_MAX)
        return bytes((WRITE_MANY,)) + _packed_write(request.address, request.words)
    if isinstance(request, ReadWriteRegisters):
        _require_span(request.address, request.count, READ_MAX)
        _require_span(request.write_address, len(request.words), READ_WRITE_MAX)
        return struct.pack(">BHH", READ_WRITE, request.address, request.count) + _packed_write(request.write_address, request.words)
    if isinstance(request, Report):
        return bytes((REPORT,))
    return bytes((ENCAPSULATED, IDENTIFY, request.category, request.first))


def reply_pdu_length(request: Request) -> int:
    """Bytes of the good reply; TOO_SHORT where only the reply itself tells (identification, report)."""
    if isinstance(request, (ReadRequest, ReadWriteRegisters)):
        return 2 + 2 * request.count
    return TOO_SHORT if isinstance(request, (Identify, Report)) else 5


def reply_words(request: Request, pdu: bytes) -> tuple[int, ...]:
    """The words that were read, () after a mere write; MeterRefused or WrongAnswer else."""
    _require_function(request, pdu)
    if len(pdu) != reply_pdu_length(request):
        raise WrongAnswer("a reply of %d bytes where %d were due" % (len(pdu), reply_pdu_length(request)))
    if isinstance(request, (ReadRequest, ReadWriteRegisters)):
        if pdu[1] != 2 * request.count:
            raise WrongAnswer("a reply of %d data bytes to a read of %d registers" % (pdu[1], request.count))
        return unpack_words(pdu[2:])
    if pdu != encode_request(request)[:5]:
        raise WrongAnswer("the reply confirms another write than the one that was sent")
    return ()


def reply_objects(request: Identify, pdu: bytes) -> dict[int, bytes]:
    """The identification objects of one reply by number; a meter may hold more than it tells at once."""
    _require_function(request, pdu)
    if reply_length(pdu) != len(pdu) or len(pdu) < 7:
        raise WrongAnswer("an identification of %d bytes that does not add up" % len(pdu))
    objects = {}
    at = 7
    while at < len(pdu):
        objects[pdu[at]] = bytes(pdu[at + 2 : at + 2 + pdu[at + 1]])
        at += 2 + pdu[at + 1]
    return objects


def reply_report(request: Report, pdu: bytes) -> bytes:
    """What a meter reports of itself, in its maker's own form."""
    _require_function(request, pdu)
    if reply_length(pdu) != len(pdu):
        raise WrongAnswer("a report of %d bytes that does not add up" % len(pdu))
    return bytes(pdu[2:])


def reply_length(pdu: bytes | bytearray | memoryview) -> int:
    """Bytes of the reply PDU that begins here, whoever asked; TOO_SHORT to tell, NO_REPLY if it is none."""
    if len(pdu) == 0:
        return TOO_SHORT
    function = pdu[0]
    if function & REFUSED:
        return 2 if function & ~REFUSED in _REPLY_LENGTHS else NO_REPLY
    length = _REPLY_LENGTHS.get(function)
    return NO_REPLY if length is None else length(pdu)


def request_length(pdu: bytes) -> int:
    """Bytes of the request PDU that begins here; TOO_SHORT to tell, or the function is not known."""
    if len(pdu) == 0:
        return TOO_SHORT
    length, counted_at = _REQUEST_LENGTHS.get(pdu[0], (TOO_SHORT, 0))
    if not counted_at:
        return length
    return length + pdu[counted_at] if counted_at < len(pdu) else TOO_SHORT


def pack_words(words: list[int] | tuple[int, ...]) -> bytes:
    return struct.pack(">%dH" % len(words), *words)


def unpack_words(data: bytes) -> tuple[int, ...]:
    return struct.unpack(">%dH" % (len(data) // 2), data)


def _packed_write(address: int, words: tuple[int, ...]) -> bytes:
    return struct.pack(">HHB", address, len(words), 2 * len(words)) + pack_words(words)


def _counted(pdu: bytes | bytearray | memoryview) -> int:
    """Function, byte count, data."""
    if len(pdu) < 2:
        return TOO_SHORT
    return 2 + pdu[1] if 0 < pdu[1] <= PDU_MAX - 2 else NO_REPLY


def _counted_words(pdu: bytes | bytearray | memoryview) -> int:
    length = _counted(pdu)
    return NO_REPLY if length & 1 else length


def _confirmed(pdu: bytes | bytearray | memoryview) -> int:  # noqa: ARG001 - one of the lengths in the table
    """Function, address, count or value: five bytes."""
    return 5


def _identified(pdu: bytes | bytearray | memoryview) -> int:
    """Function, MEI 14, category, conformity, more, next, number of objects, objects of (number, length, text)."""
    if len(pdu) > 1 and pdu[1] != IDENTIFY:
        return NO_REPLY
    if len(pdu) < 7:
        return TOO_SHORT
    at = 7
    for _ in range(pdu[6]):
        if len(pdu) < at + 2:
            return TOO_SHORT
        at += 2 + pdu[at + 1]
        if at > PDU_MAX:
            return NO_REPLY
    return at


_FUNCTIONS: "dict[type[Request], int]" = {
    WriteRegister: WRITE_ONE,
    WriteRegisters: WRITE_MANY,
    ReadWriteRegisters: READ_WRITE,
    Identify: ENCAPSULATED,
    Report: REPORT,
}

# Function -> length of its good reply. 1, 2 (bits), 5, 15 (coils), 8 (loopback) and 17 (report) are
# not asked here, but other masters' meters answer them on the same wire.
_REPLY_LENGTHS = {
    1: _counted,
    2: _counted,
    READ_HOLDING: _counted_words,
    READ_INPUT: _counted_words,
    5: _confirmed,
    WRITE_ONE: _confirmed,
    DIAGNOSE: _confirmed,
    15: _confirmed,
    WRITE_MANY: _confirmed,
    REPORT: _counted,
    READ_WRITE: _counted_words,
    ENCAPSULATED: _identified,
}

# Function -> length of its request, and where in it stands the count of further bytes (0: nowhere).
_REQUEST_LENGTHS = {
    1: (5, 0),
    2: (5, 0),
    READ_HOLDING: (5, 0),
    READ_INPUT: (5, 0),
    5: (5, 0),
    WRITE_ONE: (5, 0),
    DIAGNOSE: (5, 0),
    15: (6, 5),
    WRITE_MANY: (6, 5),
    REPORT: (1, 0),
    READ_WRITE: (10, 9),
    ENCAPSULATED: (4, 0),
}


def _require_function(request: Request, pdu: bytes) -> None:
    function = function_of(request)
    if len(pdu) == 2 and pdu[0] == function | REFUSED:
        raise MeterRefused(pdu[1])
    if len(pdu) < 2 or pdu[0] != function:
        raise WrongAnswer("function %d was asked, the reply is %s" % (function, pdu[0] if pdu else "empty"))


def _require_span(address: int, count: int, count_max: int) -> None:
    _require(1 <= count <= count_max, "%d registers in one request; 1 to %d are possible" % (count, count_max))
    _require(address >= 0 and address + count <= 0x10000, "register %d with %d more leaves the map" % (address, count - 1))


def _require(good: bool, sentence: str) -> None:  # noqa: FBT001
    if not good:
        raise OurMistake(sentence)
