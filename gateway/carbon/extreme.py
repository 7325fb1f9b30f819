"""The least value in a window that only moves forward, without looking at any value twice.

A counter whose rating was declared too small is implausible at every reading; looking a day ahead each time
would take minutes for a year. Whose values these are is not known here.
"""

from collections import deque
from collections.abc import Callable


class SlidingLeast:
    """`value_at` gives the value of an index; neither end of the window may move back between calls."""

    def __init__(self, value_at: Callable[[int], int]) -> None:
        self._value_at = value_at
        self._rising: deque[tuple[int, int]] = deque()  # (value, index): the least of every rest of the window
        self._next = 0

    def over(self, first: int, last: int) -> int:
        """The least value of the indices first to last, both included."""
        for index in range(max(self._next, first), last + 1):
            value = self._value_at(index)
            while self._rising and self._rising[-1][0] >= value:
                self._rising.pop()
            self._rising.append((value, index))
        self._next = max(self._next, last + 1)
        while self._rising[0][1] < first:
            self._rising.popleft()
        return self._rising[0][0]
