"""The named things that go wrong on a line, each a small value with a rate.

A fault changes an answer, a delay or a frame through the one hook it overrides; it knows no line, no meter
and no clock: randomness is handed in. `rate` is the share of occasions on which it strikes, 0 to 1.
"""

from dataclasses import dataclass
from random import Random

_WINDOW_SEED_STEP = 0x9E3779B97F4A7C15  # spreads neighbouring window numbers over the seed space


@dataclass(frozen=True)
class Fault:
    rate: float = 1.0

    def strikes(self, random: Random) -> bool:
        return random.random() < self.rate

    def changed(self, request: bytes, reply: bytes, random: Random) -> bytes:  # noqa: ARG002 - hook
        """The reply PDU in place of `reply`; empty for none at all."""
        return reply

    def delay_us(self, random: Random) -> int:  # noqa: ARG002 - hook
        return 0

    def damaged(self, frame: bytes, random: Random) -> bytes:  # noqa: ARG002 - hook
        """What goes on the wire in place of `frame`."""
        return frame

    def absent(self, now_us: int, seed: int) -> bool:  # noqa: ARG002 - hook
        """Whether meter or adapter is dead at this instant."""
        return False

    def twin_delay_us(self, random: Random) -> int | None:  # noqa: ARG002 - hook
        """How much later a second meter of the same address answers, None if there is none."""
        return None

    def burst(self, random: Random) -> bytes:  # noqa: ARG002 - hook
        """Bytes nobody asked for, at most once a second."""
        return b""

    def transaction(self, number: int, random: Random) -> int:  # noqa: ARG002 - hook
        """The transaction id of a TCP reply."""
        return number


@dataclass(frozen=True)
class LateReply(Fault):
    shortest_us: int = 200_000
    longest_us: int = 1_500_000

    def delay_us(self, random: Random) -> int:
        return random.randint(self.shortest_us, self.longest_us) if self.strikes(random) else 0


@dataclass(frozen=True)
class LostReply(Fault):
    def changed(self, request: bytes, reply: bytes, random: Random) -> bytes:  # noqa: ARG002 - hook
        return b"" if self.strikes(random) else reply


@dataclass(frozen=True)
class Echo(Fault):
    """The transceiver hears what it sends; `rate` per transmission."""


@dataclass(frozen=True)
class BitFlips(Fault):
    most_bits: int = 3

    def damaged(self, frame: bytes, random: Random) -> bytes:
        if not self.strikes(random):
            return frame
        damaged = bytearray(frame)
        for bit in random.sample(range(len(frame) * 8), random.randint(1, self.most_bits)):
            damaged[bit // 8] ^= 1 << bit % 8
        return bytes(damaged)


@dataclass(frozen=True)
class BurstError(Fault):
    """One stretch of at most `most_bits` bits, its first and last surely wrong: a spark, as against the single bits of a weak signal."""

    most_bits: int = 16

    def damaged(self, frame: bytes, random: Random) -> bytes:
        if not self.strikes(random):
            return frame
        length = min(random.randint(2, self.most_bits), len(frame) * 8)  # another fault may have left one byte
        first = random.randrange(len(frame) * 8 - length + 1)
        wrong = 1 | random.getrandbits(length) | 1 << (length - 1)
        # Bits travel least significant first, byte by byte: that is the order in which they lie in this number.
        return (int.from_bytes(frame, "little") ^ wrong << first).to_bytes(len(frame), "little")


@dataclass(frozen=True)
class TruncatedFrame(Fault):
    def damaged(self, frame: bytes, random: Random) -> bytes:
        return frame[: random.randrange(1, len(frame))] if self.strikes(random) else frame


@dataclass(frozen=True)
class _Absence(Fault):
    """Dead in a share `rate` of windows of `window_us`, which ones is drawn from the seed."""

    window_us: int = 30_000_000

    def absent(self, now_us: int, seed: int) -> bool:
        return Random(seed + now_us // self.window_us * _WINDOW_SEED_STEP).random() < self.rate


@dataclass(frozen=True)
class DeadMeter(_Absence):
    """The meter neither hears nor answers."""


@dataclass(frozen=True)
class AdapterUnplugged(_Absence):
    """Between master and wire nothing passes, either way."""


@dataclass(frozen=True)
class BabblingMeter(Fault):
    """`rate` per second."""

    most_bytes: int = 40

    def burst(self, random: Random) -> bytes:
        return random.randbytes(random.randint(1, self.most_bytes)) if self.strikes(random) else b""


@dataclass(frozen=True)
class ExceptionSix(Fault):
    """The meter is busy and says so."""

    def changed(self, request: bytes, reply: bytes, random: Random) -> bytes:
        return bytes((request[0] | 0x80, 6)) if reply and self.strikes(random) else reply


@dataclass(frozen=True)
class RegisterHoles(Fault):
    """Reads that touch one of these registers are refused with exception 2."""

    first: int = 30
    count: int = 2

    def changed(self, request: bytes, reply: bytes, random: Random) -> bytes:
        if not reply or len(request) < 5:
            return reply
        address, count = int.from_bytes(request[1:3], "big"), int.from_bytes(request[3:5], "big")
        touched = address < self.first + self.count and self.first < address + count
        return bytes((request[0] | 0x80, 2)) if touched and self.strikes(random) else reply


@dataclass(frozen=True)
class DuplicatedAddress(Fault):
    """A second meter answers too, up to `latest_us` later, with values of its own."""

    latest_us: int = 3_000

    def twin_delay_us(self, random: Random) -> int | None:
        return random.randint(0, self.latest_us) if self.strikes(random) else None


@dataclass(frozen=True)
class WrongTransaction(Fault):
    """Modbus TCP only: the reply carries another transaction id than the request."""

    def transaction(self, number: int, random: Random) -> int:
        return (number + random.randint(1, 0xFFFF)) & 0xFFFF if self.strikes(random) else number


FAULTS: dict[str, type[Fault]] = {
    "late_reply": LateReply,
    "lost_reply": LostReply,
    "echo": Echo,
    "bit_flips": BitFlips,
    "burst_error": BurstError,
    "truncated_frame": TruncatedFrame,
    "dead_meter": DeadMeter,
    "babbling_meter": BabblingMeter,
    "exception_6": ExceptionSix,
    "register_holes": RegisterHoles,
    "duplicated_address": DuplicatedAddress,
    "adapter_unplugged": AdapterUnplugged,
    "wrong_transaction": WrongTransaction,
}


class UnknownFaultError(ValueError):
    pass


def fault(name: str, rate: float = 1.0, **parameters: int) -> Fault:
    """The fault of that name; UnknownFaultError says which names and parameters there are."""
    if name not in FAULTS:
        raise UnknownFaultError(f"there is no fault {name!r}; known are {', '.join(FAULTS)}")
    if not 0 <= rate <= 1:
        raise UnknownFaultError(f"the rate of {name} is {rate}; it must lie between 0 and 1")
    try:
        return FAULTS[name](rate, **parameters)
    except TypeError as error:
        known = [field for field in FAULTS[name].__dataclass_fields__ if field != "rate"]
        raise UnknownFaultError(f"{name} does not take these parameters ({error}); it takes {', '.join(known) or 'none'}") from None


def parse_fault(text: str) -> tuple[str, Fault]:
    """`NAME=RATE@METER` -> meter and fault; without `@METER` the meter is "" (the whole line), without `=RATE` the rate is 1."""
    head, _, meter = text.partition("@")
    name, equals, rate = head.partition("=")
    try:
        return meter, fault(name, float(rate) if equals else 1.0)
    except UnknownFaultError:
        raise
    except ValueError:
        raise UnknownFaultError(f"the rate {rate!r} in {text!r} is not a number between 0 and 1") from None
