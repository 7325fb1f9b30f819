"""All that has to do with networks put together; only a meter whose configuration names one of them loads it. Runs on MicroPython.

Of the configuration:
- `tcp`, `page`: [host, port] to listen on; a meter with `wifi` has its page at port 80 of all unless told otherwise.
- `wifi`: {"ssid", "password", "provision"}, all of which may be missing: then the meter opens its access point.
- `time_server`: [address, port]; "router" for the address is what DHCP says. `button`: the number of its pin.
"""

from firmware import board, flash_plan
from firmware.block_slot import BlockSlot

PAGE = ("0.0.0.0", 80)  # noqa: S104 - the only interface there is
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

    from firmware.application import Application
    from firmware.clock import MeterClock
    from firmware.connectivity import Connectivity
    from firmware.flash_sectors import BlockDevice
    from firmware.key_lock import KeyLock
    from firmware.main_loop import Port
    from firmware.modbus_server import ModbusServer
    from firmware.network_settings import NetworkStore
    from firmware.sntp import Sntp
    from firmware.wifi import Station


def say(text: str) -> None:
    """The console is the board's log."""
    print("log:", text)  # noqa: T201 - see above


class Guarded:
    """A port that may go wrong in any way without taking the meter with it; a trouble is said once, not in every turn."""

    def __init__(self, port: "Port") -> None:
        self._port = port
        self._said = ""

    @property
    def quiet(self) -> bool:
        return self._port.quiet

    def poll(self) -> None:
        try:
            self._port.poll()
        except Exception as error:  # noqa: BLE001 - whatever it is: the meter goes on
            said = "%s: %r" % (self._port.__class__.__name__, error)
            if said != self._said:
                self._said = said
                say(said)


def ports(
    configuration: "dict[str, Any]",
    device: "BlockDevice",
    server: "ModbusServer",
    application: "Application",
    lock: "KeyLock",
    clock: "MeterClock",
    may_stall: "Callable[[], bool]",
) -> "list[Port]":
    found: list[Port] = []
    connectivity, store = None, None
    if "wifi" in configuration:
        store = _store(device, configuration["wifi"])
        connectivity = _connectivity(configuration, store, clock, may_stall)
        found.append(connectivity)
    # After the radio, which brings the chip's network into being: before it a socket is fatal.
    if "tcp" in configuration:
        from firmware.tcp_port import TcpPort  # noqa: PLC0415 - likewise

        found.append(TcpPort(board.listener(*configuration["tcp"]), board.poller(), server, board.clock))
    if "page" in configuration or "wifi" in configuration:
        from firmware.http_port import HttpPort  # noqa: PLC0415 - likewise
        from firmware.meter_pages import MeterPages  # noqa: PLC0415 - likewise

        token = board.random_number() << 16 | board.random_number()
        pages = MeterPages(application, server.refresh, lock, token, connectivity, store)
        found.append(HttpPort(board.listener(*configuration.get("page", PAGE)), board.poller(), pages.serve, board.clock))
    if "button" in configuration:
        from firmware.button import Button  # noqa: PLC0415 - likewise

        open_access_point = connectivity.open_access_point if connectivity else _nothing
        found.append(Button(board.button(configuration["button"]), clock, lock.open, open_access_point))
    return [Guarded(port) for port in found]


def _nothing() -> None:
    pass


def _store(device: "BlockDevice", wishes: "dict[str, Any]") -> "NetworkStore":
    from firmware.network_settings import NetworkSettings, NetworkStore  # noqa: PLC0415 - likewise

    blocks = flash_plan.NETWORK
    factory = NetworkSettings(wishes.get("ssid", "").encode(), wishes.get("password", "").encode())
    return NetworkStore((BlockSlot(device, blocks[0]), BlockSlot(device, blocks[1])), factory)


def _connectivity(
    configuration: "dict[str, Any]", store: "NetworkStore", clock: "MeterClock", may_stall: "Callable[[], bool]"
) -> "Connectivity":
    from firmware.connectivity import Connectivity  # noqa: PLC0415 - likewise

    name = (_ACCESS_POINT_NAME % configuration["serial_number"])[:_SSID_MAX]
    station = access_point = sntp = None
    if store.current.ssid:
        from firmware.wifi import Station  # noqa: PLC0415 - likewise

        station = Station(board.station(name), store.current, may_stall, board.random_number, say)
        sntp = _sntp(configuration, station, clock)
    # A key of 0 is none, and an access point that everybody knows the password of is a door.
    if configuration["wifi"].get("provision", True) and configuration["key"]:
        from firmware.access_point import AccessPoint  # noqa: PLC0415 - likewise

        names = configuration.get("names", NAMES)
        password = _PASSWORD % configuration["key"]
        access_point = AccessPoint(board.access_point(name), name, password, lambda: board.datagrams(*names), say)
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
