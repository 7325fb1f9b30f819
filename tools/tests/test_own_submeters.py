"""Our own submeters as the gateway looks after them: one instant for all, their clocks, their quality, their load profile."""

import asyncio
from itertools import pairwise

import pytest

from gateway.acquire.care import DRIFT_MS_MAX
from gateway.acquire.tests.watching import LEVELS
from protocols.pdu import WriteRegister, encode_request
from protocols.reading import IMPORTED, iso
from tools.tests.submeter_line import STARTED_MS, WINDOW_US, FirmwareMeter, SubmeterLine, lived

LATCH = 1092
ENERGY = "active_energy_import"


def latches(meter: FirmwareMeter) -> list[bytes]:
    return [pdu for pdu in meter.served if pdu[0] == 6 and int.from_bytes(pdu[1:3], "big") == LATCH]


def power_mw(bench: SubmeterLine) -> int:
    """What every meter of the bench measures all the time."""
    return bench.of("m1", "active_power")[-1].values["active_power"]


def energy_at_mwh(bench: SubmeterLine, time_ms: int) -> int:
    return power_mw(bench) * (time_ms - STARTED_MS) // 3_600_000


async def quarter(_bench: SubmeterLine) -> None:
    await asyncio.sleep(300)


def test_all_are_read_as_they_stood_at_one_instant() -> None:
    """Every round, of levels and of counters, has the same instant for all meters, within the meters' own window."""
    bench = lived(3, quarter)

    for quantity in (LEVELS, ENERGY):
        rounds = list(zip(*(bench.of(f"m{number}", quantity) for number in (1, 2, 3)), strict=False))[1:]
        spreads = [max(each.time_ms or 0 for each in one) - min(each.time_ms or 0 for each in one) for one in rounds]
        assert rounds
        assert max(spreads) <= WINDOW_US // 1000
    assert len(latches(bench.meters[0])) == pytest.approx(30, abs=4)
    assert latches(bench.meters[0]) == latches(bench.meters[2])


@pytest.mark.parametrize("meters", [1, 2], ids=["read as it stands", "latched"])
def test_a_counter_stands_at_the_instant_at_which_it_was_measured(meters: int) -> None:
    """Counters are published when they are saved, up to ten seconds late: their reading says when that was."""
    bench = lived(meters, quarter)
    found = bench.of("m1", ENERGY)

    assert len(found) >= 2
    for reading in found[1:]:
        assert reading.time_ms is not None
        assert reading.values[ENERGY] == pytest.approx(energy_at_mwh(bench, reading.time_ms), abs=power_mw(bench) // 3200)


def test_one_alone_needs_no_latch() -> None:
    """There is nothing to be simultaneous with."""
    assert latches(lived(1, quarter).meters[0]) == []


def test_who_missed_the_latch_is_read_as_it_stands() -> None:
    """The copies of an older latch are not taken for those of the newest."""

    async def story(bench: SubmeterLine) -> None:
        second = bench.meters[1]
        serve = second.server.serve_rtu
        await asyncio.sleep(30)
        second.server.serve_rtu = lambda frame: b"" if frame.pdu[0] == 6 else serve(frame)  # type: ignore[method-assign]
        await asyncio.sleep(150)

    bench = lived(2, story)
    last, counted = bench.of("m2", LEVELS)[-1], bench.of("m2", ENERGY)[-1]

    assert last.time_ms is not None
    assert counted.time_ms is not None
    assert last.time_ms > STARTED_MS + 165_000
    assert counted.time_ms > STARTED_MS + 140_000
    assert counted.values[ENERGY] == pytest.approx(energy_at_mwh(bench, counted.time_ms), abs=power_mw(bench) // 3200)


def test_a_broadcast_leaves_others_alone_where_they_hold_something() -> None:
    """Among meters of others clocks are set one by one; the latch goes out, since nothing is known at its register."""
    bench = lived(2, quarter, foreign=True)
    written = {pdu[:3] for pdu in bench.foreign_heard if pdu[0] in (6, 16)}

    assert written == {encode_request(WriteRegister(LATCH, 0))[:3]}
    assert all(meter.clock.unix_ms is not None for meter in bench.meters)


@pytest.mark.parametrize("foreign", [False, True], ids=["by one broadcast", "one by one"])
def test_clocks_are_set_at_the_start_and_when_they_drift(foreign: bool) -> None:
    """To within the bound, and again after somebody else has set one wrongly."""
    off_ms: list[int] = []

    async def story(bench: SubmeterLine) -> None:
        def note() -> None:
            for meter in bench.meters:
                meter.live(bench.owner_now_us())
                off_ms.append((meter.clock.unix_ms or 0) - bench.clock.now_ms())

        await asyncio.sleep(60)
        note()
        bench.meters[1].clock.set(bench.clock.now_ms() + 5_000)
        await asyncio.sleep(1_000)
        note()

    lived(2, story, foreign=foreign)

    assert max(abs(each) for each in off_ms) < DRIFT_MS_MAX
    assert max(abs(each) for each in off_ms) <= 20


def test_without_the_time_no_clock_is_set() -> None:
    """A gateway that does not know the time tells nobody."""

    async def story(bench: SubmeterLine) -> None:
        bench.clock.known = False
        await asyncio.sleep(60)

    assert [meter.clock.unix_ms for meter in lived(2, story).meters] == [None, None]


def test_a_clock_that_was_set_is_soon_shown_so() -> None:
    """Not as it was found, for a quarter of an hour."""

    async def story(_bench: SubmeterLine) -> None:
        await asyncio.sleep(60)

    shown = [status.submeter for status in lived(2, story).owner.meters(0.0)]

    assert [each and each.clock_state for each in shown] == ["set", "set"]


def test_quality_is_shown_and_a_lost_count_is_told() -> None:
    """What the meter says of itself stands in its status; another epoch and another start raise events."""

    async def story(bench: SubmeterLine) -> None:
        await asyncio.sleep(60)
        bench.meters[0].image.put("counter_epoch", 4711)
        bench.meters[0].image.put("boots", 3)
        await asyncio.sleep(1_000)

    bench = lived(2, story)
    shown = bench.owner.meters(0.0)[0].submeter

    assert shown is not None
    assert (shown.counter_epoch, shown.boots, shown.clock_state, shown.coverage_hundredths_pct) == (4711, 3, "set", 10_000)
    lost, restarted = [event for event in bench.events if event.kind in ("epoch_changed", "meter_restarted")]
    assert (lost.subject, restarted.subject) == ("m1", "m1")
    assert lost.detail.startswith(f"m1 lost the continuity of its counters: since {iso(STARTED_MS)} they")


async def outage(bench: SubmeterLine) -> None:
    await asyncio.sleep(300)
    bench.meters[0].deaf = True
    await asyncio.sleep(3 * 900)
    bench.meters[0].deaf = False
    await asyncio.sleep(400)


@pytest.fixture(scope="module")
def after_outage() -> SubmeterLine:
    return lived(2, outage)


def test_what_was_not_read_is_fetched_from_the_load_profile(after_outage: SubmeterLine) -> None:
    """After three quarters of an hour behind a broken wire each of them is a reading of its own, with its own instant."""
    bench = after_outage
    fetched = [reading for reading in bench.of("m1", ENERGY) if reading.boot == IMPORTED]
    times = [reading.time_ms or 0 for reading in fetched]

    assert len(fetched) == 3
    assert all(time_ms % 900_000 == 0 for time_ms in times)
    assert {later - earlier for earlier, later in pairwise(times)} == {900_000}
    for reading in fetched:
        assert reading.values[ENERGY] == pytest.approx(energy_at_mwh(bench, reading.time_ms or 0), abs=power_mw(bench) // 3200)
    assert [event.subject for event in bench.events if event.kind == "profile_fetched"] == ["m1"]


def test_quarters_of_another_count_are_left_out() -> None:
    """A difference between two epochs is no energy."""

    async def story(bench: SubmeterLine) -> None:
        await asyncio.sleep(300)
        bench.meters[0].deaf = True
        await asyncio.sleep(2 * 900)
        bench.meters[0].live(bench.owner_now_us())
        bench.meters[0].journal.epoch = 4711
        bench.meters[0].image.put("counter_epoch", 4711)
        await asyncio.sleep(2 * 900)
        bench.meters[0].deaf = False
        await asyncio.sleep(400)

    bench = lived(1, story)
    fetched = [reading.time_ms or 0 for reading in bench.of("m1", ENERGY) if reading.boot == IMPORTED]

    assert len(fetched) == 2
    assert min(fetched) > STARTED_MS + 2_100_000


def test_polls_go_on_while_a_profile_is_fetched(after_outage: SubmeterLine) -> None:
    """It is read in slices that take what the polls leave."""
    times = [reading.time_ms or 0 for reading in after_outage.of("m2", LEVELS)]

    assert max(later - earlier for earlier, later in pairwise(times)) < 15_000
