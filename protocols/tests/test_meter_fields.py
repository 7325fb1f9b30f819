"""The registers of a meter file that hold no measured quantity."""

from decimal import Decimal
from typing import Any

import pytest

from protocols.errors import OurMistake
from protocols.meter_fields import BROADCAST, READ, RECORD, TEXT, Field, Section, sections_of
from protocols.meter_form import Mistakes, Table


def sections(*tables: dict[str, Any]) -> tuple[Section, ...]:
    mistakes = Mistakes("f")
    found = sections_of(Table({"sections": list(tables)}, "", mistakes).tables("sections"), mistakes)
    mistakes.raise_any()
    return found


def section(*fields: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"name": "s", "fields": list(fields), **keys}


def field(**keys: Any) -> dict[str, Any]:
    return {"name": "f", "address": 10, "type": "uint16", **keys}


def test_a_short_field_is_filled_with_the_defaults() -> None:
    """It is read only, in plain numbers, and may be all that its register can say without "no value"."""
    assert sections(section(field())) == (
        Section("s", "", (Field("f", "s", 10, "uint16", 1, READ, "", Decimal(1), 0, 0xFFFE, (), (), ""),)),
    )


def test_everything_a_field_can_say() -> None:
    """Bounds, choices, scale, unit and an access of its own."""
    keys = {
        "type": "int32",
        "access": "broadcast",
        "unit": "%",
        "scale": Decimal("0.01"),
        "least": -5,
        "most": 5,
        "choices": [1, 2],
        "about": "so",
    }
    found = sections(section(field(**keys), access="locked", about="all"))[0]

    assert found.about == "all"
    assert found.fields == (Field("f", "s", 10, "int32", 2, BROADCAST, "%", Decimal("0.01"), -5, 5, (1, 2), (), "so"),)


def test_codes_bound_a_field_and_text_has_words() -> None:
    """Three codes are 0 to 2; a text is as long as it says."""
    coded, text = sections(section(field(codes=["a", "b", "c"]), field(name="t", address=11, type="text", words=8)))[0].fields

    assert (coded.least, coded.most, coded.codes) == (0, 2, ("a", "b", "c"))
    assert (text.type, text.words) == (TEXT, 8)


def test_records_count_by_themselves() -> None:
    """Places in a window's record are no registers: they may have the numbers of registers."""
    found = sections(section(field()), section(field(name="g"), name="r", access="record"))

    assert [each.fields[0].access for each in found] == [READ, RECORD]


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ([section(field(access="all"))], "f: sections[1].fields[1].access: 'all' is not one of read, write, broadcast"),
        ([section(field(type="uint48"))], "f: sections[1].fields[1].type: 'uint48' is not one of uint16"),
        ([section(field(type="high_byte"))], "f: sections[1].fields[1].type: 'high_byte' is not one of"),
        ([section(field(type="text"))], "f: sections[1].fields[1].words: is missing"),
        ([section(field(words=2))], "f: sections[1].fields[1].words: is not a key known here"),
        ([section(field(address=0xFFFF, type="uint32"))], "f: sections[1].fields[1].address: must be a whole number from 0 to 65534"),
        ([section(field(most=0xFFFF))], "f: sections[1].fields[1].most: must be a whole number from 0 to 65534"),
        ([section(field(scale=0))], "f: sections[1].fields[1].scale: must be a number greater than 0"),
        ([section(field(scale="much"))], "f: sections[1].fields[1].scale: must be a number greater than 0"),
        ([section(field(), field(address=11))], "f: sections.s.f: stands in the file twice"),
        ([section(field(type="uint32"), field(name="g", address=11))], "f: sections.s.g.address: register 11 belongs to f"),
        ([section(field(), colour=1)], "f: sections[1].colour: is not a key known here"),
    ],
)
def test_a_mistake_in_a_section_is_told_at_its_place(tables: list[dict[str, Any]], sentence: str) -> None:
    """One sentence that names the field and what is wrong with it."""
    with pytest.raises(OurMistake) as mistake:
        sections(*tables)

    assert sentence in str(mistake.value)
