"""A DL/T 645 meter on a virtual line: hears frames for its number or the wildcard, answers reads with BCD.

What it measures comes in as a function of time, like that of a `VirtualMeter`; lines and clocks are not known here.
"""

from collections.abc import Sequence
from random import Random

from protocols import dlt645
from protocols.errors import OurMistake
from protocols.meter import Meter
from tools.factory.faults import Fault
from tools.factory.serial_settings import LineSettings
from tools.factory.station import Answer, Station
from tools.factory.virtual_meter import Measure

NO_SUCH_DATA = 0x02
SETTINGS = LineSettings(2400, "E", 1)


class Dlt645Meter(Station):
    def __init__(
        self,
        name: str,
        number: str,
        meter: Meter,
        measure: Measure,
        *,
        settings: LineSettings | None = SETTINGS,
        turnaround_us: tuple[int, int] = (30_000, 60_000),
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(name, int(number) % 248, lambda _pdu, _now_us: None, settings=settings, turnaround_us=turnaround_us, faults=faults)
        self.number = number
        self._measure = measure
        self._rows = {row.address: row for row in meter.rows}

    def hear(self, frame: bytes, begun_us: int, ended_us: int, line_faults: Sequence[Fault], random: Random) -> list[Answer]:  # noqa: ARG002 - the line's call
        reader = dlt645.FrameReader()
        reader.feed(frame)
        asked = reader.take()
        if not isinstance(asked, dlt645.Frame) or asked.control & dlt645.ANSWER or not self._is_meant(asked.address):
            return []
        said = dlt645.encoded(self._reply(asked, ended_us // 1_000))
        faults = (*self.faults, *line_faults)
        heard = said
        for fault in faults:
            heard = fault.damaged(heard, random)
        late_us = sum(fault.delay_us(random) for fault in faults)
        wait_us = random.randint(*self._turnaround_us) + late_us
        return [Answer(self.name, frame, said, said, heard, wait_us, late=late_us > 0)]

    def _is_meant(self, address: str) -> bool:
        """AA stands for any pair of digits."""
        pairs = [(address[at : at + 2], self.number[at : at + 2]) for at in range(0, dlt645.ADDRESS_DIGITS, 2)]
        return all(wanted in ("AA", own) for wanted, own in pairs)

    def _reply(self, asked: dlt645.Frame, time_ms: int) -> dlt645.Frame:
        if asked.control == dlt645.READ_ADDRESS:
            return self._frame(asked.control, bytes(reversed(bytes.fromhex(self.number))))
        row = self._rows.get(int.from_bytes(asked.data, "little")) if asked.control == dlt645.READ else None
        values = self._measure(time_ms)
        if row is None or row.quantity not in values:
            return self._frame(asked.control | dlt645.ERROR, bytes((NO_SUCH_DATA,)))
        try:
            return self._frame(asked.control, dlt645.reply_data(row, values[row.quantity]))
        except OurMistake:
            return self._frame(asked.control, dlt645.reply_data(row, None))

    def _frame(self, control: int, data: bytes) -> dlt645.Frame:
        return dlt645.Frame(self.number, control | dlt645.ANSWER, data)
