"""What happens in the field, in its own words: a zero that passes, a reset, an outage, a loaded feeder, a spike that was published."""

from gateway.carbon import CounterReading, figures, pending, publish
from gateway.carbon.tests.builders import HOUR, IMPORT, KWH, LONG_AFTER, MINUTE, amounts, counter, documents, entries, ms, site, steady

FEEDER = counter(rating_thousandths_per_hour=100 * KWH)
START = "2026-03-02 06:00"


def test_c8_a_transient_zero_never_books_the_lifetime_counter() -> None:
    """One reading of 0 among 48,000 kWh: the shift's energy is what it would have been."""
    rows = steady(START, "2026-03-02 14:00", KWH, begin=48_000 * KWH)
    zeroed = [row._replace(value=0) if number == 10 else row for number, row in enumerate(rows)]

    assert amounts(documents(site(FEEDER), zeroed)) == amounts(documents(site(FEEDER), rows))


def test_c8_a_true_reset_is_accepted_within_minutes_at_the_power_pace() -> None:
    """Read every ten seconds while in doubt: after two minutes of low readings the counter goes on."""
    before = steady(START, "2026-03-02 07:00", KWH, begin=48_000 * KWH)
    low = [CounterReading(ms("2026-03-02 07:00") + number * 10_000, number) for number in range(1, 15)]

    assert pending([FEEDER], {FEEDER.key: [*before, *low[:11]]}, ()) == [FEEDER.key]
    assert pending([FEEDER], {FEEDER.key: [*before, *low]}, ()) == []


def test_c11_six_hours_of_outage_are_spread_and_flagged_not_dumped() -> None:
    """Over two shifts in proportion, the share estimated, and an event in each figure."""
    rows = [row for row in steady(START, "2026-03-02 22:00", KWH) if not ms("2026-03-02 11:00") < row.time_ms < ms("2026-03-02 17:00")]
    early, late = entries(documents(site(FEEDER), rows))[:2]

    assert (early["amount"], early["estimated"], late["amount"], late["estimated"]) == ("32.000000", "12.000000", "32.000000", "12.000000")
    assert [each["events"][0]["kind"] for each in (early, late)] == ["gap", "gap"]


def test_c9_a_hundred_kilowatt_feeder_at_full_load_is_accepted() -> None:
    """25 kWh in every quarter of an hour, and a tenth more for a short overload."""
    rows = steady(START, "2026-03-02 14:00", 25 * KWH)
    overload = CounterReading(rows[-1].time_ms + 15 * MINUTE, (rows[-1].value or 0) + 27 * KWH)
    early, late = entries(documents(site(FEEDER), [*rows, overload]))

    assert (early["amount"], late["amount"]) == ("800.000000", "27.000000")
    assert [*early["events"], *late["events"]] == []


def test_c9_a_spike_that_was_published_is_retracted_by_a_restatement() -> None:
    """Without a rating the spike was taken; the reading after it takes it back, as a version with its reason."""
    inputs = site(counter(rating_thousandths_per_hour=None))
    rows = steady(START, "2026-03-02 14:00", KWH)
    spike = rows[-1]._replace(value=900_000 * KWH)
    first = publish(figures(inputs, {("main", IMPORT): [*rows[:-1], spike]}, (), 0)[0], None, LONG_AFTER, 15)
    after = CounterReading(spike.time_ms + HOUR, 36 * KWH)
    second = publish(figures(inputs, {("main", IMPORT): [*rows[:-1], spike, after]}, (), 0)[0], first, LONG_AFTER, 15)

    assert first is not None
    assert second is not None
    assert entries([first])[0]["amount"] == "900000.000000"
    assert (second["version"], second["state"], entries([second])[0]["amount"]) == (2, "restated", "32.000000")
    assert any("transient" in reason for reason in second["reasons"])
