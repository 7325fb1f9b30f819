"""Who answers at one setting of the wire: a quick look at many addresses, then a patient one where something was heard.

Nobody is waited for longer than `Look.wait_s` at first. An answer that comes later counts for the address it
carries; one that ran into our next request is heard as noise, and whoever may have made it is asked again, with
more patience. Only reads are sent. What the meters are is not known here.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from gateway.acquire.channel import Channel, Heard
from protocols.pdu import READ_HOLDING, ReadRequest

# Four registers: thirteen bytes of answer are longer than eight of request, so that it cannot hide behind the next one.
# A refusal has five and can; what was silent is therefore asked again where time allows.
PROBE = ReadRequest(READ_HOLDING, 0, 4)
# What a silent address costs. Most meters begin within 10 to 60 ms; who is later is met by the second look.
WAIT_S = 0.025
# The second look asks with growing patience; meters need 600 ms under load at worst, gateways more.
PATIENCES_S = (0.06, 0.2, 0.6)
LATE_S = PATIENCES_S[-1]
# A frame of the wrong unit or noise comes from somebody asked at most so long ago; a request before it may be damaged too.
BLAME_S = 0.45
# More noise than this is no late answer but a line that is never quiet: asking everybody again would find nothing.
EVENTS_MAX = 24
# An address is only called found, or shared, after so many further questions.
PROOFS = 4
SHARED_MIN = 2  # of the proofs damaged or doubled: noise alone rarely strikes one address twice
LINGER_S = 0.12  # a second meter of the same address may answer this much after the first
QUIET_S = 0.2
# Some meters miss a request that comes less than 100 ms after traffic for others.
SHY_S = 0.11
SILENT_MAX = 2  # an answer may be lost once


class Proof(NamedTuple):
    """What came of asking one address several times."""

    address: int
    clean: int
    damaged: int
    doubled: int
    turnaround_s: float

    @property
    def answers(self) -> bool:
        return self.clean > 0 and self.damaged + self.doubled < SHARED_MIN

    @property
    def disturbed(self) -> bool:
        return self.damaged + self.doubled > 0 and not self.answers

    @property
    def sentence(self) -> str:
        parts = ((self.clean, "good"), (self.damaged, "damaged"), (self.doubled, "doubled"))
        told = ", ".join(f"{count} {word}" for count, word in parts if count)
        return f"asked {PROOFS} times it gave {told or 'no'} answers"


class Sweep:
    """`look` at each address, then `finish`; then `proofs` has everyone who is there."""

    def __init__(self, channel: Channel, wait_s: float = WAIT_S, until: float = inf) -> None:
        """`until` is the loop's time at which the second look ends, whoever is still in doubt."""
        self._channel = channel
        self._until = until
        self._wait_s = wait_s
        self._asked: list[tuple[float, int]] = []
        self._events: list[tuple[int, ...]] = []  # who may have made each noise, in the order they were asked
        self._noisy: Counter[int] = Counter()  # how often there was noise right after this one was asked
        self._damaged: set[int] = set()  # requests that may not have been heard
        self._answered: set[int] = set()
        self._heard_well: set[int] = set()  # by their frames: no noise was theirs
        self.proofs: dict[int, Proof] = {}
        self.echo = False
        self.noise = 0
        self.events = 0

    @property
    def restless(self) -> bool:
        return self.events >= EVENTS_MAX

    async def look(self, address: int, wait_s: float | None = None) -> Heard:
        heard = await self._channel.ask(address, PROBE, self._wait_s if wait_s is None else wait_s)
        now = asyncio.get_running_loop().time()
        self._asked = [(at, each) for at, each in self._asked if now - at <= BLAME_S]
        self._asked.append((now, address))
        self._note(address, heard)
        return heard

    async def look_shy(self, address: int) -> None:
        """For a meter that hears nothing soon after traffic for others."""
        if address not in self._answered:
            await self._channel.hear(SHY_S)
            await self.look(address, PATIENCES_S[0])

    async def finish(self) -> None:
        """The late ones, the second look, the proofs."""
        self._note(None, await self._channel.hear(BLAME_S))
        self._heard_well = set(self._answered)
        for patience_s in PATIENCES_S:
            for address in tuple(self._doubtful()):
                if address not in self._answered and address not in self.proofs and asyncio.get_running_loop().time() < self._until:
                    await self._look_again(address, patience_s)
        for address in sorted(self._answered - set(self.proofs)):
            await self.prove(address)

    @property
    def answering(self) -> int:
        return len(self._answered)

    def keep_first(self) -> None:
        """One device answered as everybody: the first address stands for it."""
        self._answered = {min(self._answered)}

    async def prove(self, address: int) -> Proof:
        """Kept in `proofs` unless nobody is there."""
        clean = damaged = doubled = silent = 0
        turnaround_s = 0.0
        while clean + damaged + doubled + silent < PROOFS and silent < SILENT_MAX:
            heard = await self._channel.ask(address, PROBE, LATE_S, linger_s=LINGER_S)
            replies = len(heard.of(address))
            if replies > 1:
                doubled += 1
            elif heard.damaged:
                damaged += 1
            elif replies:
                clean += 1
                turnaround_s = max(turnaround_s, heard.took_s)
            else:
                silent += 1
        proof = Proof(address, clean, damaged, doubled, turnaround_s)
        if proof.answers or proof.disturbed:
            self.proofs[address] = proof
            self._events = [event for event in self._events if address not in event]
        return proof

    def _doubtful(self) -> Iterator[int]:
        """Whom to ask again: requests that were spoken over, and who may have made a noise nobody has owned up to, latest first."""
        if self.restless:
            return
        yield from sorted(self._damaged - self._answered)
        seen = set(self._damaged)
        for event in self._unowned():
            yield from (address for address in reversed(event) if address not in seen)
            seen |= set(event)

    def _unowned(self) -> list[tuple[int, ...]]:
        """Noises that no meter found since can have made: each owns up to one."""
        owners = self._answered - self._heard_well
        unowned = []
        for event in self._events:
            owner = next((address for address in event if address in owners), None)
            if owner is None:
                unowned.append(event)
            owners.discard(owner or 0)
        return unowned

    async def _look_again(self, address: int, patience_s: float) -> None:
        if address not in self._damaged and not any(address in event for event in self._unowned()):
            return  # whoever made the noise was found meanwhile
        self._damaged.discard(address)
        heard = await self.look(address, patience_s)
        if heard.damaged and address not in self._answered and (self._noisy[address] > 1 or patience_s >= BLAME_S):
            await self._channel.hear(QUIET_S)
            await self.prove(address)

    def _note(self, address: int | None, heard: Heard) -> None:
        self.echo |= heard.echo
        self.noise += heard.noise
        speakers = {each for each, _ in heard.frames if each > 0}
        self._answered |= speakers
        if address in speakers or not heard.anything:
            return
        recent = tuple(dict.fromkeys(each for _, each in self._asked))
        self._damaged.update(recent[-2:])
        if heard.damaged and recent:
            self.events += 1
            self._events.append(recent)
            self._noisy.update([] if address is None else [address])
