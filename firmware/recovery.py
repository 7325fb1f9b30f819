"""What is left when neither slot starts: identity and update over the RS-485 pair, nothing is measured.

It lies in a folder of its own beside the slots, with the few modules it needs, as the factory copied them. After an hour
in which nobody sent an update it lets the slots be tried again: what failed may have been a passing thing.
"""

from firmware import board, boot, configuring, flash_plan
from firmware.block_slot import BlockSlot
from firmware.key_lock import KeyLock
from firmware.modbus_server import ModbusServer
from firmware.register_image import MAKER, RegisterImage
from firmware.rs485_port import Rs485Port
from firmware.settings import Settings, SettingsStore, with_changes
from firmware.supervisor import WATCHDOG_MS
from firmware.update import Update
from firmware.version import VERSION
from protocols.pdu import ILLEGAL_FUNCTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_IN_RECOVERY = 2  # among the marks
RETRY_MS = 3_600_000
_PAUSE_US = 500


class Recovery:
    """The application behind the Modbus server."""

    def __init__(self, image: RegisterImage, update: Update) -> None:
        self.restart_wanted = False
        self._image = image
        self._update = update
        self.asked_ms = board.clock.ticks_ms()

    def refresh(self) -> None:
        """Nothing changes by itself here."""

    def write(self, changes: "list[tuple[str, int | bytes]]") -> int:
        named = dict(changes)
        if "restart" in named:
            self.restart_wanted = True
            return 0
        if not all([name.startswith("update_") for name in named]):
            return ILLEGAL_FUNCTION
        self.asked_ms = board.clock.ticks_ms()
        return self._update.write(named)

    def before_latch(self) -> None:
        """Nothing is measured here."""


def run() -> None:
    try:
        recovery, update, port = _made(configuring.read())
    except Exception as error:  # noqa: BLE001 - its values may be why we are here
        configuring.refused(error)
        recovery, update, port = _made(configuring.read_from(configuring.COPY))
    feed = board.watchdog(WATCHDOG_MS)
    while True:
        port.poll()
        feed()
        if port.quiet:
            _work(recovery, update)
        board.clock.sleep_us(_PAUSE_US)


def _made(configuration: "dict[str, Any]") -> "tuple[Recovery, Update, Rs485Port]":
    image = RegisterImage()
    settings = _settings(configuration)
    hardware = configuration["hardware"]
    image.put_octets("serial_number", configuration["serial_number"].encode())
    image.put_octets("firmware_version", VERSION.encode())
    image.put_octets("hardware", hardware.encode())
    image.put_octets("name", settings.name)
    image.put("unit_address", settings.unit_address)
    image.put("marks", _IN_RECOVERY)
    # Whatever is newer than the last good version, or that one again; what this folder itself is does not count.
    update = Update(image, hardware, boot.read().version, bytes.fromhex(configuration.get("update_key", "")), 0)
    recovery = Recovery(image, update)
    identity = (MAKER, hardware.encode(), VERSION.encode())
    server = ModbusServer(image, recovery, identity, settings.unit_address, KeyLock(configuration["key"], board.clock), board.clock)
    wiring = configuration["uart"]
    port = Rs485Port(
        board.uart(wiring, settings),
        server,
        board.clock,
        settings.baud,
        settings.bits_per_byte,
        lambda: False,
        board.driver_enable(wiring),
    )
    return recovery, update, port


def _work(recovery: Recovery, update: Update) -> None:
    clock = board.clock
    if update.busy:
        update.work()
    elif recovery.restart_wanted or update.restart_wanted:
        board.reset()
    elif clock.ticks_diff(clock.ticks_ms(), recovery.asked_ms) > RETRY_MS:
        record = boot.read()
        boot.write(boot.Record(record.slot, boot.GOOD, 0, record.reason, record.version))
        board.reset()


def _settings(configuration: "dict[str, Any]") -> Settings:
    """As set over Modbus, if they can be read: a broken partition may be why we are here."""
    line = configuration["line"]
    factory = Settings(configuration["name"].encode(), line["unit_address"], line["baud"], line["parity"], line["stop_bits"])
    try:
        device = board.partition() or board.file_blocks()
        slots = BlockSlot(device, flash_plan.SETTINGS[0]), BlockSlot(device, flash_plan.SETTINGS[1])
        factory = SettingsStore(slots, factory).current
    except (OSError, IndexError):
        pass
    return with_changes(factory, configuration.get("fixed", {}))
