"""pyserial's handler for `virtual:///path/to/link`: a pseudo-terminal that also learns parity and stop bits.

A Linux pseudo-terminal drops the parity bit, so the settings are announced in a small file beside the link;
the virtual line reads it before the bytes that follow. pyserial finds this module by its name.
"""

import json
import os
from pathlib import Path
from typing import Any

import serial  # type: ignore[import-untyped]

from tools.factory.serial_settings import LineSettings

SCHEME = "virtual://"
_PACKAGE = "tools.factory"


def register() -> None:
    """From now on `serial.serial_for_url` knows the scheme."""
    if _PACKAGE not in serial.protocol_handler_packages:
        serial.protocol_handler_packages.append(_PACKAGE)


def settings_file(link: Path) -> Path:
    return link.with_name(link.name + ".settings")


def announced(link: Path) -> LineSettings | None:
    """What the master said of itself; None if it is a program that does not announce."""
    try:
        baud, parity, stop_bits, process = json.loads(settings_file(link).read_text())
    except FileNotFoundError:
        return None
    return LineSettings(baud, parity, stop_bits) if _runs(process) else None


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it runs, as somebody else
    return True


def announce(link: Path, settings: LineSettings) -> None:
    """Whole or not at all: the line may look at any moment. The process is named so that a dead one counts no more."""
    fresh = settings_file(link).with_suffix(".new")
    fresh.write_text(json.dumps([*settings, os.getpid()]))
    fresh.replace(settings_file(link))


class Serial(serial.Serial):  # type: ignore[misc, unused-ignore] # pyserial carries no types
    @serial.Serial.port.setter  # type: ignore[attr-defined, untyped-decorator, unused-ignore]
    def port(self, port: Any) -> None:
        path = port.removeprefix(SCHEME) if isinstance(port, str) else port
        serial.Serial.port.fset(self, path)  # type: ignore[attr-defined, unused-ignore]

    def _reconfigure_port(self, *args: Any, **keywords: Any) -> None:
        """The C library refuses a parity the terminal does not take over, so that one is only announced."""
        parity: str = self.parity
        self._parity: str = serial.PARITY_NONE
        try:
            super()._reconfigure_port(*args, **keywords)
        finally:
            self._parity = parity
        announce(Path(self.portstr), LineSettings(self.baudrate, parity, round(self.stopbits)))

    def close(self) -> None:
        if self.is_open:
            settings_file(Path(self.portstr)).unlink(missing_ok=True)
        super().close()
