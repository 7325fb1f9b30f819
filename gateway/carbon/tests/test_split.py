"""C7, C11 and C13: how the energy between two readings falls into the stretches it touches."""

from decimal import Decimal

import pytest

from gateway.carbon import CounterReading, CounterSpec, ShiftRule
from gateway.carbon.split import apportion
from gateway.carbon.tests.builders import (
    EXPORT,
    HOUR,
    IMPORT,
    KWH,
    MINUTE,
    amounts,
    counter,
    documents,
    entries,
    ms,
    rows,
    shift_named,
    site,
    steady,
)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        (10, [1, 1], [5, 5]),
        (11, [1, 1], [6, 5]),
        (10, [1, 2], [3, 7]),
        (2, [1, 1, 1], [1, 1, 0]),
        (5, [0, 7, 0], [0, 5, 0]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_c7_largest_remainders_take_what_is_left(total: int, weights: list[int], parts: list[int]) -> None:
    """The earliest first where they are equal; the parts always sum to the whole."""
    assert apportion(total, weights) == parts


def test_c13_whole_pairs_are_measured_and_a_straddling_one_is_interpolated() -> None:
    """10 minutes before and 5 after the change of shift: two thirds and one third."""
    readings = rows(("2026-03-02 13:40", 0), ("2026-03-02 13:50", 10), ("2026-03-02 14:05", 22), ("2026-03-02 14:20", 30))

    early, late = entries(documents(site(), readings))

    assert [early[name] for name in ("amount", "measured", "interpolated", "estimated")] == ["0.000018", "0.000010", "0.000008", "0.000000"]
    assert [late[name] for name in ("amount", "measured", "interpolated", "estimated")] == ["0.000012", "0.000008", "0.000004", "0.000000"]
    assert (early["first"]["time"], early["last"]["value"]) == ("2026-03-02T13:40:00Z", "0.000010")


def test_c12_readings_at_the_boundaries_leave_nothing_to_split() -> None:
    """A counter read exactly at the change of shift is measured on both sides."""
    found = entries(documents(site(), steady("2026-03-02 06:00", "2026-03-02 22:00", KWH)))

    assert [(entry["amount"], entry["measured"]) for entry in found] == [("32.000000", "32.000000")] * 2


@pytest.mark.parametrize(("minutes", "part"), [(30, "interpolated"), (31, "estimated")])
def test_c11_a_pair_longer_than_twice_the_pace_is_a_gap(minutes: int, part: str) -> None:
    """Up to the limit its split is interpolated, beyond it is estimated."""
    begin = ms("2026-03-02 13:45")
    readings = [CounterReading(begin, 0), CounterReading(begin + minutes * MINUTE, KWH)]

    early = entries(documents(site(), readings))[0]

    assert early[part] == early["amount"]
    assert [event["kind"] for event in early["events"]] == (["gap"] if part == "estimated" else [])


def test_c11_five_minutes_are_no_gap_however_fast_the_pace() -> None:
    """A counter read every 10 s may pause for five minutes."""
    spec = counter(pace_s=10)

    found = documents(site(spec), rows(("2026-03-02 13:58", 0), ("2026-03-02 14:03", 5)))

    assert [entry["estimated"] for entry in entries(found)] == ["0.000000", "0.000000"]


def test_c11_a_gap_wholly_inside_a_shift_is_measured() -> None:
    """The counter says the total; nothing needs to be divided, and the figure stays complete."""
    found = documents(site(), rows(("2026-03-02 06:00", 0), ("2026-03-02 14:00", 50 * KWH)))

    entry = entries(found)[0]
    assert (entry["measured"], entry["estimated"], found[0]["complete"]) == ("50.000000", "0.000000", True)
    assert "wholly inside" in entry["events"][0]["detail"]


def test_c11_a_gap_without_any_shape_is_spread_linearly_never_booked_on_recovery() -> None:
    """Twelve hours without a reading over three shifts."""
    found = documents(site(), rows(("2026-03-02 12:00", 0), ("2026-03-03 00:00", 12 * KWH)))

    assert amounts(found) == ["2.000000", "8.000000", "2.000000"]
    assert all("linear in time" in entry["events"][0]["detail"] for entry in entries(found))
    assert [document["complete"] for document in found] == [False] * 3


def family() -> list[CounterSpec]:
    return [
        counter(),
        counter("press", role="load", parent="main"),
        counter("oven", role="load", parent="main"),
    ]


def test_c11_a_gap_follows_the_parent_meter() -> None:
    """The parent drew three quarters of its energy before the change of shift."""
    specs = family()
    main = steady("2026-03-02 13:00", "2026-03-02 14:00", 3 * KWH) + steady("2026-03-02 14:15", "2026-03-02 15:00", KWH, begin=13 * KWH)
    gap = rows(("2026-03-02 13:00", 0), ("2026-03-02 15:00", 8 * KWH))
    oven = steady("2026-03-02 13:00", "2026-03-02 15:00", KWH)

    found = documents(site(*specs), {("main", IMPORT): main, ("press", IMPORT): gap, ("oven", IMPORT): oven})

    assert amounts(found, "press") == ["6.000000", "2.000000"]
    assert "shape of main" in entries(found, "press")[0]["events"][0]["detail"]


def test_c11_a_gap_follows_a_sibling_where_the_parent_has_one_too() -> None:
    """The oven beside it was read all the time."""
    specs = family()
    gap = rows(("2026-03-02 13:00", 0), ("2026-03-02 15:00", 8 * KWH))
    oven = steady("2026-03-02 13:00", "2026-03-02 14:00", 3 * KWH) + steady("2026-03-02 14:15", "2026-03-02 15:00", KWH, begin=13 * KWH)

    found = documents(site(*specs), {("main", IMPORT): gap, ("press", IMPORT): gap, ("oven", IMPORT): oven})

    assert amounts(found, "press") == ["6.000000", "2.000000"]
    assert "shape of oven" in entries(found, "press")[0]["events"][0]["detail"]


def test_c13_a_pair_at_the_usual_pace_is_linear_whatever_its_relatives_did() -> None:
    """Shapes are for gaps only."""
    main = rows(("2026-03-02 13:50", 0), ("2026-03-02 14:00", 9 * KWH), ("2026-03-02 14:10", 10 * KWH))
    press = rows(("2026-03-02 13:50", 0), ("2026-03-02 14:10", 4 * KWH))

    found = documents(site(*family()), {("main", IMPORT): main, ("press", IMPORT): press})

    assert [entry["interpolated"] for entry in entries(found, "press")] == ["2.000000", "2.000000"]


def test_c11_a_shape_is_of_the_same_quantity() -> None:
    """What the main meter gave back says nothing of what the press drew."""
    specs = (counter("main", EXPORT), counter("press", role="load", parent="main"))
    main = steady("2026-03-02 13:00", "2026-03-02 14:00", 3 * KWH) + steady("2026-03-02 14:15", "2026-03-02 15:00", KWH, begin=13 * KWH)

    found = documents(
        site(*specs), {("main", EXPORT): main, ("press", IMPORT): rows(("2026-03-02 13:00", 0), ("2026-03-02 15:00", 8 * KWH))}
    )

    assert amounts(found, "press") == ["4.000000", "4.000000"]


def test_c11_a_gap_follows_the_same_time_a_week_before() -> None:
    """No relative can help, but last week at this time was read."""
    week_before = steady("2026-03-02 13:00", "2026-03-02 14:00", 3 * KWH) + steady(
        "2026-03-02 14:15", "2026-03-02 15:00", KWH, begin=13 * KWH
    )
    gap = rows(("2026-03-09 13:00", 100 * KWH), ("2026-03-09 15:00", 108 * KWH))

    found = documents(site(), week_before + gap)

    gapped = [entries([shift_named(found, "2026-03-09", name)])[0] for name in ("early", "late")]
    assert gapped[1]["amount"] == "2.000000"
    assert "a week before" in gapped[1]["events"][0]["detail"]


def test_c13_seconds_outside_the_first_and_last_reading_are_missing() -> None:
    """Known energy is told; the rest of the shift is missing, not zero."""
    found = documents(site(), rows(("2026-03-02 07:00", 0), ("2026-03-02 07:15", KWH)))

    assert [(entry["amount"], entry["missing_s"]) for entry in entries(found)] == [("1.000000", 8 * 3600 - 900)]
    assert not found[0]["complete"]


def test_c13_what_is_missing_is_never_told_as_nothing() -> None:
    """Half a second counts as one."""
    readings = [CounterReading(ms("2026-03-02 06:00"), 0), CounterReading(ms("2026-03-02 14:00") - 500, 1)]

    found = documents(site(), readings)

    assert (entries(found)[0]["missing_s"], found[0]["complete"]) == (1, False)


def test_c13_a_shift_inside_an_unknown_pair_is_null() -> None:
    """The counter was reset while nobody read it: null with its reason, never 0."""
    readings = rows(
        ("2026-03-02 13:45", 99 * KWH),
        ("2026-03-02 14:00", 100 * KWH),
        ("2026-03-02 22:00", 5),
        ("2026-03-02 22:15", 6),
        ("2026-03-02 22:30", 7),
    )

    found = documents(site(), readings)

    late = entries(found)[1]
    assert (late["amount"], late["measured"], late["missing_s"]) == (None, None, 8 * 3600)
    assert "main active_energy_import: no accepted pair of readings covers any of this time" in found[1]["reasons"]
    assert found[1]["balance"]["import_kwh"] is None


def test_c13_seconds_inside_a_pending_pair_are_missing() -> None:
    """One reading below is not decided: what follows the last good one is missing."""
    found = documents(site(), rows(("2026-03-02 06:00", KWH), ("2026-03-02 10:00", 2 * KWH), ("2026-03-02 14:00", 0)))

    assert entries(found)[0]["missing_s"] == 4 * 3600


@pytest.mark.parametrize(("share_max", "complete"), [("0.05", True), ("0.049", False)])
def test_c13_complete_up_to_the_estimated_share_of_the_site(share_max: str, complete: bool) -> None:
    """5 kWh of 100 come from a gap that straddles the end of the shift."""
    readings = rows(("2026-03-02 06:00", 0), ("2026-03-02 13:00", 95 * KWH), ("2026-03-02 15:00", 105 * KWH))
    rules = [ShiftRule("early", "06:00", "14:00")]

    found = documents(site(shifts=rules, estimated_share_max=Decimal(share_max)), readings)

    assert found[0]["estimated_share_pct"] == "5.000000"
    assert found[0]["complete"] is complete


def test_c7_a_year_of_one_counter_is_split_without_quadratic_work() -> None:
    """35,040 readings in three shifts a day: every figure is there and they sum to the counter."""
    readings = steady("2026-01-01 00:00", "2026-12-31 23:45", KWH)

    found = documents(site(), readings)

    assert len(found) == 3 * 365 + 1
    assert sum(int(entry["amount"].split(".")[0]) for entry in entries(found)) == len(readings) - 1
    assert readings[-1].time_ms - readings[0].time_ms == 365 * 24 * HOUR - 15 * MINUTE
