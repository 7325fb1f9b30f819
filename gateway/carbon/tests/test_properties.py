"""What must hold for every set of readings: C7, C8 (the verdict is a function of the set), C30, C31, C32."""

from fractions import Fraction
from itertools import pairwise
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import zone
from gateway.carbon import CounterReading, CounterSpec, Declaration, Reset, Swap, conservation, figures, publish
from gateway.carbon.tests.builders import (
    DAY,
    HOUR,
    IMPORT,
    KWH,
    LONG_AFTER,
    MINUTE,
    counter,
    documents,
    entries,
    ms,
    site,
)
from protocols.amount import inside

START = ms("2026-03-27 05:00")
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Shanghai"])


@st.composite
def wild_readings(draw: st.DrawFn) -> list[CounterReading]:
    """A counter with gaps, spikes, dips, resets, wraps, conflicts, repeats and missing answers."""
    time_ms, value, found = START, draw(st.integers(0, 1000 * KWH)), []
    for _ in range(draw(st.integers(1, 40))):
        time_ms += draw(st.sampled_from([10_000, 61_000, 15 * MINUTE, 15 * MINUTE + 350, 3 * HOUR, 26 * HOUR]))
        fate = draw(st.sampled_from(["go", "go", "go", "go", "spike", "dip", "reset", "zero", "none", "conflict", "repeat"]))
        value += draw(st.integers(0, 90 * KWH)) if fate == "go" else 0
        value = draw(st.integers(0, 5 * KWH)) if fate == "reset" else value
        odd = {"spike": value + draw(st.integers(1, 10**12)), "dip": value // 3, "zero": 0, "none": None}
        found.append(CounterReading(time_ms, odd.get(fate, value)))
        if fate == "conflict":
            found.append(CounterReading(time_ms, value + 1))
        if fate == "repeat":
            found.append(CounterReading(time_ms, value))
    return found


declarations = st.lists(
    st.one_of(
        st.builds(
            Swap, st.just("main"), st.just(IMPORT), st.integers(START, START + 6 * DAY), st.integers(0, 10**10), st.integers(0, 10**9)
        ),
        st.builds(Reset, st.just("main"), st.just(IMPORT), st.integers(START, START + 6 * DAY)),
    ),
    max_size=3,
)
specs = st.builds(
    counter,
    rating_thousandths_per_hour=st.sampled_from([None, 400 * KWH, 4000 * KWH]),
    modulus_thousandths=st.sampled_from([None, 1000 * KWH, 10**12]),
    pace_s=st.sampled_from([10, 900]),
)


@given(specs, wild_readings(), declarations, ZONES)
@settings(max_examples=150, deadline=None)
def test_c7_raw_last_minus_raw_first_is_amounts_plus_adjustments(
    spec: CounterSpec, readings: list[CounterReading], declared: list[Declaration], name: str
) -> None:
    """Whatever the counter does, nothing is lost and nothing is booked twice."""
    inputs = site(spec, zone=zone.zone(name))

    found = documents(inputs, readings, declared)

    assert conservation([spec], {spec.key: readings}, declared, found) == []


@given(specs, wild_readings(), declarations, st.randoms(use_true_random=False))
@settings(max_examples=80, deadline=None)
def test_c8_the_verdict_does_not_depend_on_order_split_or_repeats(
    spec: CounterSpec, readings: list[CounterReading], declared: list[Declaration], random: Random
) -> None:
    """Shuffled, doubled readings and declarations give the same drafts."""
    inputs = site(spec)
    mixed, told = readings * 2, declared * 2
    random.shuffle(mixed)
    random.shuffle(told)

    expected = figures(inputs, {spec.key: readings}, declared, 0)

    assert figures(inputs, {spec.key: mixed}, told, 0) == expected


@given(specs, wild_readings(), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_c30_whenever_readings_arrive_the_last_version_is_the_same(spec: CounterSpec, readings: list[CounterReading], parts: int) -> None:
    """Published after every part of a shuffled import, the newest versions equal those of one import, and sum up."""
    inputs, known, published = site(spec), list[CounterReading](), dict[str, dict[str, Any]]()
    for part in range(parts):
        known += readings[part::parts]
        for draft in figures(inputs, {spec.key: known}, (), 0):
            document = publish(draft, published.get(draft.key), LONG_AFTER, 15)
            published[draft.key] = document or published[draft.key]

    at_once = documents(inputs, readings)

    assert sorted(each["sha256"] for each in published.values()) == sorted(each["sha256"] for each in at_once)


@given(specs, wild_readings(), declarations, st.integers(0, 5 * DAY), st.integers(1, 3 * DAY))
@settings(max_examples=80, deadline=None)
def test_c32_a_window_gives_the_same_documents_as_the_whole(
    spec: CounterSpec, readings: list[CounterReading], declared: list[Declaration], offset: int, length: int
) -> None:
    """Computing only [from, to) changes nothing in the figures it touches."""
    inputs, begin = site(spec, zone=zone.zone("Europe/Berlin")), START + offset
    whole = figures(inputs, {spec.key: readings}, declared, 0)

    window = figures(inputs, {spec.key: readings}, declared, 0, begin, begin + length)

    assert window == [draft for draft in whole if draft.end_ms > begin and draft.start_ms < begin + length]


@given(specs, wild_readings(), declarations, ZONES)
@settings(max_examples=100, deadline=None)
def test_c13_parts_sum_to_the_amount_and_missing_stays_inside(
    spec: CounterSpec, readings: list[CounterReading], declared: list[Declaration], name: str
) -> None:
    """measured + interpolated + estimated = amount, none is negative, null only when nothing is covered."""
    found = documents(site(spec, zone=zone.zone(name)), readings, declared)

    for document in found:
        for entry in document["meters"]:
            assert 0 <= entry["missing_s"] <= document["elapsed_s"]
            if entry["amount"] is None:
                assert entry["missing_s"] == document["elapsed_s"]
                continue
            parts = [inside(IMPORT, entry[name], "kWh") for name in ("measured", "interpolated", "estimated")]
            assert sum(parts) == inside(IMPORT, entry["amount"], "kWh")
            assert min(parts) >= 0


@given(specs, wild_readings(), ZONES)
@settings(max_examples=100, deadline=None)
def test_c4_figures_follow_one_another_without_hole_or_overlap(spec: CounterSpec, readings: list[CounterReading], name: str) -> None:
    """The stretches of one calendar are gapless from before the first reading to after the last."""
    usable = [reading.time_ms for reading in readings if reading.value is not None]
    drafts = figures(site(spec, zone=zone.zone(name)), {spec.key: readings}, (), 0)

    assert all(before.end_ms == after.start_ms for before, after in pairwise(drafts))
    if usable:
        assert drafts[0].start_ms <= min(usable)
        assert drafts[-1].end_ms >= max(usable)


@given(st.lists(st.tuples(st.integers(1, 6 * HOUR), st.integers(0, 10**9)), min_size=1, max_size=25))
@settings(max_examples=120, deadline=None)
def test_c7_a_second_calculation_finds_the_same_amounts(steps: list[tuple[int, int]]) -> None:
    """An independent largest-remainder split in rational numbers agrees to the last mWh."""
    points = [(START, 0)]
    for elapsed, advance in steps:
        points.append((points[-1][0] + elapsed, points[-1][1] + advance))
    inputs = site(counter(rating_thousandths_per_hour=None))

    found = documents(inputs, [CounterReading(*point) for point in points])

    bounds = sorted({each for document in found for each in (document["start"], document["end"])})
    expected = _oracle(points, [ms(each[:-1]) for each in bounds])
    assert [inside(IMPORT, entry["amount"] or "0", "kWh") for entry in entries(found)] == expected


def _oracle(points: list[tuple[int, int]], bounds: list[int]) -> list[int]:
    """Slow and plain: each pair over each figure, floor, then one more to the largest fractions.

    The readings span less than a week, so that no gap has a week before to follow.
    """
    shares = [0] * (len(bounds) - 1)
    for (begun, low), (ended, high) in pairwise(points):
        overlaps = [max(0, min(end, ended) - max(begin, begun)) for begin, end in pairwise(bounds)]
        exact = [Fraction((high - low) * overlap, ended - begun) for overlap in overlaps]
        floors = [part.numerator // part.denominator for part in exact]
        order = sorted(range(len(exact)), key=lambda k: (floors[k] - exact[k], k))
        for k in order[: high - low - sum(floors)]:
            floors[k] += 1
        shares = [share + part for share, part in zip(shares, floors, strict=True)]
    return shares
