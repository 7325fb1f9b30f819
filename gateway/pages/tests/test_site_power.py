"""The power of the site from its meters; a part that is silent makes it unknown."""

from dataclasses import replace

import pytest

from gateway.pages.site_power import site_power
from gateway.pages.tests.fakes import NOW_MS, healthy_status, line, meter, with_meter
from gateway.status import MeterStatus


def _power(*meters: MeterStatus) -> int | None:
    return site_power(replace(healthy_status(), meters=meters), NOW_MS).milliwatts


def test_site_draws_grid_and_own_generation() -> None:
    """412.3 kW from the grid and 86.4 kW from the roof."""
    power = site_power(healthy_status(), NOW_MS)

    assert (power.milliwatts, power.meters, power.silent) == (498_700_000, ("main", "pv"), ())


@pytest.mark.parametrize(
    ("meters", "watts"),
    [
        ((meter("main", "import", watts=-20_000), meter("pv", "generation", watts=-50_000)), 30_000),
        ((meter("main", "import", watts=10_000), meter("pv", "generation", watts=50_000)), 60_000),
        ((meter("main", "import", watts=10_000), meter("out", "export", watts=-4_000)), 6_000),
        ((meter("main", "import", watts=10_000), meter("battery", "charge", watts=3_000)), 7_000),
        ((meter("main", "import", watts=10_000), meter("battery", "discharge", watts=-3_000)), 13_000),
        ((meter("main", "import", watts=10_000), meter("press", "load", watts=9_000)), 10_000),
        ((meter("hall-1", watts=10_000), meter("hall-2", watts=5_000), meter("press", watts=9_000, parent="hall-1")), 15_000),
        ((meter("main", "import", watts=0),), 0),
    ],
)
def test_roles_enter_the_load_by_their_meaning(meters: tuple[MeterStatus, ...], watts: int) -> None:
    """Load = import + generation + discharge - export - charge; without a grid meter the loads that stand on top."""
    assert _power(*meters) == watts * 1000


@pytest.mark.parametrize(
    "silent",
    [
        meter("main", "import", state="absent", reason="no_answer"),
        meter("main", "import", state="waiting", time_ms=None),
        meter("main", "import", time_ms=NOW_MS - 61_000),
        meter("main", "import", watts=None),
    ],
)
def test_a_silent_part_makes_the_sum_unknown(silent: MeterStatus) -> None:
    """An old or missing value is neither used nor taken for 0."""
    power = site_power(replace(healthy_status(), meters=(silent, meter("pv", "generation", watts=-5_000))), NOW_MS)

    assert (power.milliwatts, power.silent) == (None, ("main",))


def test_a_slow_pace_is_not_silence() -> None:
    """A meter polled once a minute may be three minutes old."""
    slow = replace(with_meter(healthy_status(), "main", time_ms=NOW_MS - 170_000), lines=(line(interval_ms=60_000),))

    assert site_power(slow, NOW_MS).silent == ()


def test_without_a_live_meter_nothing_is_known() -> None:
    """Imported meters say no power of now."""
    assert _power(meter("main", "import", line="", state="imported")) is None
