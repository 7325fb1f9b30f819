"""The one decimal context of the engine (C32): products and sums are exact, quotients have six decimals, half-even.

Amounts come in as integers; they become decimals only here.
"""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow
from fractions import Fraction
from math import isqrt

from protocols.quantity import QUANTITIES

QUOTIENT_DECIMALS = 6
# 19 digits of a counter times 12 of a factor, summed over any number of lines, stay far below; Inexact would tell.
_CONTEXT = Context(prec=80, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])


def amount(quantity: str, thousandths: int) -> Decimal:
    """In the quantity's outer unit, with all its decimals."""
    return shifted(Decimal(thousandths), -QUANTITIES[quantity].decimals)


def shifted(value: Decimal, places: int) -> Decimal:
    return value.scaleb(places, _CONTEXT)


def product(*values: Decimal) -> Decimal:
    result = Decimal(1)
    for value in values:
        result = _CONTEXT.multiply(result, value)
    return result


def total(values: Iterable[Decimal]) -> Decimal:
    result = Decimal(0)
    for value in values:
        result = _CONTEXT.add(result, value)
    return result


def quotient(dividend: Decimal, divisor: Decimal) -> Decimal:
    """Rounded once, half-even, to six decimals, whatever the lengths of the operands."""
    scaled = Fraction(Fraction(dividend) * 10**QUOTIENT_DECIMALS, Fraction(divisor))
    return Decimal(round(scaled)).scaleb(-QUOTIENT_DECIMALS, _CONTEXT)


def rounded(value: Fraction) -> Decimal:
    """A ratio to six decimals, half-even."""
    return quotient(Decimal(value.numerator), Decimal(value.denominator))


def root(square: Fraction) -> Decimal:
    """The square root, rounded once, half-even, to six decimals."""
    scaled = square * 10 ** (2 * QUOTIENT_DECIMALS)
    below = isqrt(scaled.numerator // scaled.denominator)
    half = Fraction(2 * below + 1, 2) ** 2
    up = scaled > half or (scaled == half and below % 2 == 1)
    return Decimal(below + up).scaleb(-QUOTIENT_DECIMALS, _CONTEXT)


def divided(dividend: Decimal, divisor: Decimal) -> Decimal:
    """In full where the division ends, by 1000 with all decimals; a quotient to six decimals where it does not."""
    if divisor.as_tuple().digits[0] == 1 and divisor == Decimal(1).scaleb(divisor.adjusted(), _CONTEXT):
        return shifted(dividend, -divisor.adjusted())
    rest = Fraction(divisor).numerator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return _CONTEXT.divide(dividend, divisor) if Fraction(dividend).numerator % rest == 0 else quotient(dividend, divisor)


def text(value: Decimal) -> str:
    """In full and without exponent."""
    return format(value, "f")


def plain(value: Decimal) -> str:
    """Without the zeros behind the point: for counts."""
    written = text(value)
    return written.rstrip("0").rstrip(".") if "." in written else written
