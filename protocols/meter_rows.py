"""The `[registers]` table of a meter file -> register rows in inner thousandths.

    base = 0                      added to every address
    function, type, word_order, byte_order, confidence     what a row says unless it says otherwise
    missing = { uint32 = "FFFFFFFF" }                      the pattern of "no reading", by type
    helpers = [ { name, address, type, scale ... } ]       registers that rows lean on; with a quantity and unit if added
    holes = [ { first, last } ]                            addresses that a block must not reach across
    frozen = 1000                                          a latched copy of every row lies so many addresses higher
    rows = [ { address, quantity, unit, scale ... } ]
A row may add `power_of_ten = "helper"` (x 10^register), `times = ["helper"]` (x plain factor),
`plus = ["helper"]` (+ register), `coding`, `alone` and its own `missing`.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from protocols.amount import UNITS
from protocols.meter_form import Mistakes, Table
from protocols.plan import Hole
from protocols.quantity import QUANTITIES
from protocols.register import BIG, FOUR_QUADRANT, LITTLE, PLAIN, TYPES, Row, count, new_row

# Low: one source, or sources that disagree; such a value is shown as unproven wherever the meter is described.
CONFIDENCES = ("high", "medium", "low")
ORDERS = (BIG, LITTLE)
_NO_UNIT = ""


class _Defaults:
    """What the rows of one file share."""

    def __init__(self, table: Table) -> None:
        self.base = table.number("base", 0, 0xFFFF, default=0)
        self.function = table.number("function", 3, 4, default=3)
        self.type = table.text("type", choices=tuple(TYPES), default="")
        self.word_order = table.text("word_order", choices=ORDERS, default=BIG)
        self.byte_order = table.text("byte_order", choices=ORDERS, default=BIG)
        self.confidence = table.text("confidence", choices=CONFIDENCES, default="high")
        missing = table.table("missing")
        self.missing = {type_: (_pattern(missing, type_, type_),) for type_ in TYPES if missing.has(type_)}
        missing.finish()


class Registers(NamedTuple):
    rows: tuple[Row, ...]
    confidence: dict[str, str]  # of a quantity, where it is not high
    base: int
    holes: tuple[Hole, ...]
    frozen: int


def registers_of(table: Table, mistakes: Mistakes) -> Registers:
    defaults = _Defaults(table)
    helpers: dict[str, Row] = {}
    for each in table.tables("helpers", default=()):
        name = each.text("name")
        helpers[name] = _row(each, name, each.text("quantity", choices=tuple(QUANTITIES), default=""), defaults, helpers)
        each.finish()
    rows: list[Row] = []
    confidence: dict[str, str] = {}
    for each in table.tables("rows"):
        quantity = each.text("quantity")
        row = _row(each, quantity, quantity, defaults, helpers)
        sure = each.text("confidence", choices=CONFIDENCES, default=defaults.confidence)
        if sure != "high":
            confidence[quantity] = sure
        if quantity in [known.quantity for known in rows]:
            each.mistake("quantity", f"{quantity} stands in the file twice")
        elif quantity not in QUANTITIES:
            each.mistake("quantity", f"{quantity!r} is not a quantity; see protocols/quantity.py")
        rows.append(row)
        each.finish()
    holes = tuple(_hole(each, defaults) for each in table.tables("holes", default=()))
    frozen = table.number("frozen", 0, 0xFFFF, default=0)
    table.finish()
    if table.raw("rows", ()) == []:
        mistakes.add("registers.rows", "a meter has at least one row")
    return Registers(tuple(rows), confidence, defaults.base, holes, frozen)


def _hole(table: Table, defaults: _Defaults) -> Hole:
    first = table.number("first", 0, 0xFFFF)
    last = table.number("last", first, 0xFFFF)
    hole = Hole(table.number("function", 3, 4, default=defaults.function), defaults.base + first, defaults.base + last + 1)
    table.finish()
    return hole


def _row(table: Table, name: str, quantity: str, defaults: _Defaults, helpers: dict[str, Row]) -> Row:
    """The row called `name`, in thousandths of `quantity`; a helper without a quantity is a plain factor."""
    type_ = table.text("type", choices=tuple(TYPES), default=defaults.type)
    if type_ not in TYPES:
        if not type_:
            table.mistake("type", "is missing, here and in [registers]")
        type_ = "uint16"
    mantissa, exponent = scale_of(table, quantity)
    power_of_ten = _helpers(table, "power_of_ten", helpers)
    row = new_row(
        name,
        table.number("function", 3, 4, default=defaults.function),
        defaults.base + table.number("address", 0, 0xFFFF - defaults.base),
        type_,
        table.text("word_order", choices=ORDERS, default=defaults.word_order),
        mantissa,
        exponent,
        table.text("byte_order", choices=ORDERS, default=defaults.byte_order),
        (_pattern(table, "missing", type_),) if table.has("missing") else defaults.missing.get(type_, ()),
        table.text("coding", choices=(FOUR_QUADRANT,), default=PLAIN),
        power_of_ten[0] if power_of_ten else None,
        _helpers(table, "times", helpers),
        _helpers(table, "plus", helpers),
        table.flag("alone"),
    )
    if row.address + count(row) > 0x10000:
        table.mistake("address", "the register leaves the map")
    return row


def _helpers(table: Table, key: str, helpers: dict[str, Row]) -> tuple[Row, ...]:
    names = table.raw(key, ())
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, Sequence) or not all(isinstance(name, str) for name in names):
        table.mistake(key, f"must be the name of a helper or a list of names, not {names!r}")
        return ()
    unknown = [name for name in names if name not in helpers]
    for name in unknown:
        table.mistake(key, f"{name!r} is not among the helpers: {', '.join(helpers) or 'there are none'}")
    return tuple(helpers[name] for name in names if name not in unknown)


def scale_of(table: Table, quantity: str) -> tuple[int, int]:
    """`scale` and `unit` as mantissa and exponent: thousandths = raw x mantissa x 10^exponent."""
    scale = _decimal(table, table.raw("scale", 1))
    known = QUANTITIES.get(quantity)
    unit = table.text("unit", default=_NO_UNIT)
    if known is not None:
        units = UNITS[known.unit]
        if unit not in units:
            table.mistake("unit", f"{unit!r} does not fit {quantity}; accepted: {', '.join(repr(each) for each in units)}")
        scale *= units.get(unit, 1)
    elif unit and not quantity:
        table.mistake("unit", "a register without a quantity is a plain factor and has no unit")
    sign, digits, exponent = scale.normalize().as_tuple()
    mantissa = int("".join(map(str, digits)))
    if sign or not mantissa:
        table.mistake("scale", "must be greater than 0")
    return mantissa or 1, int(exponent)


def _decimal(table: Table, value: Any) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        table.mistake("scale", f"must be a number, not {value!r}")
        return Decimal(1)
    return number


def _pattern(table: Table, key: str, type_: str) -> int:
    """The bits of "no reading", written in hexadecimal with all their digits."""
    text = table.text(key)
    digits = 4 * TYPES[type_][0]
    try:
        bits = int(text, 16)
    except ValueError:
        bits = -1
    if bits < 0 or len(text) != digits:
        table.mistake(key, f"must be {digits} hexadecimal digits for {type_}, not {text!r}")
        return 0
    return bits
