"""Keeps a calibration twice, so that a power cut while one copy is written leaves the other.

`slots` are two objects with `read() -> bytes` and `write(bytes)`, `log` is a function that appends a line; what they are (files,
flash blocks) is not known here.
"""

from firmware.metrology.calibration import Calibration, CalibrationRefused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Slot(Protocol):
        def read(self) -> bytes: ...
        def write(self, data: bytes) -> None: ...
else:
    Slot = object


class CalibrationStore:
    def __init__(self, slots: "tuple[Slot, Slot]", log: "Callable[[str], object]", factory: Calibration) -> None:
        """Takes the newer valid copy and mends the other; `factory` serves while neither is valid."""
        from firmware.metrology.calibration_bytes import from_bytes, to_bytes  # noqa: PLC0415 - leaves memory again

        self._slots = slots
        self._log = log
        copies = [from_bytes(slot.read()) for slot in slots]
        valid = [copy for copy in copies if copy is not None]
        self.is_factory = not valid
        self.current = max(valid, key=lambda copy: copy.changes) if valid else factory
        if valid:
            for slot, copy in zip(slots, copies):
                if copy != self.current:
                    slot.write(to_bytes(self.current))

    def change(self, calibration: Calibration, who: str, unix_s: int) -> Calibration:
        """Stores it with the next change number; raises CalibrationRefused, with nothing written, if it is out of limits."""
        from firmware.metrology.calibration_bytes import log_lines, to_bytes  # noqa: PLC0415 - likewise

        if len(calibration.channels) != len(self.current.channels):
            raise CalibrationRefused(
                "This meter has %d channels, the calibration has %d." % (len(self.current.channels), len(calibration.channels))
            )
        after = Calibration(calibration.channels, calibration.creep_ma, self.current.changes + 1)
        data = to_bytes(after)
        # The log first: a change that is logged but lost is seen, one that counts but is not logged is not.
        for line in log_lines(self.current, after, who, unix_s):
            self._log(line)
        for slot in self._slots:
            slot.write(data)
        self.current, self.is_factory = after, False
        return after
