"""Finds and identifies the meters on a wire: walks the plan of settings and addresses within a time budget.

An async generator: `Progress` while it works, one `ScanResult` at its end. It only reads, and it works on a
`Wire` handed in, so that the line owner's port, a port of its own and a simulated line are the same to it.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from dataclasses import replace

from gateway.acquire.channel import Channel, RtuChannel, TcpChannel
from gateway.acquire.dlt_search import DltSearch
from gateway.acquire.identify import Identifier, Identity
from gateway.acquire.master import WireClosed
from gateway.acquire.scan_plan import AGAIN, DLT_SETTINGS, EVERYBODY, FIRST, FULL, QUICK, Step, allowed, full_steps, quick_steps
from gateway.acquire.scan_result import (
    ECHO,
    GARBLED,
    SHARED,
    SILENT,
    WRONG_PARITY,
    Expected,
    Found,
    Progress,
    ScanResult,
    Searched,
    Trouble,
    is_heard_again,
)  # fmt: skip
from gateway.acquire.sweep import WAIT_S, Proof, Sweep
from gateway.acquire.wire import NotSettable, Settings, Wire
from protocols.dlt645 import ADDRESS_DIGITS
from protocols.meter import DLT645, Meter
from protocols.reading import outside_values

# Result in under a minute, the start of the command included; what is proven by then is told, and what was not searched too.
BUDGET_S = 56.0
# What the proof and the identification of a meter or two may still take when the passes stop.
RESERVE_S = 6.0
# A meter that the site file names is waited for as long as a slow one needs.
PATIENT_S = 1.0
# After setting a port the first bytes may be ghosts of the switch.
SETTLE_S = 0.05
PATIENCE_S_MIN, PATIENCE_S_MAX = 0.15, 1.5
TCP_SETTINGS = Settings(0, "N")  # stands for "no settings": TCP has none
_PARITIES = ("N", "E", "O")
# A gateway has fewer meters behind it than this: it is one device that answers as whatever unit it is asked.
EVERY_UNIT_MIN = 200
_WAITS_S = {QUICK: 0.032, FULL: WAIT_S, AGAIN: 0.032}  # other waits meet other phases of a late refusal


class Scan:
    def __init__(
        self,
        wire: Wire,
        port: str,
        models: Mapping[str, Meter],
        *,
        is_tcp: bool = False,
        baud: int | None = None,
        parity: str | None = None,
        site_settings: Settings | None = None,
        expected: Sequence[Expected] = (),
        nominal_v: int | None = None,
        budget_s: float = BUDGET_S,
    ) -> None:
        self._wire = wire
        self._port = port
        self._models = models
        self._is_tcp = is_tcp
        self._narrow = baud is not None or parity is not None
        self._baud = baud
        self._told = site_settings
        self._settings = (TCP_SETTINGS,) if is_tcp else allowed(baud, parity, site_settings)
        self._expected = tuple(expected)
        self._nominal_v = nominal_v
        self._budget_s = budget_s
        self._found: dict[tuple[int | str, Settings], Found] = {}
        self._disturbed: dict[tuple[int, Settings], Proof] = {}
        self._trouble: list[Trouble] = []
        self._searched: dict[Settings, set[int]] = {}
        self._unfit: dict[Settings, str] = {}  # what the port has not, and why: nobody can be looked for there
        self._only: Settings | None = None  # the setting that stands for all where the port takes no notice of them
        self._began = 0.0
        self._asked = 0
        self._to_ask = 1

    async def run(self) -> AsyncGenerator[Progress | ScanResult, None]:
        """WireClosed if the wire cannot be had."""
        self._began = asyncio.get_running_loop().time()
        quick = [] if self._is_tcp else list(quick_steps(self._settings, self._addresses()))
        self._to_ask = sum(len(step.addresses) for step in quick) + len(EVERYBODY) * len(self._settings)
        for step in quick:
            async for progress in self._step(step):
                yield progress
        if self._unfit and len(self._unfit) == len(self._settings):
            raise WireClosed(next(iter(self._unfit.values())))
        modbus = ((address, settings) for address, settings in (*self._found, *self._disturbed) if isinstance(address, int))
        inhabited = tuple(dict.fromkeys(settings for _, settings in modbus))
        for step in full_steps(self._settings, tuple(each for each in inhabited if each in self._settings)):
            if not self._time_left():
                break
            async for progress in self._step(step):
                yield progress
        yield self._progress("proving what was heard")
        await self._settle_disputes()
        await self._ask_the_expected()
        self._wire.close()
        yield self._result()

    def _addresses(self) -> tuple[int, ...]:
        return tuple(each.address for each in self._expected if isinstance(each.address, int))

    def _time_left(self) -> bool:
        return asyncio.get_running_loop().time() - self._began < self._budget_s - RESERVE_S

    def _channel(self, settings: Settings) -> Channel:
        return TcpChannel(self._wire) if self._is_tcp else RtuChannel(self._wire, settings)

    async def _open(self, settings: Settings) -> Channel | None:
        """None where the port has not these settings, or they mean nothing to it."""
        if settings in self._unfit or self._only not in (None, settings):
            return None
        try:
            await self._wire.open(settings)
        except NotSettable as unfit:
            # Not the error itself: it would keep the port that could not be set half open.
            self._unfit[settings] = str(unfit)
            return None
        channel = self._channel(settings)
        await channel.hear(SETTLE_S)
        return channel

    async def _step(self, step: Step) -> AsyncIterator[Progress]:
        done = self._searched.setdefault(step.settings, set())
        channel = await self._open(step.settings)
        if channel is None:
            return
        sweep = Sweep(channel, _WAITS_S[step.kind], self._began + self._budget_s - RESERVE_S / 2)
        known = {address for address, settings in (*self._found, *self._disturbed) if settings == step.settings}
        for address in step.addresses:
            if address in known or not self._time_left() or sweep.restless:
                continue
            await sweep.look(address)
            done.add(address)
            self._asked += 1
            if self._asked % 8 == 0:
                yield self._progress(f"asking address {address} at {self._at(step.settings)}")
        if not self._is_tcp:
            for address in self._shy(step, known):
                await sweep.look_shy(address)
        everybody = self._is_tcp and sweep.answering >= EVERY_UNIT_MIN
        if everybody:
            sweep.keep_first()
        await sweep.finish()
        self._note(sweep, step.settings)
        for proof in sweep.proofs.values():
            if proof.answers:
                yield self._progress(f"identifying address {proof.address}")
                await self._identify(channel, step.settings, proof, "; it answers as every unit" if everybody else "")
            elif proof.disturbed:
                self._disturbed[proof.address, step.settings] = proof
        if step.kind == QUICK and step.settings in DLT_SETTINGS:
            yield self._progress(f"calling DL/T 645 meters at {step.settings}")
            await self._search_dlt(step.settings)

    def _shy(self, step: Step, known: set[int | str]) -> tuple[int, ...]:
        """Who is asked after a silence: all likely addresses where meters are, elsewhere the first and the expected."""
        if step.kind == AGAIN or not self._time_left():
            return ()
        likely = FIRST if step.kind == FULL and (known or self._narrow) else FIRST[:1]
        return tuple(each for each in dict.fromkeys((*self._addresses(), *likely)) if each not in known)

    def _at(self, settings: Settings) -> str:
        return self._port if self._is_tcp else str(settings)

    def _note(self, sweep: Sweep, settings: Settings) -> None:
        if sweep.echo and not any(trouble.kind == ECHO for trouble in self._trouble):
            self._trouble.append(Trouble(ECHO, None, "what is sent is heard back: the adapter does not switch its receiver off"))
        if sweep.restless:
            sentence = f"bytes that nobody asked for at {self._at(settings)}: a second master, or no bias on the line"
            self._trouble.append(Trouble(GARBLED, None, sentence))

    async def _identify(self, channel: Channel, settings: Settings, proof: Proof, more: str = "") -> None:
        if self._only not in (None, settings):
            return
        if asyncio.get_running_loop().time() - self._began > self._budget_s:
            late = Identity(None, "it answers; the time was over before it was asked what it is", None)
            self._found[proof.address, settings] = _found(proof.address, settings, late, "")
            return
        patience_s = min(PATIENCE_S_MAX, max(PATIENCE_S_MIN, 3 * proof.turnaround_s))
        identity = await Identifier(channel, proof.address, patience_s, self._nominal_v).identity(self._models)
        doubt = f" ({proof.sentence})" if proof.damaged or proof.doubled else ""
        found = _found(proof.address, settings, identity, doubt + more)
        twin = next((each for each in self._found.values() if is_heard_again(each, found)), None)
        if twin is None:
            self._found[proof.address, settings] = found
            return
        self._only = twin.settings
        sentence = f"{twin.evidence}; it answers at {settings} too: this port takes no notice of its baud rate"
        self._found[twin.address, twin.settings] = replace(twin, evidence=sentence)

    async def _search_dlt(self, settings: Settings) -> None:
        model = next((meter for meter in self._models.values() if meter.language == DLT645), None)
        if model is None:
            return
        expected = [each.address for each in self._expected if isinstance(each.address, str)]
        search = DltSearch(self._wire, settings, model, expected)
        for address, identity in await search.run():
            self._found[address, settings] = _found(address, settings, identity, "")
        if search.several:
            sentence = (
                f"several DL/T 645 meters answer at once at {settings}; connect one at a time, or write their addresses into the site file"
            )
            self._trouble.append(Trouble(GARBLED, None, sentence))

    async def _settle_disputes(self) -> None:
        """Damaged answers: of a meter with another parity, or of two meters."""
        for (address, settings), proof in self._disturbed.items():
            other = next((key for key in self._found if key[0] == address and key[1].baud == settings.baud), None)
            if other is None and not self._is_tcp:
                other = await self._other_parity(address, settings)
            if other is not None:
                self._told_parity(address, other[1], f"its answers are damaged at {settings} and good at {other[1]}")
                continue
            kind = SHARED if proof.damaged + proof.doubled > 1 else GARBLED
            sentence = f"{proof.sentence} at {self._at(settings)}; disconnect one of the meters, then give the other an address of its own"
            self._trouble.append(Trouble(kind, address, sentence))
        for found in tuple(self._found.values()):
            if self._told is not None and found.settings.baud == self._told.baud and found.settings.parity != self._told.parity:
                self._told_parity(found.address, found.settings, f"it answers at {found.settings}; the site file says {self._told}")

    def _told_parity(self, address: int | str, settings: Settings, sentence: str) -> None:
        wrong = settings not in self._settings or (self._told is not None and settings.parity != self._told.parity)
        if wrong and not any(trouble[:2] == (WRONG_PARITY, address) for trouble in self._trouble):
            self._trouble.append(Trouble(WRONG_PARITY, address, sentence))

    async def _other_parity(self, address: int, settings: Settings) -> tuple[int, Settings] | None:
        for parity in _PARITIES:
            other = Settings(settings.baud, parity)
            if parity == settings.parity or address in self._searched.get(other, ()):
                continue
            channel = await self._open(other)
            if channel is None:
                continue
            proof = await Sweep(channel).prove(address)
            if proof.answers:
                await self._identify(channel, other, proof)
                return address, other
        return None

    async def _ask_the_expected(self) -> None:
        """Whom the site file names and nobody heard: once more, patiently, while there is time; else by its name among the trouble."""
        there = {address for address, _ in (*self._found, *self._disturbed)}
        for each in self._expected:
            if each.address in there:
                continue
            settings = TCP_SETTINGS if self._is_tcp else self._told or self._settings[0]
            if isinstance(each.address, int) and asyncio.get_running_loop().time() - self._began < self._budget_s:
                channel = await self._open(settings)
                proof = channel and await Sweep(channel, PATIENT_S).prove(each.address)
                if channel and proof and proof.answers:
                    await self._identify(channel, settings, proof)
                    continue
            sentence = f"{each.name} ({each.model}) does not answer at address {each.address}, {self._at(settings)}"
            self._trouble.append(Trouble(SILENT, each.address, sentence))

    def _progress(self, sentence: str) -> Progress:
        elapsed_s = asyncio.get_running_loop().time() - self._began
        share = max(self._asked / self._to_ask, elapsed_s / self._budget_s)
        return Progress(min(0.99, share), sentence, tuple(self._found.values()))

    def _result(self) -> ScanResult:
        seconds = asyncio.get_running_loop().time() - self._began
        searched = tuple(Searched(settings, len(addresses)) for settings, addresses in self._searched.items())
        return ScanResult(self._port, seconds, tuple(sorted(self._found.values(), key=_order)), tuple(self._trouble), searched)


def _found(address: int | str, settings: Settings, identity: Identity, doubt: str) -> Found:
    values = outside_values(identity.values)
    return Found(address, settings, identity.model, identity.evidence + doubt, identity.confidence, values)


def _order(found: Found) -> tuple[Settings, str]:
    return found.settings, str(found.address).zfill(ADDRESS_DIGITS)


async def scanned(scan: Scan) -> ScanResult:
    """The result alone, for whoever shows no progress."""
    async with contextlib.aclosing(scan.run()) as steps:
        async for step in steps:
            if isinstance(step, ScanResult):
                return step
    raise AssertionError("a scan ends with its result")
