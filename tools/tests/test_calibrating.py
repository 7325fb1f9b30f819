"""Calibration against the real firmware's registers: unlocking, steps, refusals with their reason, putting back, the record."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firmware.metrology import calibration_steps as steps
from gateway import calibrating, catalogue
from gateway.calibrating import Calibrating, CalibrationRefusedError
from gateway.calibration_desk import CalibrationDesk
from gateway.calibration_interface import KnownLoad, Step
from gateway.clock import ScaledClock
from gateway.commission_interface import RefusedError
from gateway.site import Site
from gateway.site_check import load
from protocols.errors import NoAnswer
from protocols.pdu import Request, encode_request, reply_words
from tools.tests.submeter_line import WINDOW_US, FirmwareMeter, _window

NOW_MS = 1_774_669_572_000
KEY = 1
MODEL = catalogue.meters()["shiftwatt-submeter"]
# The meter measures 230 V and 10 A in phase; the reference is a little above it.
LOAD = KnownLoad(231_000, 10_050, 2_321_550, 0)
SITE = """[site]
name = "works"
timezone = "Asia/Shanghai"

[[line]]
name = "l1"
port = "/dev/none"

[[meter]]
name = "own"
line = "l1"
address = 1
model = "shiftwatt-submeter"
role = "load"

[[meter]]
name = "theirs"
line = "l1"
address = 2
model = "eastron-sdm630"
role = "load"
"""


class Bench:
    """One meter whose time passes while the gateway sleeps; `silent` requests go unanswered."""

    def __init__(self) -> None:
        self.meter = FirmwareMeter(1, _window())
        self.meter.image.put("phases", 1)
        self.now_us = WINDOW_US
        self.silent = 0
        self.calibrating = Calibrating(MODEL, self.exchange, self.sleep, lambda: self.now_us / 1e6)

    def exchange(self, request: Request, _in_bulk: bool = False) -> tuple[int, ...]:
        if self.silent:
            self.silent -= 1
            raise NoAnswer("nobody there")
        self.sleep(0.02)
        pdu = self.meter.serve(encode_request(request), self.now_us)
        assert pdu is not None
        return reply_words(request, pdu)

    def sleep(self, seconds: float) -> None:
        self.now_us += round(seconds * 1_000_000)
        self.meter.live(self.now_us)
        while self.meter.application.jobs:
            self.meter.application.jobs.pop(0)()

    def shown(self) -> dict[str, int]:
        names = {"voltage_l1_n": 100, "current_l1": 106, "active_power_l1": 116}
        return {name: self.meter.image.number(name) or 0 for name in names}

    @property
    def gain(self) -> int:
        return self.calibrating.standing().values["voltage_l1_gain_nano"]


@pytest.fixture
def bench() -> Bench:
    return Bench()


def refused(work: Callable[[], object]) -> str:
    with pytest.raises(CalibrationRefusedError) as caught:
        work()
    return caught.value.why


def test_limits_are_the_firmwares() -> None:
    """What the sentences are chosen by is what the meter decides by."""
    ours = (calibrating.KNOWN_LOAD_COUNTS_MIN, calibrating.NO_LOAD_MILLICOUNTS_MAX, calibrating.GAIN_CHANGE_PERCENT_MAX)

    assert ours == (steps.KNOWN_LOAD_COUNTS_MIN, steps.NO_LOAD_MILLICOUNTS_MAX, steps.GAIN_CHANGE_PERCENT_MAX)


def test_wrong_key_opens_nothing(bench: Bench) -> None:
    """And the next one is asked for only after a second; the right one opens for ten minutes, 0 closes."""
    assert refused(lambda: bench.calibrating.unlock(KEY + 1)) == "key"
    assert refused(lambda: bench.calibrating.unlock(KEY)) == "key_soon"
    assert refused(lambda: bench.calibrating.do("no_load", "Li Wei")) == "locked"
    bench.sleep(1)
    bench.calibrating.unlock(KEY)
    assert bench.calibrating.standing().unlocked_s > 590
    bench.calibrating.unlock(0)
    assert bench.calibrating.standing().unlocked_s == 0


def test_known_load_sets_the_gains_and_acceptance_agrees(bench: Bench) -> None:
    """Voltage and current show what the reference showed; the meter's own counter of changes goes up once."""
    bench.calibrating.unlock(KEY)
    before = bench.calibrating.standing()
    bench.calibrating.do("known_load_l1", "Li Wei", LOAD)
    error = bench.calibrating.do("accept_l1", "Li Wei", LOAD, 200)
    after = bench.calibrating.standing()

    assert after.changes == before.changes + 1
    assert after.values["voltage_l1_gain_nano"] / before.values["voltage_l1_gain_nano"] == pytest.approx(231 / 230, rel=1e-3)
    assert error is not None
    assert abs(error) <= 50


@pytest.mark.parametrize(
    ("step", "load", "why"),
    [
        ("no_load", None, "load_flows"),
        ("known_load_l1", LOAD._replace(voltage_mv=400_000), "far_voltage"),
        ("known_load_l1", LOAD._replace(current_ma=20_000), "far_current"),
        ("known_load_l1", LOAD._replace(active_power_mw=-2_321_550), "turned"),
        ("accept_l1", LOAD._replace(active_power_mw=2_000_000), "over_limit"),
    ],
)
def test_refusal_has_its_reason(bench: Bench, step: str, load: KnownLoad | None, why: str) -> None:
    """The meter says only "refused"; what it shows says why, and nothing was changed."""
    bench.calibrating.unlock(KEY)
    before = bench.calibrating.standing()

    assert refused(lambda: bench.calibrating.do(step, "Li Wei", load, 200)) == "refused"
    assert calibrating.why_refused(step, before, bench.shown(), load, 200).why == why
    assert bench.calibrating.standing().values == before.values


def test_phase_it_does_not_have_is_refused(bench: Bench) -> None:
    """Before anything is measured."""
    bench.calibrating.unlock(KEY)

    assert refused(lambda: bench.calibrating.do("known_load_l2", "Li Wei", LOAD)) == "no_phase"


def test_short_silence_is_waited_for_and_a_long_one_is_told(bench: Bench) -> None:
    """A meter that erases its flash is asked again; one that is gone ends in a reason, not in a hanging page."""
    bench.silent = 2
    assert bench.calibrating.standing().serial_number == ""  # the bench's meter has none
    bench.silent = 100
    assert refused(bench.calibrating.standing) == "silent"


def test_values_are_put_back_at_once(bench: Bench) -> None:
    """All of them, in one request: a power cut leaves the one or the other."""
    bench.calibrating.unlock(KEY)
    before = bench.calibrating.standing().values
    bench.calibrating.do("known_load_l1", "Li Wei", LOAD)
    bench.meter.served.clear()
    bench.calibrating.put_back("Li Wei", before)

    assert bench.calibrating.standing().values == before
    assert len([pdu for pdu in bench.meter.served if pdu[0] == 16]) == 2  # who, and all values


class Lines:
    """The acquisition as the desk sees it, with the bench's meter on the line."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.lent_line = ""

    def lent(self) -> str:
        return self.lent_line

    def exchange(self, _line: str, _address: int, request: Request, *_rest: Any, **_more: Any) -> Any:
        return SimpleNamespace(words=self._bench.exchange(request))

    def read_now(self, _name: str) -> Any:
        return SimpleNamespace(values=self._bench.shown())


class Desk:
    def __init__(self, folder: Path, bench: Bench) -> None:
        path = folder / "site.toml"
        path.write_text(SITE)
        models = catalogue.meters(folder)
        site: Site = load(path, {name: frozenset(model.quantities) for name, model in models.items()})
        self.lines = Lines(bench)
        self.told: list[tuple[str, str, str, str]] = []
        metering: Any = SimpleNamespace(site=site, acquisition=self.lines)
        self.desk = CalibrationDesk(
            site, models, ScaledClock(1.0, NOW_MS), lambda: metering, lambda *what: self.told.append(what), bench.sleep,
            lambda: bench.now_us / 1e6,
        )  # fmt: skip


@pytest.fixture
def desk(tmp_path: Path, bench: Bench) -> Desk:
    return Desk(tmp_path, bench)


def test_every_step_leaves_a_record(desk: Desk, bench: Bench) -> None:
    """Who, when, before, after and the reference; putting back is a record, too, and a new gateway knows them."""
    desk.desk.unlock("own", KEY)
    first = bench.gain
    desk.desk.do("own", "Li Wei", Step("known_load_l1", LOAD))
    desk.desk.do("own", "Li Wei", Step("accept_l1", LOAD, 500))
    desk.desk.put_back("own", "Wang Fang", 1)
    back, accepted, calibrated = desk.desk.records("own")

    assert bench.gain == first == calibrated["before"]["voltage_l1_gain_nano"] != calibrated["after"]["voltage_l1_gain_nano"]
    assert (calibrated["person"], calibrated["step"], calibrated["time"][:10]) == ("Li Wei", "known_load_l1", "2026-03-28")
    assert calibrated["reference"]["current_ma"] == 10_050
    assert (accepted["limit_pct"], abs(float(accepted["error_pct"])) < 0.05) == ("0.500", True)
    assert (back["step"], back["of"], back["person"]) == ("put_back", 1, "Wang Fang")
    assert [step for *_, step in desk.told] == ["known_load_l1", "accept_l1", "put_back"]


def test_refusal_comes_as_a_sentence(desk: Desk) -> None:
    """With the numbers as people write them, and without a record."""
    desk.desk.unlock("own", KEY)
    with pytest.raises(RefusedError) as caught:
        desk.desk.do("own", "Li Wei", Step("no_load"))

    assert (caught.value.key, caught.value.holes["phase"]) == ("calibration_refused.load_flows", "L1")
    assert float(str(caught.value.holes["shown"])) == pytest.approx(10, rel=0.01)
    assert desk.desk.records("own") == []


def test_values_of_another_meter_are_not_put_back(desk: Desk, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an exchange the old one's gains would be wrong."""
    desk.desk.unlock("own", KEY)
    desk.desk.do("own", "Li Wei", Step("known_load_l1", LOAD))
    whole = Calibrating.standing
    monkeypatch.setattr(Calibrating, "standing", lambda self: whole(self)._replace(serial_number="ANOTHER"))
    gain = bench.gain
    with pytest.raises(RefusedError, match="other_meter"):
        desk.desk.put_back("own", "Li Wei", 1)

    assert bench.gain == gain


def test_only_ours_and_only_while_the_line_is_free(desk: Desk) -> None:
    """A meter of another maker, and a line that is being searched."""
    assert (desk.desk.possible("own"), desk.desk.possible("theirs")) == (True, False)
    desk.lines.lent_line = "l1"
    with pytest.raises(RefusedError, match="busy"):
        desk.desk.unlock("own", KEY)


def test_second_person_is_told(desk: Desk) -> None:
    """Two references at once would make one wrong calibration."""
    with desk.desk._alone("own"), pytest.raises(RefusedError, match="somebody"):
        desk.desk.do("own", "Wang Fang", Step("no_load"))
