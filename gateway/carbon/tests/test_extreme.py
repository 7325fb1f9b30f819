"""The sliding least value against looking at every value."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.carbon.extreme import SlidingLeast


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=30), st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=20))
def test_the_least_of_a_window_that_moves_forward(values: list[int], moves: list[tuple[int, int]]) -> None:
    """Windows may overlap, touch or leave values out."""
    window, first, last = SlidingLeast(values.__getitem__), 0, 0
    for begin, end in moves:
        first = min(first + begin, len(values) - 1)
        last = min(max(last, first) + end, len(values) - 1)

        assert window.over(first, last) == min(values[first : last + 1])
