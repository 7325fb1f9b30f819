"""The `[identifiers]` table of a meter file in DL/T 645: data identifiers as rows.

    confidence = "high"                                     what a row says unless it says otherwise
    rows = [ { identifier = "02010100", bytes = 2, signed, quantity, scale, unit, confidence } ]
`identifier` is written DI3 to DI0, highest first; `bytes` is how much BCD follows it.
"""

from protocols.dlt645 import CODINGS, identifier_row
from protocols.meter_form import Mistakes, Table
from protocols.meter_rows import CONFIDENCES, Registers, scale_of
from protocols.quantity import QUANTITIES
from protocols.register import Row

_IDENTIFIER_DIGITS = 8


def identifiers_of(table: Table, mistakes: Mistakes) -> Registers:
    usual = table.text("confidence", choices=CONFIDENCES, default="high")
    rows: list[Row] = []
    confidence: dict[str, str] = {}
    for each in table.tables("rows"):
        row = _row(each)
        sure = each.text("confidence", choices=CONFIDENCES, default=usual)
        if sure != "high":
            confidence[row.quantity] = sure
        if row.quantity in [known.quantity for known in rows]:
            each.mistake("quantity", f"{row.quantity} stands in the file twice")
        rows.append(row)
        each.finish()
    table.finish()
    if table.raw("rows", ()) == []:
        mistakes.add("identifiers.rows", "a meter has at least one row")
    return Registers(tuple(rows), confidence, 0, (), 0)


def _row(table: Table) -> Row:
    quantity = table.text("quantity")
    if quantity not in QUANTITIES:
        table.mistake("quantity", f"{quantity!r} is not a quantity; see protocols/quantity.py")
    mantissa, exponent = scale_of(table, quantity)
    size = table.number("bytes", min(CODINGS), max(CODINGS))
    return identifier_row(quantity, _identifier(table), size, signed=table.flag("signed"), mantissa=mantissa, exponent=exponent)


def _identifier(table: Table) -> int:
    text = table.text("identifier")
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if number < 0 or len(text) != _IDENTIFIER_DIGITS:
        table.mistake("identifier", f"must be {_IDENTIFIER_DIGITS} hexadecimal digits, DI3 first, not {text!r}")
        return 0
    return number
