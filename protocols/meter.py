"""A meter file as a value: the rows of one meter family and what must be known to talk to it.

A file is data only; what it may say is the tables below, and every mistake in it is told at once.
Reading files, and the site's own wishes, are not known here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from protocols.dlt645_rows import identifiers_of
from protocols.meter_fields import Field, Section, sections_of
from protocols.meter_form import Mistakes, Table
from protocols.meter_rows import registers_of
from protocols.meter_sense import tell_nonsense
from protocols.meter_settings import Settings, settings_of
from protocols.pdu import READ_MAX, pack_words
from protocols.plan import Hole
from protocols.register import Row, text_of

MODBUS, SUNSPEC, DLT645 = "modbus", "sunspec", "dlt645"
LANGUAGES = (MODBUS, SUNSPEC, DLT645)
PROOFS = ("datasheet", "two_sources", "capture", "bench", "unproven")
PARITIES = ("N", "E", "O")

# Carlo Gavazzi's EM300 manual is the one vendor text that gives a typical answer time: 40 ms.
TURNAROUND_MS = 40
# Where no source gives a read limit: the least of the documented ones, those of special registers aside (Carlo Gavazzi).
REGISTERS_MAX = 50
# Until it is learnt; slower than any turnaround reported for a direct bus except under load.
TURNAROUND_SLOW_MS = 150
# The same manual allows 500 ms, ORNO meters need 600 ms under load; beyond 1 s a meter is as good as absent.
TIMEOUT_MS_MAX = 1_000


class Source(NamedTuple):
    document: str
    revision: str
    date: str


class Serial(NamedTuple):
    """Factory settings; None where no source gives them."""

    baud: int | None
    parity: str | None
    stop_bits: int | None
    address: int | None


class Limits(NamedTuple):
    """`gap_ms` before every request, `change_gap_ms` once after the line spoke to another address."""

    registers_max: int
    gap_ms: int
    change_gap_ms: int
    turnaround_ms: int
    turnaround_slow_ms: int
    timeout_ms_max: int


class Probe(NamedTuple):
    """A read that names the model: its number is one of `equals`, or its text begins with one of `begins`."""

    function: int
    address: int
    count: int  # type: ignore[assignment]  # the field's word, over tuple.count
    equals: tuple[int, ...]
    begins: tuple[str, ...]
    note: str


class Meter(NamedTuple):
    name: str
    manufacturer: str
    language: str
    covers: tuple[str, ...]
    proof: str
    sources: tuple[Source, ...]
    notes: tuple[str, ...]
    serial: Serial
    limits: Limits
    identification: tuple[Probe, ...]  # all of them must match; () where nothing names the model
    rows: tuple[Row, ...]
    confidence: Mapping[str, str]  # of a quantity, where it is not high
    base: int  # already in the rows' addresses; SunSpec: where the model begins
    holes: tuple[Hole, ...]  # that the maker or others know of; the line owner learns more
    frozen: int  # a latched copy of every row lies so many addresses higher; 0: there is none
    map_version: int  # of a register map that is ours; 0: the maker numbers none
    sections: tuple[Section, ...]  # registers that hold no measured quantity
    settings: Settings | None  # None: no source says how its address is set over the line
    origin: str  # the file it was read from

    @property
    def quantities(self) -> tuple[str, ...]:
        return tuple(row.quantity for row in self.rows)

    @property
    def fields(self) -> tuple[Field, ...]:
        return tuple(field for section in self.sections for field in section.fields)

    @property
    def ratios(self) -> tuple[Row, ...]:
        """The CT and VT ratio registers that its rows are multiplied by, each once."""
        return tuple(dict.fromkeys(ratio for row in self.rows for ratio in row.ratios))


def meter_from_document(document: Mapping[str, Any], origin: str) -> Meter:
    """The meter of a parsed file; OurMistake with every mistake in it, one a line."""
    mistakes = Mistakes(origin)
    top = Table(document, "", mistakes)
    language = top.text("language", choices=LANGUAGES, default=MODBUS)
    registers = identifiers_of(top.table("identifiers"), mistakes) if language == DLT645 else registers_of(top.table("registers"), mistakes)
    meter = Meter(
        name=top.text("name"),
        manufacturer=top.text("manufacturer"),
        language=language,
        covers=top.texts("covers"),
        proof=top.text("proof", choices=PROOFS),
        sources=tuple(_source(each) for each in top.tables("sources")),
        notes=top.texts("notes", default=()),
        serial=_serial(top.table("serial")),
        limits=_limits(top.table("limits")),
        identification=tuple(_probe(each) for each in top.tables("identification", default=())),
        rows=registers.rows,
        confidence=registers.confidence,
        base=registers.base,
        holes=registers.holes,
        frozen=registers.frozen,
        map_version=top.number("map_version", 0, 0xFFFE, default=0),
        sections=sections_of(top.tables("sections", default=()), mistakes),
        settings=settings_of(top.table("settings")) if top.has("settings") else None,
        origin=origin,
    )
    if not meter.sources:
        mistakes.add("sources", "name at least one source: document, revision, date")
    top.finish()
    mistakes.raise_any()
    if language != DLT645:  # there a register is a number of its own
        tell_nonsense(meter.rows, meter.holes, meter.limits.registers_max, mistakes)
    mistakes.raise_any()
    return meter


def matches(probe: Probe, words: Sequence[int]) -> bool:
    """Whether the words read at a probe's address name the model: most significant word first, in any case of letters."""
    number = int.from_bytes(pack_words(tuple(words)), "big")
    text = text_of(tuple(words)).casefold()
    return number in probe.equals or any(text.startswith(begin.casefold()) for begin in probe.begins)


def rebased(meter: Meter, base: int) -> Meter:
    """The same meter with its registers counted from another base: where a SunSpec chain was found to hold the model."""
    shift = base - meter.base
    holes = tuple(Hole(hole.function, hole.first + shift, hole.end + shift) for hole in meter.holes)
    return meter._replace(base=base, rows=tuple(_shifted(row, shift) for row in meter.rows), holes=holes)


def latched(meter: Meter) -> Meter:
    """The same meter read from the copies that a latch froze."""
    return rebased(meter, meter.base + meter.frozen)


def _shifted(row: Row, shift: int) -> Row:
    return row._replace(
        address=row.address + shift,
        scale=row.scale and _shifted(row.scale, shift),
        ratios=tuple(_shifted(each, shift) for each in row.ratios),
        plus=tuple(_shifted(each, shift) for each in row.plus),
    )


def _source(table: Table) -> Source:
    source = Source(table.text("document"), table.text("revision", default=""), table.text("date", default=""))
    table.finish()
    return source


def _serial(table: Table) -> Serial:
    serial = Serial(
        baud=table.number_or_none("baud", 300, 921_600),
        parity=table.text("parity", choices=PARITIES, default="") or None,
        stop_bits=table.number_or_none("stop_bits", 1, 2),
        address=table.number_or_none("address", 1, 255),
    )
    table.finish()
    return serial


def _limits(table: Table) -> Limits:
    limits = Limits(
        registers_max=table.number("registers_max", 1, READ_MAX, default=REGISTERS_MAX),
        gap_ms=table.number("gap_ms", 0, 5_000, default=0),
        change_gap_ms=table.number("change_gap_ms", 0, 5_000, default=0),
        turnaround_ms=table.number("turnaround_ms", 1, 5_000, default=TURNAROUND_MS),
        turnaround_slow_ms=table.number("turnaround_slow_ms", 1, 5_000, default=TURNAROUND_SLOW_MS),
        timeout_ms_max=table.number("timeout_ms_max", 10, 10_000, default=TIMEOUT_MS_MAX),
    )
    table.finish()
    return limits


def _probe(table: Table) -> Probe:
    probe = Probe(
        function=table.number("function", 3, 4),
        address=table.number("address", 0, 0xFFFF),
        count=table.number("count", 1, READ_MAX, default=1),
        equals=table.numbers("equals", default=()),
        begins=_begins(table),
        note=table.text("note", default=""),
    )
    if not probe.equals and not probe.begins:
        table.mistake("equals", 'say what is read there: `equals` = [numbers] or `begins` = "text"')
    table.finish()
    return probe


def _begins(table: Table) -> tuple[str, ...]:
    """One text, or a list of texts where the maker writes the name in several ways."""
    one = isinstance(table.raw("begins", ()), str)
    return (table.text("begins"),) if one else table.texts("begins", default=())
