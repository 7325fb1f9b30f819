"""Frames to put before a submeter: good ones at and beyond every limit, and what becomes of frames on a bad line.

What must be answered is not known here; check sums are pymodbus's.
"""

from collections.abc import Callable
from random import Random

from pymodbus.framer import FramerRTU

from protocols.meter import Meter
from protocols.meter_fields import READ, RECORD
from protocols.register import count

TCP = "tcp"  # a request for the other framing


class Frames:
    def __init__(self, meter: Meter, unit: int, key: int, random: Random) -> None:
        self._random = random
        self._unit = unit
        self._key = key
        fields = [each for each in meter.fields if each.access != RECORD]
        rows = [(row.address + frozen, count(row)) for row in meter.rows for frozen in (0, meter.frozen)]
        spans = rows + [(each.address, each.words) for each in fields]
        self._writable = [each for each in fields if each.access != READ]
        self._edges = sorted({edge for first, words in spans for edge in (first, first + words, max(0, first - 1))} | {0xFFFF})
        self._requests: dict[int, Callable[[], bytes]] = {
            3: self._read,
            4: self._read,
            6: lambda: self._address() + self._value(2),
            8: self._diagnose,
            16: lambda: self._write(self._random.choice((123, 124))),
            17: lambda: self._random.choice((b"", b"", b"\0")),
            23: lambda: self._read() + self._write(self._random.choice((121, 122))),
            43: self._identify,
        }
        # Kind: how often among a hundred, how it is made.
        self._kinds: dict[str, tuple[int, Callable[[], bytes]]] = {
            "good": (40, lambda: framed(self._unit, self.request())),
            "broadcast": (8, lambda: framed(0, self.request())),
            "foreign": (10, lambda: framed(self._random.choice((1, self._unit + 1, 247)), self._foreign())),
            "ghosts": (4, self._with_ghosts),
            "flipped": (10, self._flipped),
            "torn": (5, self._torn),
            "joined": (3, lambda: framed(self._unit, self.request()) + framed(self._random.choice((0, self._unit, 9)), self.request())),
            "function": (8, lambda: framed(self._unit, self._random.randbytes(self._random.randint(0, 20)))),
            "random": (4, lambda: self._random.randbytes(self._random.randint(1, 300))),
            TCP: (8, self.request),
        }
        self._weights = [weight for weight, _ in self._kinds.values()]

    def draw(self) -> tuple[str, bytes]:
        """A kind and what is heard; of `TCP` the PDU alone."""
        kind = self._random.choices(list(self._kinds), self._weights)[0]
        return kind, self._kinds[kind][1]()

    def request(self) -> bytes:
        """At, inside and beyond the limits, mostly well formed."""
        function = self._random.choices(list(self._requests), weights=(6, 3, 4, 3, 6, 1, 4, 1))[0]
        return bytes((function,)) + self._requests[function]()

    def _diagnose(self) -> bytes:
        data = self._random.choice((b"\0\0", b"\0\0", self._random.randbytes(2)))
        return bytes((0, self._random.choice((0, 1, *range(10, 21))))) + data

    def _identify(self) -> bytes:
        return bytes((self._random.choice((14, 14, 14, 13)), self._random.randint(0, 5), self._random.randint(0, 7)))

    def _read(self) -> bytes:
        return self._address() + self._random.choice(
            (1, 2, 4, 10, 33, 115, 123, 125, 0, 126, 0xFFFF, self._random.randint(1, 125))
        ).to_bytes(2, "big")

    def _write(self, most: int) -> bytes:
        """Address, count, byte count and words; half of them cover whole fields of the map."""
        throw = self._random
        if throw.random() < 0.5:
            first = throw.randrange(len(self._writable))
            wanted = [self._writable[first]]
            while first + 1 < len(self._writable) and throw.random() < 0.6:
                first += 1
                wanted.append(self._writable[first])
            octets = b"".join(self._fitting(each.name, each.least, each.most, each.choices, 2 * each.words) for each in wanted)
            address = wanted[0].address.to_bytes(2, "big")
        else:
            octets, address = self._value(2 * throw.choice((1, 1, 2, 2, 4, most, 0))), self._address()
        length = len(octets) // 2 % 0x10000
        if throw.random() < 0.05:
            length += throw.choice((-1, 1)) if length else 1
        return address + length.to_bytes(2, "big") + bytes((len(octets) % 256,)) + octets

    def _fitting(self, name: str, least: int, most: int, choices: tuple[int, ...], length: int) -> bytes:
        throw = self._random
        if name == "key" and throw.random() < 0.7:
            return throw.choice((self._key, self._key, self._key, 0)).to_bytes(4, "big")
        if most == 0 or throw.random() < 0.1:
            return throw.choice((b"press 1".ljust(length, b"\0")[:length], throw.randbytes(length)))
        value = throw.choice((least, most, throw.randint(least, most), *choices))
        return value.to_bytes(length, "big", signed=least < 0)

    def _value(self, length: int) -> bytes:
        return self._random.choice(
            (self._random.randbytes(length), bytes(length), b"\xff" * length, (1).to_bytes(max(1, length), "big")[:length])
        )

    def _address(self) -> bytes:
        return (self._random.choice(self._edges) if self._random.random() < 0.8 else self._random.randrange(0x10000)).to_bytes(2, "big")

    def _foreign(self) -> bytes:
        """Another server's request or reply; some replies carry a frame for this meter in their data."""
        inside = framed(self._unit, self.request())[:250]
        inside += b"\0" * (len(inside) % 2)
        reply = self._random.choice((3, 4, 23))
        return self._random.choice((self.request(), bytes((reply, len(inside))) + inside, bytes((reply | 0x80, 2))))

    def _with_ghosts(self) -> bytes:
        """Function 8 is left out: its length does not tell where it ends."""
        request = self.request()
        while request[0] == 8:
            request = self.request()
        ghosts = [bytes(self._random.choices((0, 255), k=self._random.randint(0, 6))) for _ in range(2)]
        return ghosts[0] + framed(self._unit, request) + ghosts[1]

    def _flipped(self) -> bytes:
        data = bytearray(framed(self._random.choice((0, self._unit)), self.request()))
        for _ in range(self._random.randint(1, 3)):
            data[self._random.randrange(len(data))] ^= 1 << self._random.randrange(8)
        return bytes(data)

    def _torn(self) -> bytes:
        data = framed(self._random.choice((0, self._unit)), self.request())
        return data[: self._random.randrange(1, len(data))] if self._random.random() < 0.5 else data[self._random.randrange(1, len(data)) :]


def framed(address: int, pdu: bytes) -> bytes:
    data = bytes((address,)) + pdu
    return data + check_sum(data)


def check_sum(data: bytes) -> bytes:
    return FramerRTU.compute_CRC(data).to_bytes(2, "big")
