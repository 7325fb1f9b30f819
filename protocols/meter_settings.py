"""The `[settings]` table of a meter file: how a meter on the line is given another address, baud rate or framing.

    function, type, word_order     how the registers are written (6 one register, 16 several) and what they hold
    by_hand = "Hold the button"    what a person does at the meter first
    power_cycle = true             the change holds only after the supply was switched off and on
    unlock, save = [ { address, value } ]              written before, written after
    registers = [ { sets, address, codes, confidence } ]
`sets` is address, baud, parity (N E O), stop_bits (1 2) or framing (N1 E1 O1 N2); `codes` gives the register's
number for each value, without it the value itself stands there. Only what a source says stands in a file.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from protocols.errors import OurMistake
from protocols.meter_form import Table
from protocols.pdu import READ_HOLDING, WRITE_MANY, WRITE_ONE
from protocols.register import BIG, LITTLE, TYPES, Row, count, decode, encode, new_row

ADDRESS, BAUD, PARITY, STOP_BITS, FRAMING = "address", "baud", "parity", "stop_bits", "framing"
# Setting -> the values it may have; an address and a baud rate are numbers.
VALUES: dict[str, tuple[str, ...]] = {
    ADDRESS: tuple(map(str, range(1, 248))),  # the standard's; some meters take 248 to 255 too
    BAUD: ("300", "600", "1200", "2400", "4800", "9600", "19200", "38400", "57600", "115200"),
    PARITY: ("N", "E", "O"),
    STOP_BITS: ("1", "2"),
    FRAMING: ("N1", "E1", "O1", "N2"),
}
CONFIDENCES = ("high", "medium")


class Setting(NamedTuple):
    """`row` reads the register back with function 3; `codes` is empty where it holds the value itself."""

    sets: str
    function: int
    row: Row
    codes: Mapping[str, int]
    confidence: str


class Write(NamedTuple):
    function: int
    address: int
    words: tuple[int, ...]


class Settings(NamedTuple):
    registers: tuple[Setting, ...]
    unlock: tuple[Write, ...]
    save: tuple[Write, ...]
    by_hand: str
    power_cycle: bool


def settings_of(table: Table) -> Settings:
    function = table.number("function", WRITE_ONE, WRITE_MANY)
    type_ = table.text("type", choices=tuple(TYPES), default="uint16")
    word_order = table.text("word_order", choices=(BIG, LITTLE), default=BIG)
    if function not in (WRITE_ONE, WRITE_MANY):
        table.mistake("function", f"must be {WRITE_ONE} or {WRITE_MANY}, not {function}")
    if type_ not in TYPES or (function == WRITE_ONE and TYPES[type_][0] != 1):
        table.mistake("type", f"{type_} cannot be written with function {function}")
        type_ = "uint16"
    settings = Settings(
        registers=tuple(_setting(each, function, type_, word_order) for each in table.tables("registers")),
        unlock=tuple(_write(each, function, type_, word_order) for each in table.tables("unlock", default=())),
        save=tuple(_write(each, function, type_, word_order) for each in table.tables("save", default=())),
        by_hand=table.text("by_hand", default=""),
        power_cycle=table.flag("power_cycle"),
    )
    table.finish()
    return settings


def setting_write(setting: Setting, value: str) -> Write:
    """What is written to give the setting that value; OurMistake with the values it takes."""
    if value not in _values(setting):
        raise OurMistake(f"{value!r} is no {setting.sets} for this meter; it takes {_range(setting)}")
    number = setting.codes[value] if setting.codes else int(value)
    return Write(setting.function, setting.row.address, tuple(encode(setting.row, number)))


def setting_value(setting: Setting, words: Sequence[int]) -> str | None:
    """The value that stands in the register; None if it is none of those known."""
    number = decode(setting.row, tuple(words))
    known = {code: value for value, code in setting.codes.items()} if setting.codes else {int(each): each for each in _values(setting)}
    return None if number is None else known.get(number)


def _values(setting: Setting) -> tuple[str, ...]:
    return tuple(setting.codes) or VALUES[setting.sets]


def _range(setting: Setting) -> str:
    values = _values(setting)
    return f"{values[0]} to {values[-1]}" if setting.sets == ADDRESS else ", ".join(values)


def _setting(table: Table, function: int, type_: str, word_order: str) -> Setting:
    sets = table.text("sets", choices=tuple(VALUES))
    row = _row(table, sets, type_, word_order)
    codes = table.table("codes")
    numbers = {value: codes.number(value, 0, 0xFFFF) for value in VALUES.get(sets, ()) if codes.has(value)}
    codes.finish()
    if not numbers and sets in (PARITY, FRAMING):
        table.mistake("codes", f"say which number stands for which {sets}")
    setting = Setting(sets, function, row, numbers, table.text("confidence", choices=CONFIDENCES, default="high"))
    table.finish()
    return setting


def _write(table: Table, function: int, type_: str, word_order: str) -> Write:
    row = _row(table, "a setting", type_, word_order)
    write = Write(function, row.address, tuple(encode(row, table.number("value", 0, 0xFFFF))))
    table.finish()
    return write


def _row(table: Table, name: str, type_: str, word_order: str) -> Row:
    row = new_row(name, READ_HOLDING, table.number("address", 0, 0xFFFF), type_, word_order)
    if row.address + count(row) > 0x10000:
        table.mistake("address", "the register leaves the map")
    return row
