"""NOR flash as `esp32.Partition` shows it, with the faults of real flash: the power goes in the middle of a
program or an erase, bits flip, cells wear out. Knows nothing of what is stored.

Programming only clears bits; asking for a 1 where a 0 stands raises ImpossibleWrite, as it is always
a mistake of the caller. Contents lie in a file-like object: `io.BytesIO`, or an open file that is kept.
Randomness is an argument: `random.Random(seed)`, or MicroPython's `random` module. Runs on MicroPython.
"""

BLOCK_BYTES = 4096
ERASE_MS = 80  # both cores of the chip stand still for so long
PROGRAM_MS = 1  # 32 bytes take well under a millisecond; counted whole
_INIT, _SHUTDOWN, _SYNC, _BLOCK_COUNT, _BLOCK_SIZE, _ERASE = 1, 2, 3, 4, 5, 6
_BLANK = b"\xff"
_PIECE_BYTES = 256  # the chip erases without taking memory for it; neither may this
_OUTSIDE = 22  # EINVAL, as the chip says of a place beyond its partition

TYPE_CHECKING = False  # MicroPython has no typing module
if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random
    from typing import BinaryIO


class PowerCut(Exception):
    """The power went; until `power_on` nothing answers."""


class ImpossibleWrite(Exception):
    pass


class SimulatedFlash:
    """`steps` counts programs and erases; `cut_at` is the step in whose middle the power goes.

    A `witness` is called at every step, with place and length, while the flash looks as if the power had gone
    in the middle of it; then the step is done in full.
    """

    def __init__(self, store: "BinaryIO", blocks: int, random: "Random", stall: "Callable[[int], object]" = lambda _ms: None) -> None:
        self.blocks = blocks
        self.cut_at: int | None = None
        self.worn_one_in = 0  # 0: never; n: one program in n leaves a bit unprogrammed
        self.witness: Callable[[int, int], object] | None = None
        self.steps = 0
        self.programs = 0
        self.stalled_ms = 0
        self.erases = [0] * blocks
        self._store = store
        self._random = random
        self._stall = stall
        self._dark = False
        self._flipped: set[int] = set()

    def power_on(self) -> None:
        self._dark = False
        self.cut_at = None

    def readblocks(self, block: int, buffer: bytearray | memoryview, offset: int = 0) -> None:
        self._require_power()
        buffer[:] = self._get(block * BLOCK_BYTES + offset, len(buffer))

    def writeblocks(self, block: int, buffer: bytes | bytearray | memoryview, offset: int | None = None) -> None:
        """With an offset it programs; without one it erases first, as the chip's partitions do."""
        if offset is None:
            for each in range(len(buffer) // BLOCK_BYTES):
                self.ioctl(_ERASE, block + each)
        self._require_power()
        wanted = bytes(buffer)
        place = block * BLOCK_BYTES + (offset or 0)
        before = self._get(place, len(wanted))
        # At once, as an update programs thousands of bytes; one by one only where something is wrong.
        if int.from_bytes(wanted, "big") & ~int.from_bytes(before, "big"):
            self._require_flipped(place, before, wanted)
        self.programs += 1
        self._step(place, before, self._torn, wanted)
        kept = int.from_bytes(self._worn(before, wanted), "big") & int.from_bytes(before, "big")
        self._put(place, kept.to_bytes(len(wanted), "big"))
        self._pass(PROGRAM_MS)

    def _require_flipped(self, place: int, before: bytes, wanted: bytes) -> None:
        for index, octet in enumerate(wanted):
            block, at = divmod(place + index, BLOCK_BYTES)
            if octet & ~before[index] and place + index not in self._flipped:
                raise ImpossibleWrite(f"block {block}, byte {at}: {before[index]:02x} cannot become {octet:02x}")

    def ioctl(self, operation: int, argument: int) -> int:
        answers = {_INIT: 0, _SHUTDOWN: 0, _SYNC: 0, _BLOCK_COUNT: self.blocks, _BLOCK_SIZE: BLOCK_BYTES}
        if operation != _ERASE:
            return answers[operation]
        self.erases[argument] += 1
        place = argument * BLOCK_BYTES
        self._step(place, None, self._half_erased, None)
        for at in range(0, BLOCK_BYTES, _PIECE_BYTES):
            self._put(place + at, _BLANK * _PIECE_BYTES)
        self._pass(ERASE_MS)
        return 0

    def flip(self, block: int, bit: int) -> None:
        """A bit changes by itself; that it cannot be written any more is not the caller's mistake."""
        place = block * BLOCK_BYTES + (bit >> 3)
        self._flipped.add(place)
        self._put(place, bytes((self._get(place, 1)[0] ^ 1 << (bit & 7),)))

    # -- faults

    def _torn(self, before: bytes, wanted: bytes) -> bytes:
        """Nothing, all, the first bytes with a part of the next one, or any of the bits at all."""
        way = self._random.randrange(8)
        if way < 2:
            return (before, wanted)[way]
        if way < 5:
            whole = self._random.randrange(len(wanted))
            part = self._some_cleared(before[whole], wanted[whole])
            return wanted[:whole] + bytes((part,)) + before[whole + 1 :]
        return bytes([self._some_cleared(before[index], octet) for index, octet in enumerate(wanted)])

    def _half_erased(self, before: bytes, wanted: bytes) -> bytes:
        """Untouched, whole (but nobody was told), any bits anywhere, or all blank but a few bits."""
        way = self._random.randrange(4)
        if way < 2:
            return (before, wanted)[way]
        noise = bytearray(before)
        for index in range(len(noise)):
            kept = self._random.getrandbits(8)
            if way == 3:
                kept |= self._random.getrandbits(8) | self._random.getrandbits(8) | self._random.getrandbits(8)
            noise[index] |= kept
        return bytes(noise)

    def _worn(self, before: bytes, wanted: bytes) -> bytes:
        if not self.worn_one_in or self._random.randrange(self.worn_one_in):
            return wanted
        index = self._random.randrange(len(wanted))
        return wanted[:index] + bytes((self._some_cleared(before[index], wanted[index]),)) + wanted[index + 1 :]

    def _some_cleared(self, before: int, wanted: int) -> int:
        return wanted | before & self._random.getrandbits(8)

    # -- power

    def _step(self, place: int, before: bytes | None, halfway: "Callable[[bytes, bytes], bytes]", wanted: bytes | None) -> None:
        """None: a whole block, as it stands there and blank, which takes memory only if somebody looks."""
        self._require_power()
        self.steps += 1
        if self.witness is None and self.steps != self.cut_at:
            return
        wanted = _BLANK * BLOCK_BYTES if wanted is None else wanted
        before = self._get(place, len(wanted)) if before is None else before
        if self.witness is not None:
            self._put(place, halfway(before, wanted))
            self.witness(place, len(wanted))
            self._put(place, before)
        if self.steps == self.cut_at:
            self._put(place, halfway(before, wanted))
            self._dark = True
            raise PowerCut(f"in step {self.steps}")

    def _pass(self, stall_ms: int) -> None:
        self.stalled_ms += stall_ms
        self._stall(stall_ms)

    def _require_power(self) -> None:
        if self._dark:
            raise PowerCut("no power")

    def _get(self, place: int, count: int) -> bytes:
        if place + count > self.blocks * BLOCK_BYTES:
            raise OSError(_OUTSIDE)
        self._store.seek(place)
        return self._store.read(count)

    def _put(self, place: int, data: bytes) -> None:
        self._store.seek(place)
        self._store.write(data)


def make_blank(store: "BinaryIO", blocks: int) -> None:
    """As it comes from the factory."""
    store.seek(0)
    for _ in range(blocks):
        store.write(_BLANK * BLOCK_BYTES)
