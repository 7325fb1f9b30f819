"""The PZEM-004T module (version 3, UART at 9600 8N1, Modbus frames): one phase, for retrofit.

Its registers: 0 voltage in 0.1 V; 1, 2 current in mA, low word first; 3, 4 power in 0.1 W; 5, 6 energy in Wh; 7 frequency in 0.1 Hz.
Source: the maker's user manual of the V3.0 module. The module tells no direction and no angle: only energy that is taken is counted,
export and reactive values are missing. It is asked once a second and never waited for; the answer is picked up in later turns.

Its own energy register is what counts, in steps of 1 Wh: it goes on while this meter restarts. Power is for looking at. A register
that went back was reset (function 42H), or began again beyond 9999.99 kWh: counting goes on from where it is now.
Not confirmed on hardware: what the register does beyond its range. Runs on MicroPython.
"""

from firmware.front_ends.front_end import MEASURED
from firmware.front_ends.tally import Tally
from firmware.metrology.calibration import Calibration, Channel
from firmware.metrology.energy import Counters
from firmware.metrology.quantities import phase_energies
from firmware.metrology.window import PhaseSums, Window, empty_window
from protocols.errors import ProtocolError
from protocols.frame import NEED_DATA, RtuFrame, RtuReplyReader, rtu_frame
from protocols.pdu import ReadRequest, encode_request, reply_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from firmware.counter_mirror import Memory

    class Uart(Protocol):
        def any(self) -> int: ...
        def read(self) -> "bytes | None": ...
        def write(self, buf: bytes) -> "int | None": ...
else:
    Uart = object

BAUD = 9600
UNIT_DEFAULT = 1  # F8H is every module's, where there is only one on the wire
COUNT_ENERGY = 1000000  # 1 Wh in mV times mA times hour
BRIDGED = 1  # answers left out between two good ones
INTERVAL_US = 1000000  # the module renews its values about once a second
ANSWER_US = 300000  # it answers within 100 ms; three times that is silence
_REGISTERS = ReadRequest(4, 0, 8)


class Pzem004t:
    trust = MEASURED
    phases = 1
    counted: "tuple[str, ...]" = ("active_energy_import",)
    extras = ()

    def __init__(self, uart: Uart, area: "Memory", unit: int = UNIT_DEFAULT) -> None:
        self.tally = Tally(area, 1)  # its note is the module's register, and one more so that 0 is none
        self.restarts = 0  # requests that stayed without a good answer
        self._uart = uart
        self._unit = unit
        self._request = rtu_frame(unit, encode_request(_REGISTERS))
        self._reader: RtuReplyReader | None = None
        self._since_us = INTERVAL_US  # since the last request: the first goes out at once
        self._pending_us = 0  # since the last record
        self._left_out = 0  # answers, one after the other

    def poll(self, elapsed_us: int) -> "Window | None":
        self._since_us += elapsed_us
        self._pending_us += elapsed_us
        if self._reader is not None:
            return self._listen(self._reader)
        if self._since_us >= INTERVAL_US:
            if self._uart.any():
                self._uart.read()  # what came late belongs to no question
            self._since_us = 0
            self._reader = RtuReplyReader(self._unit, _REGISTERS)
            self._uart.write(self._request)
        return None

    def settle(self, counters: Counters, calibration: Calibration) -> None:
        voltage, current = calibration.channels
        counters.add_energies([phase_energies(self.tally.take()[0] * COUNT_ENERGY, None, voltage, current)])

    def _listen(self, reader: RtuReplyReader) -> "Window | None":
        if self._uart.any():
            reader.feed(self._uart.read() or b"")
            frame = reader.take()
            while frame is not NEED_DATA:
                if isinstance(frame, RtuFrame) and frame.address == self._unit:
                    return self._answered(frame)
                frame = reader.take()  # noise, our own request heard on a common wire, or another's answer
        return self._no_answer() if self._since_us >= ANSWER_US else None

    def _no_answer(self) -> "Window | None":
        self._reader = None
        self.restarts += 1
        self._left_out += 1
        if self._left_out <= BRIDGED:
            return None
        lost_us, self._pending_us = self._pending_us, 0
        return empty_window(lost_us, lost_us // 1000)

    def _count(self, register_wh: int) -> None:
        tally = self.tally
        if register_wh + 1 == tally.note:
            return
        if tally.note:
            tally.add(0, max(register_wh + 1 - tally.note, 0))
        tally.note = register_wh + 1
        tally.keep()

    def _answered(self, frame: RtuFrame) -> "Window | None":
        self._reader = None
        try:
            words = reply_words(_REGISTERS, frame.pdu)
        except ProtocolError:
            return self._no_answer()
        self._left_out = 0
        self._count(words[6] << 16 | words[5])
        window_us, self._pending_us = self._pending_us, 0
        voltage_mv = words[0] * 100
        current_ma = words[2] << 16 | words[1]
        power_mw = (words[4] << 16 | words[3]) * 100
        # One frame of mV and mA; their product is in microwatts.
        sums = PhaseSums(0, 0, voltage_mv * voltage_mv, current_ma * current_ma, power_mw * 1000, None)
        return Window((sums,), 1, window_us, 0, 0, words[7] * 100 or None, 90000, 0)


def calibration() -> Calibration:
    """mV and mA as they are."""
    return Calibration((Channel(1000000, 0, 0), Channel(1000000, 0, 0)), 0, 0)
