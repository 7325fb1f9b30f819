"""What people type into the forms of commissioning, as values; and what is wrong with it. Knows no HTTP and no wire."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.commission_interface import RefusedError
from gateway.site import ADDRESS_MAX, BAUDS, MeterTable
from protocols.amount import thousandths_of
from protocols.errors import OurMistake

PHASES = ("l1", "l2", "l3")
PARITIES = ("N", "E", "O")
ROLES = ("import", "load", "generation", "charge", "discharge", "export", "water", "fuel", "heat", "pieces")
# The keys of a meter that are filled in as text.
METER_KEYS = ("name", "line", "model", "role", "parent", "production_line", "rating", "class", "ct_class")
_AMPERE_MA = 1000

Fields = Mapping[str, str]


def meter_row(fields: Fields) -> dict[str, Any]:
    """A `[[meter]]`; the check of the site file says what is wrong in it."""
    row: dict[str, Any] = {key: fields.get(key, "").strip() for key in ("name", "line")}
    row["address"] = bus_address(fields.get("address", ""))
    row |= {key: fields.get(key, "").strip() for key in METER_KEYS}
    row["reversed"] = True if fields.get("reversed") else None
    return row


def whole(fields: Fields) -> dict[str, str]:
    """All fields of the form of a meter, empty where nothing was typed."""
    return {key: fields.get(key, "") for key in (*METER_KEYS, "address", "reversed")}


def meter_fields(meter: MeterTable) -> dict[str, str]:
    """The form as it stands for a meter that is there."""
    document = meter.model_dump(mode="json", by_alias=True)
    return {key: str(document[key] or "") for key in (*METER_KEYS, "address", "reversed")}


def bus_address(text: str) -> int | str | None:
    """A number, or the digits of a DL/T 645 meter, which begin with zeros at times."""
    text = text.strip()
    return int(text) if text.isdecimal() and len(text) <= len(str(ADDRESS_MAX)) else text or None


def clamp_ma(fields: Fields) -> dict[str, int]:
    """Phase -> mA of the amperes that were typed, with a point or a comma; phases left empty are left out."""
    found = {}
    for phase in PHASES:
        text = fields.get(phase, "").strip()
        if text:
            try:
                found[phase] = thousandths_of(text.replace(",", "."), _AMPERE_MA)
            except OurMistake as error:
                raise RefusedError("commission_refused.number", text=text) from error
            if found[phase] < 0:
                raise RefusedError("commission_refused.number", text=text)
    return found


def address_wishes(fields: Fields, models: Sequence[str]) -> dict[str, Any]:
    """What `set_address` of a line takes; empty fields are left to the meter and the line."""
    address = bus_address(fields.get("address", ""))
    if not isinstance(address, int) or not 1 <= address <= ADDRESS_MAX:
        raise RefusedError("commission_refused.address", most=ADDRESS_MAX)
    model = fields.get("model", "")
    return {
        "address": address,
        "from_address": bus_address(fields.get("from_address", "")),
        "new_baud": baud_of(fields.get("new_baud", "")),
        "model": model if model in models else None,
        "baud": None,
        "parity": None,
    }


def baud_of(text: str) -> int | None:
    return int(text) if text in map(str, BAUDS) else None


def line_settings(fields: Fields) -> dict[str, Any]:
    baud, parity = baud_of(fields.get("baud", "")), fields.get("parity", "")
    if baud is None or parity not in PARITIES or fields.get("stop_bits") not in ("1", "2"):
        raise RefusedError("commission_refused.settings")
    return {"baud": baud, "parity": parity, "stop_bits": int(fields["stop_bits"])}
