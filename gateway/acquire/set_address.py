"""Gives the one new meter on a wire its address, and its baud rate if wished: what its meter file says, read back and proven.

Nothing is written unless exactly one meter is meant, its model is known, and nobody has the new address yet.
Whatever interrupts it, the meter is at its old or its new place afterwards, and the same order again finishes.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gateway.acquire.channel import RtuChannel, read
from gateway.acquire.identify import HIGH, Identifier
from gateway.acquire.scan_plan import EVERYBODY, FIRST, allowed
from gateway.acquire.sweep import Sweep
from gateway.acquire.wire import Settings, Wire
from protocols.errors import MeterRefused, OurMistake, ProtocolError
from protocols.meter import Meter
from protocols.meter_settings import ADDRESS, BAUD, Setting, Write, setting_value, setting_write
from protocols.pdu import WRITE_ONE, ReadRequest, WriteRegister, WriteRegisters
from protocols.register import count

PATIENCE_S = 1.0
# A person walks to the meter and presses the button, or switches the supply off and on.
HAND_S = 180.0
LOOK_EVERY_S = 2.0
# Meters write their settings to flash, some restart: silence for so long after a write means nothing.
SETTLE_S = 1.5


class SettingRefused(Exception):
    """Nothing was changed, or it is not certain; the sentence says why and what to do, `why` is its kind in one word."""

    def __init__(self, why: str, sentence: str) -> None:
        super().__init__(sentence)
        self.why = why


class Order(NamedTuple):
    """`from_address` None: the only meter on the line. `baud` None: as it is. `settings` None: looked for."""

    address: int
    from_address: int | None = None
    baud: int | None = None
    model: str | None = None
    settings: Settings | None = None


class Place(NamedTuple):
    address: int
    settings: Settings


@dataclass(frozen=True)
class Outcome:
    model: str
    before: Place
    after: Place
    sentence: str


class AddressSetter:
    def __init__(self, wire: Wire, models: Mapping[str, Meter], order: Order, say: Callable[[str], None]) -> None:
        self._wire = wire
        self._models = models
        self._order = order
        self._say = say
        self._opened: Settings | None = None

    async def run(self) -> Outcome:
        """SettingRefused with the reason; WireClosed if the wire is not there."""
        try:
            place = await self._one_meter()
            meter = await self._model(place)
            wishes = self._wishes(meter)
            after = self._target(place)
            if place == after:
                return Outcome(
                    meter.name, place, after, f"{meter.name} is at address {after.address}, {after.settings}: there is nothing to do"
                )
            if place.address != after.address:
                await self._require_free(after)
            await self._write_all(meter, place, after, wishes)
            await self._confirm(meter, place, after)
            return Outcome(meter.name, place, after, f"{meter.name} answers at address {after.address}, {after.settings}")
        finally:
            self._wire.close()

    def _target(self, place: Place) -> Place:
        baud = self._order.baud or place.settings.baud
        return Place(self._order.address, place.settings._replace(baud=baud))

    async def _at(self, settings: Settings) -> RtuChannel:
        if settings != self._opened:
            await self._wire.open(settings)
            self._opened = settings
        return RtuChannel(self._wire, settings)

    # --- which meter is meant

    async def _one_meter(self) -> Place:
        wished = self._order.from_address
        candidates = allowed(None, None) if self._order.settings is None else (self._order.settings,)
        if self._order.baud is not None and self._order.settings is not None:
            candidates = (*candidates, self._order.settings._replace(baud=self._order.baud))
        asked = tuple(dict.fromkeys((wished, self._order.address))) if wished is not None else (*FIRST, self._order.address)
        for settings in candidates:
            sweep = await self._swept(settings, [each for each in asked if each is not None])
            if sweep.proofs and wished is None:
                sweep = await self._swept(settings, EVERYBODY)
            if sweep.proofs:
                return Place(self._meant(sweep, wished), settings)
        where = f"at address {wished}" if wished is not None else "on the line"
        raise SettingRefused("silent", f"no meter answers {where}; check its supply and the wires, or search the line")

    async def _swept(self, settings: Settings, addresses: Sequence[int]) -> Sweep:
        sweep = Sweep(await self._at(settings))
        for address in addresses:
            await sweep.look(address)
        await sweep.finish()
        return sweep

    def _meant(self, sweep: Sweep, wished: int | None) -> int:
        for proof in sweep.proofs.values():
            if proof.disturbed:
                raise SettingRefused(
                    "two",
                    f"two meters answer at address {proof.address} ({proof.sentence}); "
                    "disconnect one of them and start again. Nothing was changed.",
                )
        found = sorted(sweep.proofs)
        if wished in found:
            return wished or 0
        if len(found) > 1:
            listed = ", ".join(map(str, found))
            raise SettingRefused("several", f"meters answer at addresses {listed}; say which one is meant. Nothing was changed.")
        return found[0]

    async def _model(self, place: Place) -> Meter:
        channel = await self._at(place.settings)
        identity = await Identifier(channel, place.address, PATIENCE_S).identity(self._models)
        name = self._order.model or identity.model
        if name is None or (self._order.model is None and identity.confidence != HIGH):
            guess = f" (perhaps {identity.model}: {identity.evidence})" if identity.model else ""
            raise SettingRefused(
                "unsure",
                f"the model of the meter at address {place.address} is not certain{guess}; say which it is. Nothing was changed.",
            )
        if self._order.model is not None and identity.confidence == HIGH and identity.model != self._order.model:
            raise SettingRefused(
                "other",
                f"the meter at address {place.address} is no {self._order.model} but {identity.model}: {identity.evidence}. "
                "Nothing was changed.",
            )
        return self._models[name]

    def _wishes(self, meter: Meter) -> list[tuple[Setting, str]]:
        if meter.settings is None:
            raise SettingRefused(
                "no_way", f"no source says how the address of {meter.name} is set over the line; set it at the meter itself"
            )
        known = {setting.sets: setting for setting in meter.settings.registers}
        wished = {ADDRESS: str(self._order.address)} | ({BAUD: str(self._order.baud)} if self._order.baud else {})
        for sets, value in wished.items():
            if sets not in known:
                raise SettingRefused(
                    "no_way", f"no source says how the {sets} of {meter.name} is set over the line; set it at the meter itself"
                )
            try:
                setting_write(known[sets], value)
            except OurMistake as mistake:
                raise SettingRefused("not_so", f"{mistake}. Nothing was changed.") from mistake
        return [(known[sets], value) for sets, value in wished.items()]

    async def _require_free(self, after: Place) -> None:
        for settings in dict.fromkeys((self._opened or after.settings, after.settings)):
            proof = await Sweep(await self._at(settings)).prove(after.address)
            if proof.answers or proof.disturbed:
                raise SettingRefused("taken", f"a meter already answers at address {after.address}, {settings}. Nothing was changed.")

    # --- writing

    async def _write_all(self, meter: Meter, place: Place, after: Place, wishes: Sequence[tuple[Setting, str]]) -> None:
        assert meter.settings is not None, "checked when the wishes were made"
        for write in meter.settings.unlock:
            await self._write(place, write, meter.settings.by_hand)
        here = place
        for setting, value in wishes:
            here = await self._where(setting, _places(here, place, after)) or here
            if await self._value(here, setting) != value:
                await self._write(here, setting_write(setting, value), meter.settings.by_hand)
                await asyncio.sleep(SETTLE_S)
        here = await self._where(wishes[0][0], _places(here, place, after)) or here
        for write in meter.settings.save:
            await self._write(here, write, meter.settings.by_hand)
        if meter.settings.power_cycle:
            self._say("Switch the meter's supply off and on again: the new setting holds only after that.")

    async def _write(self, place: Place, write: Write, by_hand: str) -> None:
        """A silent meter may have done it all the same: what stands in it is read afterwards."""
        request = (
            WriteRegister(write.address, write.words[0]) if write.function == WRITE_ONE else WriteRegisters(write.address, write.words)
        )
        until = asyncio.get_running_loop().time() + HAND_S
        told = False
        while True:
            try:
                await read(await self._at(place.settings), place.address, request, PATIENCE_S)
            except MeterRefused as refusal:
                if not by_hand or asyncio.get_running_loop().time() > until:
                    raise SettingRefused(
                        "not_taken", f"the meter refused the new setting ({refusal.reason}){': ' + by_hand if by_hand else ''}"
                    ) from refusal
                if not told:
                    self._say(by_hand)
                told = True
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            except ProtocolError:
                return
            return

    async def _where(self, setting: Setting, places: Iterator[Place]) -> Place | None:
        for place in places:
            if await self._value(place, setting) is not None or (await Sweep(await self._at(place.settings)).prove(place.address)).answers:
                return place
        return None

    async def _value(self, place: Place, setting: Setting) -> str | None:
        row = setting.row
        try:
            words = await read(
                await self._at(place.settings), place.address, ReadRequest(row.function, row.address, count(row)), PATIENCE_S
            )
        except ProtocolError:
            return None
        return setting_value(setting, words)

    async def _confirm(self, meter: Meter, before: Place, after: Place) -> None:
        """It answers at the new place, as the same model, and nobody does at the old one."""
        until = asyncio.get_running_loop().time() + HAND_S
        while not (await Sweep(await self._at(after.settings)).prove(after.address)).answers:
            if asyncio.get_running_loop().time() > until:
                raise SettingRefused(
                    "gone",
                    f"the meter was told its new place, but does not answer at address {after.address}, {after.settings}; "
                    f"switch its supply off and on, and do the same again. It is still at address {before.address} otherwise.",
                )
            await asyncio.sleep(LOOK_EVERY_S)
        identity = await Identifier(await self._at(after.settings), after.address, PATIENCE_S).identity(self._models)
        if identity.confidence == HIGH and identity.model != meter.name:
            raise SettingRefused(
                "other_there", f"at address {after.address} answers {identity.model}, not {meter.name}: check who is connected"
            )


def _places(here: Place, before: Place, after: Place) -> Iterator[Place]:
    """Where the meter may be: what was written may hold at once or only after its supply was off."""
    every = (here, after, Place(after.address, before.settings), Place(before.address, after.settings), before)
    return iter(tuple(dict.fromkeys(every)))
