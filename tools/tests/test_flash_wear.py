"""How long the flash lasts, by arithmetic, and that the docs say the same."""

from pathlib import Path

from firmware.counter_journal import ONE_SECOND, TEN_SECONDS, JournalPlan
from tools.bench.flash_wear import journal_wear, profile_wear, rows

DOCS = Path(__file__).parents[2] / "docs" / "explanation" / "counters-that-survive.md"


def test_erases_follow_from_saves_and_slots() -> None:
    """By hand: 119 saves of one record fit a sector; one a second is 726 erases a day, on 119 blocks 45 years."""
    wear = journal_wear(JournalPlan(2_000, 1_000, 119), 1)

    assert (wear.erases_per_day_tenths, wear.seconds_between_erases, wear.years_tenths) == (7260, 119, 449)


def test_the_flash_outlives_ten_years_in_the_worst_case() -> None:
    """All counters changing between any two saves, for both rings and the profile."""
    worst = [journal_wear(plan, 4) for plan in (TEN_SECONDS, ONE_SECOND)]

    assert all(wear.years_tenths >= 100 for wear in [*worst, profile_wear()])


def test_the_docs_hold_the_computed_rows() -> None:
    """The table is not written by hand."""
    text = DOCS.read_text(encoding="utf-8")

    assert [wear.row() for wear in rows() if wear.row() not in text] == []
