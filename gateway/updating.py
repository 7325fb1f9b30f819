"""A new version into one of our own submeters: what the gateway does, step by step, until the meter measures again.

Each step can be done again: after an interruption the same bundle goes on where it stopped. How requests reach the meter,
and what a person sees of it, is not known here.
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from gateway.exchanging import Exchange
from gateway.update_codes import REASONS, Command, State
from protocols.bundle import Head, NotABundle, opened, version_numbers
from protocols.errors import MeterRefused, NoAnswer
from protocols.meter import Meter
from protocols.meter_fields import TEXT, Field
from protocols.pdu import BUSY, ReadRequest, ReadWriteRegisters, Request, WriteRegisters, pack_words, unpack_words

MAKER = "Shiftwatt"
# A meter that is away for a moment (an erase, a collision, a restart) is asked again; then a person is told.
TRIES, TRY_AGAIN_S = 8, 1.0
BUSY_S, BUSY_TRIES = 0.1, 50
# A meter that restarts more often during one transfer has another trouble than its version.
RESUMES_MAX = 20
LOOK_S = 0.5
# The check takes some ten thousand multiplications and the meter goes on metering meanwhile; laying down is bound by flash.
BEGIN_S_MAX = 20.0
CHECK_S_MAX, INSTALL_S_MAX = 120.0, 180.0
# Three starts that fail, each with half a minute until its watchdog bites, and the old version's own start.
RESTART_S_MAX = 180.0
# Some ten windows and one save of the journal; twice that for a busy line.
SELF_TEST_S_MAX = 120.0
_RECOVERY = 2  # among the marks


class UpdateError(Exception):
    """The sentence says what happened and what to do."""


@dataclass(frozen=True)
class Before:
    """What the meter was before; `energy_mwh` None in recovery mode, where nothing is measured."""

    version: str
    hardware: str
    is_recovery: bool
    is_on_trial: bool
    energy_mwh: int | None


@dataclass(frozen=True)
class Surroundings:
    """`progress` is told (step, done, of all)."""

    exchange: Exchange
    sleep: Callable[[float], object]
    now: Callable[[], float]
    progress: Callable[[str, int, int], object]


def head_of_bundle(data: bytes) -> Head:
    try:
        return opened(data)[0]
    except NotABundle as error:
        raise UpdateError(f"this is no bundle for a submeter: {error}. Copy it anew, or make one with `shiftwatt bundle make`.") from error


class Updating:
    def __init__(self, name: str, model: Meter, surroundings: Surroundings) -> None:
        self._name = name
        self._around = surroundings
        self._fields: Mapping[str, Field] = {field.name: field for field in model.fields}
        self._energy = next(row.address for row in model.rows if row.quantity == "active_energy_import")
        self._resumes = 0
        self._length_max = self._fields["update_length_bytes"].most

    # -- what a person wants

    def run(self, bundle: bytes) -> Before:
        """From any state to the new version found good; UpdateError if it does not come to that. What was before.

        Nothing is sent to a meter that runs this version already.
        """
        head = head_of_bundle(bundle)
        before = self._identified(head)
        if before.version == head.version and not (before.is_on_trial or before.is_recovery):
            return before
        if not before.is_on_trial:
            self._transfer(bundle)
            self._do(Command.CHECK, State.CHECKED, CHECK_S_MAX, "check")
            self._install()
        self._confirm(before, head)
        return before

    def _identified(self, head: Head) -> Before:
        maker = self._maker()
        if not maker.startswith(MAKER):
            said = f"it says {maker!r}" if maker else "it does not say its maker"
            raise UpdateError(f"{self._name} is no submeter of ours: {said}. Check line and address.")
        hardware, version = self._text("hardware"), self._text("firmware_version")
        is_recovery = bool(self._number("marks") & _RECOVERY)
        if hardware != head.hardware:
            raise UpdateError(f"the bundle is for {head.hardware}, {self._name} is {hardware}; take the bundle for that.")
        if not is_recovery and version_numbers(head.version) < version_numbers(version):
            raise UpdateError(f"{self._name} runs {version}, which is newer than the bundle's {head.version}; nothing was changed.")
        is_on_trial = self._state() == State.TRIAL
        return Before(version, hardware, is_recovery, is_on_trial, None if is_recovery else self._energy_mwh())

    def _maker(self) -> str:
        try:
            said = self._text("maker")
        except MeterRefused:  # what another make answers where it has no such registers
            return ""
        return said if said.isprintable() else ""

    # -- steps

    def _transfer(self, bundle: bytes) -> None:
        if self._state() in (State.CHECKING, State.INSTALLING, State.INSTALLED):
            raise UpdateError(f"{self._name} is at work on an update already; wait a minute and start the command again.")
        done = self._begin(bundle)
        while done < len(bundle):
            self._around.progress("transfer", done, len(bundle))
            done = self._piece(bundle, done)
        self._around.progress("transfer", len(bundle), len(bundle))

    def _begin(self, bundle: bytes) -> int:
        """How much of this very bundle the meter holds already."""
        size, digest = struct.pack(">I", len(bundle)), sha256(bundle).digest()
        self._write("update_size_bytes", size + digest + struct.pack(">H", Command.BEGIN))
        self._wait_for(State.RECEIVING, BEGIN_S_MAX, "begin")
        return self._number("update_received_bytes")

    def _piece(self, bundle: bytes, at: int) -> int:
        """One piece out; how much the meter holds, as it says in the same answer: the piece before this one, at least."""
        piece = bundle[at : at + self._length_max]
        data = struct.pack(">IH", at, len(piece)) + piece + bytes(self._length_max - len(piece))
        state = self._fields["update_state"].address
        words = (self._fields["update_received_bytes"].address + 2) - state
        request = ReadWriteRegisters(state, words, self._fields["update_offset_bytes"].address, unpack_words(data))
        try:
            told = self._ask(request, in_bulk=True)
        except MeterRefused:
            return self._resumed(bundle)
        if told[0] == State.REFUSED:
            raise UpdateError(self._refusal(told[1]))
        # What is on its way into flash is not told yet; a piece that did not arrive there is sent again at the end.
        sent = at + len(piece)
        return sent if sent < len(bundle) else self._held(len(bundle))

    def _resumed(self, bundle: bytes) -> int:
        """There is a gap, or it restarted meanwhile: what it holds counts."""
        self._resumes += 1
        state = self._state()
        if state == State.REFUSED:
            raise UpdateError(self._refusal(self._number("update_reason")))
        if self._resumes > RESUMES_MAX:
            raise UpdateError(f"{self._name} lost what it held {RESUMES_MAX} times; look at its supply, then start the command again.")
        return self._number("update_received_bytes") if state == State.RECEIVING else self._begin(bundle)

    def _held(self, size: int) -> int:
        """After the last piece: all of it, or from where it has to be sent again."""
        for _ in range(BUSY_TRIES):
            held = self._number("update_received_bytes")
            if held == size:
                break
            self._around.sleep(BUSY_S)
        return held

    def _do(self, command: Command, wanted: State, seconds: float, step: str) -> None:
        self._write("update_command", struct.pack(">H", command))
        self._wait_for(wanted, seconds, step)

    def _install(self) -> None:
        """The meter restarts at the end of it, so that its state may be seen or not."""
        self._write("update_command", struct.pack(">H", Command.INSTALL))
        until = self._around.now() + INSTALL_S_MAX + RESTART_S_MAX
        while self._around.now() < until:
            self._around.progress("install", 0, 0)
            try:
                state = self._state()
            except UpdateError:  # on its way
                continue
            if state == State.REFUSED:
                raise UpdateError(self._refusal(self._number("update_reason")))
            if state == State.TRIAL:
                return
            self._around.sleep(LOOK_S)
        raise UpdateError(
            f"{self._name} did not come back after the new version was installed. Without confirmation it returns to the old one "
            "within a quarter of an hour; look at its supply and its line, then start the command again."
        )

    def _confirm(self, before: Before, head: Head) -> None:
        """Only a meter that shows the new version, measures and has not lost energy is confirmed."""
        until = self._around.now() + SELF_TEST_S_MAX
        while self._around.now() < until:
            self._around.progress("trial", 0, 0)
            state = self._state()
            if state == State.REFUSED:
                raise UpdateError(self._refusal(self._number("update_reason")))
            version = self._text("firmware_version")
            if state == State.IDLE and version == head.version:
                return
            if state == State.TRIAL:
                if version != head.version:
                    raise UpdateError(f"{self._name} tries version {version}, not this one; wait a quarter of an hour and start again.")
                if before.energy_mwh is not None and self._energy_mwh() < before.energy_mwh:
                    self._write("update_command", struct.pack(">H", Command.CANCEL))
                    raise UpdateError(
                        f"under {head.version} the energy counter of {self._name} fell: it was sent back to {before.version}."
                    )
                self._try_to_confirm()
            self._around.sleep(LOOK_S)
        raise UpdateError(
            f"{self._name} runs {head.version} but does not measure; it was not confirmed "
            f"and returns to {before.version} within a quarter of an hour."
        )

    def _try_to_confirm(self) -> None:
        try:
            self._ask(self._writing("update_command", struct.pack(">H", Command.CONFIRM)), patience=1)
        except (MeterRefused, UpdateError):  # its self-test is not over yet, or it was just done
            return

    def _wait_for(self, wanted: State, seconds: float, step: str) -> None:
        until = self._around.now() + seconds
        while self._around.now() < until:
            self._around.progress(step, 0, 0)
            state = self._state()
            if state == wanted:
                return
            if state == State.REFUSED:
                raise UpdateError(self._refusal(self._number("update_reason")))
            self._around.sleep(LOOK_S)
        raise UpdateError(f"{self._name} did not get to the end of {step} within {seconds:g} s; start the command again.")

    def _refusal(self, reason: int) -> str:
        return f"{self._name} refused the update: {REASONS.get(reason, f'reason {reason}')}."

    # -- registers

    def _state(self) -> State:
        return State(self._number("update_state"))

    def _number(self, name: str) -> int:
        return int.from_bytes(self._read(name), "big")

    def _text(self, name: str) -> str:
        return self._read(name).rstrip(b"\0").decode("ascii", "replace")

    def _read(self, name: str) -> bytes:
        field = self._fields[name]
        words = field.words if field.type == TEXT else {"uint16": 1, "uint32": 2}[field.type]
        return pack_words(self._ask(ReadRequest(3, field.address, words)))

    def _energy_mwh(self) -> int:
        return int.from_bytes(pack_words(self._ask(ReadRequest(3, self._energy, 4))), "big")

    def _writing(self, name: str, data: bytes) -> WriteRegisters:
        return WriteRegisters(self._fields[name].address, unpack_words(data))

    def _write(self, name: str, data: bytes) -> None:
        try:
            self._ask(self._writing(name, data))
        except MeterRefused as refusal:
            raise UpdateError(
                f"{self._name} does not take that now (exception {refusal.code}); wait a minute and start again."
            ) from refusal

    def _ask(self, request: Request, *, in_bulk: bool = False, patience: int = BUSY_TRIES) -> tuple[int, ...]:
        """Asked again while the meter is silent or busy."""
        silences = 0
        while True:
            try:
                return self._around.exchange(request, in_bulk and not silences)
            except MeterRefused as refusal:
                patience -= 1
                if refusal.code != BUSY or patience <= 0:
                    raise
                self._around.sleep(BUSY_S)
            except NoAnswer as silence:
                silences += 1
                if silences >= TRIES:
                    raise UpdateError(
                        f"{self._name} does not answer ({silence}). What it holds is kept: start the command again and it goes on there."
                    ) from silence
                self._around.sleep(TRY_AGAIN_S)
