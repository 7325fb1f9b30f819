"""The bits of an IEEE 754 number <-> an exact fraction, with integers only.

What the number measures is not known here. Runs on MicroPython, whose float on the board is single precision.
"""

# By the number's size in 16-bit words.
QUIET_NAN = {2: 0x7FC00000, 4: 0x7FF8 << 48}
_FRACTION_BITS = {2: 23, 4: 52}


def half_even(numerator: int, denominator: int) -> int:
    """The nearest integer to the quotient, the even one of two; `denominator` > 0."""
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient & 1):
        return quotient + 1
    return quotient


def fraction_of(bits: int, size: int) -> tuple[int, int] | None:
    """The IEEE 754 number of `size` words as numerator and denominator; None for NaN and the infinities."""
    fraction_bits = _FRACTION_BITS[size]
    exponent_most = (1 << (16 * size - 1 - fraction_bits)) - 1
    exponent = bits >> fraction_bits & exponent_most
    fraction = bits & ((1 << fraction_bits) - 1)
    if exponent == exponent_most:
        return None
    if exponent:
        fraction |= 1 << fraction_bits
    else:
        exponent = 1
    if bits >> (16 * size - 1):
        fraction = -fraction
    shift = exponent - exponent_most // 2 - fraction_bits
    return (fraction << shift, 1) if shift >= 0 else (fraction, 1 << -shift)


def bits_of(numerator: int, denominator: int, size: int) -> int | None:
    """The nearest IEEE 754 number of `size` words, ties to even, as its bits; None beyond the largest."""
    fraction_bits = _FRACTION_BITS[size]
    exponent_most = (1 << (16 * size - 1 - fraction_bits)) - 1
    least = 1 - exponent_most // 2 - fraction_bits  # power of two of the last place of the smallest numbers
    sign = 1 if (numerator < 0) != (denominator < 0) else 0
    numerator, denominator = abs(numerator), abs(denominator)
    power = max(_bit_length(numerator) - _bit_length(denominator) - fraction_bits - 1, least)
    significand = _shifted(numerator, denominator, power)
    while significand >> (fraction_bits + 1):
        power += 1
        significand = _shifted(numerator, denominator, power)
    exponent = power - least + 1 if significand >> fraction_bits else 0
    if exponent >= exponent_most:
        return None
    fraction = significand & ((1 << fraction_bits) - 1)
    return sign << (16 * size - 1) | exponent << fraction_bits | fraction


def _shifted(numerator: int, denominator: int, power: int) -> int:
    """numerator / (denominator x 2^power), rounded half-even."""
    if power < 0:
        return half_even(numerator << -power, denominator)
    return half_even(numerator, denominator << power)


def _bit_length(number: int) -> int:
    length = 0  # int.bit_length does not exist on MicroPython
    while number >> length:
        length += 1
    return length
