"""The bus doctor: one made-up day per sickness, and a healthy one."""

import random

from gateway.commissioning.bus import Polled, Seen, bus
from gateway.language import language_of

CHANCE = random.Random(1)
POLLS = 2_000


def _polls(share: float, reason: str = "line_noise", turnaround_ms: int = 40) -> list[Seen]:
    return [Seen(at * 10_000, reason, None) if CHANCE.random() < share else Seen(at * 10_000, "", turnaround_ms) for at in range(POLLS)]


def _hour(time_ms: int) -> int:
    return time_ms // 3_600_000 % 24


def _kinds(*polled: Polled) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.kind, each.where) for each in bus(polled, _hour, {})]


def _meter(name: str, share: float, reason: str = "line_noise") -> Polled:
    return Polled(name, "rs485-1", _polls(share, reason))


def test_healthy_bus_is_left_in_peace() -> None:
    """A lost frame in some hundreds is what every bus has."""
    assert _kinds(*[_meter(f"m{at}", 0.002) for at in range(5)]) == []


def test_noise_of_all_is_the_cable() -> None:
    """Damaged frames of every meter point at terminators and bias."""
    assert _kinds(*[_meter(f"m{at}", 0.05) for at in range(4)]) == [("many_crc_errors", ("rs485-1",))]


def test_noise_of_one_is_its_stub() -> None:
    """The others share the cable and are clean."""
    assert _kinds(_meter("m1", 0.2), _meter("m2", 0.0), _meter("m3", 0.0)) == [("stub_noise", ("m1",))]


def test_answers_that_always_collide_are_a_shared_address() -> None:
    """Two meters that answer at once damage one another nearly every time."""
    assert _kinds(_meter("m1", 0.95), _meter("m2", 0.0), _meter("m3", 0.0)) == [("address_shared", ("m1",))]


def test_silence_of_one_and_of_all() -> None:
    """One silent meter is a meter, all silent meters are a line."""
    assert _kinds(_meter("m1", 1.0, "no_answer"), _meter("m2", 0.0)) == [("meter_silent", ("m1",))]
    assert _kinds(_meter("m1", 1.0, "no_answer"), _meter("m2", 1.0, "no_answer")) == [("bus_silent", ("rs485-1",))]


def test_slow_hours_are_told() -> None:
    """Three times the usual turnaround from two to three."""
    polls = [Seen(at * 10_000, "", 200 if _hour(at * 10_000) == 2 else 40) for at in range(POLLS)]

    found = bus([Polled("m1", "rs485-1", polls)], _hour, {})

    assert [(each.kind, each.evidence["evidence"]) for each in found] == [("slow_at_times", "02:00 200 ms (40 ms)")]


def test_disturbing_neighbour_is_named() -> None:
    """Failures that come with a press, and not with the lamp that is always on."""
    running = {at: at // 100 % 2 == 1 for at in range(POLLS)}
    polls = [Seen(at * 10_000, "line_noise" if running[at] and CHANCE.random() < 0.15 else "", 40) for at in range(POLLS)]
    press = [(at * 10_000, 50_000_000 if running[at] else 1_000_000) for at in range(POLLS)]
    lamp = [(at * 10_000, 2_000_000) for at in range(POLLS)]

    found = bus([Polled("m14", "rs485-1", polls), _meter("m2", 0.0)], _hour, {"press-3": press, "lamp": lamp})

    named = [each for each in found if each.kind == "degrades_with"]
    assert [(each.where, each.evidence["other"]) for each in named] == [(("m14",), "press-3")]
    assert "m14 answers worse while press-3 runs" in named[0].sentence(language_of("en"))


def test_few_polls_say_nothing() -> None:
    """Ten failures after the start are no verdict."""
    assert _kinds(Polled("m1", "rs485-1", _polls(1.0)[:10])) == []
