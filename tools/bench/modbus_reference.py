"""What a submeter must answer to a request, written a second time: from the standard and the meter file, not from the firmware.

A dictionary of words and one function per function code, without a thought for memory or speed. Time is handed in.
"""

from collections.abc import Callable
from random import Random

from protocols.meter import Meter
from protocols.meter_fields import BROADCAST, LOCKED, READ, RECORD, TEXT, Field
from protocols.register import Row, count

UNLOCKED_MS, KEY_TRY_MS = 600_000, 1_000
COUNTERS = range(11, 19)
(MESSAGES, ERRORS, EXCEPTIONS, OWN, UNANSWERED, _, BUSIES, _) = COUNTERS
_TCP_UNITS = (0, 255)


class RefusedError(Exception):
    """`code` is the exception that must come back."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Reference:
    """`words` holds the map; `values` what stands in it by name, for whoever fills the real one."""

    def __init__(self, meter: Meter, identity: tuple[bytes, ...], unit: int, key: int, random: Random) -> None:
        self.unit = unit
        self.counters = dict.fromkeys(COUNTERS, 0)
        self.octets: dict[str, bytes] = {}
        self.measured: dict[str, int] = {}
        self._words: dict[int, int] = {}
        self._identity = identity
        self._key = key
        self._meter = meter
        self._fields = {field.name: field for field in meter.fields if field.access != RECORD}
        self._writable = {field.address: field for field in self._fields.values() if field.access != READ}
        self._cleared = dict.fromkeys(COUNTERS, 0)
        self._unlocked_ms: int | None = None
        self._refused_ms: int | None = None
        self._latched_ms: int | None = None
        for field in self._fields.values():
            self._store(field.name, random.randbytes(2 * field.words))
        self._store("key", b"\xff" * 4)
        self._store("latch_age_ms", b"\xff" * 4)
        for row in meter.rows:
            raw = random.randrange(0, 1 << (16 * count(row) - 1)) // 2
            self.measured[row.quantity] = raw * row.mantissa * 10**row.exponent
            self._lay(row.address, raw.to_bytes(2 * count(row), "big"))
            self._lay(row.address + meter.frozen, _none(row))

    def heard(self, address: int, pdu: bytes, now_ms: int) -> bytes | None:
        """The reply PDU to a whole RTU frame, None for silence."""
        self.counters[MESSAGES] += 1
        if address not in (0, self.unit):
            return None
        if address:
            return self._answer(pdu, now_ms)
        self.counters[OWN] += 1
        self.counters[UNANSWERED] += 1
        if pdu[:1] in (b"\x06", b"\x10"):
            self._reply(pdu, now_ms, to_all=True)
        return None

    def heard_tcp(self, unit: int, pdu: bytes, now_ms: int) -> bytes | None:
        self.counters[MESSAGES] += 1
        return self._answer(pdu, now_ms) if unit in (*_TCP_UNITS, self.unit) else None

    def broken(self) -> None:
        self.counters[ERRORS] += 1

    def _answer(self, pdu: bytes, now_ms: int) -> bytes:
        self.counters[OWN] += 1
        return self._reply(pdu, now_ms, to_all=False)

    def _reply(self, pdu: bytes, now_ms: int, *, to_all: bool) -> bytes:
        function = pdu[0] if pdu else 0
        known: dict[int, Callable[[], bytes]] = {
            3: lambda: self._read(pdu, now_ms),
            4: lambda: self._read(pdu, now_ms),
            6: lambda: self._write_one(pdu, now_ms, to_all=to_all),
            8: lambda: self._diagnose(pdu),
            16: lambda: self._write_many(pdu, now_ms, to_all=to_all),
            17: lambda: self._report(pdu),
            23: lambda: self._read_write(pdu, now_ms),
            43: lambda: self._identify(pdu),
        }
        try:
            _need(function in known, 1)
            return known[function]()
        except RefusedError as refused:
            self.counters[EXCEPTIONS] += 1
            self.counters[BUSIES] += refused.code == 6
            return bytes((function | 0x80, refused.code))

    def _read(self, pdu: bytes, now_ms: int) -> bytes:
        _need(len(pdu) == 5, 3)
        address, length = _number(pdu, 1), _number(pdu, 3)
        _need(1 <= length <= 125, 3)
        return bytes((pdu[0], 2 * length)) + self._span(address, length, now_ms)

    def _write_one(self, pdu: bytes, now_ms: int, *, to_all: bool) -> bytes:
        _need(len(pdu) == 5, 3)
        self._write(_number(pdu, 1), pdu[3:], now_ms, to_all=to_all)
        return pdu

    def _write_many(self, pdu: bytes, now_ms: int, *, to_all: bool) -> bytes:
        _need(len(pdu) >= 6, 3)
        length = _number(pdu, 3)
        _need(1 <= length <= 123 and pdu[5] == 2 * length == len(pdu) - 6, 3)
        self._write(_number(pdu, 1), pdu[6:], now_ms, to_all=to_all)
        return pdu[:5]

    def _read_write(self, pdu: bytes, now_ms: int) -> bytes:
        _need(len(pdu) >= 10, 3)
        length, written = _number(pdu, 3), _number(pdu, 7)
        _need(1 <= length <= 125 and 1 <= written <= 121 and pdu[9] == 2 * written == len(pdu) - 10, 3)
        self._span(_number(pdu, 1), length, now_ms)
        self._write(_number(pdu, 5), pdu[10:], now_ms, to_all=False)
        return bytes((23, 2 * length)) + self._span(_number(pdu, 1), length, now_ms)

    def _diagnose(self, pdu: bytes) -> bytes:
        _need(len(pdu) >= 5 and len(pdu) % 2 == 1, 3)
        function = _number(pdu, 1)
        if function == 0:
            return pdu
        _need(function in (10, 20, *COUNTERS), 1)
        _need(pdu[3:] == b"\0\0", 3)
        if function in COUNTERS:
            return pdu[:3] + ((self.counters[function] - self._cleared[function]) % 65_536).to_bytes(2, "big")
        for counter in COUNTERS if function == 10 else (18,):
            self._cleared[counter] = self.counters[counter]
        return pdu

    def _report(self, pdu: bytes) -> bytes:
        _need(len(pdu) == 1, 3)
        said = b" ".join(self._identity[:3]) + b"\xff"
        return bytes((17, len(said))) + said

    def _identify(self, pdu: bytes) -> bytes:
        """All objects of the tests' identity fit one reply."""
        _need(pdu[1:2] == b"\x0e", 1)
        _need(len(pdu) == 4 and pdu[2] in (1, 2, 3, 4), 3)
        category, first = pdu[2], pdu[3]
        known = len(self._identity) if category > 1 else min(3, len(self._identity))
        if category == 4:
            _need(first < known, 2)
        wanted = [first] if category == 4 else range(first if first < known else 0, known)
        objects = b"".join(bytes((number, len(self._identity[number]))) + self._identity[number] for number in wanted)
        conformity = 0x82 if len(self._identity) > 3 else 0x81
        return bytes((43, 14, category, conformity, 0, 0, len(wanted))) + objects

    def _span(self, address: int, length: int, now_ms: int) -> bytes:
        self._pass_time(now_ms)
        addresses = range(address, address + length)
        _need(all(each in self._words for each in addresses), 2)
        return b"".join(self._words[each].to_bytes(2, "big") for each in addresses)

    def _write(self, address: int, octets: bytes, now_ms: int, *, to_all: bool) -> None:
        self._pass_time(now_ms)
        fields: list[tuple[Field, bytes]] = []
        at = 0
        while at < len(octets):
            field = self._writable.get(address + at // 2)
            _need(field is not None and at + 2 * field.words <= len(octets), 2)
            assert field is not None
            fields.append((field, octets[at : at + 2 * field.words]))
            at += 2 * field.words
        for field, part in fields:
            _need(_good(field, part), 3)
        for field, _ in fields:
            _need((field.access == BROADCAST or not to_all) and (field.access != LOCKED or self._unlocked_ms is not None), 1)
        for field, part in fields:
            self._take(field.name, part, now_ms)

    def _take(self, name: str, octets: bytes, now_ms: int) -> None:
        if name == "key":
            self._turn(int.from_bytes(octets, "big"), now_ms)
            return
        self._store(name, octets)
        if name == "latch":
            self._latched_ms = now_ms
            age = min(65_534, int.from_bytes(self.octets["values_age_ms"], "big"))
            self._store("latch_values_age_ms", age.to_bytes(2, "big"))
            self._store("latch_clock_ms", self.octets["clock_ms"])
            for row in self._meter.rows:
                for address in range(row.address, row.address + count(row)):
                    self._words[address + self._meter.frozen] = self._words[address]

    def _turn(self, key: int, now_ms: int) -> None:
        if key == 0:
            self._unlocked_ms = None
            return
        _need(self._refused_ms is None, 6)
        if key != self._key:
            self._refused_ms = now_ms
            raise RefusedError(3)
        self._unlocked_ms = now_ms

    def _pass_time(self, now_ms: int) -> None:
        if self._unlocked_ms is not None and now_ms - self._unlocked_ms >= UNLOCKED_MS:
            self._unlocked_ms = None
        if self._refused_ms is not None and now_ms - self._refused_ms >= KEY_TRY_MS:
            self._refused_ms = None
        left_s = 0 if self._unlocked_ms is None else 600 - (now_ms - self._unlocked_ms) // 1000
        self._store("unlocked_s", left_s.to_bytes(2, "big"))
        if self._latched_ms is not None:
            self._store("latch_age_ms", (now_ms - self._latched_ms).to_bytes(4, "big"))
        self._store("crc_errors", self.counters[ERRORS].to_bytes(4, "big"))
        self._store("frames_lost", bytes(4))

    def _store(self, name: str, octets: bytes) -> None:
        self.octets[name] = octets
        self._lay(self._fields[name].address, octets)

    def _lay(self, address: int, octets: bytes) -> None:
        for at in range(0, len(octets), 2):
            self._words[address + at // 2] = _number(octets, at)


def _none(row: Row) -> bytes:
    """No value: the least of signed numbers, all ones of the others."""
    length = 2 * count(row)
    return b"\x80".ljust(length, b"\0") if row.type.startswith("int") else b"\xff" * length


def _good(field: Field, octets: bytes) -> bool:
    if field.type == TEXT:
        text = octets.rstrip(b"\0")
        return text.isascii() and (not text or text.decode("ascii").isprintable())
    if not field.type.startswith(("int", "uint")):
        return True
    value = int.from_bytes(octets, "big", signed=field.type.startswith("int"))
    return field.least <= value <= field.most and (not field.choices or value in field.choices)


def _number(octets: bytes, at: int) -> int:
    return int.from_bytes(octets[at : at + 2], "big")


def _need(good: bool, code: int) -> None:  # noqa: FBT001
    if not good:
        raise RefusedError(code)
