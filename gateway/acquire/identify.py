"""Which model answers at an address, how that is known, and how sure it is.

First what names a meter: the registers its file says, a SunSpec chain, what it tells of itself (functions
43/14 and 17). Where nothing does, the maps of the meters that name themselves nowhere are tried, and physics
decides. Only reads are sent. Who is asked, at which setting, is not known here.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field

from gateway.acquire.channel import Channel, read
from gateway.acquire.plausibility import Verdict, judged
from gateway.acquire.snapshot import Snapshot
from protocols.errors import ProtocolError
from protocols.meter import MODBUS, SUNSPEC, Meter, Probe, matches
from protocols.pdu import BASIC, Identify, ReadRequest, Report, reply_objects, reply_report
from protocols.register import BIG, LITTLE, Row
from protocols.sunspec import Model, Walk, meter_model, placed

HIGH, MEDIUM, LOW = "high", "medium", "low"
SWAPPED = " with its words swapped"
_PRINTABLE = range(32, 127)
# With a voltage and nothing else two maps may look alike by chance.
SCORE_MIN = 2


@dataclass(frozen=True)
class Identity:
    """`model` None is a meter that answers and that no file describes; then there is no confidence either."""

    model: str | None
    evidence: str
    confidence: str | None
    values: Mapping[str, int] = field(default_factory=dict)


class Identifier:
    """One meter that answers at `address` within `patience_s`."""

    def __init__(self, channel: Channel, address: int, patience_s: float, nominal_v: int | None = None) -> None:
        self._channel = channel
        self._address = address
        self._patience_s = patience_s
        self._nominal_v = nominal_v
        self._answers: dict[ReadRequest, tuple[int, ...] | None] = {}

    async def identity(self, models: Mapping[str, Meter]) -> Identity:
        named = await self._named(models.values())
        if named is not None:
            return named
        told = await self._told()
        calling = _called(told, models.values()) if told else None
        if calling is not None:
            return await self._measured(calling, f"it calls itself {told!r}", HIGH)
        found = await self._by_physics(meter for meter in models.values() if meter.language == MODBUS and not meter.identification)
        own = f"it calls itself {told!r}; " if told else ""
        if found is None:
            return Identity(None, own + "it answers, but no meter file fits it", None)
        return Identity(found.model, own + found.evidence, found.confidence, found.values)

    async def _named(self, models: Iterable[Meter]) -> Identity | None:
        """By the registers that tell the model."""
        known = tuple(models)
        for meter in known:
            if meter.language == MODBUS and meter.identification and await self._all_match(meter):
                return await self._measured(meter, f"{_what(meter.identification[-1])} says so", HIGH)
        chain = await self._chain()
        model = meter_model(chain)
        for meter in known:
            here = placed(meter, chain) if meter.language == SUNSPEC and model is not None else None
            if here is not None and model is not None:
                return await self._measured(here, f"SunSpec model {model.number} at register {model.base}", HIGH)
        return None

    async def _all_match(self, meter: Meter) -> bool:
        for probe in meter.identification:
            words = await self._words(ReadRequest(probe.function, probe.address, probe.count))
            if words is None or not matches(probe, words):
                return False
        return True

    async def _chain(self) -> tuple[Model, ...]:
        walk = Walk()
        while (request := walk.request) is not None:
            words = await self._words(request)
            if words is None:
                walk.refused()
            else:
                walk.answered(words)
        return walk.models

    async def _words(self, request: ReadRequest) -> tuple[int, ...] | None:
        """None where the meter refuses or is silent; nothing is asked twice."""
        if request not in self._answers:
            try:
                self._answers[request] = await read(self._channel, self._address, request, self._patience_s)
            except ProtocolError:
                self._answers[request] = None
        return self._answers[request]

    async def _told(self) -> str:
        """What the meter says of itself in its own words."""
        heard = await self._channel.ask(self._address, Identify(BASIC, 0), self._patience_s)
        try:
            objects = [reply_objects(Identify(BASIC, 0), pdu) for pdu in heard.of(self._address)][:1]
            if objects:
                return " ".join(_text(octets) for _, octets in sorted(objects[0].items())).strip()
        except ProtocolError:
            pass
        heard = await self._channel.ask(self._address, Report(), self._patience_s)
        try:
            return next((_text(reply_report(Report(), pdu)) for pdu in heard.of(self._address)), "")
        except ProtocolError:
            return ""

    async def _measured(self, meter: Meter, evidence: str, confidence: str) -> Identity:
        """With its values; what physics finds wrong in them costs confidence."""
        values = await Snapshot(self._channel, self._address, self._patience_s).values(meter)
        verdict = judged(values, self._nominal_v)
        if verdict.fails:
            return Identity(meter.name, f"{evidence}; but {verdict.fails[0]}", MEDIUM, values)
        return Identity(meter.name, f"{evidence}{_also(verdict)}", confidence, values)

    async def _by_physics(self, models: Iterable[Meter]) -> Identity | None:
        """The map that makes most sense, among those that no register names."""
        fits = [each async for each in self._fits(models)]
        if not fits:
            return None
        best = max(fits, key=lambda each: (each[1].score, len(each[2])))
        meter, verdict, values = best
        rivals = sorted(each[0].name for each in fits if each is not best and each[1].score >= verdict.score)
        sure = MEDIUM if verdict.strong and not rivals else LOW
        evidence = f"its registers read like those of {meter.name}: {', '.join(verdict.holds)}"
        if rivals:
            evidence += f"; {' and '.join(rivals)} would fit as well"
        known = not meter.name.endswith(SWAPPED)
        return Identity(meter.name if known else None, evidence, sure if known else None, values)

    async def _fits(self, models: Iterable[Meter]) -> AsyncIterator[tuple[Meter, Verdict, dict[str, int]]]:
        snapshot = Snapshot(self._channel, self._address, self._patience_s)
        for meter in models:
            for candidate in (meter, *_other_order(meter)):
                if not await snapshot.begins_well(candidate, self._nominal_v):
                    continue
                values = await snapshot.values(candidate)
                verdict = judged(values, self._nominal_v)
                if verdict.score >= SCORE_MIN:
                    yield candidate, verdict, values


def _other_order(meter: Meter) -> Iterable[Meter]:
    """Some meters have their words swapped by a setting."""
    if any(row.type in ("float32", "uint32", "int32") for row in meter.rows):
        yield meter._replace(rows=tuple(_swapped(row) for row in meter.rows), name=f"{meter.name}{SWAPPED}")


def _swapped(row: Row) -> Row:
    return row._replace(word_order=LITTLE if row.word_order == BIG else BIG)


def _called(told: str, models: Iterable[Meter]) -> Meter | None:
    """The one meter whose maker's name for it stands in what the meter says."""
    text = told.casefold()
    fitting = [meter for meter in models if any(each.casefold() in text for each in meter.covers)]
    return fitting[0] if len(fitting) == 1 else None


def _what(probe: Probe) -> str:
    return f"register {probe.address} ({probe.note.partition(':')[0]})" if probe.note else f"register {probe.address}"


def _also(verdict: Verdict) -> str:
    return f", and {', '.join(verdict.holds)}" if verdict.holds else ""


def _text(octets: bytes) -> str:
    return "".join(chr(each) for each in octets if each in _PRINTABLE).strip()
