"""The `[[sections]]` of a meter file -> its registers that hold no measured quantity: identity, state, settings, windows.

    name, about, access = "read"   of the section; the access holds for its fields unless they say otherwise
    fields = [ { name, address, type, words, access, unit, scale, least, most, choices, codes, about } ]
`words` is said for `text` and `bytes` only. `codes` names the values from 0 on. `access`:
    read        nobody writes it
    write       a master that addresses the meter may write it
    broadcast   also to all meters at once
    locked      only after the meter was unlocked
    record      no register but a place in the records of a window, counted from the record's beginning
"""

from decimal import Decimal, InvalidOperation
from typing import NamedTuple

from protocols.meter_form import Mistakes, Table
from protocols.register import FLOAT, HIGH_BYTE, LOW_BYTE, SIGNED, TYPES

READ, WRITE, BROADCAST, LOCKED, RECORD = "read", "write", "broadcast", "locked", "record"
ACCESSES = (READ, WRITE, BROADCAST, LOCKED, RECORD)
TEXT, BYTES = "text", "bytes"
_WHOLE = tuple(name for name, (_, kind) in TYPES.items() if kind not in (HIGH_BYTE, LOW_BYTE))
_WORDS_MAX = 123  # what one request can write


class Field(NamedTuple):
    """The value is raw x `scale` in `unit`; `least`, `most` and `choices` bound the raw number, `choices` () is all."""

    name: str
    section: str
    address: int
    type: str
    words: int
    access: str
    unit: str
    scale: Decimal
    least: int
    most: int
    choices: tuple[int, ...]
    codes: tuple[str, ...]
    about: str


class Section(NamedTuple):
    name: str
    about: str
    fields: tuple[Field, ...]


def sections_of(tables: tuple[Table, ...], mistakes: Mistakes) -> tuple[Section, ...]:
    sections = []
    for table in tables:
        name = table.text("name")
        access = table.text("access", choices=ACCESSES, default=READ)
        fields = tuple(_field(each, name, access) for each in table.tables("fields"))
        sections.append(Section(name, table.text("about", default=""), fields))
        table.finish()
    _require_distinct([field for section in sections for field in section.fields], mistakes)
    return tuple(sections)


def _field(table: Table, section: str, access: str) -> Field:
    type_ = table.text("type", choices=(*_WHOLE, TEXT, BYTES))
    known = TYPES.get(type_)
    words = int(known[0]) if known else table.number("words", 1, _WORDS_MAX)
    codes = table.texts("codes", default=())
    least, most = _range(type_, codes)
    field = Field(
        name=table.text("name"),
        section=section,
        address=table.number("address", 0, 0x10000 - words),
        type=type_,
        words=words,
        access=table.text("access", choices=ACCESSES, default=access),
        unit=table.text("unit", default=""),
        scale=_scale(table),
        least=table.number("least", least, most, default=least),
        most=table.number("most", least, most, default=most),
        choices=table.numbers("choices", default=()),
        codes=codes,
        about=table.text("about", default=""),
    )
    table.finish()
    return field


def _range(type_: str, codes: tuple[str, ...]) -> tuple[int, int]:
    """What the type can hold, without its pattern for "no value"; floats are bounded by nothing here."""
    words, kind = TYPES.get(type_, (1, FLOAT))
    if codes:
        return 0, len(codes) - 1
    if kind == FLOAT:
        return 0, 0
    bits = 16 * int(words)
    return (1 - (1 << (bits - 1)), (1 << (bits - 1)) - 1) if kind == SIGNED else (0, (1 << bits) - 2)


def _scale(table: Table) -> Decimal:
    value = table.raw("scale", 1)
    try:
        scale = Decimal(str(value))
    except InvalidOperation:
        scale = Decimal("NaN")
    if not (scale.is_finite() and scale > 0):
        table.mistake("scale", f"must be a number greater than 0, not {value!r}")
        return Decimal(1)
    return scale


def _require_distinct(fields: list[Field], mistakes: Mistakes) -> None:
    """No two fields of one name or on one register; each window's records count by themselves."""
    named: set[str] = set()
    taken: dict[tuple[str, int], str] = {}
    for field in fields:
        if field.name in named:
            mistakes.add(f"sections.{field.section}.{field.name}", "stands in the file twice")
        named.add(field.name)
        place = field.section if field.access == RECORD else ""
        for address in range(field.address, field.address + field.words):
            other = taken.setdefault((place, address), field.name)
            if other != field.name:
                mistakes.add(f"sections.{field.section}.{field.name}.address", f"register {address} belongs to {other}")
                break
