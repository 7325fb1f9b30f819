"""All that has to do with networks put together; only a meter whose configuration names one of them loads it. Runs on MicroPython.

Of the configuration:
- `tcp`, `page`: [host, port] to listen on; a meter with `wifi` has its page at port 80 of all unless told otherwise.
- `wifi`: {"ssid", "password", "provision"}, all of which may be missing: then the meter opens its access point.
- `time_server`: [address, port]; "router" for the address is what DHCP says. `button`: the number of its pin.
"""

from firmware import board

PAGE = ("0.0.0.0", 80)  # noqa: S104 - the only interface there is

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.application import Application
    from firmware.clock import MeterClock
    from firmware.flash_sectors import BlockDevice
    from firmware.key_lock import KeyLock
    from firmware.main_loop import Port
    from firmware.modbus_server import ModbusServer


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
        from firmware.wifi_parts import connected  # noqa: PLC0415 - only what is used costs memory

        store, connectivity = connected(configuration, device, clock, may_stall)
        found.append(connectivity)
    # After the radio, which brings the chip's network into being: before it a socket is fatal.
    if "tcp" in configuration:
        from firmware.tcp_port import TcpPort  # noqa: PLC0415 - likewise

        found.append(TcpPort(board.listener(*configuration["tcp"]), board.poller(), server, board.clock))
    if "page" in configuration or "wifi" in configuration:
        from firmware.page_door import PageDoor  # noqa: PLC0415 - likewise

        token = board.random_number() << 16 | board.random_number()
        parts = (application, server.refresh, lock, token, connectivity, store)
        found.append(PageDoor(board.listener(*configuration.get("page", PAGE)), board.poller(), board.clock, parts))
    if "button" in configuration:
        from firmware.button import Button  # noqa: PLC0415 - likewise

        open_access_point = connectivity.open_access_point if connectivity else _nothing
        found.append(Button(board.button(configuration["button"]), clock, lock.open, open_access_point))
    return found


def _nothing() -> None:
    pass
