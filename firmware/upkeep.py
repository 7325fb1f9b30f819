"""What the main loop asks for now and then: the line opened anew, memory collected, the update loaded. Runs on MicroPython."""

import gc

from firmware import board
from firmware.front_ends.front_end import INDICATIVE
from firmware.version import VERSION

# Of the last minute, in 0.01 %: what a new version must sample to be found good. An indicative front end samples in bursts.
_COVERAGE_MIN, _COVERAGE_MIN_INDICATIVE = 9_000, 1

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.modbus_server import ModbusServer
    from firmware.register_image import RegisterImage
    from firmware.rs485_port import Rs485Port
    from firmware.settings import SettingsStore
    from firmware.update import Update


def never() -> bool:
    return False


class Upkeep:
    def __init__(
        self,
        uart: "Any",
        wiring: "dict[str, int]",
        settings: "SettingsStore",
        rs485: "Rs485Port",
        server: "ModbusServer",
        image: "RegisterImage",
    ) -> None:
        self._uart = uart
        self._wiring = wiring
        self._settings = settings
        self._rs485 = rs485
        self._server = server
        self._image = image

    def is_quiet(self) -> bool:
        return self._rs485.quiet

    def change_line(self) -> None:
        now = self._settings.current
        board.open_uart(self._uart, self._wiring, now)
        self._rs485.set_line(now.baud, now.bits_per_byte)
        self._server.unit = now.unit_address

    def collect(self) -> None:
        gc.collect()
        self._image.put("memory_free_bytes", board.free_bytes())


class UpdateMaker:
    """Without a key in the configuration no bundle is good."""

    def __init__(self, image: "RegisterImage", configuration: "dict[str, Any]", trust: int) -> None:
        self._image = image
        self._hardware = configuration["hardware"]
        self._key = bytes.fromhex(configuration.get("update_key", ""))
        self._coverage_min = _COVERAGE_MIN_INDICATIVE if trust == INDICATIVE else _COVERAGE_MIN

    def __call__(self) -> "Update":
        from firmware.update import Update  # noqa: PLC0415 - needs memory only while there is something to update

        return Update(self._image, self._hardware, VERSION, self._key, self._coverage_min)
