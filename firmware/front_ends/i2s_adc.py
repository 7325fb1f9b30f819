"""The sampled path for one or two phases: a 24-bit audio converter such as the PCM1860 behind each I2S port.

The port is master without MCLK; the converter locks its PLL to the bit clock. One converter per phase, voltage on the left input,
current on the right, so both are sampled at the same instant; both ports run from one crystal, so their rates are equal.
Each stream must be in polling mode (`select.poll` was asked about it once): `readinto(view)` then gives what is there.

An overflow is silent: the driver drops whole DMA buffers. So frames are compared with the clock, and what is not there is missing.
"""

from firmware.front_ends.front_end import MEASURED, Sampling
from firmware.metrology.sampler import CYCLES, HISTORY_FRAMES, Sampler, new_buffer
from firmware.metrology.window import Kernels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from firmware.metrology.window import Window

    class Stream(Protocol):
        """`machine.I2S(n, mode=I2S.RX, bits=16, format=I2S.STEREO, rate=16000, ibuf=...)`."""

        def readinto(self, buf: "memoryview[int]") -> int | None:
            """Bytes read."""
            ...
else:
    Stream = object

RATE_HZ = 16000
PHASES_MAX = 2  # no chip of the family has more I2S ports
CHUNK_FRAMES = 256  # one DMA buffer of the port: 16 ms
# The driver's memory, 8 bytes a frame: 312 ms outlast a flash erase of 80 ms, a write's spike of 150 ms and a garbage collection.
IBUF_BYTES = 40000
CHUNKS_PER_POLL_MAX = 8  # after a stall the backlog is worked off in several turns, so that Modbus answers in between
_CHUNK_HALFWORDS = 2 * CHUNK_FRAMES
_NOT_YET = (1 << 30) - 1


class FrameLoss:
    """Compares frames received with the clock.

    Right after everything there was read, reception lags behind the clock by what the DMA is just filling. The lowest such lag of
    a second stays the same; if it rises by a DMA buffer or more, so much was dropped. Less cannot be told from the rhythm of polls.
    """

    PERIOD_US = 1000000

    def __init__(self, rate_hz: int) -> None:
        assert rate_hz % 1000 == 0
        self._frames_per_ms = rate_hz // 1000
        self._lag = 0  # in 1/1000 frame, so that no part of a frame is lost and a minute stays within the small integers
        self._lowest = _NOT_YET
        self._floor = 2000 * CHUNK_FRAMES  # more than two buffers behind from the start is a loss, too
        self._period_us = 0

    def add(self, elapsed_us: int, frames: int, drained: bool) -> int:  # noqa: FBT001 - a fact beside the figures
        """Frames found lost; `drained` says that everything there was read."""
        self._lag += elapsed_us * self._frames_per_ms - 1000 * frames
        self._period_us += elapsed_us
        if drained:
            self._lowest = min(self._lowest, self._lag)
        if self._period_us < self.PERIOD_US or self._lowest == _NOT_YET:
            return 0
        lost = (self._lowest - self._floor) // 1000
        self._floor = min(self._floor, self._lowest)
        self._lowest, self._period_us = _NOT_YET, 0
        if lost < CHUNK_FRAMES:
            return 0
        self._lag -= 1000 * lost
        return lost


class _Port:
    def __init__(self, stream: Stream) -> None:
        self.samples = new_buffer(CHUNK_FRAMES, 1)
        self._fresh = memoryview(self.samples)[2 * HISTORY_FRAMES :]
        self._stream = stream
        self._filled = 0  # halfwords

    def fill(self) -> bool:
        """True once a whole chunk is there; only a read in parts, which is rare, allocates."""
        if self._filled < _CHUNK_HALFWORDS:
            view = self._fresh[self._filled :] if self._filled else self._fresh
            self._filled += (self._stream.readinto(view) or 0) // 2
        return self._filled == _CHUNK_HALFWORDS

    def empty(self) -> None:
        self._filled = 0


class I2sAdc(Sampling):
    trust = MEASURED

    def __init__(self, streams: "tuple[Stream, ...]", kernels: Kernels, rate_hz: int = RATE_HZ, cycles: int = CYCLES) -> None:
        assert 1 <= len(streams) <= PHASES_MAX
        self.phases = len(streams)
        self._ports = [_Port(stream) for stream in streams]
        self._sampler = Sampler(kernels, [port.samples for port in self._ports], 1, rate_hz, cycles)
        self._loss = FrameLoss(rate_hz)

    def poll(self, elapsed_us: int) -> "Window | None":
        frames, window, drained = 0, None, False
        while window is None and frames < CHUNKS_PER_POLL_MAX * CHUNK_FRAMES:
            drained = not self._filled()
            if drained:
                break
            frames += CHUNK_FRAMES
            window = self._sampler.feed(CHUNK_FRAMES)
            for port in self._ports:
                port.empty()
        lost = self._loss.add(elapsed_us, frames, drained)
        if lost:
            self._sampler.lost(lost)
        return window

    def _filled(self) -> bool:
        """Asks every port, also when the first is not yet full: none may overflow while another is waited for."""
        full = True
        for port in self._ports:
            full = port.fill() and full
        return full
