"""What hangs on the simulated board's pins for each front end: chips, modules, converters, a contact. Runs on MicroPython.

`make` builds the one that is wired; `pass_time` is told the meter's time. What a device shall do wrong is in its wishes.
"""

import math
import random
import struct
import time
from array import array

from protocols.crc16 import crc16
from tools.board.atm90e32 import Load, SimulatedAtm90e32
from tools.board.contact import Contact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LOADS = (
    Load(230_000, 5_000, 1_041_000, 486_000, 2_500),
    Load(231_000, 4_200, 922_000, 300_000, 1_800),
    Load(229_000, 6_100, 1_195_000, 719_000, 3_100),
)
FULL_SCALE = 32_767
_SINE_ONE = 32_767
_TURN = 2 * math.pi
_chance: "Any" = random  # the module itself has what is needed of random.Random, which MicroPython has not


class Atm90e32Wires:
    def __init__(self, wishes: "dict[str, Any]") -> None:
        self.spi = SimulatedAtm90e32(LOADS, _chance)
        self._brown_out_us = wishes.get("brown_out_us")
        self._now_us = 0

    def pass_time(self, elapsed_us: int) -> None:
        self._now_us += elapsed_us
        self.spi.pass_time(elapsed_us)
        if self._brown_out_us is not None and self._now_us > self._brown_out_us:
            self._brown_out_us = None
            self.spi.brown_out()


class PzemWires:
    """The module at its UART: 230.1 V, 10 A, 2.2 kW, 50 Hz; answers after 50 ms, or not while it is `mute_us`."""

    ANSWER_US = 50_000
    POWER_MW = 2_200_000

    def __init__(self, wishes: "dict[str, Any]") -> None:
        self._mute_us = wishes.get("mute_us", (0, 0))
        self._now_us = 0
        self._energy_mw_us = 77_000 * 3_600_000_000
        self._due_us = 0
        self._answer = b""

    def pass_time(self, elapsed_us: int) -> None:
        self._now_us += elapsed_us
        self._energy_mw_us += self.POWER_MW * elapsed_us

    def init(self, **_: object) -> None:
        pass

    def write(self, request: bytes) -> int:
        if self._mute_us[0] <= self._now_us < self._mute_us[1]:
            return len(request)
        body = request[:-2]
        if struct.unpack("<H", request[-2:])[0] == crc16(body) and body == b"\x01\x04\0\0\0\x08":
            energy_wh = self._energy_mw_us // 3_600_000_000_000
            registers = (2301, 10_000, 0, self.POWER_MW // 100, 0, energy_wh & 0xFFFF, energy_wh >> 16, 500)
            answer = struct.pack(">BBB8H", 1, 4, 16, *registers)
            self._answer, self._due_us = answer + struct.pack("<H", crc16(answer)), self._now_us + self.ANSWER_US
        return len(request)

    def any(self) -> int:
        return len(self._answer) if self._now_us >= self._due_us else 0

    def read(self) -> bytes:
        answer, self._answer = self._answer, b""
        return answer


class I2sWires:
    """Converters of one cycle of 50 Hz that repeats; the driver's memory overflows in silence."""

    RATE_HZ = 16_000
    DMA_FRAMES = 256
    FRAMES = RATE_HZ // 50

    def __init__(self, wishes: "dict[str, Any]") -> None:
        voltage, current = wishes.get("peaks", (20_000, 10_000))
        cycle = array("h", [0] * (2 * self.FRAMES))
        for frame in range(self.FRAMES):
            sine = math.sin(_TURN * frame / self.FRAMES)
            for place, peak in ((2 * frame, voltage), (2 * frame + 1, current)):
                cycle[place] = max(-FULL_SCALE, min(FULL_SCALE, round(peak * sine)))
        self._cycle = memoryview(cycle)
        self._now_us = 0
        self._stall_us = wishes.get("stall_us")

    def pass_time(self, elapsed_us: int) -> None:
        self._now_us += elapsed_us
        if self._stall_us is not None and self._now_us > self._stall_us[0]:
            duration_us, self._stall_us = self._stall_us[1], None
            time.sleep_us(duration_us)  # type: ignore[attr-defined]  # MicroPython's; the meter's clock goes on

    def new_stream(self, memory_bytes: int) -> "I2sStream":
        return I2sStream(self, memory_bytes // 8 // self.DMA_FRAMES * self.DMA_FRAMES)

    def arrived(self) -> int:
        return self._now_us * self.RATE_HZ // 1_000_000 // self.DMA_FRAMES * self.DMA_FRAMES

    def copy(self, first: int, target: "memoryview[int]", frames: int) -> None:
        done = 0
        while done < frames:
            place = (first + done) % self.FRAMES
            count = min(frames - done, self.FRAMES - place)
            target[2 * done : 2 * (done + count)] = self._cycle[2 * place : 2 * (place + count)]
            done += count


class I2sStream:
    def __init__(self, wires: I2sWires, room: int) -> None:
        self._wires, self._room = wires, room
        self._read = 0

    def readinto(self, buffer: "memoryview[int]") -> int:
        arrived = self._wires.arrived()
        self._read = max(self._read, arrived - self._room)
        frames = min(len(buffer) // 2, arrived - self._read)
        if frames:
            self._wires.copy(self._read, buffer, frames)
            self._read += frames
        return 4 * frames


class AdcWires:
    """Voltages at even pins, currents at odd ones; a conversion takes 35 us of real time."""

    READ_US = 35

    def __init__(self, wishes: "dict[str, Any]") -> None:
        self._peaks = wishes.get("peaks", (20_000, 10_000))
        # A quarter of a turn in steps of 10 us: sines would be allocated, and a collection in every burst bend its time.
        self._sine = array("h", [round(_SINE_ONE * math.sin(_TURN * step / 2_000)) for step in range(501)])

    def pass_time(self, elapsed_us: int) -> None:
        pass

    def convert(self, pin: int, now_us: int) -> int:
        at = now_us // 10 % 2_000
        up = 1 if at < 1_000 else -1
        at %= 1_000
        value: int = 32_768 + up * self._peaks[pin & 1] * self._sine[min(at, 1_000 - at)] // _SINE_ONE
        return max(0, min(0xFFF, value >> 4)) << 4


class ContactWires:
    def __init__(self, wishes: "dict[str, Any]") -> None:
        self.contact = Contact(_chance, wishes.get("least_us", 100_000), wishes.get("spread_us", 0))

    def pass_time(self, elapsed_us: int) -> None:
        self.contact.pass_time(elapsed_us)


_KINDS: "dict[str, Any]" = {
    "atm90e32": Atm90e32Wires,
    "pzem004t": PzemWires,
    "i2s_adc": I2sWires,
    "onchip_adc": AdcWires,
    "pulse_input": ContactWires,
}


def make(kind: str, wishes: "dict[str, Any]") -> "Any":
    """None where nothing is wired."""
    return _KINDS[kind](wishes) if kind in _KINDS else None
