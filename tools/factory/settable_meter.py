"""A virtual meter whose address, baud rate and framing can be set as its meter file says, and whose supply can fail.

What was written holds at once, or after the supply was off and on where the file says so; what was not saved
by then is lost where the file asks for saving. It refuses while its button was not pressed, if it has one.
"""

from collections.abc import Sequence

from protocols import responder
from protocols.meter import Meter
from protocols.meter_settings import ADDRESS, BAUD, Setting, setting_value, setting_write
from protocols.pdu import ILLEGAL_ADDRESS
from protocols.register import count
from tools.factory.faults import Fault
from tools.factory.serial_settings import LineSettings
from tools.factory.station import Station
from tools.factory.virtual_meter import Measure, VirtualMeter

DONE = 0
LOCKED = 4  # device failure: what meters answer while they are not in their setting mode


class SettableMeter(Station):
    def __init__(
        self,
        meter: Meter,
        measure: Measure,
        settings: LineSettings,
        *,
        address: int = 1,
        turnaround_us: tuple[int, int] = (8_000, 10_000),
        faults: Sequence[Fault] = (),
        pressed: bool = True,
    ) -> None:
        super().__init__(f"settable {meter.name}", address, self._answer, settings=settings, turnaround_us=turnaround_us, faults=faults)
        assert meter.settings is not None, "a meter that can be set"
        self._virtual = VirtualMeter(meter, measure)
        self._how = meter.settings
        self.pressed = pressed
        self.writes = 0
        self._unlocked = not meter.settings.unlock
        self._kept: dict[str, str] = {}  # written, and to hold later
        self._said: dict[str, str] = {ADDRESS: str(address), BAUD: str(settings.baud)}

    def power_cycle(self) -> None:
        """What was kept (and saved, where it must be) holds now."""
        if not self._how.save:
            self._hold()
        self._kept.clear()
        self._unlocked = not self._how.unlock

    def _hold(self) -> None:
        self._said |= self._kept
        self.address = int(self._said[ADDRESS])
        assert self.settings is not None, "set when it was made"
        self.settings = self.settings._replace(baud=int(self._said[BAUD]))

    def _answer(self, pdu: bytes, now_us: int) -> bytes:
        known = self._virtual.serve(pdu, now_us // 1_000)
        if not known[0] & 0x80:
            return known
        return responder.answer(pdu, _Settings(self))

    def read(self, address: int, length: int) -> list[int] | None:
        for setting in self._how.registers:
            if setting.row.address == address and count(setting.row) == length:
                value = {**self._said, **self._kept}.get(setting.sets)
                return None if value is None else list(setting_write(setting, value).words)
        return None

    def take(self, address: int, words: tuple[int, ...]) -> int:
        self.writes += 1
        if not self.pressed:
            return LOCKED
        for write in (*self._how.unlock, *self._how.save):
            if (write.address, write.words) == (address, words):
                self._unlocked = True
                if write in self._how.save:
                    self._hold()
                    self._kept.clear()
                return DONE
        return self._set(next((each for each in self._how.registers if each.row.address == address), None), words)

    def _set(self, setting: Setting | None, words: tuple[int, ...]) -> int:
        value = None if setting is None else setting_value(setting, words)
        if setting is None or value is None:
            return ILLEGAL_ADDRESS
        if not self._unlocked:
            return LOCKED
        self._kept[setting.sets] = value
        if not self._how.power_cycle and not self._how.save:
            self._hold()
            self._kept.clear()
        return DONE


class _Settings:
    """What `responder` reads and writes."""

    def __init__(self, meter: SettableMeter) -> None:
        self._meter = meter

    def read(self, function: int, address: int, length: int) -> list[int] | None:  # noqa: ARG002 - the responder's interface
        return self._meter.read(address, length)

    def write(self, address: int, words: tuple[int, ...]) -> int:
        return self._meter.take(address, words)
