"""The watch over made-up scenes: what is raised, after how long, what holds it, and what clears it."""

from dataclasses import replace

import pytest

from gateway.alarms.rule import RULES
from gateway.alarms.scene import BaseLoad, MeterFacts, Scene
from gateway.alarms.standing import StandingCounters
from gateway.alarms.watch import SILENCE_MS_MAX, Watch
from gateway.language import language_of
from gateway.status import ClockStatus, GatewayStatus, MeterStatus, OutboxStatus, StoreStatus

START_MS = 1_774_000_000_000
INTERVAL_MS = 10_000
FACTS = {"main": MeterFacts("import", "", 69_000_000), "press": MeterFacts("load", "main", 69_000_000)}


def _meter(name: str, time_ms: int, **values: int) -> MeterStatus:
    healthy = {"voltage_l1_n": 230_000, "voltage_l2_n": 231_000, "voltage_l3_n": 229_000, "power_factor": 950}
    healthy |= {"current_l1": 50_000, "current_l2": 50_000, "current_l3": 50_000, "active_power": 30_000_000}
    return MeterStatus(name, "m", "rs485-1", 1, FACTS[name].role, FACTS[name].parent, "", "ok", time_ms=time_ms, values=healthy | values)


def _scene(at_s: int = 0, main: dict[str, int] | None = None, press: dict[str, int] | None = None, **changes: object) -> Scene:
    now_ms = START_MS + at_s * 1000
    press_values = {"active_power": 20_000_000, **(press or {})}
    status = GatewayStatus(
        site="works",
        time_ms=now_ms,
        started_ms=START_MS,
        boot=1,
        meters=(_meter("main", now_ms, **(main or {})), _meter("press", now_ms, **press_values)),
        lines=(),
        clock=ClockStatus("synchronised", ""),
        outbox=OutboxStatus("reachable", "", 0, 0, None, now_ms),
        store=StoreStatus("ok", "", "/x", 0, 10**10, now_ms, 0, 0),
    )
    return replace(Scene(status, FACTS, 230_000, INTERVAL_MS), **changes)  # type: ignore[arg-type]  # fields by name


def _raised(watch: Watch) -> list[str]:
    return [alarm.key for alarm in watch.alarms]


def _hold(watch: Watch, seconds: int, **scene: object) -> list[str]:
    """The same scene for so long; what is raised at its end."""
    for at_s in (0, seconds):
        watch.update(_scene(at_s, **scene))  # type: ignore[arg-type]  # as above
    return _raised(watch)


def test_a_healthy_site_is_quiet() -> None:
    """Nothing is raised in an hour."""
    assert _hold(Watch(), 3600) == []


@pytest.mark.parametrize(
    ("scene", "lasts_s", "key"),
    [
        ({"main": {"voltage_l2_n": 3_000}}, 10, "phase_missing:main"),
        ({"press": {"current_l3": 101_000}}, 60, "over_current:press"),
        ({"main": {"voltage_l1_n": 254_000}}, 600, "voltage_band:main"),
        ({"main": {"power_factor": 890}}, 900, "power_factor:main"),
        ({"press": {"active_power": 32_000_000}}, 900, "children_above_parent:main"),
        ({"base_load": BaseLoad(9_000_000, 6_000_000)}, 0, "base_load:"),
        ({"unbooked_mwh": {"press": 500_001}}, 0, "counter_standing:press"),
    ],
)
def test_trouble_is_raised_when_it_lasted(scene: dict[str, object], lasts_s: int, key: str) -> None:
    """Not a second sooner than its rule says."""
    if lasts_s:
        assert _hold(Watch(), lasts_s - 1, **scene) == []
    assert _hold(Watch(), lasts_s, **scene) == [key]


@pytest.mark.parametrize(
    ("scene", "key"),
    [
        (lambda scene: replace(scene, status=replace(scene.status, clock=ClockStatus("unset", ""))), "clock_untrusted:"),
        (
            lambda scene: replace(scene, status=replace(scene.status, store=replace(scene.status.store, free_bytes=10**8))),
            "store_near_full:",
        ),
        (lambda scene: replace(scene, status=replace(scene.status, store=replace(scene.status.store, state="full"))), "store_near_full:"),
        (
            lambda scene: replace(
                scene, status=replace(scene.status, outbox=replace(scene.status.outbox, oldest_ms=scene.status.time_ms - 1_860_000))
            ),
            "sync_lag:",
        ),
    ],
)
def test_the_gateway_itself_is_watched(scene: "object", key: str) -> None:
    """Clock, store and hub are alarms without a meter."""
    watch = Watch()
    for at_s in (0, 60):
        watch.update(scene(_scene(at_s)))  # type: ignore[operator]  # as above

    assert _raised(watch) == [key]


def test_silent_meter_is_raised_within_two_intervals() -> None:
    """One missed answer is noise; half an interval later it is an alarm, and an answer clears it at once."""
    watch = Watch()

    def silent(at_s: int) -> list[str]:
        scene = _scene(at_s)
        main, press = scene.status.meters
        gone = replace(press, time_ms=START_MS, reason="no_answer")
        watch.update(replace(scene, status=replace(scene.status, meters=(main, gone))))
        return _raised(watch)

    assert [silent(14), silent(15), silent(16)] == [[], [], ["meter_absent:press"]]
    watch.update(_scene(17))
    assert _raised(watch) == []


def test_between_bad_and_good_it_stays() -> None:
    """251 V is out of neither band: what was raised stays raised, what was not stays quiet."""
    watch = Watch()
    _hold(watch, 600, main={"voltage_l1_n": 254_000})
    watch.update(_scene(700, main={"voltage_l1_n": 251_000}))
    watch.update(_scene(4000, main={"voltage_l1_n": 251_000}))
    held = _raised(watch)
    for at_s in (4001, 4061):
        watch.update(_scene(at_s))

    assert held == ["voltage_band:main"]
    assert _raised(watch) == []
    assert _hold(Watch(), 3600, main={"voltage_l1_n": 251_000}) == []


def test_base_load_between_its_bounds_clears_nothing() -> None:
    """15 % above usual is neither bad nor good."""
    watch = Watch()
    for last_mw in (9_000_000, 6_900_000):
        watch.update(_scene(base_load=BaseLoad(last_mw, 6_000_000)))

    assert _raised(watch) == ["base_load:"]


def test_note_stays_until_the_alarm_is_gone() -> None:
    """Who noted it is shown; silence has a bound; a gone alarm cannot be noted."""
    watch = Watch()
    watch.update(_scene(base_load=BaseLoad(9_000_000, 6_000_000)))
    noted = watch.note("base_load:", "Li Wei", "oven on purpose", START_MS + 10**9, START_MS)

    assert noted is not None
    assert (noted.noted_by, noted.silent_until_ms) == ("Li Wei", START_MS + SILENCE_MS_MAX)
    assert watch.alarms[0].comment == "oven on purpose"
    assert watch.note("voltage_band:main", "Li Wei", "", 0, START_MS) is None


def test_urgent_alarms_come_first() -> None:
    """Then the older ones."""
    watch = Watch()
    _hold(watch, 900, main={"power_factor": 890, "voltage_l2_n": 3_000})

    assert _raised(watch) == ["phase_missing:main", "power_factor:main"]


@pytest.mark.parametrize("code", ["en", "zh"])
def test_every_kind_has_its_words(code: str) -> None:
    """A sentence and an advice in each language."""
    words = language_of(code).texts

    assert [rule.kind for rule in RULES if f"alarm.{rule.kind}" not in words or f"alarm_advice.{rule.kind}" not in words] == []


def test_standing_counter_adds_up_and_moving_one_does_not() -> None:
    """10 kW for three minutes are half a kilowatt-hour; one step of the counter clears it, a gap begins anew."""
    standing = StandingCounters(0)

    def look(at_s: int, counter: int) -> int | None:
        values = {"active_power": 10_000_000, "active_energy_import": counter}
        return standing.look(replace(_meter("press", START_MS + at_s * 1000), values=values), ("active_energy_import",))

    assert [look(0, 5), look(60, 5), look(120, 5), look(180, 5)] == [0, 166_666, 333_332, 499_998]
    assert look(190, 6) == 0
    look(250, 6)
    assert look(500, 6) == 0


def test_counter_that_was_not_read_again_is_no_standing_one() -> None:
    """Counters are read at interval ends: within two intervals 10 kW may pass without a new value."""
    standing = StandingCounters(900_000)
    values = {"active_power": 10_000_000, "active_energy_import": 5}

    def look(at_s: int) -> int | None:
        return standing.look(replace(_meter("press", START_MS + at_s * 1000), values=values), ("active_energy_import",))

    found = [look(at_s) for at_s in range(0, 1861, 60)]

    assert found[:31] == [0] * 31
    assert (found[31] or 0) > 5_000_000
