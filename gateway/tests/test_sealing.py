"""How long records wait to be sealed, on a clock that is told."""

from collections.abc import Iterator

import pytest

from gateway.buffer.store import COMMIT_S
from gateway.sealing import AWAY_BATCHES, SEAL_AWAY_S, Pace

LAG_S_MAX = 30.0  # what a central screen may lag
WAY_S = 2.0  # the sender's look and a push


def oldest_s(commits_s: Iterator[float], waiting: int, *, takes: bool) -> float:
    """How old the oldest reading is at worst when it is sealed: it came right after a commit."""
    now, unsealed_since, worst = [0.0], 0.0, 0.0
    pace = Pace(lambda: now[0], lambda: waiting, lambda: takes)
    for now[0] in commits_s:
        if pace.due():
            worst = max(worst, now[0] - unsealed_since)
            unsealed_since = now[0]
    return worst


def commits(until_s: int, look_s: float) -> Iterator[float]:
    """As the writer does it: it looks twice a second, and is now earlier, now later at its clock."""
    at = 0.0
    while at < until_s:
        yield at
        at += COMMIT_S + look_s


@pytest.mark.parametrize("look_s", [-0.4, 0.0, 0.4])
@pytest.mark.parametrize("waiting", [0, 3, 4000])
def test_live_readings_are_sealed_in_time(waiting: int, look_s: float) -> None:
    """With a hub that takes batches, backlog or not, a reading is at the hub within half a minute."""
    assert oldest_s(commits(3600, look_s), waiting, takes=True) + WAY_S < LAG_S_MAX


def test_few_large_batches_while_the_hub_is_away() -> None:
    """A backlog grows by batches of ten minutes; until there is one, an absence of some minutes delays nothing."""
    assert oldest_s(commits(7200, 0.0), AWAY_BATCHES, takes=False) == SEAL_AWAY_S
    assert oldest_s(commits(7200, 0.0), AWAY_BATCHES - 1, takes=False) < LAG_S_MAX


def test_counters_leave_with_the_commit_that_they_asked_for() -> None:
    """Counters make the next commit a batch, unless one was sealed a moment ago."""
    now = [0.0]
    pace = Pace(lambda: now[0], lambda: 0, lambda: True)
    assert pace.due()

    pace.counters_came()
    now[0] = 1.0
    assert not pace.due()
    now[0] = 10.0
    assert pace.due()
    now[0] = 20.0
    assert not pace.due()
