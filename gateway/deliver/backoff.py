"""How long to wait before the next attempt: exponential, with full jitter, bounded. Knows nothing of what is retried."""

from collections.abc import Callable

FIRST_S = 1.0  # a hub that restarts is back within seconds
# Five minutes: seldom enough not to matter on a paid link, often enough that a day's work after an outage is not lost.
LONGEST_S = 300.0
_DOUBLINGS_MAX = 20  # beyond the longest wait anyway; keeps the power small


def full_jitter_s(failures: int, random: Callable[[], float], first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> float:
    """Anywhere from 0 to the bound of this attempt, so that many gateways do not come back at one instant."""
    doublings = min(max(failures - 1, 0), _DOUBLINGS_MAX)
    bound = min(longest_s, first_s * float(1 << doublings))
    return random() * bound
