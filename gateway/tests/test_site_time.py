"""C5 in the site file: rotations, holidays, exceptions, tariffs, demand and own factors, each mistake in its place."""

from datetime import date
from pathlib import Path

import pytest

from gateway.carbon.inputs_document import document_of, inputs_from
from gateway.carbon.roster import now_running, preview
from gateway.factors_in_use import in_use
from gateway.site_inputs import inputs_of
from gateway.tests.test_site import LEAST
from gateway.tests.test_site_check import EARLY, METER, mistakes
from gateway.tests.works import TEXT, ms, works
from gateway.zone import zone

FOUR = '[[rotation]]\nname = "four"\nanchor = 2026-01-01\ncycle = ["4 on", "4 off"]\n'
DAY = '[[shift]]\nname = "day"\nstart = "06:00"\nend = "18:00"\nrotation = "four"\n'
OWN = (
    '[[factor]]\nname = "f"\nregion = "CN"\nline = "scope2_location"\nactivity = "electricity"\nunit = "kWh"\nvalue = "0.5"\n'
    'gases = "CO2"\nsource = "letter"\nevidence = "site.toml"\n'
)
KINDS: dict[str, tuple[str, tuple[str, str, str]]] = {
    "shift of no meter": (EARLY + 'production_line = "x"\n', ("[[shift]] 1 (early)", "production_line", "no [[meter]] belongs to")),
    "no such rotation": (EARLY + 'rotation = "fou"\n' + FOUR, ("[[shift]] 1 (early)", "rotation", "did you mean 'four'")),
    "offset of nothing": (EARLY + "day_offset = 2\n", ("[[shift]] 1 (early)", "day_offset", "means nothing without a rotation")),
    "ends before it begins": (
        EARLY + "valid_from = 2026-02-01\nvalid_until = 2026-01-31\n",
        ("[[shift]] 1 (early)", "valid_until", "2026-01-31 lies before valid_from 2026-02-01"),
    ),
    "bad cycle": (FOUR.replace("4 off", "four off"), ("[[rotation]] 1 (four)", "cycle.1", "must be days on or off such as '4 on'")),
    "double rotation": (FOUR + FOUR, ("[[rotation]] 2 (four)", "name", "'four' is already the name of")),
    "both crews": (
        FOUR + DAY + 'crew = "a"\n' + DAY + 'crew = "b"\nday_offset = 3\n',
        ("[[shift]] 2 (day)", "day_offset", "a and b are both there, first on "),
    ),
    "one crew twice": (FOUR + DAY + DAY + "day_offset = 4\n", ("[[shift]] 2 (day)", "name", "crews that take turns need a rotation")),
    "exception of no shift": (
        EARLY + '[[exception]]\ndate = 2026-05-01\nruns = true\nshift = "eraly"\n',
        ("[[exception]] 1", "shift", "did you mean 'early'"),
    ),
    "times for a rest": (
        EARLY + '[[exception]]\ndate = 2026-05-01\nruns = false\nstart = "07:00"\n',
        ("[[exception]] 1", "runs", "start, end and crew mean nothing"),
    ),
    "country and file": ('[holidays]\ncountry = "CN"\nfile = "h.toml"\n', ("[holidays]", "file", "keep one")),
    "no holiday file": ('[holidays]\nfile = "h.toml"\n', ("[holidays]", "file", "cannot be read")),
    "no such country": ('[holidays]\ncountry = "XX"\n', ("[holidays]", "country", "XX")),
    "demand of nothing": ('[demand]\nmeters = ["m"]\n', ("[demand]", "meters", "there is no [[meter]] named 'm'")),
    "demand of gas": (
        '[[meter]]\nname = "g"\nrole = "fuel"\n[demand]\nmeters = ["g"]\n',
        ("[demand]", "meters", "maximum demand is of electricity"),
    ),
    "window": ("[demand]\nwindow_min = 7\n", ("[demand]", "window_min", "must be one of")),
    "month": ('[[tariff]]\nperiod = "peak"\nmonths = [13]\n', ("[[tariff]] 1", "months.0", "must be at most 12")),
    "class": (METER + 'class = "good"\n', ("[[meter]] 1 (m)", "class", "is no accuracy class such as")),
    "vt class": (METER + 'vt_class = "0"\n', ("[[meter]] 1 (m)", "vt_class", "is no accuracy class such as")),
    "series": ('[carbon]\nfactor_series = ["grid.csv"]\n', ("[carbon]", "factor_series", "cannot be read")),
    "certificates": ('[carbon]\ncertificates = "c.csv"\n', ("[carbon]", "certificates", "cannot be read")),
    "storage": ('[carbon]\nstorage = "battery"\n', ("[carbon]", "storage", "must be one of 'load' or 'stock'")),
    "factor of no line": (OWN.replace("scope2_location", "scope2"), ("[[factor]] 1 (f)", "line", "'scope2' is not known")),
    "factor without value": (OWN.replace('"0.5"', '"half"'), ("[[factor]] 1 (f)", "value", "is no number of kg per kWh")),
    "factor without evidence": (OWN.replace("site.toml", "x.pdf"), ("[[factor]] 1 (f)", "evidence", "there is no file")),
}


@pytest.mark.parametrize(("text", "expected"), KINDS.values(), ids=KINDS.keys())
def test_c5_each_mistake_of_a_calendar_names_its_place_once(tmp_path: Path, text: str, expected: tuple[str, str, str]) -> None:
    """Table and key, and what to do; nothing follows from the first."""
    found = mistakes(tmp_path, LEAST + text)

    assert [(mistake.table, mistake.key) for mistake in found] == [(expected[0], expected[1])]
    assert expected[2] in found[0].sentence


def test_c5_crews_that_take_turns_are_sound(tmp_path: Path) -> None:
    """Two crews of four days share one shift; shifts of one rotation that never meet do not overlap."""
    crews = FOUR + DAY + 'crew = "a"\n' + DAY + 'crew = "b"\nday_offset = 4\n'
    turns = FOUR + DAY + DAY.replace('"day"', '"other"') + "day_offset = 4\n"

    assert mistakes(tmp_path, LEAST + crews) == []
    assert mistakes(tmp_path, LEAST + turns) == []


FULL = (
    TEXT.replace('"UTC"', '"Asia/Shanghai"').replace(
        'rating = "400 kW"', 'rating = "400 kW"\nclass = "0.5S"\nct_class = "0.5"\nvt_class = "0.2"'
    )
    + FOUR
    + DAY.replace('"06:00"', '"22:00"').replace('"18:00"', '"06:00"')
    + 'crew = "a"\nday_offset = 1\nvalid_until = 2026-12-31\non_holidays = true\n'
    + '[holidays]\ncountry = "CN"\n[[exception]]\ndate = 2026-05-01\nruns = true\nshift = "early"\nstart = "08:00"\nend = "12:00"\n'
    + '[demand]\nmeters = ["main"]\n[[tariff]]\nperiod = "peak"\nstart = "08:00"\nend = "11:00"\nholidays = "except"\nmonths = [7, 8]\n'
    + '[carbon]\nestimate_uncertainty = "30%"\nstorage = "stock"\n'
    + OWN
)


def test_c31_the_inputs_survive_as_a_document(tmp_path: Path) -> None:
    """Every key of the site file reaches the engine, and comes back from what the store keeps."""
    inputs = inputs_of(works(tmp_path, FULL), {})
    main = inputs.counters[0]

    assert inputs_from(document_of(inputs), zone) == inputs
    assert [str(each) for each in (main.class_pct, main.ct_class_pct, main.vt_class_pct)] == ["0.5", "0.5", "0.2"]
    assert inputs.demand is not None
    assert (inputs.demand.meters, inputs.storage, str(inputs.estimate_limit)) == (("main",), "stock", "0.3")
    assert (inputs.tariffs[0].months, inputs.tariffs[0].holidays) == ((7, 8), False)
    assert date(2026, 10, 1) in inputs.work_calendar.holidays
    assert [factor.id for factor in inputs.factors if factor.status == "own"] == ["f"]


def test_c5_a_preview_tells_what_runs_and_why(tmp_path: Path) -> None:
    """At an instant, and over days with a holiday, a make-up workday and an exception."""
    inputs = inputs_of(works(tmp_path, FULL), {})
    running = now_running(inputs, ms("2026-05-01 01:00"))
    shifts = preview(inputs, None, ms("2026-04-30 16:00"), ms("2026-05-02 22:00"))

    assert [(each.stretch.name, each.local_start) for each in running] == [("early", "2026-05-01 08:00")]
    assert [(each.stretch.name, each.stretch.why) for each in shifts] == [("early", "exception"), ("day", "rotation")]
    assert inputs.work_calendar.note(date(2026, 10, 10)) == "make-up workday, counts as wed"
    assert inputs.work_calendar.note(date(2026, 10, 1)) == "public holiday: National Day"


def test_c19_the_factors_of_a_site_are_told_with_their_reasons(tmp_path: Path) -> None:
    """The chosen one by policy and region, the step aside, and a sentence where there is none."""
    gas = '[[meter]]\nname = "gas"\nrole = "fuel"\nfuel = "gas_oil"\n'
    inputs = inputs_of(works(tmp_path, TEXT.replace('region = ["CN"]', 'region = ["CN-EAST", "CN"]') + gas), {})
    uses = {(use["line"], use["activity"]): use for use in in_use(inputs, ms("2026-05-01 01:00"))}
    location, market = uses["scope2_location", "electricity"], uses["scope2_market", "electricity"]

    assert (location["chosen"]["region"], location["chosen"]["provisional"], len(location["chosen"]["sha256"])) == ("CN-EAST", True, 64)
    assert market["chosen"]["fallbacks"][0].startswith("CN-EAST: no scope2_market factor")
    assert uses["scope1", "gas_oil"]["chosen"] is None
    assert "no scope1 factor for gas_oil in CN-EAST, CN, WORLD" in uses["scope1", "gas_oil"]["reason"]
