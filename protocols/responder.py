"""The server side of Modbus: a request PDU and the registers give the reply PDU.

The order of checks is the standard's: function, count or value, address, execution; the whole span is
checked before any of it is executed. Which functions there are beyond reading and writing registers, who was
addressed, and whether a broadcast stays unanswered, is the caller's matter. Runs on MicroPython.
"""

import struct

from protocols.errors import MeterRefused
from protocols.pdu import (
    ENCAPSULATED,
    IDENTIFY,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    ILLEGAL_VALUE,
    PDU_MAX,
    READ_HOLDING,
    READ_INPUT,
    READ_MAX,
    READ_WRITE_MAX,
    REFUSED,
    WRITE_MANY,
    WRITE_MAX,
    WRITE_ONE,
    pack_words,
    unpack_words,
)

_ONE_OBJECT = 4  # the category that asks for a single identification object
_BASIC_OBJECTS = 3  # vendor, product code, revision
_BASIC_CONFORMITY, _REGULAR_CONFORMITY = 0x81, 0x82  # stream and single access

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol

    class Registers(Protocol):
        """Any object with these two; either may raise MeterRefused with an exception code."""

        def read(self, function: int, address: int, count: int) -> list[int] | bytes | None:
            """The words, as numbers or packed (which spares the board a list), or None if one of the span is not mapped."""
            ...

        def write(self, address: int, words: tuple[int, ...]) -> int:
            """0, or the exception code; it checks the whole span before it changes anything."""
            ...

    Handler = Callable[[bytes, Registers], bytes]
else:
    Registers = object


def read_registers(pdu: bytes, registers: Registers) -> bytes:
    function, address, count = _fields(pdu, 5)
    _require_span(address, count, READ_MAX)
    return _words_reply(function, registers.read(function, address, count))


def write_register(pdu: bytes, registers: Registers) -> bytes:
    _, address, word = _fields(pdu, 5)
    return _written(pdu, registers, address, (word,))


def write_registers(pdu: bytes, registers: Registers) -> bytes:
    address, words = _write_of(pdu, 1, WRITE_MAX)
    return _written(pdu, registers, address, words)


def read_write_registers(pdu: bytes, registers: Registers) -> bytes:
    """FC 23, which few meters do: writes, then reads, if both spans are good."""
    _require(len(pdu) >= 10, ILLEGAL_VALUE)
    function, address, count = _fields(pdu[:5], 5)
    _require(1 <= count <= READ_MAX, ILLEGAL_VALUE)
    write_address, words = _write_of(pdu, 5, READ_WRITE_MAX)
    _require_span(address, count, READ_MAX)
    _require(registers.read(READ_HOLDING, address, count) is not None, ILLEGAL_ADDRESS)
    _require_done(registers.write(write_address, words))
    return _words_reply(function, registers.read(READ_HOLDING, address, count))


# What every meter does.
FUNCTIONS: "dict[int, Handler]" = {
    READ_HOLDING: read_registers,
    READ_INPUT: read_registers,
    WRITE_ONE: write_register,
    WRITE_MANY: write_registers,
}


def answer(pdu: bytes, registers: Registers, identity: tuple[bytes, ...] = (), functions: "Mapping[int, Handler]" = FUNCTIONS) -> bytes:
    """The reply PDU; `identity` holds the objects of FC 43/14 from number 0 (vendor, product code, revision) on.

    A function that is not in `functions` is refused with exception 1.
    """
    function = pdu[0] if pdu else 0
    try:
        if function == ENCAPSULATED and identity:
            return _identify(pdu, identity)
        _require(function in functions, ILLEGAL_FUNCTION)
        return functions[function](pdu, registers)
    except MeterRefused as refused:
        return bytes((function | REFUSED, refused.code))


def _words_reply(function: int, words: "list[int] | bytes | None") -> bytes:
    if words is None:
        raise MeterRefused(ILLEGAL_ADDRESS)
    data = pack_words(words) if isinstance(words, list) else words
    return bytes((function, len(data))) + data


def _write_of(pdu: bytes, at: int, count_max: int) -> "tuple[int, tuple[int, ...]]":
    """Address and words of the write that stands in the PDU from `at` on: address, count, byte count, words."""
    _require(len(pdu) >= at + 5, ILLEGAL_VALUE)
    address, count, octets = struct.unpack(">HHB", pdu[at : at + 5])
    _require(1 <= count <= count_max and octets == 2 * count and len(pdu) == at + 5 + octets, ILLEGAL_VALUE)
    _require(address + count <= 0x10000, ILLEGAL_ADDRESS)
    return address, unpack_words(pdu[at + 5 :])


def _written(pdu: bytes, registers: Registers, address: int, words: tuple[int, ...]) -> bytes:
    _require_done(registers.write(address, words))
    return bytes(pdu[:5])


def _identify(pdu: bytes, identity: tuple[bytes, ...]) -> bytes:
    _require(pdu[1:2] == bytes((IDENTIFY,)), ILLEGAL_FUNCTION)
    _require(len(pdu) == 4 and 1 <= pdu[2] <= _ONE_OBJECT, ILLEGAL_VALUE)
    category, first = pdu[2], pdu[3]
    if category == _ONE_OBJECT:
        _require(first < len(identity), ILLEGAL_ADDRESS)
        last = first + 1
    else:
        last = min(_BASIC_OBJECTS, len(identity)) if category == 1 else len(identity)
        first = first if first < last else 0  # the standard starts again for an unknown object
    return _objects(category, identity, first, last)


def _objects(category: int, identity: tuple[bytes, ...], first: int, last: int) -> bytes:
    """As many whole objects as fit; the rest is announced by "more follows"."""
    listed = b""
    following = first
    while following < last and 7 + len(listed) + 2 + len(identity[following]) <= PDU_MAX:
        listed += bytes((following, len(identity[following]))) + identity[following]
        following += 1
    more = following < last
    conformity = _REGULAR_CONFORMITY if len(identity) > _BASIC_OBJECTS else _BASIC_CONFORMITY
    head = (ENCAPSULATED, IDENTIFY, category, conformity, 0xFF if more else 0, following if more else 0, following - first)
    return bytes(head) + listed


def _fields(pdu: bytes, length: int) -> tuple[int, int, int]:
    _require(len(pdu) == length, ILLEGAL_VALUE)
    function, address, number = struct.unpack(">BHH", pdu)
    return function, address, number


def _require_span(address: int, count: int, count_max: int) -> None:
    _require(1 <= count <= count_max, ILLEGAL_VALUE)
    _require(address + count <= 0x10000, ILLEGAL_ADDRESS)


def _require_done(code: int) -> None:
    _require(code == 0, code)


def _require(good: bool, code: int) -> None:  # noqa: FBT001
    if not good:
        raise MeterRefused(code)
