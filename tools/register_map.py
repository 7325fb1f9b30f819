"""Makes firmware/register_map.py and docs/reference/submeter-registers.md from the submeter's meter file.

`python -m tools.register_map` writes them; a test holds them current.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from gateway import catalogue
from protocols.amount import UNITS
from protocols.meter import Meter
from protocols.meter_fields import BROADCAST, BYTES, LOCKED, READ, RECORD, TEXT, Field, Section
from protocols.quantity import QUANTITIES
from protocols.register import Row, count

MODEL = "shiftwatt-submeter"
ROOT = Path(__file__).parent.parent
MODULE = ROOT / "firmware" / "register_map.py"
PAGE = ROOT / "docs" / "reference" / "submeter-registers.md"
# struct's letters; text and bytes are told apart because text is checked.
FORMATS = {"uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q", "int64": "q", TEXT: "t", BYTES: "b"}
_HEAD = '''"""The submeter's registers as tables for the board. Made from protocols/meters/shiftwatt-submeter.toml by
`python -m tools.register_map`; what is changed here is lost. Runs on MicroPython.
"""
'''


class Place(NamedTuple):
    """A register value as the board keeps it; `divisor` is the inner thousandths of one raw step, 1 for a plain number."""

    name: str
    address: int
    words: int
    format: str
    divisor: int


def module_text(meter: Meter) -> str:
    measured = [_place(row) for row in meter.rows]
    others = [_place(field) for field in _registers(meter)]
    frozen = [each._replace(address=each.address + meter.frozen) for each in measured]
    blocks = list(_blocks([*measured, *others, *frozen]))
    record = [field for field in meter.fields if field.access == RECORD]
    parts = [
        _HEAD,
        _constant("MAP_VERSION", meter.map_version),
        _constant("WORDS", sum(end - first for first, end, _ in blocks)),
        "# First address, the one after the last, and which word of the image the first one is.",
        _table("BLOCKS", "()", [f"({first}, {end}, {word})" for first, end, word in blocks]),
        _constant("MEASURED_WORD", _word(measured[0], blocks)),
        _constant("MEASURED_WORDS", sum(each.words for each in measured)),
        _constant("FROZEN_WORD", _word(frozen[0], blocks)),
        "# Measured values: word of the image, format of struct, thousandths in one raw step.",
        _table("MEASURED", "{}", [f'"{each.name}": ({_word(each, blocks)}, "{each.format}", {each.divisor})' for each in measured]),
        "# All else: word of the image, format (t: text, b: bytes), words.",
        _table("FIELDS", "{}", [f'"{each.name}": ({_word(each, blocks)}, "{each.format}", {each.words})' for each in others]),
        "# What can be written, by address: name, words, format, least, most, whether to all at once, whether behind the key.",
        _table("WRITABLE", "{}", [_writable(field) for field in meter.fields if field.access not in (READ, RECORD)]),
        _table("CHOICES", "{}", [f'"{field.name}": {field.choices}' for field in meter.fields if field.choices]),
        _table("CODES", "{}", [f'"{field.name}": ({", ".join(map(_quoted, field.codes))})' for field in meter.fields if field.codes]),
        "# One record of the load profile, in struct's format; what stands where says the meter file.",
        _constant("PROFILE_RECORD", _quoted(">" + "".join(FORMATS[field.type] for field in record))),
    ]
    return "\n".join(parts) + "\n"


def page_text(meter: Meter) -> str:
    parts = [
        "# Registers of the submeter",
        f"Map version {meter.map_version}, made from `protocols/meters/{MODEL}.toml` (which machines can read).\n",
        "\n".join(f"- {note}" for note in meter.notes),
        f"\n## Measured values\n\nThe latched copy of each lies {meter.frozen} higher.\n",
        "| address | words | type | quantity | one step |\n|---|---|---|---|---|",
        "\n".join(_row_line(row) for row in meter.rows),
        *[_section_text(section) for section in meter.sections],
    ]
    return "\n".join(parts) + "\n"


def _registers(meter: Meter) -> list[Field]:
    return [field for field in meter.fields if field.access != RECORD]


def _place(what: Row | Field) -> Place:
    if isinstance(what, Field):
        return Place(what.name, what.address, what.words, FORMATS[what.type], 1)
    return Place(what.quantity, what.address, count(what), FORMATS[what.type], what.mantissa * 10**what.exponent)


def _blocks(places: list[Place]) -> Iterator[tuple[int, int, int]]:
    """Runs of addresses without a gap, laid one after the other in the image."""
    word = 0
    ordered = sorted(places, key=lambda each: each.address)
    first = end = ordered[0].address
    for each in ordered:
        if each.address != end:
            yield first, end, word
            word += end - first
            first = each.address
        end = each.address + each.words
    yield first, end, word


def _word(place: Place, blocks: list[tuple[int, int, int]]) -> int:
    return next(word + place.address - first for first, end, word in blocks if first <= place.address < end)


def _writable(field: Field) -> str:
    to_all, behind_key = field.access == BROADCAST, field.access == LOCKED
    return f'{field.address}: ("{field.name}", {field.words}, "{FORMATS[field.type]}", {field.least}, {field.most}, {to_all}, {behind_key})'


def _constant(name: str, value: object) -> str:
    return f"{name} = {value}"


def _table(name: str, brackets: str, entries: list[str]) -> str:
    return f"{name} = {brackets[0]}\n" + "".join(f"    {entry},\n" for entry in entries) + brackets[1]


def _quoted(text: str) -> str:
    return f'"{text}"'


def _row_line(row: Row) -> str:
    unit = QUANTITIES[row.quantity].unit
    inner = min(UNITS[unit], key=lambda each: abs(UNITS[unit][each] - 1000))
    step = Decimal(row.mantissa).scaleb(row.exponent) / UNITS[unit][inner]
    return f"| {row.address} | {count(row)} | {row.type} | `{row.quantity}` | {step.normalize():f} {inner} |".replace("  |", " |")


def _section_text(section: Section) -> str:
    lines = [_field_line(field) for field in section.fields]
    head = "| address | words | type | name | access | unit | meaning |\n|---|---|---|---|---|---|---|"
    return f"\n## {section.name.replace('_', ' ').capitalize()}\n\n{section.about}\n\n{head}\n" + "\n".join(lines)


def _field_line(field: Field) -> str:
    codes = ", ".join(f"{number} {code}" for number, code in enumerate(field.codes))
    choices = ", ".join(map(str, field.choices))
    meaning = "; ".join(each for each in (field.about, codes, choices) if each)
    step = "" if field.scale == 1 else f"{field.scale:f} "
    return f"| {field.address} | {field.words} | {field.type} | `{field.name}` | {field.access} | {step}{field.unit} | {meaning} |"


def main() -> None:
    meter = catalogue.model(MODEL)
    MODULE.write_text(module_text(meter), encoding="utf-8")
    PAGE.write_text(page_text(meter), encoding="utf-8")


if __name__ == "__main__":
    main()
