"""Whether a line can be read within the interval: the arithmetic, the remedy, and who is stopped by it."""

from pathlib import Path

import pytest

from gateway import catalogue, site_check
from gateway.admission import Verdict, admission, refusals
from gateway.admitted import FILE, admit, unproven
from gateway.site import Site

MODELS = catalogue.meters()


def site(folder: Path, meters: int, *, interval_s: int = 10, baud: int = 9600, model: str = "eastron-sdm120", tcp: bool = False) -> Site:
    wire = 'tcp = "127.0.0.1:502"' if tcp else f'port = "/dev/none"\nbaud = {baud}'
    tables = [f'[site]\nname = "s"\ntimezone = "UTC"\n[poll]\ninterval_s = {interval_s}\n[[line]]\nname = "bus"\n{wire}']
    tables += [
        f'[[meter]]\nname = "m{number}"\nline = "bus"\naddress = {number}\nmodel = "{model}"\nrole = "load"'
        for number in range(1, meters + 1)
    ]
    path = folder / "site.toml"
    path.write_text("\n".join(tables))
    return site_check.load(path, lambda _: {name: frozenset(meter.quantities) for name, meter in MODELS.items()})


def verdict(found: Site) -> Verdict:
    return admission(found, MODELS)[0]


def most(folder: Path) -> int:
    """How many meters fit at ten seconds and 9600 baud."""
    return next(count for count in range(1, 100) if not verdict(site(folder, count + 1)).fits)


def test_the_first_meter_that_does_not_fit_is_named_with_arithmetic_and_remedy(tmp_path: Path) -> None:
    """As many as fit are admitted; one more is not, and the sentence says which, by how much, and what would do."""
    count = most(tmp_path)
    fitting, refused = verdict(site(tmp_path, count)), verdict(site(tmp_path, count + 1))

    assert (fitting.fits, fitting.sentence) == (True, "")
    assert f"meter (m{count + 1}) breaks the 10 s target: cycle " in refused.sentence
    assert f"s for {count + 1} meters" in refused.sentence
    assert "19200 baud would give" in refused.sentence
    assert "an interval of " in refused.sentence


def test_what_the_remedy_promises_holds(tmp_path: Path) -> None:
    """With the baud rate or the interval that the sentence names the same meters fit."""
    count = most(tmp_path) + 3
    sentence = verdict(site(tmp_path, count)).sentence
    baud = int(sentence.partition(" baud would give")[0].split()[-1])
    interval_s = int(sentence.partition("an interval of ")[2].split()[0])

    assert verdict(site(tmp_path, count, baud=baud)).fits
    assert verdict(site(tmp_path, count, interval_s=interval_s)).fits
    assert not verdict(site(tmp_path, count, interval_s=interval_s - 1)).fits


def test_no_baud_rate_is_offered_where_there_is_none(tmp_path: Path) -> None:
    """On TCP only the interval, or another connection, helps."""
    sentence = verdict(site(tmp_path, 200, tcp=True)).sentence

    assert "baud" not in sentence
    assert "an interval of" in sentence


def test_the_silence_between_two_meters_counts(tmp_path: Path) -> None:
    """What a meter's file demands after another one was spoken to is part of each round; alone on a line it never comes."""
    gap_ms = MODELS["eastron-sdm630"].limits.change_gap_ms
    alone, pair = (verdict(site(tmp_path, meters, model="eastron-sdm630")) for meters in (1, 2))

    assert gap_ms > 0
    assert pair.least_cycle_ms == pytest.approx(2 * alone.least_cycle_ms + 2 * gap_ms)
    assert pair.cycle_ms == pytest.approx(2 * alone.cycle_ms + 2 * gap_ms)


def test_a_latch_takes_its_time(tmp_path: Path) -> None:
    """Two submeters of ours cost one broadcast more than twice one."""
    one, two = (verdict(site(tmp_path, count, model="shiftwatt-submeter")) for count in (1, 2))

    assert two.cycle_ms > 2 * one.cycle_ms + 100


@pytest.mark.parametrize(("number", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (21, "21st"), (31, "31st"), (112, "112th")])
def test_meters_are_counted_as_people_do(tmp_path: Path, number: int, said: str) -> None:
    """The 31st, not the 31th."""
    from gateway.admission import _ordinal  # noqa: PLC0415 - private, and worth a look

    assert _ordinal(number) == said


def test_a_line_that_has_run_is_not_stopped_by_a_restart(tmp_path: Path) -> None:
    """The same line goes on whatever the arithmetic says; with one meter more it is asked again."""
    count = 90
    before = admission(site(tmp_path, count), MODELS)
    first = unproven(tmp_path, before)
    admit(tmp_path, before)
    more = admission(site(tmp_path, count + 1), MODELS)

    assert first == refusals(before) != []
    assert unproven(tmp_path, before) == []
    assert unproven(tmp_path, more) == refusals(more) != []


def test_a_line_that_keeps_up_as_meters_usually_answer_is_started(tmp_path: Path) -> None:
    """It does not fit in the worst case: it is not admitted when it is planned, but nobody's metering stops for it."""
    verdicts = admission(site(tmp_path, most(tmp_path) + 1), MODELS)

    assert [(each.fits, each.keeps_up) for each in verdicts] == [(False, True)]
    assert unproven(tmp_path, verdicts) == []


def test_a_file_that_cannot_be_read_stops_nobody(tmp_path: Path) -> None:
    """Metering goes before bookkeeping about it."""
    (tmp_path / FILE).write_text("{")

    assert unproven(tmp_path, admission(site(tmp_path, 90), MODELS)) == []
