"""What the meter says to a frame: one server behind RTU and TCP, over the image of its registers.

It knows the unit address, the latch and the lock; the values come from the application, and written ones go to it,
the whole of one request at once and only after all of it was checked. Ports, silence on the line and flash are
not known here. Runs on MicroPython.
"""

from firmware.diagnostics import BUS_ERRORS, BUS_MESSAGES, BUSY_ANSWERS, EXCEPTIONS, LOST, NO_RESPONSE, SERVER_MESSAGES, Diagnostics
from firmware.register_writes import changes_of
from protocols.errors import MeterRefused
from protocols.frame import BROADCAST, RtuFrame, TcpFrame, rtu_frame, tcp_frame
from protocols.pdu import BUSY, DIAGNOSE, ILLEGAL_VALUE, READ_WRITE, REFUSED, REPORT, WRITE_MANY, WRITE_ONE
from protocols.responder import FUNCTIONS, answer, read_write_registers

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from typing import Protocol

    from firmware.key_lock import Clock, KeyLock
    from firmware.register_image import RegisterImage
    from firmware.register_writes import Changes
    from protocols.responder import Handler, Registers

    class Application(Protocol):
        def refresh(self) -> None:
            """Put into the image what changes by itself (clock, ages, counts); called before each read and latch."""
            ...

        def before_latch(self) -> None:
            """Bring the measured values up to date, as far as that can be done at once."""
            ...

        def write(self, changes: Changes) -> int:
            """All values of one request by name, raw as in the register map, each within its limits; 0 or an exception code.

            What it accepts it puts into the image; line settings change only when the answer is gone.
            """
            ...


# Unit numbers that mean "this very device" over TCP, beside its own.
_TCP_UNITS = (0, 255)
_RUNNING = b"\xff"
# A latch belongs to one round of reading; and ticks come round after some days.
_LATCH_AGE_MS_MAX = 86_400_000
_LATCH_VALUES_AGE_MS_MAX = 65_534  # what its register holds


class ModbusServer:
    """`identity`: vendor, product code, revision and what else function 43/14 shall tell, in the standard's order."""

    def __init__(
        self,
        image: "RegisterImage",
        application: "Application",
        identity: tuple[bytes, ...],
        unit: int,
        lock: "KeyLock",
        clock: "Clock",
    ) -> None:
        self.unit = unit
        self.diagnostics = Diagnostics()
        self._image = image
        self._application = application
        self._identity = identity
        self._lock = lock
        self._clock = clock
        self._to_all = False
        self._latched_ms: int | None = None
        self._functions = dict(FUNCTIONS)
        self._functions[READ_WRITE] = read_write_registers
        self._functions[DIAGNOSE] = self.diagnostics.answer
        self._functions[REPORT] = self._report

    def serve_rtu(self, frame: RtuFrame) -> bytes:
        """The whole reply frame, b"" where the standard wants silence."""
        self.diagnostics.count(BUS_MESSAGES)
        if frame.address == BROADCAST:
            self._obey(frame.pdu)
            return b""
        if frame.address != self.unit:
            return b""
        # Under the address that was asked: a write may just have changed ours.
        return rtu_frame(frame.address, self._answered(frame.pdu))

    def serve_tcp(self, frame: TcpFrame) -> bytes:
        self.diagnostics.count(BUS_MESSAGES)
        if frame.unit != self.unit and frame.unit not in _TCP_UNITS:
            return b""
        return tcp_frame(frame.transaction, frame.unit, self._answered(frame.pdu))

    def broken(self) -> None:
        """A frame without a good check sum was heard."""
        self.diagnostics.count(BUS_ERRORS)

    def lost(self) -> None:
        """A frame for this meter came when it could not be answered in time."""
        self.diagnostics.count(LOST)

    def tick(self) -> None:
        """To be called about once a second: what has an end ends, also while nobody asks."""
        self._lock.tick()
        if (self._latch_age_ms() or 0) >= _LATCH_AGE_MS_MAX:
            self._latched_ms = None

    def read(self, function: int, address: int, count: int) -> bytes | None:  # noqa: ARG002 - 3 and 4 read the same map
        self.refresh()
        return self._image.span(address, count)

    def write(self, address: int, words: tuple[int, ...]) -> int:
        changes = changes_of(address, words, self._to_all, self._lock.left_s > 0)
        name, value = changes[0]
        # Neither has a neighbour that could be written with it.
        if name == "key":
            self._lock.turn(int(value))
            return 0
        if name == "latch":
            self._latch(int(value))
            return 0
        return self._application.write(changes)

    def _answered(self, pdu: bytes) -> bytes:
        self.diagnostics.count(SERVER_MESSAGES)
        reply = self._tried(pdu, self._identity, self._functions)
        self._count_refusal(reply)
        return reply

    def _tried(self, pdu: bytes, identity: tuple[bytes, ...], functions: "dict[int, Handler]") -> bytes:
        """A long request may find no memory, such as while the update is loaded for a moment: then the master tries again."""
        try:
            return answer(pdu, self, identity, functions)
        except MemoryError:
            return bytes((pdu[0] & ~REFUSED | REFUSED, BUSY))

    def _obey(self, pdu: bytes) -> None:
        """A broadcast is for writing only; nobody hears whether it was refused, but it is counted."""
        self.diagnostics.count(SERVER_MESSAGES)
        self.diagnostics.count(NO_RESPONSE)
        if pdu[:1] not in (bytes((WRITE_ONE,)), bytes((WRITE_MANY,))):
            return
        self._to_all = True
        try:
            self._count_refusal(self._tried(pdu, (), FUNCTIONS))
        finally:
            self._to_all = False

    def _count_refusal(self, reply: bytes) -> None:
        if reply[0] & REFUSED:
            self.diagnostics.count(EXCEPTIONS)
            if reply[1] == BUSY:
                self.diagnostics.count(BUSY_ANSWERS)

    def _report(self, pdu: bytes, registers: "Registers") -> bytes:  # noqa: ARG002 - one of the responder's handlers
        if len(pdu) != 1:
            raise MeterRefused(ILLEGAL_VALUE)
        said = b" ".join(self._identity[:3]) + _RUNNING
        return bytes((REPORT, len(said))) + said

    def _latch(self, number: int) -> None:
        self._application.before_latch()
        self.refresh()
        image = self._image
        image.freeze()
        image.put("latch", number)
        # Counters are published when they are saved: they may be older than the rest.
        ages_ms = [age_ms for age_ms in (image.number("values_age_ms"), image.number("journal_age_ms")) if age_ms is not None]
        image.put("latch_values_age_ms", min(max(ages_ms), _LATCH_VALUES_AGE_MS_MAX) if ages_ms else None)
        image.put("latch_clock_ms", image.number("clock_ms"))
        self._latched_ms = self._clock.ticks_ms()

    def _latch_age_ms(self) -> int | None:
        return None if self._latched_ms is None else self._clock.ticks_diff(self._clock.ticks_ms(), self._latched_ms)

    def refresh(self) -> None:
        """Everything that changes by itself, into the image."""
        self.tick()
        self._image.put("unlocked_s", self._lock.left_s)
        self._image.put("latch_age_ms", self._latch_age_ms())
        self._image.put("frames_lost", self.diagnostics.total(LOST))
        self._image.put("crc_errors", self.diagnostics.total(BUS_ERRORS))
        self._application.refresh()
