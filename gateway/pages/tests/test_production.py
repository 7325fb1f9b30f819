"""Good units: declared for a shift or an instant by who is signed in, shown with the figures they make, taken back by their number."""

import re
from collections.abc import Iterator
from decimal import Decimal

import pytest
import requests

from gateway.interfaces import KNOWN, NOT_KEPT, UnitsDeclared
from gateway.pages.production_page import UNITS_MAX, instant_of, made_ms, production_page, units_of
from gateway.pages.shift_figure import shift_figure
from gateway.pages.tests.conftest import Site
from gateway.pages.tests.fakes import HOUR_MS, NOW_MS, figure
from gateway.pages.viewer import Viewer
from protocols.reading import iso, milliseconds_of

TIMEOUT_S = 10
PASSWORD = "correct horse battery"


@pytest.fixture
def browser(site: Site) -> Iterator[requests.Session]:
    """A person of maintenance."""
    site.accounts.add("Li Wei", "maintenance", PASSWORD)
    with requests.Session() as session:
        session.headers["Accept-Language"] = "en"
        session.post(
            site.address + "/sign-in", {"name": "Li Wei", "password": PASSWORD}, headers={"Origin": site.address}, timeout=TIMEOUT_S
        )
        yield session


def _post(site: Site, browser: requests.Session, path: str = "/shifts/production", **fields: str) -> requests.Response:
    token = re.findall(r'name="form_token" value="([^"]+)"', browser.get(site.address + "/shifts", timeout=TIMEOUT_S).text)[0]
    return browser.post(site.address + path, {**fields, "form_token": token}, headers={"Origin": site.address}, timeout=TIMEOUT_S)


def test_units_of_a_shift_are_declared_and_taken_back(site: Site, browser: requests.Session) -> None:
    """The form of the page is what is sent: product, one of the shifts offered, a number; the person is who is signed in."""
    page = browser.get(site.address + "/shifts", timeout=TIMEOUT_S).text
    shifts = re.findall(r'<option value="(2026[^"]+)">([^<]+)', page)
    declared = _post(site, browser, product="housing-a", shift=shifts[1][0], units=" 2,480 ", time="").text
    undone = _post(site, browser, "/shifts/production/undo", id="d1").text

    assert (shifts[0], shifts[1][1]) == (("2026-03-28T03:46:12Z", "Sat 28 Mar, early"), "Fri 27 Mar, night")
    assert site.shifts.asked == [("housing-a", "2026-03-27T21:59:59Z", "2480", "Li Wei"), ("d1", "Li Wei")]
    assert ["Declared. The figures" in declared, "2,480" in declared, "Take back 2,480 of housing-a" in declared] == [True] * 3
    assert ["Taken back. The figures" in undone, "<s>2,480</s>" in undone, "Take back 2,480" in undone] == [True, True, False]


def test_time_that_was_typed_goes_before_the_shift(site: Site, browser: requests.Session) -> None:
    """Local time, as the browser's field has it."""
    _post(site, browser, product="housing-a", shift="2026-03-28T03:00:00Z", time="2026-03-25T13:30", units="7")

    assert site.shifts.asked == [("housing-a", "2026-03-25T05:30:00Z", "7", "Li Wei")]


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"product": "housing-x"}, 404, "no such product"),
        ({"units": "many"}, 400, "no good units"),
        ({"units": "-1"}, 400, "no good units"),
        ({"units": "1.5"}, 400, "no good units"),
        ({"units": "1e400"}, 400, "no good units"),
        ({"units": str(UNITS_MAX + 1)}, 400, "no good units"),
        ({"time": "2027-01-01T00:00"}, 400, "no time that has passed"),
        ({"shift": "yesterday"}, 400, "no time that has passed"),
        ({"shift": ""}, 400, "no time that has passed"),
    ],
)
def test_odd_input_is_refused_with_its_reason(
    site: Site, browser: requests.Session, fields: dict[str, str], status: int, said: str
) -> None:
    """Nothing is declared by it, and the sentence says what to type."""
    answer = _post(site, browser, **{"product": "housing-a", "units": "480", "shift": "2026-03-28T03:00:00Z", **fields})

    assert (answer.status_code, said in answer.text, site.shifts.asked) == (status, True, [])


@pytest.mark.parametrize(("answer", "status", "said"), [(KNOWN, 200, "declared before"), (NOT_KEPT, 409, "could not be declared")])
def test_what_came_of_it_is_said(site: Site, browser: requests.Session, answer: str, status: int, said: str) -> None:
    """Said twice is once; a store that takes nothing is no success."""
    site.shifts.answer = answer
    found = _post(site, browser, product="housing-a", units="480", shift="2026-03-28T03:00:00Z")

    assert (found.status_code, said in found.text) == (status, True)


def test_site_without_products_shows_no_form(site: Site, browser: requests.Session) -> None:
    """There is nothing to declare units of."""
    site.shifts.made = {}

    assert "production" not in browser.get(site.address + "/shifts", timeout=TIMEOUT_S).text


def test_page_that_is_typed_into_does_not_renew_itself(site: Site, browser: requests.Session) -> None:
    """Who may declare loses no number; who only looks gets new figures."""
    typed, looked = (
        browser.get(site.address + "/shifts", timeout=TIMEOUT_S).text,
        requests.get(site.address + "/shifts", timeout=TIMEOUT_S).text,
    )

    assert ("data-refresh" in typed, "data-refresh" in looked) == (False, True)


def test_intensity_stands_beside_the_shift(viewer: Viewer) -> None:
    """Units, energy and carbon per unit in the row; counters that count are named in the form."""
    page = production_page(
        {"housing-a": "", "housing-b": "c1"},
        [UnitsDeclared("d1", "housing-a", NOW_MS, "480.5", "", NOW_MS, holds=True)],
        [shift_figure(figure(kwh=Decimal(400)), {"main": "import"})],
        viewer,
    )

    assert [each.text for each in page.products] == ["housing-a", "housing-b (counted by c1)"]
    assert (page.rows[0].units, page.rows[0].person) == ("480.500", "–")


def test_units_count_in_the_shift_they_are_declared_for() -> None:
    """At its end, which is the last second that belongs to it; of the running one now; never before it began."""
    start = milliseconds_of("2026-03-28T06:00:00Z")
    end = start + 8 * HOUR_MS

    assert iso(made_ms(start, end, end + 1)) == "2026-03-28T13:59:59Z"
    assert iso(made_ms(start, end, start + 1_999)) == "2026-03-28T06:00:01Z"
    assert made_ms(start, end, start - 5_000) == start


def test_numbers_and_times_as_people_type_them(viewer: Viewer) -> None:
    """Groups are taken; an offset is honoured; what is neither is None."""
    assert [units_of(text) for text in ("0", "12,480", " 7 ", "NaN", "")] == ["0", "12480", "7", None, None]
    assert instant_of("2026-03-28T03:00:00Z", viewer) == milliseconds_of("2026-03-28T03:00:00Z")
    assert [instant_of(text, viewer) for text in ("", "28.3.2026", "2026-03-28T11:46:13")] == [None] * 3
