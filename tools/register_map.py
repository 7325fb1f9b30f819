"""Makes firmware/register_map.py, register_codes.py and docs/reference/submeter-registers.md from the submeter's meter file.

`python -m tools.register_map` writes them; a test holds them current.
"""

import textwrap
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
CODES_MODULE = ROOT / "firmware" / "register_codes.py"
PAGE = ROOT / "docs" / "reference" / "submeter-registers.md"
# struct's letters; text and bytes are told apart because text is checked.
FORMATS = {"uint16": "H", "int16": "h", "uint32": "I", "int32": "i", "uint64": "Q", "int64": "q", TEXT: "t", BYTES: "b"}
_FORMATS = "HhIiQtb"
_FORMAT_BIT, _EXTRA_BIT = 10, 13
# All that a type holds beside its pattern for "no value".
_RANGES = {
    "uint64": (0, 2**64 - 2),
    "uint16": (0, 2**16 - 2),
    "int16": (1 - 2**15, 2**15 - 1),
    "uint32": (0, 2**32 - 2),
    "int32": (1 - 2**31, 2**31 - 1),
}
_HEAD = '''"""The submeter's registers as tables for the board. Made from protocols/meters/shiftwatt-submeter.toml by
`python -m tools.register_map`; what is changed here is lost. Runs on MicroPython.
"""
'''
_CODES_HEAD = '''"""The words that stand for numbers in some registers. Made as register_map is; a meter reads them at its start only."""
'''


class Place(NamedTuple):
    """A register value as the board keeps it; `divisor` is the inner thousandths of one raw step, 0 for what was not measured."""

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
    writable = [field for field in meter.fields if field.access not in (READ, RECORD)]
    places = measured + others

    def number(field: Field) -> int:
        return next(at for at, place in enumerate(places) if place.name == field.name)

    parts = [
        _HEAD,
        _constant("MAP_VERSION", meter.map_version),
        _constant("WORDS", sum(end - first for first, end, _ in blocks)),
        "# By threes: first address, the one after the last, and which word of the image the first one is.",
        _numbers("BLOCKS", [number for block in blocks for number in block]),
        _constant("MEASURED_WORD", _word(measured[0], blocks)),
        _constant("MEASURED_WORDS", sum(each.words for each in measured)),
        _constant("FROZEN_WORD", _word(frozen[0], blocks)),
        "# All names, the measured values first. A board has no room for a table of them: a name's number is how many stand before it.",
        _constant("MEASURED", len(measured)),
        _texts("NAMES", [each.name for each in places]),
        "# Where each lies, in the same order: word of the image, in the bits from 10 on the format (an index into FORMATS: struct's",
        "# letters, t text, b bytes), in those from 13 on the thousandths in one raw step of a measured value, the words of all else.",
        _constant("FORMATS", _quoted(_FORMATS)),
        _constant("FORMAT_BIT", _FORMAT_BIT),
        _constant("EXTRA_BIT", _EXTRA_BIT),
        _numbers("PLACES", [_packed(each, blocks) for each in places]),
        "# By their numbers, as bytes: what can be written; and of those what is taken from a broadcast, too, what stands behind the key,",
        "# and least and most where not all that the format holds is meant.",
        _constant("WRITABLE", bytes(map(number, writable))),
        _constant("TO_ALL", bytes(number(field) for field in writable if field.access == BROADCAST)),
        _constant("BEHIND_KEY", bytes(number(field) for field in writable if field.access == LOCKED)),
        _table("LIMITS", "{}", [f"{number(field)}: ({field.least}, {field.most})" for field in writable if _limited(field)]),
        _table("CHOICES", "{}", [f'"{field.name}": {field.choices}' for field in meter.fields if field.choices]),
        "# One record of the load profile, in struct's format; what stands where says the meter file.",
        _constant("PROFILE_RECORD", _quoted(">" + "".join(FORMATS[field.type] for field in record))),
    ]
    return "\n".join(parts) + "\n"


def codes_text(meter: Meter) -> str:
    entries = [f'"{field.name}": ({", ".join(map(_quoted, field.codes))})' for field in meter.fields if field.codes]
    return _CODES_HEAD + "\n" + _table("CODES", "{}", entries) + "\n"


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
        return Place(what.name, what.address, what.words, FORMATS[what.type], 0)
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


def _packed(place: Place, blocks: list[tuple[int, int, int]]) -> int:
    word, extra = _word(place, blocks), place.words if place.divisor == 0 else place.divisor
    assert word < 1 << _FORMAT_BIT
    return word | _FORMATS.index(place.format) << _FORMAT_BIT | extra << _EXTRA_BIT


def _limited(field: Field) -> bool:
    if field.type not in _RANGES:
        return False
    least, most = _RANGES[field.type]
    return (field.least, field.most) != (least, most)


def _constant(name: str, value: object) -> str:
    if not isinstance(value, bytes):
        return f"{name} = {value}"
    lines = ["".join(f"\\x{octet:02x}" for octet in value[at : at + 24]) for at in range(0, len(value), 24)]
    text = _table(name, "()", [f'b"{line}"' for line in lines]).replace('",\n', '"\n')
    return f"# fmt: off\n{text}\n# fmt: on" if len(lines) > 1 else f'{name} = b"{lines[0]}"'


def _table(name: str, brackets: str, entries: list[str]) -> str:
    return f"{name} = {brackets[0]}\n" + "".join(f"    {entry},\n" for entry in entries) + brackets[1]


def _numbers(name: str, values: list[int]) -> str:
    lines = textwrap.wrap(", ".join(map(str, values)), 100)
    return "\n".join(["# fmt: off", f"{name} = (", *(f"    {line}" for line in lines), ")", "# fmt: on"])


def _texts(name: str, words: list[str]) -> str:
    """One text, a space before and after each word, in lines that can be read."""
    lines = textwrap.wrap(" ".join(words), 100, break_long_words=False)
    return _table(name, "()", [_quoted(f" {line}") for line in lines[:-1]] + [_quoted(f" {lines[-1]} ")]).replace('",\n', '"\n')


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
    CODES_MODULE.write_text(codes_text(meter), encoding="utf-8")
    PAGE.write_text(page_text(meter), encoding="utf-8")


if __name__ == "__main__":
    main()
