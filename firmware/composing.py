"""The meter put together: the only place where all parts of the firmware are named. Only starting needs it. Runs on MicroPython.

What it makes must hold nothing of this file, no function that is written within another: then the file leaves memory again.
"""

from firmware import board, carried, flash_plan
from firmware.application import Application
from firmware.block_slot import BlockLog, BlockSlot
from firmware.clock import MeterClock
from firmware.counter_journal import BLOCKS_MIN, ONE_MINUTE, ONE_SECOND, TEN_SECONDS, CounterJournal, JournalPlan
from firmware.front_end_wiring import front_end as wired
from firmware.guarded import Guarded, say
from firmware.key_lock import KeyLock
from firmware.load_profile import LoadProfile
from firmware.main_loop import Loop, MainLoop
from firmware.metrology.calibration_store import CalibrationStore
from firmware.metrology.energy import Counters, entries
from firmware.modbus_server import ModbusServer
from firmware.parts import Parts
from firmware.profile_window import ProfileWindow
from firmware.quality import Quality
from firmware.register_codes import CODES
from firmware.register_image import MAKER, RegisterImage
from firmware.rs485_port import Rs485Port
from firmware.rtc_plan import COUNTERS, COUNTERS_AREA
from firmware.settings import Settings, SettingsStore, with_changes
from firmware.supervisor import JOURNAL, MODBUS, SAMPLING, WATCHDOG_MS, Supervisor
from firmware.update_desk import UpdateDesk
from firmware.upkeep import UpdateMaker, Upkeep, never
from firmware.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.flash_sectors import BlockDevice
    from firmware.front_ends.front_end import FrontEnd
    from firmware.main_loop import Port
    from firmware.metrology.calibration import Calibration

# Longer than the longest window, one save of the journal and one turn of the loop with everything due at once.
LIMITS_MS = {SAMPLING: 5_000, JOURNAL: 30_000, MODBUS: 1_000}
_JOURNAL_BOUNDS = 2  # where its plan is slower than that: so many of its loss bounds
_STARTS_PLAN = JournalPlan(0, 0, BLOCKS_MIN)
_STARTS_COUNTERS = 4  # starts, watchdog resets; two are spare
_NETWORKED = ("tcp", "page", "wifi", "button")


class _NoMemory:
    def read(self) -> bytes:
        return b""

    def write(self, data: "bytes | bytearray") -> None:
        pass


def compose(
    configuration: "dict[str, Any]", elapsed_us: "Callable[[], int]", source: "tuple[FrontEnd, Calibration, str] | None" = None
) -> MainLoop:
    partition = board.partition()
    device = partition or board.file_blocks()
    front_end, factory, front_end_name = source or wired(configuration["front_end"])
    settings = _settings(device, configuration)
    image = RegisterImage()
    _identify(image, configuration, front_end, front_end_name)
    _count_start(device, image)
    clock = MeterClock(elapsed_us)
    plan = ONE_SECOND if configuration.get("loss_bound_s") == 1 else TEN_SECONDS
    if partition is None:
        plan = ONE_MINUTE
    journal, counters, kept = _counting(device, plan, front_end)
    image.put("counter_epoch", journal.epoch)
    profile = LoadProfile(device, flash_plan.PROFILE)
    application = Application(
        Parts(
            image,
            clock,
            front_end,
            CalibrationStore(_slots(device, flash_plan.CALIBRATION), BlockLog(device, flash_plan.CALIBRATION_LOG).append, factory),
            counters,
            journal,
            profile,
            ProfileWindow(profile, image),
            Quality(),
            settings,
            kept,
            UpdateDesk(UpdateMaker(image, configuration, front_end.trust), image),
        )
    )
    identity = (MAKER, configuration["hardware"].encode(), VERSION.encode())
    lock = KeyLock(configuration["key"], board.clock)
    server = ModbusServer(image, application, identity, settings.current.unit_address, lock, board.clock)
    wiring = configuration["uart"]
    uart = board.uart(wiring, settings.current)
    line = settings.current
    rs485 = Rs485Port(uart, server, board.clock, line.baud, line.bits_per_byte, never, board.driver_enable(wiring))
    upkeep = Upkeep(uart, wiring, settings, rs485, server, image)
    board.waiting[:] = [rs485.waits]
    ports: list[Port] = [rs485]
    if any(name in configuration for name in _NETWORKED):
        from firmware import network_parts  # noqa: PLC0415 - a meter without them has the memory for something else

        try:
            wired_on = network_parts.ports(configuration, device, server, application, lock, clock, upkeep.is_quiet)
            ports += [Guarded(port) for port in wired_on]
        except Exception as error:  # noqa: BLE001 - whatever it is: the meter meters, and answers on its pair
            say("the network does not start: %r. The meter goes on without it until it is restarted." % error)
    limits_ms = dict(LIMITS_MS)
    limits_ms[JOURNAL] = max(LIMITS_MS[JOURNAL], _JOURNAL_BOUNDS * plan.loss_bound_ms)
    supervisor = Supervisor(board.watchdog(WATCHDOG_MS), limits_ms, clock.uptime_ms)
    board.loaded()
    upkeep.collect()
    works = (supervisor, upkeep.change_line, board.reset, upkeep.collect, board.clock)
    return MainLoop(Loop(application, server, tuple(ports), front_end, journal, clock, *works))


def _counting(device: "BlockDevice", plan: JournalPlan, front_end: "FrontEnd") -> "tuple[CounterJournal, Counters, carried.Carried]":
    aside = bytearray(carried.BYTES)
    mirror = board.rtc_area(COUNTERS_AREA)
    journal = CounterJournal(device, flash_plan.JOURNAL, plan, mirror, board.random_number, COUNTERS, aside)
    counters = Counters(front_end.phases, journal.saved[: entries(front_end.phases)])
    kept = carried.Carried(aside, counters, front_end.tally)
    kept.restore(journal.aside_kept)
    return journal, counters, kept


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
    image.put_octets("firmware_version", VERSION.encode())
    image.put_octets("hardware", configuration["hardware"].encode())
    image.put("front_end", CODES["front_end"].index(name))
    image.put("phases", front_end.phases)
    image.put("trust", front_end.trust)


def _count_start(device: "BlockDevice", image: RegisterImage) -> None:
    starts = CounterJournal(device, flash_plan.STARTS, _STARTS_PLAN, _NoMemory(), board.random_number, _STARTS_COUNTERS)
    counted = list(starts.saved)
    counted[0] += 1
    counted[1] += board.was_watchdog()
    starts.service(0, counted, lambda: True)
    image.put("boots", counted[0])
    image.put("watchdog_resets", counted[1])
