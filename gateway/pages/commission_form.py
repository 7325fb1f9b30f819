"""What people type into the forms of commissioning, as values; and what is wrong with it. Knows no HTTP and no wire."""

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from gateway.calibration_interface import KEY_MAX
from gateway.commission_interface import RefusedError
from gateway.site import ADDRESS_MAX, BAUDS, MeterTable
from protocols.amount import thousandths_of
from protocols.errors import OurMistake

PHASES = ("l1", "l2", "l3")
PARITIES = ("N", "E", "O")
ROLES = ("import", "load", "generation", "charge", "discharge", "export", "water", "fuel", "heat", "pieces")
# The keys of a meter that are filled in as text.
METER_KEYS = ("name", "line", "model", "role", "parent", "production_line", "rating", "class", "ct_class")
_WHOLE = 1000
# The largest clamps measure 6 kA; what is beyond twice that was mistyped.
CURRENT_MA_MAX = 12_000_000
TOLD_CHARACTERS = 40
# 10 kA over 1 A is the largest that is made.
RATIO_MAX = 10_000

Fields = Mapping[str, str]


def meter_row(fields: Fields) -> dict[str, Any]:
    """A `[[meter]]`; the check of the site file says what is wrong in it. "Press 1" is press-1 to who types it."""
    row: dict[str, Any] = {"name": "-".join(fields.get("name", "").lower().split()), "line": fields.get("line", "").strip()}
    row["address"] = bus_address(fields.get("address", ""))
    row |= {key: fields.get(key, "").strip() for key in METER_KEYS if key not in row}
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


def milli(text: str, field: str = "") -> int:
    """Thousandths of what a display shows, with a point or a comma; RefusedError for what is no number."""
    try:
        return thousandths_of(text.strip().replace(",", "."), _WHOLE)
    except OurMistake as error:
        raise RefusedError("commission_refused.number", fields=[field], text=text[:TOLD_CHARACTERS]) from error


def clamp_ma(fields: Fields) -> dict[str, int]:
    """Phase -> mA of the amperes that were typed, with a point or a comma; phases left empty are left out."""
    found = {}
    for phase in PHASES:
        text = fields.get(phase, "").strip()
        if text:
            found[phase] = milli(text, phase)
            if not 0 <= found[phase] <= CURRENT_MA_MAX:
                raise RefusedError("commission_refused.number", fields=[phase], text=text[:TOLD_CHARACTERS])
    return found


def plate_ratio(text: str) -> Fraction:
    """200/5, 200:5 or 40, as the plate of a transformer has it; RefusedError for what no plate says."""
    primary, secondary = ([*re.split(r"[/:\N{FULLWIDTH COLON}]", text, maxsplit=1), "1"])[:2]
    try:
        ratio = Fraction(milli(primary, "plate"), milli(secondary, "plate"))
    except ZeroDivisionError:
        ratio = Fraction(0)
    if not 1 <= ratio <= RATIO_MAX:
        raise RefusedError("commission_refused.ratio", fields=["plate"], text=text[:TOLD_CHARACTERS])
    return ratio


def key_of(fields: Fields) -> int:
    """The number on a submeter's label."""
    text = fields.get("key", "").strip()
    if not text.isdecimal() or len(text) > len(str(KEY_MAX)) or not 1 <= int(text) <= KEY_MAX:
        raise RefusedError("calibration_refused.key")
    return int(text)


def address_wishes(fields: Fields, models: Sequence[str]) -> dict[str, Any]:
    """What `set_address` of a line takes; empty fields are left to the meter and the line."""
    address = bus_address(fields.get("address", ""))
    if not isinstance(address, int) or not 1 <= address <= ADDRESS_MAX:
        raise RefusedError("commission_refused.address", fields=["address"], most=ADDRESS_MAX)
    now = bus_address(fields.get("from_address", ""))
    if now is not None and (not isinstance(now, int) or not 1 <= now <= ADDRESS_MAX):
        raise RefusedError("commission_refused.address_now", fields=["from_address"], most=ADDRESS_MAX)
    if fields.get("alone") not in ("yes", "no"):
        raise RefusedError("commission_refused.alone", fields=["alone"])
    if fields["alone"] == "no" and now is None:
        raise RefusedError("commission_refused.which", fields=["from_address"])
    model = fields.get("model", "")
    return {
        "address": address,
        "from_address": now,
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
