"""The benches of the lines in small: what they print is measured, and what must hold holds."""

from tools.bench.late_replies import run_for
from tools.bench.line_cycle import DEAD_SHARE_MAX, METERS, RATIO_MAX, dead_share, line, measured, ratio
from tools.bench.tcp_throughput import measured as throughput


def test_a_full_line_is_as_fast_as_the_wire_and_dead_meters_cost_little() -> None:
    """Six minutes of what the command measures for an hour."""
    found = measured(6.0, 3)

    assert 0.99 <= found["cycle_over_least"] <= RATIO_MAX
    assert 0 < found["dead_share"] <= DEAD_SHARE_MAX
    assert found["answers_of_the_others"] >= found["answers_due"] - METERS


def test_the_bench_sees_what_dead_meters_cost_before_they_are_known() -> None:
    """In the first minute every one of them is still asked as often as the others."""
    found = line(3, 1)
    run_for(found, 60.0, 10.0)

    assert dead_share(found, 3, 0) > DEAD_SHARE_MAX


def test_the_bench_sees_a_line_that_idles_between_requests() -> None:
    """A gap that no meter needs shows in the ratio."""
    found = line(0, 1)
    for station in found.stations:
        station.limits = station.limits._replace(gap_ms=20)
    run_for(found, 120.0, 10.0)

    assert ratio(found, 30_000_000) > RATIO_MAX


def test_what_is_read_over_tcp_is_stored() -> None:
    """Every value of every reading is in the store when the bench counts."""
    found = throughput(0.5, 4)

    assert found["readings_stored"] > 0
    assert found["values_stored"] == 35 * found["readings_stored"]
