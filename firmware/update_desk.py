"""Stands for the update while there is nothing to update, which is nearly always: then its modules take no memory.

It is loaded when its registers are written, while a version is on trial, and for a moment once what runs has shown that it
can meter, to have that written down. Runs on MicroPython.
"""

from firmware.forgetting import forget

_MODULES = (
    "firmware.update",
    "firmware.received_file",
    "firmware.unpacking",
    "firmware.ed25519",
    "firmware.boot",
    "firmware.register_codes",
    "protocols.bundle",
)
# Before it there is nothing to write down: what runs must have measured for so long.
_WINDOWS_MIN = 10
_IDLE, _REFUSED = 0, 6  # as in the register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.register_image import RegisterImage
    from firmware.update import Update


class UpdateDesk:
    """Is asked as the update itself is. `make` loads it."""

    def __init__(self, make: "Callable[[], Update]", image: "RegisterImage") -> None:
        self._make = make
        self._windows = 0
        from firmware import boot  # noqa: PLC0415 - leaves memory again

        record = boot.read()
        self._settled = record.state == boot.GOOD and record.starts == 0
        self._update: Update | None = make() if record.state == boot.TRIAL else None
        if self._update is None:
            forget("firmware.boot")
        if self._update is None:
            image.put("update_state", _REFUSED if record.reason else _IDLE)
            image.put("update_reason", record.reason)
            image.put("update_received_bytes", 0)

    @property
    def busy(self) -> bool:
        return self._update is not None and self._update.busy

    @property
    def restart_wanted(self) -> bool:
        return self._update is not None and self._update.restart_wanted

    def work(self) -> None:
        if self._update is not None:
            self._update.work()

    def write(self, changes: "dict[str, int | bytes]") -> int:
        return self._loaded().write(changes)

    def measured(self, uptime_ms: int, coverage: "int | None", journal_age_ms: "int | None") -> None:
        self._windows += 1
        if self._update is None and (self._settled or self._windows < _WINDOWS_MIN):
            return
        try:
            update = self._loaded()
        except MemoryError:  # others hold it just now, such as clients of the network; a later window finds more
            forget(*_MODULES)
            return
        update.measured(uptime_ms, coverage, journal_age_ms)
        if update.at_rest:
            self._update = None
            self._settled = True
            forget(*_MODULES)

    def _loaded(self) -> "Update":
        if self._update is None:
            self._update = self._make()
            self._update.windows = self._windows
        return self._update
