"""C30: when a figure is published, and what a restatement says."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.carbon import CounterReading, Declaration, DemandRule, FigureDraft, ShiftRule, Swap, TariffRule, figures, publish, withdraw
from gateway.carbon.tests.builders import HOUR, IMPORT, KWH, MINUTE, Document, counter, factor, ms, site, steady

END = ms("2026-03-02 14:00")
FULL = steady("2026-03-02 06:00", "2026-03-02 14:00", KWH)


def draft(readings: Sequence[CounterReading] = tuple(FULL), declarations: Sequence[Declaration] = (), **changes: Any) -> FigureDraft:
    return figures(site(counter(), **changes), {("main", IMPORT): readings}, declarations, 0)[0]


def causes(document: Document) -> list[str]:
    return [reason for reason in document["reasons"] if reason.startswith("restated")]


def published(now: FigureDraft, previous: Document | None, now_ms: int) -> Document:
    document = publish(now, previous, now_ms, 15)
    assert document is not None
    return document


def final(**changes: Any) -> Document:
    return published(draft(**changes), None, END + HOUR)


@pytest.mark.parametrize(
    ("now_ms", "state"), [(END - 1, "running"), (END, "provisional"), (END + 15 * MINUTE - 1, "provisional"), (END + 15 * MINUTE, "final")]
)
def test_c30_the_state_follows_from_the_end_and_the_grace_time(now_ms: int, state: str) -> None:
    """Running until its end, provisional for the grace time, then final."""
    document = published(draft(), None, now_ms)

    assert (document["version"], document["state"]) == (1, state)


def test_c30_nothing_is_published_when_nothing_changed() -> None:
    """The same document in the same state is not a record."""
    first = published(draft(), None, END)

    assert publish(draft(), first, END + MINUTE, 15) is None


def test_c30_a_provisional_figure_becomes_final_after_the_grace_time() -> None:
    """The state alone is a reason to publish; the version stays 1."""
    first = published(draft(), None, END)

    second = published(draft(), first, END + 15 * MINUTE)

    assert (second["version"], second["state"], second["sha256"], second["known_at"]) == (
        1,
        "final",
        first["sha256"],
        "2026-03-02T14:15:00Z",
    )


def test_c30_a_closed_figure_never_runs_again() -> None:
    """A clock that steps back does not reopen it."""
    assert publish(draft(), final(), END - HOUR, 15) is None


def test_c30_late_readings_restate_with_the_difference() -> None:
    """Version 2 tells what the figure was and is."""
    first = final(readings=tuple(FULL[:-4]))

    second = published(draft(), first, END + 2 * HOUR)

    assert (second["version"], second["state"]) == (2, "restated")
    assert "restated: main active_energy_import: 28.000000 -> 32.000000 (+4.000000) kWh" in causes(second)
    assert "restated: scope2_location_kg: 14.8568000000 -> 16.9792000000 (+2.1224000000) kg" in causes(second)


def test_c30_a_restated_figure_is_restated_again_only_by_a_change() -> None:
    """Version 3 needs its own cause."""
    second = published(draft(), final(readings=tuple(FULL[:-4])), END + 2 * HOUR)

    assert publish(draft(), second, END + 3 * HOUR, 15) is None
    assert published(draft(readings=tuple(FULL[:-2])), second, END + 3 * HOUR)["version"] == 3


def test_c30_a_declared_swap_is_named_as_the_cause() -> None:
    """And undoing it is a new version too."""
    swap = Swap("main", IMPORT, ms("2026-03-02 10:05"), 17 * KWH, 16 * KWH)
    first = final()

    second = published(draft(declarations=[swap]), first, END + HOUR)
    third = published(draft(), second, END + 2 * HOUR)

    assert causes(second)[0].startswith("restated: swap of main active_energy_import at 2026-03-02T10:05:00Z: declared swap")
    assert causes(third)[0] == "restated: swap of main active_energy_import at 2026-03-02T10:05:00Z no longer holds"
    assert third["sha256"] == first["sha256"]


def test_c30_a_new_factor_is_named_as_the_cause() -> None:
    """With both values, so that an edition that kept its id shows."""
    second = published(draft(factors=(factor("0.5"),)), final(), END + HOUR)

    assert any("factor of scope2_location: cn.grid.2026 0.5306" in cause and "-> cn.grid.2026 0.5 " in cause for cause in causes(second))


def test_c30_a_calendar_change_is_named_as_the_cause() -> None:
    """The same start with another end is the same figure, restated."""
    second = published(draft(shifts=[ShiftRule("early", "06:00", "13:00")]), final(), END + HOUR)

    assert "restated: calendar: end 2026-03-02T14:00:00Z -> 2026-03-02T13:00:00Z" in causes(second)


def test_c30_a_late_reading_that_changes_nothing_is_no_version() -> None:
    """A reading in the middle of a pair inside the shift leaves every number as it was."""
    first = final(readings=tuple(FULL[:5] + FULL[6:]))

    assert publish(draft(), first, END + HOUR, 15) is None


def test_c30_the_readings_behind_an_equal_amount_may_change() -> None:
    """The same energy with another last reading is another figure."""
    first = final(readings=tuple(FULL[:-1]))

    second = published(draft(readings=(*FULL[:-1], FULL[-1]._replace(value=FULL[-2].value))), first, END + HOUR)

    assert causes(second) == ["restated: main active_energy_import: the readings behind the amount changed"]


def test_c32_the_hash_covers_everything_but_version_state_known_at_and_reasons() -> None:
    """Recomputed here with nothing but the standard library."""
    document = final()
    plain = {key: value for key, value in document.items() if key not in ("version", "state", "known_at", "reasons", "sha256")}

    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    assert hashlib.sha256(text.encode()).hexdigest() == document["sha256"]


def test_c32_time_zone_data_that_moves_nothing_is_no_version() -> None:
    """The pinned data is an input that stands in each figure; a release that changes nothing of it restates nothing."""
    assert publish(draft(time_zone_data="2027.1"), final(), END + HOUR, 15) is None


def test_c32_time_zone_data_is_named_as_a_cause() -> None:
    """Where something else of the figure changed with it."""
    made = draft(time_zone_data="2027.1")
    made = replace(made, document={**made.document, "complete": not made.document["complete"]})

    second = published(made, final(), END + HOUR)

    assert "restated: time-zone data: time_zone_data 2026.6 -> 2027.1" in causes(second)


def test_c30_reasons_for_null_stand_beside_the_causes() -> None:
    """A draft's own reasons are kept in every version."""
    second = published(draft(), final(readings=tuple(FULL[:-4])), END + HOUR)

    assert second["reasons"][-len(draft().reasons) :] == list(draft().reasons)


def test_c30_a_figure_the_calendar_no_longer_has_is_withdrawn() -> None:
    """It holds nothing any more, so that sums stay right, and says why."""
    first = final()

    last = withdraw(first, END + HOUR)

    assert (last["version"], last["state"], last["meters"], last["balance"]["load_kwh"]) == (2, "restated", [], None)
    assert last["carbon"].keys() == first["carbon"].keys()
    assert last["reasons"] == ["withdrawn: the calendar no longer has this stretch of time; others cover it"]


def test_c30_the_key_names_the_stretch_for_ever() -> None:
    """Production line, date, shift and start; the end may change."""
    assert draft().key == "|2026-03-02|early|2026-03-02T06:00:00Z"
    assert replace(draft(), end_ms=0).key == draft().key


def test_c30_a_new_tariff_restates_a_closed_figure_and_says_so() -> None:
    """What is only there where it is declared is a cause like any other."""
    before = final(tariffs=(TariffRule("peak", "06:00", "08:00"), TariffRule("flat")))

    after = published(draft(tariffs=(TariffRule("peak", "06:00", "09:00"), TariffRule("flat"))), before, END + HOUR)

    assert (after["version"], causes(after)) == (2, ["restated: tariffs: other values, or declared otherwise"])


def test_c30_another_crew_restates_a_closed_figure_and_names_it() -> None:
    """The calendar changed, the energy did not."""
    crews = {crew: [ShiftRule("early", "06:00", "14:00", crew=crew)] for crew in ("A", "B")}

    after = published(draft(shifts=crews["B"]), final(shifts=crews["A"]), END + HOUR)

    assert causes(after) == ["restated: calendar: crew A -> B"]


def test_c30_a_withdrawn_figure_holds_nothing_that_was_declared() -> None:
    """No demand, tariff or certificate is left in it to be counted."""
    emptied = withdraw(final(tariffs=(TariffRule("flat"),), demand=DemandRule()), END + HOUR)

    assert not emptied.keys() & {"tree", "demand", "tariffs", "certificates"}
