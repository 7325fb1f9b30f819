"""A hundredth of the fault-injected polls, and that the judge sees a master that takes what it should not."""

import pytest

from tools.bench.faulty_polls import KEPT_SHARE_MIN, one_line, summary
from tools.bench.late_judge import judge
from tools.bench.late_line import bench
from tools.bench.late_replies import run_simulated
from tools.factory.faults import BitFlips
from tools.tests.test_late_replies import AnyLength, Trusting

SHARE = 100  # of the million that the command polls
POLLS = 1_000_000 // SHARE


def test_nothing_is_invented_or_misdated_and_what_is_good_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """Late, lost, echoed, truncated, colliding, refused and damaged answers, all at once."""
    result = summary([one_line(POLLS // 2, seed) for seed in (11, 12)], 1.0)
    with capsys.disabled():
        print(f"\n1/{SHARE} of the fault-injected polls: {result}")

    assert result["polls"] >= POLLS
    assert (result["wrong_values"], result["wrong_instants"]) == (0, 0)
    assert result["kept_share"] >= KEPT_SHARE_MIN
    assert result["good_answers"] > POLLS / 2


def test_the_judge_sees_a_master_that_trusts() -> None:
    """Polled by one that takes any frame of the right meter, the same kind of line yields wrong values."""
    found = bench(5, late_share=0.2, faults=(BitFlips(0.02),))
    for station, late in zip(found.stations, found.lates, strict=True):
        station.condition = Trusting(station, late)

    assert judge(found, run_simulated(found, 2_000, AnyLength)).wrong_values > 0
