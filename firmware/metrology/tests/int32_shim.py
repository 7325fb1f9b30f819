"""Loads the viper kernels on CPython with 32-bit integers that refuse to overflow; only this stand-in for `micropython` lives here."""

import sys
import types
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

KERNELS = Path(__file__).parents[1] / "kernels.py"


class Int32(int):
    """What a board's viper computes with; a result beyond 32 bits would wrap there unseen, so here it is an error."""

    def __new__(cls, value: int) -> Self:
        if not -(2**31) <= value < 2**31:
            raise OverflowError(f"{value} does not fit 32 bits")
        return super().__new__(cls, value)

    def __add__(self, other: int) -> "Int32":
        return Int32(int(self) + other)

    def __sub__(self, other: int) -> "Int32":
        return Int32(int(self) - other)

    def __mul__(self, other: int) -> "Int32":
        return Int32(int(self) * other)

    def __rshift__(self, other: int) -> "Int32":
        return Int32(int(self) >> other)

    def __and__(self, other: int) -> "Int32":
        return Int32(int(self) & other)

    def __xor__(self, other: int) -> "Int32":
        return Int32(int(self) ^ other)


class Pointer:
    """Halfwords are read without a sign, words must not need one."""

    def __init__(self, values: "array[int]") -> None:
        self._values = memoryview(values).cast("B").cast("H" if values.itemsize == 2 else "i")

    def __getitem__(self, place: int) -> Int32:
        if place < 0:
            raise IndexError(place)
        value = self._values[place]
        assert value >= 0
        return Int32(value)

    def __setitem__(self, place: int, value: int) -> None:
        self._values[place] = value


def _viper(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        return function(*(Pointer(each) if isinstance(each, array) else each for each in arguments))

    return call


def load_kernels() -> types.SimpleNamespace:
    stand_in: Any = types.ModuleType("micropython")
    stand_in.viper, stand_in.const = _viper, int
    names: dict[str, Any] = {"ptr16": Pointer, "ptr32": Pointer, "__name__": "kernels"}
    sys.modules["micropython"] = stand_in
    try:
        exec(compile(KERNELS.read_text(encoding="utf-8"), str(KERNELS), "exec"), names)
    finally:
        del sys.modules["micropython"]
    return types.SimpleNamespace(accumulate=names["accumulate"], find_crossing=names["find_crossing"], keep_tail=names["keep_tail"])
