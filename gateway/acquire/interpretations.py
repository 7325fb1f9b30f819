"""The same words read as every type and word order, and which of the numbers look like something: for finding registers. Pure."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gateway.acquire.plausibility import FREQUENCIES_MHZ, near_nominal
from protocols.errors import OurMistake
from protocols.register import BIG, LITTLE, TYPES, decode, new_row, text_of

_NUMBERS = ("uint16", "int16", "uint32", "int32", "float32", "uint64", "int64", "float64")
# Scales meters use for integers; a float stands in its unit.
_SCALES = (1, 10, 100, 1000)
TEXT_MIN = 3  # fewer letters in a row are chance


class Reading(NamedTuple):
    """`number` is exact to thousandths, as text; `mark` is what it looks like, "" for nothing known."""

    register: int
    type: str
    order: str
    number: str
    mark: str


def interpretations(first: int, words: Sequence[int]) -> Iterator[Reading]:
    """Of every register on, each way to read as many words as are there; numbers no type can hold are left out."""
    for at in range(len(words)):
        for type_ in _NUMBERS:
            size = int(TYPES[type_][0])
            part = tuple(words[at : at + size])
            if len(part) < size:
                continue
            for order in (BIG, LITTLE) if size > 1 else (BIG,):
                value = _decoded(type_, order, part)
                if value is not None:
                    yield Reading(first + at, type_, order, _text(value), _mark(value, is_float="float" in type_))


def texts(first: int, words: Sequence[int]) -> str:
    """The letters in the words, if they are some."""
    found = text_of(tuple(words))
    return f"from register {first}: {found!r}" if len(found) >= TEXT_MIN and 2 * len(found) >= 3 * len(words) else ""


def _decoded(type_: str, order: str, words: tuple[int, ...]) -> int | None:
    try:
        return decode(new_row("raw", 3, 0, type_, order, exponent=3), words)
    except OurMistake:
        return None


def _text(thousandths: int) -> str:
    sign, rest = ("-" if thousandths < 0 else ""), abs(thousandths)
    return f"{sign}{rest // 1000}.{rest % 1000:03d}".rstrip("0").rstrip(".")


def _mark(thousandths: int, *, is_float: bool) -> str:
    """Only a supply's voltage and frequency are telling enough by themselves."""
    for scale in (1,) if is_float else _SCALES:
        value = thousandths // scale
        times = f" x {1 / scale:g}" if scale > 1 else ""
        if any(low <= value <= high for low, high in FREQUENCIES_MHZ) and abs(value - 50_000) < 1_500 + 8_500 * (value > 55_000):
            return f"frequency{times}?"
        near = near_nominal(value)
        if near is not None and near >= 100:
            return f"{near} V{times}?"
    return ""
