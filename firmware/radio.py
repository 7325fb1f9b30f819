"""The chip's radio by its names. The driver takes its memory when this is loaded. Runs on MicroPython."""

import network

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.wifi import Radio


def station(name: str) -> "Radio":
    network.hostname(name)
    return network.WLAN(network.WLAN.IF_STA)  # type: ignore[return-value]  # likewise


def access_point(name: str) -> "Radio":
    network.hostname(name)
    return network.WLAN(network.WLAN.IF_AP)  # type: ignore[return-value]  # likewise
