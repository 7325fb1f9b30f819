"""All that has to do with the radio put together; `network_parts` says what of the configuration is meant. Runs on MicroPython."""

from firmware import board, flash_plan, radio
from firmware.block_slot import BlockSlot
from firmware.connectivity import Connectivity
from firmware.guarded import say
from firmware.network_settings import NetworkSettings, NetworkStore

NAMES = ("0.0.0.0", 53)  # noqa: S104 - likewise
_ANY = ("0.0.0.0", 0)  # noqa: S104 - likewise
_ACCESS_POINT_NAME = "Shiftwatt-%s"
_SSID_MAX = 32
_ROUTER = "router"
# WPA wants eight characters.
_PASSWORD = "%08d"  # noqa: S105 - how it is made of the label's key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.clock import MeterClock
    from firmware.flash_sectors import BlockDevice
    from firmware.sntp import Sntp
    from firmware.wifi import Station


def connected(
    configuration: "dict[str, Any]", device: "BlockDevice", clock: "MeterClock", may_stall: "Callable[[], bool]"
) -> "tuple[NetworkStore, Connectivity]":
    store = _store(device, configuration["wifi"])
    return store, _connectivity(configuration, store, clock, may_stall)


def _store(device: "BlockDevice", wishes: "dict[str, Any]") -> "NetworkStore":
    blocks = flash_plan.NETWORK
    factory = NetworkSettings(wishes.get("ssid", "").encode(), wishes.get("password", "").encode())
    return NetworkStore((BlockSlot(device, blocks[0]), BlockSlot(device, blocks[1])), factory)


def _connectivity(
    configuration: "dict[str, Any]", store: "NetworkStore", clock: "MeterClock", may_stall: "Callable[[], bool]"
) -> "Connectivity":
    name = (_ACCESS_POINT_NAME % configuration["serial_number"])[:_SSID_MAX]
    station = access_point = sntp = None
    if store.current.ssid:
        from firmware.wifi import Station  # noqa: PLC0415 - likewise

        station = Station(radio.station(name), store.current, may_stall, board.random_number, say)
        sntp = _sntp(configuration, station, clock)
    # A key of 0 is none, and an access point that everybody knows the password of is a door.
    if configuration["wifi"].get("provision", True) and configuration["key"]:
        from firmware.access_point import AccessPoint  # noqa: PLC0415 - likewise

        names = configuration.get("names", NAMES)
        password = _PASSWORD % configuration["key"]
        access_point = AccessPoint(radio.access_point(name), name, password, lambda: board.datagrams(*names), say)
    return Connectivity(station, access_point, sntp, clock, may_stall)


def _sntp(configuration: "dict[str, Any]", station: "Station", clock: "MeterClock") -> "Sntp | None":
    if "time_server" not in configuration:
        return None
    host, port = configuration["time_server"]
    if host != _ROUTER and any(letter not in "0123456789." for letter in host):
        say("time_server: %s is no address; to look up a name would make the meter wait" % host)
        return None
    from firmware.sntp import Sntp  # noqa: PLC0415 - only what is used costs memory

    def server() -> object:
        return board.address(station.router if host == _ROUTER else host, port)

    return Sntp(lambda: board.datagrams(*_ANY), server, clock, board.random_number, say)
