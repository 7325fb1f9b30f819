"""C32: chunk by chunk, or from a change on, the figures come out as one calculation over everything gives them."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import zone
from gateway.carbon import CounterReading, Declaration, FigureDraft, SiteInputs, Swap, figures, publish
from gateway.carbon.inputs import CounterKey
from gateway.carbon.tests.builders import DAY, HOUR, KWH, LONG_AFTER, MINUTE, counter, site
from gateway.carbon.tests.test_properties import START, declarations, wild_readings
from gateway.reckoning import Declared, Reckoning, all_figures
from protocols.reading import milliseconds_of

Readings = dict[CounterKey, list[CounterReading]]
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe"])


@dataclass
class Given:
    """A source in memory; `published` are the figures of before."""

    rows: Readings
    published: Mapping[str, Mapping[str, Any]]

    def _times(self) -> dict[CounterKey, list[int]]:
        return {key: sorted(row.time_ms for row in rows if row.value is not None) for key, rows in self.rows.items()}

    def span_ms(self) -> tuple[int, int] | None:
        times = [row.time_ms for rows in self.rows.values() for row in rows]
        return (min(times), max(times)) if times else None

    def readings(self, from_ms: Mapping[CounterKey, int], to_ms: int | None) -> Readings:
        return {
            key: [row for row in rows if from_ms.get(key, 0) <= row.time_ms and (to_ms is None or row.time_ms < to_ms)]
            for key, rows in self.rows.items()
        }

    def going_on(self, from_ms: int) -> frozenset[CounterKey]:
        return frozenset(key for key, times in self._times().items() if times and times[-1] >= from_ms)

    def before(self, time_ms: int) -> int:
        found = [times[index - 1] for times in self._times().values() if 0 < (index := bisect_left(times, time_ms)) < len(times)]
        return min(found, default=time_ms)

    def accepted_before(self, time_ms: int) -> Mapping[CounterKey, int]:
        found: dict[CounterKey, int] = {}
        for document in self.published.values():
            for entry in document["meters"] if milliseconds_of(document["end"]) <= time_ms else ():
                if entry["last"]:
                    key = (entry["meter"], entry["quantity"])
                    found[key] = max(found.get(key, 0), milliseconds_of(entry["last"]["time"]))
        return found

    def documents_before(self, time_ms: int) -> Sequence[Mapping[str, Any]]:
        ended = [each for each in self.published.values() if milliseconds_of(each["end"]) <= time_ms]
        return sorted(ended, key=lambda each: str(each["start"]))


def plant() -> SiteInputs:
    """A main meter that rolls over, and a press below it whose gaps follow the main meter's shape."""
    main = counter(modulus_thousandths=1000 * KWH)
    return site(main, counter("press", role="load", parent="main"), zone=zone.zone("Europe/Berlin"))


def told(drafts: Sequence[FigureDraft]) -> dict[str, Any]:
    return {draft.key: (draft.document, draft.reasons) for draft in drafts}


@given(wild_readings(), wild_readings(), declarations, st.sampled_from([DAY, 3 * DAY, 10 * DAY]))
@settings(max_examples=25, deadline=None)
def test_c32_chunks_give_what_the_whole_gives(
    main: list[CounterReading], press: list[CounterReading], declared: list[Declaration], chunk_ms: int
) -> None:
    """However short the chunks, whatever gap, reset or spike lies across their edges."""
    inputs = plant()
    rows = dict(zip([spec.key for spec in inputs.counters], [main, press], strict=True))

    chunks = list(Reckoning(inputs, Declared(tuple(declared)), Given(rows, {}), chunk_ms).chunks(0))

    expected = figures(inputs, rows, declared, 0)
    assert told([draft for chunk in chunks for draft in chunk.drafts]) == told(expected)
    assert sum(len(chunk.drafts) for chunk in chunks) == len(expected)


@given(wild_readings(), wild_readings(), declarations, st.data())
@settings(max_examples=25, deadline=None)
def test_c30_a_change_reaches_all_that_it_can_touch_and_nothing_else_differs(
    main: list[CounterReading], press: list[CounterReading], declared: list[Declaration], data: st.DataObject
) -> None:
    """Readings and declarations in parts, in any order: each part's figures, from its change on, end as one calculation does."""
    inputs = plant()
    keys = [spec.key for spec in inputs.counters]
    arrivals: list[tuple[int, Any]] = [(row.time_ms, (key, row)) for key, rows in zip(keys, (main, press), strict=True) for row in rows]
    arrivals += [(each.time_ms, each) for each in declared]
    order = data.draw(st.permutations(arrivals))
    parts = data.draw(st.integers(1, 5))
    known: Readings = {key: [] for key in keys}
    said: list[Declaration] = []
    published: dict[str, Any] = {}
    for number in range(parts):
        part = order[number::parts]
        for _, each in part:
            if isinstance(each, tuple) and isinstance(each[0], tuple):
                known[each[0]].append(each[1])
            else:
                said.append(each)
        changed_ms = min((time_ms for time_ms, _ in part), default=0)
        for chunk in Reckoning(inputs, Declared(tuple(said)), Given(known, published), 10 * DAY).chunks(0, changed_ms):
            for draft in chunk.drafts:
                published[draft.key] = publish(draft, published.get(draft.key), LONG_AFTER, 15) or published[draft.key]

    expected = {draft.key: publish(draft, None, LONG_AFTER, 15) for draft in figures(inputs, known, declared, 0)}
    assert {key: each["sha256"] for key, each in published.items()} == {key: each["sha256"] for key, each in expected.items() if each}


def _three_weeks() -> Readings:
    """Shifting loads at the usual pace; the press is silent for twenty hours in the third week, and so is its main meter."""
    found: Readings = {spec.key: [] for spec in plant().counters}
    for place, key in enumerate(found):
        value = 0
        for number in range(21 * 96):
            time_ms = START + number * 15 * MINUTE
            value += (number * (7 + place) % 96) * KWH // 40
            if not 18 * 96 + 8 <= number < 18 * 96 + 88:
                found[key].append(CounterReading(time_ms, value))
    return found


def test_c11_a_gap_follows_the_week_before_it_also_where_a_change_or_a_chunk_begins_later() -> None:
    """The week before is fetched into view, for whichever window."""
    inputs, rows = plant(), _three_weeks()
    whole = figures(inputs, rows, (), 0)
    published = {draft.key: document for draft in whole if (document := publish(draft, None, LONG_AFTER, 15))}
    assert any("week before" in str(draft.document) for draft in whole)

    changed = [
        draft
        for chunk in Reckoning(inputs, Declared(), Given(rows, published), 60 * DAY).chunks(0, START + 19 * DAY + 8 * HOUR)
        for draft in chunk.drafts
    ]
    chunked = [draft for chunk in Reckoning(inputs, Declared(), Given(rows, {}), 18 * DAY + 5 * HOUR).chunks(0) for draft in chunk.drafts]

    assert told(changed).items() <= told(whole).items()
    assert len(changed) < len(whole) // 3
    assert told(chunked) == told(whole)


def test_c30_a_swap_declared_late_changes_the_whole_pair_it_lies_in() -> None:
    """Readings set aside between the last accepted one and the swap do not hide where the pair begins."""
    inputs = site(counter(), counter("press", role="load", parent="main"))
    key = inputs.counters[0].key
    before = [CounterReading(START + number * HOUR, number * KWH) for number in range(48)]
    held = [CounterReading(START + (55 + 23 * number) * HOUR, 90_000_000 * KWH) for number in range(2)]
    after = [CounterReading(START + (110 + number) * HOUR, (5 + number) * KWH) for number in range(48)]
    rows = {key: [*before, *held, *after], inputs.counters[1].key: []}
    swap = Swap("main", "active_energy_import", START + 109 * HOUR, 60 * KWH, 4 * KWH)
    published = {each.key: document for each in figures(inputs, rows, (), 0) if (document := publish(each, None, LONG_AFTER, 15))}

    for chunk in Reckoning(inputs, Declared((swap,)), Given(rows, published)).chunks(0, swap.time_ms):
        published |= {each.key: new for each in chunk.drafts if (new := publish(each, published.get(each.key), LONG_AFTER, 15))}

    expected = {each.key: publish(each, None, LONG_AFTER, 15) for each in figures(inputs, rows, (swap,), 0)}
    assert {name: each["sha256"] for name, each in published.items()} == {name: each["sha256"] for name, each in expected.items() if each}


def test_all_figures_are_those_of_one_calculation() -> None:
    """What a proof is made with: from readings, declarations and inputs alone."""
    inputs, rows = plant(), _three_weeks()

    assert list(all_figures(inputs, Declared(), Given(rows, {}), 0)) == figures(inputs, rows, (), 0)
