"""The status pages over a real connection: each shows what it is for, in both languages, with what nobody knows said so."""

import csv
import io
import re

import pytest
import requests

from gateway.interfaces import UnitsDeclared
from gateway.pages.navigation import ENTRIES
from gateway.pages.routes import SECURITY_HEADERS
from gateway.pages.tests.conftest import Site
from gateway.pages.tests.fakes import NOW_MS, FakeAlarm, FakeFinding, troubled_status

TIMEOUT_S = 10
FIGURE = "/shifts/figure?start=2026-03-26T22:00:00Z&shift=early&line="
PATHS = (
    *(entry.path for entry in ENTRIES if not entry.role),
    "/meters/main",
    "/meters/press-1?span=week",
    "/meters/press-1?span=month&day=2026-02-14",
    FIGURE,
)
EXPORTS = (
    "/meters.csv", "/shifts.csv", "/events.csv", "/lines.csv", "/sync.csv", "/production.csv", "/meters/main/curve.csv",
    "/meters/main/values.csv",
)  # fmt: skip
# Nothing of a page but the overview may be larger than the whole overview is allowed to be.
PAGE_BYTES_MAX = 60_000
FOREIGN = r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=[^>]*\sdefer\b)|(?:https?:)?//[^\s\"<]+"


def _get(site: Site, path: str, **headers: str) -> requests.Response:
    return requests.get(site.address + path, headers={"Accept-Language": "en", **headers}, timeout=TIMEOUT_S)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_pages_stand_without_a_script(site: Site, language: str) -> None:
    """Whole from the server, nothing inline or that holds up the first paint, nothing from elsewhere, with the strict headers."""
    site.status.now = troubled_status()
    site.alarms.standing = [FakeAlarm()]

    answers = {path: _get(site, path, **{"Accept-Language": language}) for path in PATHS}

    assert {(answer.status_code, answer.headers["Content-Language"]) for answer in answers.values()} == {(200, language)}
    for path, answer in answers.items():
        assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS, path
        assert re.findall(FOREIGN, answer.text) == [], path
        assert len(answer.content) < PAGE_BYTES_MAX, path


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/", ("62.5 % of the usual 711 kWh", "of it 17.3 % own generation", "not metered", "35.2 kW")),
        ("/meters", ("press-1-counter", 'class="depth-1"', "eastron-sdm630")),
        ("/meters/press-1", ("Phasors", "Load curve", "L1: 229.4 V", "8,631", "01 04 00 00 00 12 71 C7", "half of them within 43 ms")),
        ("/lines", ("Shortest possible round", "71 time-outs, 12 noise, 6 late", "The lines are sound.")),
        ("/shifts?from=2026-03-20&to=2026-03-22", ("20 Mar to 22 Mar", "1 h 23 min", "restated")),
        (FIGURE, ("0.5617 kg/kWh", "CN-EAST", "2,941.429", "1950.500000 -&gt; 1960.500000 kWh", "0" * 64)),
        ("/sync", ("2.85 GB in 3 d 4 h", "900 MB", "7.30 years", "300 rewrites")),
        ("/events", ("press-3 carries 171.3 A", "meter is back")),
        ("/wall?show=alarms", ("No alarm stands.", "press-1-counter")),
    ],
)
def test_page_says_what_it_is_for(site: Site, path: str, texts: tuple[str, ...]) -> None:
    """The figures a person comes for stand in the answer itself."""
    page = _get(site, path).text

    assert [text for text in texts if text not in page] == []


def test_silent_meter_says_how_old_its_values_are(site: Site) -> None:
    """Old voltages never pass for live ones."""
    site.status.now = troubled_status()

    page = _get(site, "/meters/press-2").text

    assert "these values are 12 min old" in page
    assert "silent: nothing heard" in page


def test_doctors_speak_on_their_pages(site: Site) -> None:
    """Wiring at the meter, the bus at the lines; while the bus doctor looks, the page says so."""
    site.doctor.found = [FakeFinding()]
    wiring, bus = _get(site, "/meters/press-1").text, _get(site, "/lines").text
    site.doctor.is_looking = True

    assert "mounted backwards" in wiring
    assert "mounted backwards" in bus
    assert "looks through the polls" in _get(site, "/lines").text


@pytest.mark.parametrize(("kind", "tone"), [("current_reversed", "certain"), ("wiring_right", "good")])
def test_a_sound_wiring_is_not_red(site: Site, kind: str, tone: str) -> None:
    """The colour says whether something is to be done."""
    site.doctor.found = [FakeFinding(kind=kind)]

    assert f'<p class="finding {tone}">' in _get(site, "/meters/press-1").text


def test_urgent_alarm_is_the_headline(site: Site) -> None:
    """It is said with its remedy, and how many stand."""
    site.alarms.standing = [FakeAlarm()]

    page = _get(site, "/").text

    assert '<div class="verdict bad">' in page
    assert "press-3 carries 171.3 A on L2; it is made for 160.0 A. Reduce the load" in page
    assert "One alarm stands, 0 seen" in page


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/meters/nobody", "no such meter"),
        ("/meters/nobody/curve.csv", "no such meter"),
        ("/shifts/figure", "no such shift figure"),
        ("/shifts/figure?start=2026-03-26T22:00:00Z&shift=nothing&line=", "no such shift figure"),
    ],
)
def test_what_is_not_there_is_said(site: Site, path: str, sentence: str) -> None:
    """A wrong address is a sentence with a way back, not an empty page."""
    answer = _get(site, path)

    assert (answer.status_code, sentence in answer.text) == (404, True)


@pytest.mark.parametrize(
    "query",
    [
        "/shifts?from=x&to=9999-99-99",
        "/meters/main?span=year&day=0001-01-01",
        "/events?before=-1",
        "/events?before=" + "9" * 30,
        "/wall?show=x",
    ],
)
def test_nonsense_in_the_address_shows_the_usual(site: Site, query: str) -> None:
    """Whatever stands behind the question mark, a page comes."""
    assert _get(site, query).status_code == 200


@pytest.mark.parametrize("path", EXPORTS)
def test_export_is_a_table(site: Site, path: str) -> None:
    """Every row has a cell for each heading; a spreadsheet saves it under a name and takes none of it for a formula."""
    site.shifts.units = [UnitsDeclared(f"d{number}", "housing-a", NOW_MS, "480", "=cmd", NOW_MS, holds=True) for number in range(3)]
    answer = _get(site, path)

    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="shiftwatt-')
    assert len(rows) > 3
    assert {len(row) for row in rows} == {len(rows[0])}


def test_a_fault_is_a_page_that_tries_again(site: Site) -> None:
    """Whatever breaks behind it, a person gets a sentence, and the log the rest."""
    site.status.fault = RuntimeError("a secret detail")
    site.history.fault = RuntimeError("a secret detail")
    site.shifts.fault = RuntimeError("a secret detail")

    answers = {path: _get(site, path) for path in (*PATHS, *EXPORTS)}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys((*PATHS, *EXPORTS), 503)
    assert {answer.headers["Retry-After"] for answer in answers.values()} == {"10"}
    assert all("It goes on measuring" in answer.text and "secret" not in answer.text for answer in answers.values())


def test_events_are_filtered_and_paged(site: Site) -> None:
    """By kind and by meter, alarms of the meter included; the export has the same rows."""
    by_kind = _get(site, "/events.csv?kind=meter_back").text
    by_meter = _get(site, "/events.csv?meter=press-3").text

    assert by_kind.count("\n") == 2
    assert "alarm_raised,press-3" in by_meter


def test_language_link_keeps_what_was_asked(site: Site) -> None:
    """Who looks at a week in English sees the same week in Chinese."""
    page = _get(site, "/meters/main?span=week&day=2026-03-10&lang=en").text

    assert 'href="?span=week&amp;day=2026-03-10&amp;lang=zh"' in page


def test_wall_goes_on_by_itself(site: Site) -> None:
    """Each view names the next one, also for a browser without scripts, and the last one the first."""
    nexts = [re.findall(r'content="15; url=([^"]+)"', _get(site, f"/wall?show={view}").text) for view in ("now", "shifts", "alarms")]

    assert nexts == [["/wall?show=shifts"], ["/wall?show=alarms"], ["/wall?show=now"]]


@pytest.mark.parametrize("site", [{"public_read": False}], indirect=True)
def test_closed_site_shows_nothing(site: Site) -> None:
    """Where reading is not public, every page and every export asks who is there."""
    answers = {path: requests.get(site.address + path, timeout=TIMEOUT_S, allow_redirects=False) for path in (*PATHS, *EXPORTS)}

    assert {path for path, answer in answers.items() if answer.status_code != 303} == set()
    assert all(answer.headers["Location"].startswith("/sign-in") for answer in answers.values())


def test_what_was_said_just_now_is_not_said_again(site: Site) -> None:
    """The page that tells of a reading renews itself into one that does not; an invented word is not shown."""
    told, invented = _get(site, "/meters/main?said=answered").text, _get(site, "/meters/main?said=You+are+hacked").text

    assert "what stands here is new" in told
    assert 'data-next="/meters/main"' in told
    assert "You are hacked" not in invented
