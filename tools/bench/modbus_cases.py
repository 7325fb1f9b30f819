"""What a submeter must answer to each kind of request, by the Modbus standard and the meter's register table: rows and expectations.

Nothing of `protocols` or `firmware` is used here. Who asks, and over what, is the matter of `modbus_conformance`.
"""

import struct
from collections.abc import Callable
from typing import NamedTuple

# Of docs/reference/submeter-registers.md.
MAKER, MAKER_WORDS, HOLE, LATCH, LATCH_AGE, NAME, CLOCK = 0, 5, 99, 1092, 1093, 500, 400
PROFILE, PROFILE_WORDS, PROFILE_SELECT, PROFILE_FIRST = 2000, 120, 2005, 2007
_FUNCTIONS = (3, 4, 6, 8, 16, 17, 23, 43)


class Case(NamedTuple):
    what: str
    request: bytes
    good: Callable[[bytes], bool]


def words(*numbers: int) -> bytes:
    return struct.pack(f">{len(numbers)}H", *numbers)


def refused(request: bytes, *codes: int) -> Callable[[bytes], bool]:
    return lambda reply: reply in [bytes((request[0] | 0x80, code)) for code in codes]


def exactly(expected: bytes) -> Callable[[bytes], bool]:
    return lambda reply: reply == expected


def holds(function: int, count: int) -> Callable[[bytes], bool]:
    return lambda reply: reply[:2] == bytes((function, 2 * count)) and len(reply) == 2 + 2 * count


def bad(what: str, request: bytes, *codes: int) -> Case:
    return Case(what, request, refused(request, *codes))


def reading(function: int) -> list[Case]:
    def ask(address: int, count: int) -> bytes:
        return bytes((function,)) + words(address, count)

    return [
        Case(f"{function}: identity", ask(MAKER, MAKER_WORDS), exactly(bytes((function, 10)) + b"Shiftwatt\0")),
        Case(f"{function}: the longest span there is", ask(PROFILE, PROFILE_WORDS), holds(function, PROFILE_WORDS)),
        bad(f"{function}: no registers", ask(MAKER, 0), 3),
        bad(f"{function}: 126 registers", ask(MAKER, 126), 3),
        bad(f"{function}: 65535 registers", ask(MAKER, 0xFFFF), 3),
        bad(f"{function}: too many where there are none: the count goes first", ask(HOLE, 126), 3),
        bad(f"{function}: a hole", ask(HOLE, 1), 2),
        bad(f"{function}: a span that begins in a hole", ask(HOLE, 3), 2),
        bad(f"{function}: a span that ends in a hole", ask(30, 5), 2),
        bad(f"{function}: beyond the last address", ask(0xFFFF, 2), 2),
        bad(f"{function}: a byte less", ask(MAKER, 1)[:-1], 3),
        bad(f"{function}: a byte more", ask(MAKER, 1) + b"\0", 3),
    ]


def writing() -> list[Case]:
    def one(address: int, word: int) -> bytes:
        return b"\x06" + words(address, word)

    def many(address: int, *values: int, count: int | None = None, octets: int | None = None) -> bytes:
        given = len(values) if count is None else count
        return b"\x10" + words(address, given) + bytes((2 * len(values) if octets is None else octets,)) + words(*values)

    return [
        Case("6: latch", one(LATCH, 41), exactly(one(LATCH, 41))),
        bad("6: what is only read", one(LATCH_AGE, 1), 2),
        bad("6: a hole", one(HOLE, 1), 2),
        bad("6: half a value", one(CLOCK, 1), 2),
        bad("6: out of limits", one(LATCH, 65_535), 3),
        bad("6: behind the key", one(516, 3), 1),
        bad("6: too large, behind the key: the value goes first", one(516, 248), 3),
        bad("6: a byte less", one(LATCH, 1)[:-1], 3),
        Case("16: latch", many(LATCH, 42), exactly(b"\x10" + words(LATCH, 1))),
        bad("16: nothing", many(LATCH), 3),
        bad("16: 124 registers", many(LATCH, *[1] * 123, count=124, octets=248), 3),
        bad("16: 124 registers in a hole: the count goes first", many(HOLE, *[1] * 123, count=124, octets=248), 3),
        bad("16: byte count too small", many(LATCH, 1, octets=1), 3),
        bad("16: byte count too large", many(LATCH, 1, octets=4), 3),
        bad("16: count and byte count differ", many(LATCH, 1, count=2), 3),
        bad("16: a span that ends at what is only read", many(LATCH, 43, 1), 2),
        bad("16: beyond the last address", many(0xFFFF, 1, 1), 2),
        bad("16: a name behind the key", many(NAME, *[0x4141] * 16), 1),
        Case("16: nothing of a refused span was written", b"\x03" + words(LATCH, 1), exactly(b"\x03\x02" + words(42))),
    ]


def exchanging() -> list[Case]:
    def both(address: int, count: int, to: int, *values: int, octets: int | None = None, given: int | None = None) -> bytes:
        head = words(address, count, to, len(values) if given is None else given)
        return b"\x17" + head + bytes((2 * len(values) if octets is None else octets,)) + words(*values)

    return [
        Case("23: writes first, then reads", both(LATCH, 1, LATCH, 44), exactly(b"\x17\x02" + words(44))),
        Case("23: a window is chosen and read", both(PROFILE_FIRST, 3, PROFILE_SELECT, 0, 7), holds(23, 3)),
        bad("23: reads nothing", both(LATCH, 0, LATCH, 45), 3),
        bad("23: reads 126", both(LATCH, 126, LATCH, 45), 3),
        bad("23: writes nothing", both(LATCH, 1, LATCH), 3),
        bad("23: writes 122", both(LATCH, 1, LATCH, *[1] * 121, given=122, octets=244), 3),
        bad("23: byte count too small", both(LATCH, 1, LATCH, 45, octets=1), 3),
        bad("23: count and byte count differ", both(LATCH, 1, LATCH, 45, given=2), 3),
        bad("23: reads a hole", both(HOLE, 1, LATCH, 45), 2),
        bad("23: writes a hole", both(LATCH, 1, HOLE, 45), 2),
        Case("23: nothing of a refused one was written", b"\x03" + words(LATCH, 1), exactly(b"\x03\x02" + words(44))),
    ]


def diagnosing() -> list[Case]:
    def ask(function: int, data: bytes = b"\0\0") -> bytes:
        return b"\x08" + words(function) + data

    return [
        Case("8: the query comes back", ask(0, b"\xa5\x37"), exactly(ask(0, b"\xa5\x37"))),
        Case("8: a long query comes back", ask(0, bytes(range(200))), exactly(ask(0, bytes(range(200))))),
        bad("8: an unknown sub-function", ask(21), 1),
        bad("8: a counter with data", ask(11, b"\0\1"), 3),
        bad("8: no data", b"\x08\0\0", 3),
        Case("8: counters are cleared", ask(10), exactly(ask(10))),
        Case("8: and count again, this very request as well", ask(14), exactly(ask(14, b"\0\1"))),
        *[Case(f"8: counter {number}", ask(number), lambda reply, n=number: reply[:3] == ask(n)[:3] and len(reply) == 5)  # type: ignore[misc]
          for number in (11, 12, 13, 15, 16, 17, 18)],
    ]  # fmt: skip


def telling() -> list[Case]:
    def objects(reply: bytes, category: int) -> dict[int, bytes]:
        if reply[:3] != bytes((43, 14, category)) or reply[3] not in (0x81, 0x82, 0x83) or reply[4:6] != b"\0\0":
            return {}
        found, rest = {}, reply[7:]
        while rest:
            found[rest[0]], rest = rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
        return found if len(found) == reply[6] else {}

    def basic(reply: bytes) -> bool:
        found = objects(reply, 1)
        return sorted(found) == [0, 1, 2] and found[0] == b"Shiftwatt" and all(text.isascii() for text in found.values())

    return [
        Case("17: who it is; it runs", b"\x11", lambda reply: reply[:1] + reply[-1:] == b"\x11\xff" and reply[1] == len(reply) - 2),
        bad("17: with data", b"\x11\0", 3),
        Case("43/14: basic", b"\x2b\x0e\x01\x00", basic),
        Case("43/14: an unknown first object begins again", b"\x2b\x0e\x01\x55", basic),
        Case("43/14: one object", b"\x2b\x0e\x04\x00", lambda reply: objects(reply, 4) == {0: b"Shiftwatt"}),
        bad("43/14: an unknown object", b"\x2b\x0e\x04\x7f", 2),
        bad("43/14: an unknown category", b"\x2b\x0e\x05\x00", 3),
        bad("43/14: category 0", b"\x2b\x0e\x00\x00", 3),
        bad("43/13: another interface", b"\x2b\x0d\x01\x00", 1),
        *[bad(f"{number}: not there", bytes((number,)) + words(0, 1), 1) for number in range(1, 128) if number not in _FUNCTIONS],
    ]  # fmt: skip


def cases() -> list[Case]:
    return [*reading(3), *reading(4), *writing(), *exchanging(), *diagnosing(), *telling()]
