"""Integer mathematics the board lacks: nearest division, square root, sine and cosine. Single-precision floats would lose watts."""

UNIT_BITS = 30  # sine and cosine are integers of which 2**30 is one
UNIT = 1 << UNIT_BITS
_PI = 3373259426  # pi * 2**30
_HALF_TURN_MDEG = 180000


def divide_nearest(dividend: int, divisor: int) -> int:
    """Halves go away from zero, so that import and export round alike; the divisor is positive."""
    if dividend < 0:
        return -((-dividend * 2 + divisor) // (2 * divisor))
    return (dividend * 2 + divisor) // (2 * divisor)


def square_root(square: int) -> int:
    """The nearest integer to the root."""
    if square <= 0:
        return 0
    guess, rest = 1, square
    while rest:  # a power of two that is not below the root: from there Newton only falls
        guess <<= 8
        rest >>= 16
    while True:
        better = (guess + square // guess) >> 1
        if better >= guess:
            break
        guess = better
    return guess + 1 if square - guess * guess > guess else guess


def sine_cosine(angle_mdeg: int) -> "tuple[int, int]":
    """Of an angle within one turn, times 2**30."""
    if angle_mdeg < -45000:
        sine, cosine = sine_cosine(angle_mdeg + 90000)
        return -cosine, sine
    if angle_mdeg > 45000:
        sine, cosine = sine_cosine(angle_mdeg - 90000)
        return cosine, -sine
    angle = divide_nearest(angle_mdeg * _PI, _HALF_TURN_MDEG)
    return _series(angle, angle, 1), _series(angle, UNIT, 0)


def _series(angle: int, term: int, power: int) -> int:
    """Every second term of the exponential series with alternating sign, until a term vanishes."""
    total = 0
    while term:
        total += term
        term = -divide_nearest(term * angle * angle, (power + 1) * (power + 2) << 2 * UNIT_BITS)
        power += 2
    return total


def arc_sine_cdeg(sine: int) -> int:
    """The angle, in 0.01 degree, of a small sine times 2**30; the series' next term is below 0.001 degree up to 10 degrees."""
    angle = sine + divide_nearest(sine * sine * sine, 6 << 2 * UNIT_BITS) + divide_nearest(3 * sine**5, 40 << 4 * UNIT_BITS)
    return divide_nearest(angle * 18000, _PI)
