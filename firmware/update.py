"""The update's registers: pieces of a bundle come in, a version is checked, installed, tried, and found good or given up.

A version on trial must meter by itself (windows, journal, coverage) and be confirmed by the gateway; else the old one
returns. What takes long or erases flash is done in slices by `work`, while the line is quiet. Ports are not known here.
"""

from firmware import boot
from firmware.received_file import ReceivedFile
from firmware.register_codes import CODES
from protocols.bundle import version_numbers
from protocols.pdu import BUSY, ILLEGAL_VALUE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from firmware.register_image import RegisterImage

IDLE, RECEIVING, CHECKING, CHECKED, INSTALLED, ON_TRIAL, REFUSED, INSTALLING = [
    CODES["update_state"].index(name)
    for name in ("idle", "receiving", "checking", "checked", "installed", "trial", "refused", "installing")
]
CANCEL, BEGIN, CHECK, INSTALL, CONFIRM = [
    CODES["update_command"].index(name) for name in ("cancel", "begin", "check", "install", "confirm")
]
_WAITING = (IDLE, RECEIVING, CHECKED, REFUSED)
# In which states a command makes sense; in the others it is refused as busy or out of turn.
# No star in a tuple: MicroPython has none here.
_ALLOWED = {CANCEL: _WAITING + (ON_TRIAL,), BEGIN: _WAITING, CHECK: (RECEIVING, CHECKED), INSTALL: (CHECKED,), CONFIRM: (ON_TRIAL,)}  # noqa: RUF005
_SIZE, _FLASH = 1, 6
# No application of ours comes near it; what is announced beyond is not even begun.
BUNDLE_BYTES_MAX = 1_000_000
# Of self-test: windows of a second at most, so some ten seconds, and one save of the journal.
WINDOWS_MIN = 10
# The gateway reads the meter within seconds of its return; a quarter of an hour is for one that was restarted meanwhile.
TRIAL_MS_MAX = 900_000


class Update:
    """`restart_wanted` is for the application. `coverage_min`: of the front end in 0.01 %; 0 in recovery, which never is good."""

    def __init__(self, image: "RegisterImage", hardware: str, version: str, key: bytes, coverage_min: int) -> None:
        self.restart_wanted = False
        self._image = image
        self._hardware = hardware
        self._version = version
        self._key = key
        self._coverage_min = coverage_min
        self._file = ReceivedFile()
        self._record = boot.read()
        self.windows = 0
        self._able = False
        self._piece = b""
        self._working: Iterator[object] | None = None
        self._state = IDLE
        reason = self._record.reason
        self._show(ON_TRIAL if self._record.state == boot.TRIAL else REFUSED if reason else IDLE, reason)
        image.put("update_received_bytes", 0)

    @property
    def busy(self) -> bool:
        """There is something for `work` to do."""
        return self._working is not None or self._piece != b""

    @property
    def at_rest(self) -> bool:
        """What runs is found good, and nothing is on its way in: all that is to be known stands in the registers and in flash."""
        settled = self._record.state == boot.GOOD and self._record.starts == 0
        return settled and self._state in (IDLE, REFUSED) and not self.busy and not self.restart_wanted

    def work(self) -> None:
        """One slice."""
        try:
            if self._piece:
                self._store()
            elif self._working is not None:
                next(self._working)
        except StopIteration:
            self._working = None
        except OSError:  # full, or worn out: what runs goes on running, and what is on trial is asked again
            self._working, self._piece = None, b""
            if self._state != ON_TRIAL:
                self._refuse_what_came(_FLASH)

    def _refuse_what_came(self, reason: int) -> None:
        """It leaves flash again, where the counters may need the room."""
        self._file.discard()
        self._show(REFUSED, reason)

    # -- registers

    def write(self, changes: "dict[str, int | bytes]") -> int:
        """0 or an exception code; what is asked is begun here and done by `work`."""
        if "update_data" in changes or "update_offset_bytes" in changes or "update_length_bytes" in changes:
            return self._take(changes)
        command = changes.get("update_command")
        if command is not None:
            if self.busy:
                return BUSY
            if self._state not in _ALLOWED[int(command)]:
                return ILLEGAL_VALUE
        if "update_size_bytes" in changes:
            self._image.put("update_size_bytes", int(changes["update_size_bytes"]))
        if "update_digest" in changes:
            self._image.put_octets("update_digest", bytes(changes["update_digest"]))
        return 0 if command is None else self._commands[int(command)](self)

    def _take(self, changes: "dict[str, int | bytes]") -> int:
        """A piece that is there already is good; one beyond a gap is not."""
        image = self._image
        if len(changes) != 3 or self._state != RECEIVING:
            return ILLEGAL_VALUE
        if self.busy:
            return BUSY
        offset, length = int(changes["update_offset_bytes"]), int(changes["update_length_bytes"])
        if offset > self._file.length or offset + length > (image.number("update_size_bytes") or 0):
            return ILLEGAL_VALUE
        self._piece = bytes(changes["update_data"])[self._file.length - offset : length]
        return 0

    def _store(self) -> None:
        """In one slice: the next piece may come as soon as this one was answered."""
        self._file.append(self._piece)
        self._piece = b""
        self._image.put("update_received_bytes", self._file.length)

    def _begin(self) -> int:
        size = self._image.number("update_size_bytes")
        if not size:
            return ILLEGAL_VALUE
        self._show(IDLE, 0)
        self._working = self._beginning(size)
        return 0

    def _beginning(self, size: int) -> "Iterator[None]":
        if self._record.reason:
            self._note(self._record.slot, self._record.state, self._record.starts, 0)
            yield None
        self._file.open(bytes(self._image.octets("update_digest")))
        self._image.put("update_received_bytes", self._file.length)
        if size > BUNDLE_BYTES_MAX or size < self._file.length:
            self._refuse_what_came(_SIZE)
        else:
            self._show(RECEIVING, 0)

    def _check(self) -> int:
        if self._file.length != self._image.number("update_size_bytes"):
            return ILLEGAL_VALUE
        self._show(CHECKING, 0)
        self._working = self._checking()
        return 0

    def _checking(self) -> "Iterator[None]":
        from firmware.unpacking import checking  # noqa: PLC0415 - needs memory only while an update is at work

        least = max((self._version, self._record.version), key=version_numbers)
        digest = bytes(self._image.octets("update_digest"))
        reason: int | None = None
        with self._file.reading() as file:
            for reason in checking(file, digest, self._key, self._hardware, least):  # noqa: B007 - the last one counts
                yield None
        if reason:
            self._refuse_what_came(reason)
        else:
            self._show(CHECKED, 0)

    def _install(self) -> int:
        self._show(INSTALLING, 0)
        self._working = self._installing()
        return 0

    def _installing(self) -> "Iterator[None]":
        from firmware.unpacking import unpacking  # noqa: PLC0415 - likewise

        slot = 1 - self._record.slot
        reason: int | None = None
        with self._file.reading() as file:
            for reason in unpacking(file, boot.SLOTS[slot]):  # noqa: B007 - likewise
                yield None
        if reason:
            self._refuse_what_came(reason)
            return
        self._note(slot, boot.TRIAL, 0, 0)
        self._show(INSTALLED, 0)
        self.restart_wanted = True

    def _confirm(self) -> int:
        """Too early is worth another try; what cannot meter will not become good by it."""
        if not self._able:
            return BUSY
        self._working = self._becoming_good()
        return 0

    def _cancel(self) -> int:
        self._working = self._giving_up() if self._state == ON_TRIAL else self._forgetting()
        return 0

    def _forgetting(self) -> "Iterator[None]":
        self._file.discard()
        self._image.put("update_received_bytes", 0)
        self._show(IDLE, 0)
        yield None

    # Functions of the class itself, so that each meter has not a table of its own.
    _commands: "dict[int, Callable[[Update], int]]" = {CANCEL: _cancel, BEGIN: _begin, CHECK: _check, INSTALL: _install, CONFIRM: _confirm}  # noqa: RUF012 - no ClassVar on the board

    # -- trial

    def measured(self, uptime_ms: int, coverage: "int | None", journal_age_ms: "int | None") -> None:
        """A window was measured: is this version able to meter, and is its time for being confirmed over?"""
        self.windows += 1
        if journal_age_ms is not None and self.windows >= WINDOWS_MIN and (coverage or 0) >= self._coverage_min:
            self._able = True
        if self.busy or self.restart_wanted:
            return
        if self._state == ON_TRIAL and uptime_ms > TRIAL_MS_MAX:
            self._working = self._giving_up()
        elif self._able and self._state != ON_TRIAL and (self._record.starts or self._record.state != boot.GOOD):
            self._working = self._becoming_good()

    def _becoming_good(self) -> "Iterator[None]":
        version = max((self._version, self._record.version), key=version_numbers)
        self._note(self._record.slot, boot.GOOD, 0, self._record.reason, version)
        yield None
        if self._state == ON_TRIAL:
            for _ in self._forgetting():
                yield None

    def _giving_up(self) -> "Iterator[None]":
        self._note(self._record.slot, boot.TRIAL, boot.STARTS_MAX, 0)
        self.restart_wanted = True
        yield None

    def _note(self, slot: int, state: int, starts: int, reason: int, version: str = "") -> None:
        record = boot.Record(slot, state, starts, reason, version or self._record.version)
        boot.write(record)
        self._record = record

    def _show(self, state: int, reason: int) -> None:
        self._state = state
        self._image.put("update_state", state)
        self._image.put("update_reason", reason)
