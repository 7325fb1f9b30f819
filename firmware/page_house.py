"""All that a visitor of the meter's pages needs, put together; loaded when one comes. Runs on MicroPython."""

from firmware.http_port import HttpPort
from firmware.meter_pages import MeterPages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.tcp_port import Poller, Socket, Ticks


def opened(listener: "Socket", poller: "Poller", ticks: "Ticks", parts: "tuple[Any, ...]") -> HttpPort:
    """`parts` are those of the pages."""
    return HttpPort(listener, poller, MeterPages(*parts).serve, ticks)
