"""The meter put together: the only place where all parts of the firmware are named.

On the board a root `main.py` of two lines calls `run()`; a bench calls `compose` with a time and a front end of its own.
"""

import gc

from firmware import board, flash_plan
from firmware.application import COUNTERS, Application, Parts
from firmware.block_slot import BlockLog, BlockSlot
from firmware.clock import ElapsedTicks, MeterClock
from firmware.counter_journal import BLOCKS_MIN, ONE_SECOND, TEN_SECONDS, CounterJournal, JournalPlan
from firmware.http_port import HttpPort
from firmware.key_lock import KeyLock
from firmware.load_profile import LoadProfile
from firmware.main_loop import Loop, MainLoop
from firmware.metrology.calibration_store import CalibrationStore
from firmware.metrology.energy import KINDS, Counters
from firmware.modbus_server import ModbusServer
from firmware.profile_window import ProfileWindow
from firmware.quality import Quality
from firmware.register_image import MAKER, RegisterImage
from firmware.register_map import CODES
from firmware.rs485_port import Rs485Port
from firmware.settings import Settings, SettingsStore, with_changes
from firmware.supervisor import JOURNAL, MODBUS, SAMPLING, WATCHDOG_MS, Supervisor
from firmware.tcp_port import TcpPort

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.flash_sectors import BlockDevice
    from firmware.front_ends.front_end import FrontEnd
    from firmware.main_loop import Port
    from firmware.metrology.calibration import Calibration

VERSION = b"0.1.0"
# Longer than the longest window, one save of the journal and one turn of the loop with everything due at once.
LIMITS_MS = {SAMPLING: 5_000, JOURNAL: 30_000, MODBUS: 1_000}
_STARTS_PLAN = JournalPlan(0, 0, BLOCKS_MIN)
_STARTS_COUNTERS = 4  # starts, watchdog resets; two are spare
_PAUSE_US = 500


class _NoMemory:
    def read(self) -> bytes:
        return b""

    def write(self, data: "bytes | bytearray") -> None:
        pass


def compose(
    configuration: "dict[str, Any]", elapsed_us: "Callable[[], int]", source: "tuple[FrontEnd, Calibration, str] | None" = None
) -> MainLoop:
    """`source` takes the place of the front end that the configuration names."""
    device = board.partition()
    front_end, factory, front_end_name = source or board.front_end(configuration["front_end"])
    settings = _settings(device, configuration)
    image = RegisterImage()
    _identify(image, configuration, front_end, front_end_name)
    _count_start(device, image)
    clock = MeterClock(elapsed_us)
    plan = ONE_SECOND if configuration.get("loss_bound_s") == 1 else TEN_SECONDS
    journal = CounterJournal(device, flash_plan.JOURNAL, plan, board.RtcMemory(), board.random_number, COUNTERS)
    image.put("counter_epoch", journal.epoch)
    profile = LoadProfile(device, flash_plan.PROFILE)
    application = Application(
        Parts(
            image,
            clock,
            front_end,
            CalibrationStore(_slots(device, flash_plan.CALIBRATION), BlockLog(device, flash_plan.CALIBRATION_LOG).append, factory),
            Counters(front_end.phases, journal.saved[: KINDS * (front_end.phases + 1)]),
            journal,
            profile,
            ProfileWindow(profile, image),
            Quality(),
            settings,
        )
    )
    identity = (MAKER, configuration["hardware"].encode(), VERSION)
    server = ModbusServer(
        image, application, identity, settings.current.unit_address, KeyLock(configuration["key"], board.clock), board.clock
    )
    wiring = configuration["uart"]
    uart = board.uart(wiring, settings.current)
    rs485 = Rs485Port(
        uart, server, board.clock, settings.current.baud, settings.current.bits_per_byte, lambda: False, board.driver_enable(wiring)
    )

    def change_line() -> None:
        now = settings.current
        board.open_uart(uart, wiring, now)
        rs485.set_line(now.baud, now.bits_per_byte)
        server.unit = now.unit_address

    def collect() -> None:
        gc.collect()
        image.put("memory_free_bytes", board.free_bytes())

    ports = (rs485,) + _network_ports(configuration, server, application)  # noqa: RUF005 - MicroPython has no star here
    supervisor = Supervisor(board.watchdog(WATCHDOG_MS), LIMITS_MS, clock.uptime_ms)
    collect()
    return MainLoop(Loop(application, server, ports, front_end, journal, clock, supervisor, change_line, board.reset, collect, board.clock))


def run() -> None:
    meter = compose(board.configuration(), ElapsedTicks(board.clock))
    while True:
        meter.turn()
        board.clock.sleep_us(_PAUSE_US)


def _settings(device: "BlockDevice", configuration: "dict[str, Any]") -> SettingsStore:
    """What was set over Modbus goes before the configuration, what the configuration fixes goes before both."""
    line = configuration["line"]
    factory = Settings(configuration["name"].encode(), line["unit_address"], line["baud"], line["parity"], line["stop_bits"])
    store = SettingsStore(_slots(device, flash_plan.SETTINGS), factory)
    store.current = with_changes(store.current, configuration.get("fixed", {}))
    return store


def _slots(device: "BlockDevice", blocks: "tuple[int, int]") -> "tuple[BlockSlot, BlockSlot]":
    return BlockSlot(device, blocks[0]), BlockSlot(device, blocks[1])


def _identify(image: RegisterImage, configuration: "dict[str, Any]", front_end: "FrontEnd", name: str) -> None:
    image.put_octets("serial_number", configuration["serial_number"].encode())
    image.put_octets("firmware_version", VERSION)
    image.put_octets("hardware", configuration["hardware"].encode())
    image.put("front_end", CODES["front_end"].index(name))
    image.put("phases", front_end.phases)
    image.put("trust", front_end.trust)
    image.put("update_state", 0)


def _count_start(device: "BlockDevice", image: RegisterImage) -> None:
    starts = CounterJournal(device, flash_plan.STARTS, _STARTS_PLAN, _NoMemory(), board.random_number, _STARTS_COUNTERS)
    counted = list(starts.saved)
    counted[0] += 1
    counted[1] += board.was_watchdog()
    starts.service(0, counted, lambda: True)
    image.put("boots", counted[0])
    image.put("watchdog_resets", counted[1])


def _network_ports(configuration: "dict[str, Any]", server: ModbusServer, application: Application) -> "tuple[Port, ...]":
    """Addresses and ports to listen on; what is not configured is not there."""
    ports: list[Port] = []
    if "tcp" in configuration:
        ports.append(TcpPort(board.listener(*configuration["tcp"]), board.poller(), server, board.clock))
    if "page" in configuration:
        ports.append(HttpPort(board.listener(*configuration["page"]), board.poller(), application.page, board.clock))
    return tuple(ports)
