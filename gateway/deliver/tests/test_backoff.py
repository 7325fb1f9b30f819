"""Waiting between attempts."""

import pytest

from gateway.deliver.backoff import FIRST_S, LONGEST_S, full_jitter_s


@pytest.mark.parametrize(
    ("failures", "bound"), [(1, FIRST_S), (2, 2 * FIRST_S), (5, 16 * FIRST_S), (9, 256 * FIRST_S), (10, LONGEST_S), (10**9, LONGEST_S)]
)
def test_bound_doubles_up_to_the_longest(failures: int, bound: float) -> None:
    """The wait lies between zero and a bound that doubles with every failure and then stays."""
    assert full_jitter_s(failures, lambda: 0.0) == 0.0
    assert full_jitter_s(failures, lambda: 0.5) == bound / 2
    assert full_jitter_s(failures, lambda: 1.0) == bound
