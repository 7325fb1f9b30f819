"""Integer mathematics against the library's floats and integers."""

import math

from hypothesis import given
from hypothesis import strategies as st

from firmware.metrology.integers import UNIT, arc_sine_cdeg, divide_nearest, sine_cosine, square_root


@given(st.integers(min_value=0, max_value=2**160))
def test_the_square_root_is_the_nearest_integer(square: int) -> None:
    """Never off by more than a half."""
    root = square_root(square)

    assert (2 * root - 1) ** 2 <= 4 * square < (2 * root + 1) ** 2 or square == root == 0


@given(st.integers(min_value=-360000, max_value=360000))
def test_sine_and_cosine_hold_eight_digits(angle_mdeg: int) -> None:
    """Over a whole turn in both directions."""
    sine, cosine = sine_cosine(angle_mdeg)

    assert abs(sine / UNIT - math.sin(math.radians(angle_mdeg / 1000))) < 5e-9
    assert abs(cosine / UNIT - math.cos(math.radians(angle_mdeg / 1000))) < 5e-9


@given(st.integers(min_value=-1000, max_value=1000))
def test_the_arc_sine_undoes_the_sine(angle_cdeg: int) -> None:
    """To a hundredth of a degree, as far as a calibration may go."""
    assert arc_sine_cdeg(sine_cosine(angle_cdeg * 10)[0]) == angle_cdeg


def test_halves_are_rounded_away_from_zero() -> None:
    """Import and export round alike."""
    assert [divide_nearest(value, 2) for value in (-3, -1, 1, 3)] == [-2, -1, 1, 2]
