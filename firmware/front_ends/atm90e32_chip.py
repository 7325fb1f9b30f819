"""The ATM90E32AS over SPI: its registers, one transfer, what it is set up with, and whether it still is.

Sources: the register names and addresses of the maker's data sheet (Atmel-46003, Microchip DS20006259) as the open drivers of
ESPHome, CircuitSetup and whatnick carry them; units, PLconst and MMode0 likewise. Of these drivers' facts we could not confirm on
hardware: that a register which clears when read does so only after LastSPIData holds its value (a comment in ESPHome, after
the data sheet); that LastSPIData logs writes, too; that MMode0 bit 9 at 0 makes the energy registers count tenths of a pulse
(users measured a tenth, libraries divide by a hundred: the first known load tells); what a full energy register does. The older
ATM90E36 has check sums CS0 to CS3; this one has one digest (7AH), whose polynomial is not published: it is compared with itself.
Gains stay as configured, see docs/explanation/front-ends.md. Runs on MicroPython.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Spi(Protocol):
        """`machine.SPI(n, baudrate=BAUD, polarity=1, phase=1)`."""

        def write_readinto(self, write_buf: bytearray, read_buf: bytearray) -> object: ...
else:
    Spi = object

BAUD = 500000  # the drivers use 200 kHz to 1 MHz

METER_ENABLE, PL_CONSTANT, MODE_0, MODE_1, THRESHOLDS = 0x00, 0x31, 0x33, 0x34, 0x35
POWER_CALIBRATION, RMS_CALIBRATION = 0x41, 0x61
SOFT_RESET, LAST_SPI_DATA, DIGEST, CONFIGURATION_ACCESS = 0x70, 0x78, 0x7A, 0x7F
# Of phase A; B and C follow. Total energies (80H, 84H, 88H, 8CH) are not used: what they hold depends on how phases are added.
ENERGIES = (0x81, 0x85, 0x89, 0x8D)  # active forward and reverse, reactive forward and reverse
ACTIVE_POWER, REACTIVE_POWER, VOLTAGE, CURRENT = 0xB1, 0xB5, 0xD9, 0xDD
POWER_LOW, RMS_LOW = 0x10, 0x10  # the further 8 bits, in the upper byte, stand so much higher
FREQUENCY, ANGLE, TEMPERATURE = 0xF8, 0xF9, 0xFC

RESET_KEY, ACCESS_KEY = 0x789A, 0x55AA
NOTHING_THERE = 0xFFFF  # what a line reads that nobody drives
READINGS_MAX = 4  # of the last data, until two agree: more errors than that are no noise

# With 1000 pulses a kWh and tenths of a pulse one step is 0.1 Wh, and a phase of 65 A and 230 V fills 16 bits in 26 minutes.
_PL_CONSTANT = 450000000000 // 1000
_MODE_FOUR_WIRE, _MODE_60_HZ = 0x0087, 0x1000  # totals added with their signs, phases A, B and C on
# Half of the starting current and a tenth of it, in 0.32 mW: as all drivers have them.
_THRESHOLDS = (0x1D4C, 0x1D4C, 0x1D4C, 0x02EE, 0x02EE, 0x02EE)
_READ = 0x80


class Chip:
    """`select` drives the pin CS, which needs a pull-up: no clock may reach the chip while the processor starts."""

    def __init__(self, spi: Spi, select: "Callable[[int], object]", settings: "tuple[tuple[int, int], ...]") -> None:
        self._spi = spi
        self._select = select
        self._settings = settings
        self._out, self._in = bytearray(4), bytearray(4)
        self._digest: int | None = None

    def read(self, register: int) -> int:
        return self._transfer(_READ | register >> 8, register & 0xFF, 0)

    def write(self, register: int, value: int) -> None:
        self._transfer(register >> 8, register & 0xFF, value)

    def read_signed(self, register: int) -> int:
        value = self.read(register)
        return value - (value >> 15 << 16)

    def last_data(self) -> "int | None":
        """What the last transfer carried, as the chip saw it; None if the line is too noisy or nobody is there."""
        before = self.read(LAST_SPI_DATA)
        for _ in range(READINGS_MAX - 1):
            now = self.read(LAST_SPI_DATA)
            if now == before:
                return None if now == NOTHING_THERE else now
            before = now
        return None

    def clear_last_data(self) -> bool:
        """Locks the configuration, which is locked, only to leave a zero behind."""
        self.write(CONFIGURATION_ACCESS, 0)
        return self.last_data() == 0

    def set_up(self) -> bool:
        """Whether the chip now holds every setting."""
        self.write(SOFT_RESET, RESET_KEY)
        self.write(CONFIGURATION_ACCESS, ACCESS_KEY)
        for register, value in self._settings:
            self.write(register, value)
        self.write(CONFIGURATION_ACCESS, 0)
        return self.is_set_up()

    def is_set_up(self) -> bool:
        """Reads all settings back, a wrong one twice, and takes the digest that belongs to them."""
        for register, value in self._settings:
            if self.read(register) != value and self.read(register) != value:
                return False
        self._digest = self.read(DIGEST)
        return True

    def holds(self) -> bool:
        """The quick question of every second: it meters, and no setting has changed. Asked twice before it is a no."""
        return self._unchanged() or self._unchanged()

    def _unchanged(self) -> bool:
        return self.read(METER_ENABLE) == 1 and self.read(DIGEST) == self._digest

    def _transfer(self, high: int, low: int, value: int) -> int:
        out, heard = self._out, self._in
        out[0], out[1], out[2], out[3] = high, low, value >> 8, value & 0xFF
        self._select(0)
        self._spi.write_readinto(out, heard)
        self._select(1)
        return heard[2] << 8 | heard[3]


def settings(line_hz: int, amplification: int, voltage_gains: "list[int]", current_gains: "list[int]") -> "tuple[tuple[int, int], ...]":
    """`amplification` of the current inputs: 1, 2 or 4. Gains of the three phases as the chip's own registers take them."""
    rows = [(METER_ENABLE, 1), (PL_CONSTANT, _PL_CONSTANT >> 16), (PL_CONSTANT + 1, _PL_CONSTANT & 0xFFFF)]
    rows.append((MODE_0, _MODE_FOUR_WIRE | (_MODE_60_HZ if line_hz == 60 else 0)))
    rows.append((MODE_1, (1, 2, 4).index(amplification) * 0x15))
    rows += [(THRESHOLDS + number, value) for number, value in enumerate(_THRESHOLDS)]
    rows += [(POWER_CALIBRATION + number, 0) for number in range(12)]  # offsets, gains and angles of the power: ours count
    for phase, gains in enumerate(zip(voltage_gains, current_gains)):
        rows += [(RMS_CALIBRATION + 4 * phase + number, value) for number, value in enumerate((gains[0], gains[1], 0, 0))]
    return tuple(rows)
