"""The metering IC ATM90E32AS as the firmware sees it: SPI frames, registers that clear when read, last data, digest, faults.

`pass_time` lets energy flow in whole steps of its energy registers; `counted` is the truth, in steps. Every transfer can be the one
in whose middle the processor is reset (`cut_at`, before or after the chip has acted) and any can be disturbed on its way (`noise`).
Unlike the firmware it decodes addresses by ranges of the data sheet, not by the firmware's tables. Runs on MicroPython.
"""

import struct

ENERGIES = tuple([base + phase for base in (0x81, 0x85, 0x89, 0x8D) for phase in range(3)])
FIRST_CONFIGURATION, LAST_CONFIGURATION = 0x00, 0x6F
STEP_MWH = 100  # tenths of a pulse at 1000 pulses a kWh
STEP_MW_US = STEP_MWH * 3_600_000_000
FULL = 0xFFFF  # what the real one does beyond is not known; this one stays there, and `lost` tells
TEMPERATURE_C = 31
_DEFAULTS = {0x00: 0, 0x31: 0x0861, 0x32: 0xC468, 0x33: 0x0087, 0x61: 0x8000, 0x65: 0x8000, 0x69: 0x8000}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random


class ProcessorReset(Exception):
    """It came in the middle of a transfer."""


class Load:
    """Of one phase: what is really there, at the chip's own inputs."""

    def __init__(self, voltage_mv: int, current_ma: int, active_mw: int, reactive_mvar: int, angle_cdeg: int) -> None:
        self.voltage_mv, self.current_ma = voltage_mv, current_ma
        self.powers = (active_mw, reactive_mvar)
        self.angle_cdeg = angle_cdeg


class SimulatedAtm90e32:
    def __init__(self, loads: "tuple[Load, ...]", random: "Random") -> None:
        self.loads = loads
        self.frequency_mhz = 50_000
        self.transfers = 0
        self.cut_at: int | None = None
        self.cut_after_acting = False
        self.noise_one_in = 0  # transfers in which a bit of the data flips on the wire
        self.mute = False
        self.counted = [0] * len(ENERGIES)
        self.discarded = [0] * len(ENERGIES)  # by power-on or soft reset before they were read
        self.lost = 0
        self._random = random
        self._selected = False
        self._rests = [0] * len(ENERGIES)
        self._energies = [0] * len(ENERGIES)
        self.brown_out()

    def brown_out(self) -> None:
        """Power-on defaults: nothing is metered before it is set up again; what was not read is gone."""
        self._registers = dict(_DEFAULTS)
        self.discarded = [before + unread for before, unread in zip(self.discarded, self._energies)]  # noqa: B905 - MicroPython's takes no word
        self._energies = [0] * len(ENERGIES)
        self._last = 0
        self._open = False

    def corrupt(self, register: int) -> None:
        """A setting changes by itself."""
        self._registers[register] = self._registers.get(register, 0) ^ 1

    @property
    def unread(self) -> "list[int]":
        return list(self._energies)

    def pass_time(self, elapsed_us: int) -> None:
        if self._registers.get(0x00) != 1:
            return
        for phase, load in enumerate(self.loads):
            for kind, power in enumerate(load.powers):
                entry = (2 * kind + (power < 0)) * 3 + phase
                steps, self._rests[entry] = divmod(self._rests[entry] + abs(power) * elapsed_us, STEP_MW_US)
                self.counted[entry] += steps
                self._energies[entry] += steps
                if self._energies[entry] > FULL:
                    self.lost += self._energies[entry] - FULL
                    self._energies[entry] = FULL

    # -- the wires

    def select(self, level: int) -> None:
        self._selected = level == 0

    def write_readinto(self, write_buf: bytearray, read_buf: bytearray) -> None:
        assert self._selected
        assert len(write_buf) == len(read_buf) == 4
        self.transfers += 1
        if self.transfers == self.cut_at and not self.cut_after_acting:
            raise ProcessorReset
        command, value = struct.unpack(">HH", write_buf)
        if self.mute:
            answer = FULL
        elif command & 0x8000:
            answer = self._read(command & 0x3FF)
        else:
            answer = 0
            self._write(command & 0x3FF, self._noisy(value))
        if self.transfers == self.cut_at:
            raise ProcessorReset
        struct.pack_into(">HH", read_buf, 0, 0, self._noisy(answer))

    def _noisy(self, value: int) -> int:
        if self.noise_one_in and not self._random.getrandbits(16) % self.noise_one_in:
            return value ^ 1 << self._random.getrandbits(4)
        return value

    def _read(self, address: int) -> int:
        if address == 0x78:
            return self._last  # asking for it changes nothing
        if address in ENERGIES:
            entry = ENERGIES.index(address)
            self._last, self._energies[entry] = self._energies[entry], 0
        else:
            self._last = self._measured(address)
        return self._last

    def _write(self, address: int, value: int) -> None:
        self._last = value
        if address == 0x70 and value == 0x789A:
            self.brown_out()
        elif address == 0x7F:
            self._open = value == 0x55AA
        elif FIRST_CONFIGURATION <= address <= LAST_CONFIGURATION and self._open:
            self._registers[address] = value

    def _measured(self, address: int) -> int:
        single: dict[int, Callable[[], int]] = {0x7A: self._digest, 0xF8: lambda: self.frequency_mhz // 10, 0xFC: lambda: TEMPERATURE_C}
        if address in single:
            return single[address]()
        if 0xF9 <= address <= 0xFB:
            return self.loads[address - 0xF9].angle_cdeg // 10 & FULL
        phase = (address & 0x0F) % 4 - 1  # every block has its total, or nothing, first; then A, B and C
        for high, low, wide in self._wide(phase):
            if address == high + phase:
                return wide >> 16 & FULL
            if address == low + phase:
                return wide & FULL
        return self._registers.get(address, 0)

    def _wide(self, phase: int) -> "list[tuple[int, int, int]]":
        """Register of A, its low part, and 32 bits."""
        if not 0 <= phase < len(self.loads):
            return []
        load = self.loads[phase]
        return [
            (0xB1, 0xC1, load.powers[0] * 100 // 32),
            (0xB5, 0xC5, load.powers[1] * 100 // 32),
            (0xD9, 0xE9, (load.voltage_mv << 16) // 10),
            (0xDD, 0xED, load.current_ma << 16),
        ]

    def _digest(self) -> int:
        """Of all settings; the real one's polynomial is not published."""
        crc = 0xFFFF
        for address in range(FIRST_CONFIGURATION, LAST_CONFIGURATION + 1):
            crc ^= self._registers.get(address, 0)
            for _ in range(16):
                crc = (crc << 1 ^ (0x1021 if crc & 0x8000 else 0)) & 0xFFFF
        return crc
