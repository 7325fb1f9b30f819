"""Commissioning over a real connection: every page shows, every action needs its person, and what is refused changes nothing."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from gateway.calibration_interface import KnownLoad, Step
from gateway.commission_interface import RefusedError
from gateway.pages.commission_calibration import CalibrationPages
from gateway.pages.commission_lines import LinePages
from gateway.pages.commission_meters import MeterPages
from gateway.pages.commission_records import RecordPages
from gateway.pages.sessions import IDLE_MS
from gateway.pages.tests.conftest import Site
from gateway.pages.tests.fake_commissioning import SHEET, FakeCommissioning

TIMEOUT_S = 10
NAME, PASSWORD = "Li Wei", "correct horse battery"
LINE, METER = "/commission/lines/rs485-1", "/commission/meters/press-1"
OWN = "/commission/meters/own-1/calibration"
PAGES = (
    "/commission", LINE, f"{LINE}/address", f"{LINE}/new?address=5", METER, f"{METER}/wiring", f"{METER}/wiring?l1=10,5", f"{METER}/clamp",
    f"{METER}/change", f"{METER}/exchange", f"{METER}/sheet", "/commission/sheets", f"/commission/sheets/{SHEET}", "/commission/changes",
    OWN, f"{OWN}/no_load", f"{OWN}/known_load_l1", f"{OWN}/accept_l1",
)  # fmt: skip
NEW = {"name": "oven", "address": "5", "model": "eastron-sdm630", "role": "load"}
COUNTER = {"active_energy_import": "12.5"}
REFERENCE = {"voltage": "230.5", "current": "10,02", "active": "2300", "reactive": "-150"}
LOAD = KnownLoad(230_500, 10_020, 2_300_000, -150_000)
# Every writing route: where, what is sent, and what the desk is asked to do by it.
ACTIONS: tuple[tuple[str, dict[str, str], tuple[object, ...]], ...] = (
    (f"{LINE}/search", {}, ("search", "rs485-1")),
    (f"{LINE}/address", {"address": "7", "alone": "yes"}, ("set_address", "rs485-1", 7)),
    (
        f"{LINE}/settings",
        {"baud": "9600", "parity": "E", "stop_bits": "1"},
        ("change_line", NAME, "rs485-1", {"baud": 9600, "parity": "E", "stop_bits": 1}),
    ),
    (f"{LINE}/new", NEW, ("add_meter", NAME, "oven", 5, False)),
    (f"{METER}/change", {**NEW, "name": "press-9", "anyway": "yes", "seen": "m"}, ("change_meter", NAME, "press-1", "press-9", "m", True)),
    (f"{METER}/remove", {}, ("remove_meter", NAME, "press-1")),
    (f"{METER}/take-out", COUNTER, ("take_out", "press-1", NAME, "12.5")),
    (f"{METER}/put-in", COUNTER, ("put_in", "press-1", "12.5")),
    (f"{METER}/leave-in", {}, ("leave_in", "press-1")),
    (f"{METER}/sheet", {"l2": "10,25", "remark": "ok"}, ("accept", "press-1", NAME, {"l2": 10_250}, "ok")),
    ("/commission/changes/1/restore", {"seen": "1"}, ("restore", NAME, 1, 1)),
    (OWN, {"key": "12345678"}, ("unlock", "own-1", 12_345_678)),
    ("/commission/meters/own-1/lock", {}, ("lock", "own-1")),
    (f"{OWN}/back/1", {}, ("put_back", "own-1", NAME, 1)),
    (f"{OWN}/accept_l1", {**REFERENCE, "limit": "0,5"}, ("calibrate", "own-1", NAME, Step("accept_l1", LOAD, 500))),
)


class Browser(requests.Session):
    """Signed in as NAME with a role; sends forms as a page of ours does."""

    def __init__(self, site: Site, role: str) -> None:
        super().__init__()
        self.site = site
        self.headers["Accept-Language"] = "en"
        site.accounts.add("boss", "admin", PASSWORD)
        site.accounts.add(NAME, role, PASSWORD)
        self.send_form("/sign-in", {"name": NAME, "password": PASSWORD}, token=False)

    def page(self, path: str) -> requests.Response:
        return self.get(self.site.address + path, timeout=TIMEOUT_S, allow_redirects=False)

    def send_form(self, path: str, fields: dict[str, str], *, token: bool = True, **headers: str) -> requests.Response:
        sent = {**fields, "form_token": self.token()} if token else fields
        named = {"Origin": self.site.address, **headers}
        return self.post(self.site.address + path, sent, headers=named, timeout=TIMEOUT_S, allow_redirects=False)

    def token(self) -> str:
        found = re.search(r'name="form_token" value="([^"]+)"', self.page("/").text)
        assert found is not None
        return found[1]


@pytest.fixture
def electrician(site: Site) -> Iterator[Browser]:
    with Browser(site, "electrician") as browser:
        yield browser


def test_all_writing_routes_are_listed() -> None:
    """A new action cannot be forgotten by the tests below."""
    desk = FakeCommissioning()
    tables = (LinePages(desk), MeterPages(desk), CalibrationPages(desk), RecordPages(desk))
    there = [path for table in tables for path, _ in table.actions()]

    assert len(there) == len(ACTIONS)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_shows_in_both_languages(electrician: Browser, language: str) -> None:
    """Nothing is missing from a template, and what people typed is escaped."""
    electrician.headers["Accept-Language"] = language
    answers = {path: electrician.page(path) for path in PAGES}

    assert {path: answer.status_code for path, answer in answers.items()} == dict.fromkeys(PAGES, 200)
    assert not any("<script>" in answer.text or "&quot; <b>" in answer.text for answer in answers.values())
    assert all(answer.headers["Content-Language"] == language for answer in answers.values())


@pytest.mark.parametrize(("path", "fields", "done"), ACTIONS, ids=[path for path, *_ in ACTIONS])
def test_electrician_does_it(site: Site, electrician: Browser, path: str, fields: dict[str, str], done: tuple[object, ...]) -> None:
    """With the person's name, and then a page to go on with."""
    site.commission.is_out = True
    answer = electrician.send_form(path, fields)

    assert (answer.status_code, site.commission.done) == (200 if path.endswith("put-in") else 303, [done])


@pytest.mark.parametrize(("path", "fields"), [action[:2] for action in ACTIONS], ids=[path for path, *_ in ACTIONS])
def test_nobody_else_does_it(site: Site, electrician: Browser, path: str, fields: dict[str, str]) -> None:
    """Without a session, with an invented one, without or with a wrong form token, from another or no origin: nothing happens."""
    own = {"Origin": site.address}
    token = {**fields, "form_token": electrician.token()}
    forged = {"shiftwatt_session": "invented"}
    to = site.address + path
    without = requests.post(to, token, headers=own, timeout=TIMEOUT_S, allow_redirects=False)
    wrong = requests.post(to, token, headers=own, cookies=forged, timeout=TIMEOUT_S, allow_redirects=False)
    tokenless = electrician.send_form(path, {"other": "", **fields}, token=False)
    stale = electrician.send_form(path, {**fields, "form_token": "old"}, token=False)
    foreign = electrician.send_form(path, fields, Origin="http://evil.example")
    nameless = electrician.post(to, token, timeout=TIMEOUT_S, allow_redirects=False)
    read = electrician.get(to, timeout=TIMEOUT_S, allow_redirects=False).status_code

    assert [each.status_code for each in (without, wrong, tokenless, stale, foreign, nameless)] == [401, 401, 403, 403, 403, 403]
    assert read in (200, 405)
    assert site.commission.done == []


@pytest.mark.parametrize(("path", "fields"), [action[:2] for action in ACTIONS], ids=[path for path, *_ in ACTIONS])
def test_expired_session_does_nothing(site: Site, electrician: Browser, path: str, fields: dict[str, str]) -> None:
    """Whoever left the phone for two hours signs in again."""
    token = electrician.token()
    site.later_ms = IDLE_MS + 1_000

    answer = electrician.send_form(path, {**fields, "form_token": token}, token=False)

    assert (answer.status_code, site.commission.done) == (401, [])


@pytest.mark.parametrize("role", ["viewer", "maintenance"])
def test_lesser_roles_see_and_do_nothing(site: Site, role: str) -> None:
    """Not by page, not by request, and the header does not offer it."""
    with Browser(site, role) as browser:
        pages = {browser.page(path).status_code for path in PAGES}
        actions = {browser.send_form(path, fields).status_code for path, fields, _ in ACTIONS}
        offered = "/commission" in browser.page("/").text

    assert (pages, actions, offered, site.commission.done) == ({403}, {403}, False, [])


def test_stranger_is_led_to_sign_in(site: Site) -> None:
    """Commissioning is never public."""
    answers = {requests.get(site.address + path, timeout=TIMEOUT_S, allow_redirects=False).status_code for path in PAGES}

    assert answers == {303}


def test_running_search_renews_itself_without_a_script(site: Site, electrician: Browser) -> None:
    """Progress is a page that comes anew; it offers no second search."""
    site.commission.running = True
    text = electrician.page(LINE).text

    assert '<noscript><meta http-equiv="refresh" content="2"></noscript>' in text
    assert "40 %" in text.replace("\N{NO-BREAK SPACE}", " ").replace("40%", "40 %")
    assert "/search" not in text


def test_result_says_how_old_it_is(site: Site, electrician: Browser) -> None:
    """The time stands there at once; after ten minutes a person is told to search again."""
    fresh = electrician.page(LINE).text
    site.later_ms = 11 * 60_000
    old = electrician.page(LINE).text

    assert ("As of" in fresh, "This is old" in fresh) == (True, False)
    assert "This is old" in old


def test_lost_search_is_told(site: Site, electrician: Browser) -> None:
    """After a restart of the gateway, or when somebody else has begun another one, nobody waits for a result that cannot come."""
    answer = electrician.send_form(f"{LINE}/search", {})
    own = electrician.page(answer.headers["Location"]).text
    other = electrician.page(f"{LINE}?began=1").text

    assert ("not known any more" in own, "not known any more" in other) == (False, True)
    assert 'http-equiv="refresh"' not in other


@pytest.mark.parametrize(
    ("path", "fields", "kept"),
    [
        (f"{METER}/sheet", {"l1": "much", "remark": "cabinet 3"}, "cabinet 3</textarea>"),
        (f"{LINE}/address", {"address": "7", "alone": "no"}, 'value="7"'),
        (f"{OWN}/known_load_l1", {**REFERENCE, "voltage": "much"}, 'value="10,02"'),
    ],
)
def test_what_was_typed_stays_beside_the_mistake(electrician: Browser, path: str, fields: dict[str, str], kept: str) -> None:
    """With gloves nobody types twice."""
    answer = electrician.send_form(path, fields)

    assert (answer.status_code, 'role="alert"' in answer.text, kept in answer.text) == (409, True, True)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"address": "0"}, "a number from 1 to 247"),
        ({"address": "abc"}, "a number from 1 to 247"),
        ({"address": "1e9"}, "a number from 1 to 247"),
        ({"address": "\u4e03"}, "a number from 1 to 247"),
        ({"address": ""}, "a number from 1 to 247"),
        ({"from_address": "248"}, "must be a number from 1 to 247, or empty"),
        ({"alone": ""}, "Say first whether only this one"),
        ({"alone": "no"}, "say which address the meter has now"),
    ],
)
def test_nonsense_for_an_address_is_told(site: Site, electrician: Browser, typed: dict[str, str], sentence: str) -> None:
    """Before anything is asked of the wire."""
    answer = electrician.send_form(f"{LINE}/address", {"address": "7", "alone": "yes", **typed})

    assert (answer.status_code, sentence in answer.text, site.commission.done) == (409, True, [])


def test_mistake_of_the_site_file_stands_at_its_field(site: Site, electrician: Browser) -> None:
    """What the check of the file says in English has a hint in the reader's language beside the field."""
    site.commission.refusal = RefusedError("commission_refused.mistakes", ["[[meter]] 3, key 'rating': no"], ["rating"])
    electrician.headers["Accept-Language"] = "zh"
    answer = electrician.send_form(f"{LINE}/new", NEW)

    assert answer.text.count('class="wrong"') == 1
    assert "例如 400 kW" in answer.text


def test_old_meters_value_is_not_offered_as_the_new_ones(site: Site, electrician: Browser) -> None:
    """Whoever opens the second step too early would declare an exchange that was none."""
    site.commission.is_out = True
    text = electrician.page(f"{METER}/exchange").text

    assert "still shows what the old meter showed" in text
    assert 'name="active_energy_import" inputmode="decimal" value=""' in text


def test_sheet_names_quantities_in_words(electrician: Browser) -> None:
    """In the reader's language, with the phase."""
    electrician.headers["Accept-Language"] = "zh"
    text = electrician.page(f"/commission/sheets/{SHEET}").text

    assert "相电压 L2" in text
    assert "active_energy_import" not in text


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("200/5", "fits the plate"),
        ("200:5", "fits the plate"),
        ("40", "fits the plate"),
        ("100/5", "is 2.000 times what it should be"),
        ("5/200", "5/200 is no ratio"),
        ("200/0", "200/0 is no ratio"),
        ("1e9", "1e9 is no ratio"),
        ("200/5/1", "5/1 is no number"),
        ("\u4e8c\u767e", "is no number"),
    ],
)
def test_plate_is_compared_with_the_meter(electrician: Browser, typed: str, sentence: str) -> None:
    """The meter's own ratio is 40; what no plate says is told where it was typed."""
    answer = electrician.page(f"{METER}?{urlencode({'plate': typed})}")

    assert (answer.status_code, sentence in answer.text) == (200, True)


def test_typed_name_becomes_one(site: Site, electrician: Browser) -> None:
    """A phone writes capitals and people write spaces."""
    electrician.send_form(f"{LINE}/new", {**NEW, "name": " Press  Hall 2 "})

    assert site.commission.done == [("add_meter", NAME, "press-hall-2", 5, False)]


def test_wiring_renews_itself_but_the_clamp_form_does_not(electrician: Browser) -> None:
    """Whoever types is not interrupted; the comparison stays on the live page."""
    live, form = electrician.page(f"{METER}/wiring?l1=10,5").text, electrician.page(f"{METER}/clamp").text

    assert 'data-refresh="2"' in live
    assert "data-refresh" not in form
    assert "−4.76" in live
    assert "beyond the classes&#39; 1.50 %" in live


@pytest.mark.parametrize("path", [f"{LINE}/new", f"{METER}/change"])
def test_refused_form_keeps_what_was_typed(site: Site, electrician: Browser, path: str) -> None:
    """With the arithmetic above it, and only where it may be the way to overrule it."""
    numbers: dict[str, Any] = {"line": "rs485-1", "meters": 31, "cycle": "5.6", "least": "4.1", "interval": 5, "baud": 9600, "enough": 6}
    site.commission.refusal = RefusedError("commission_refused.slow", ["line rs485-1: the 31st meter"], **numbers)
    answer = electrician.send_form(path, {**NEW, "name": "oven-<b>"})

    assert answer.status_code == 409
    assert "31 meters take 5.6 s" in answer.text
    assert 'value="oven-&lt;b&gt;"' in answer.text
    assert 'name="anyway"' in answer.text


@pytest.mark.parametrize(
    ("path", "fields", "sentence"),
    [
        (f"{METER}/sheet", {"l1": "much"}, "much is no number"),
        (f"{METER}/sheet", {"l1": "-3"}, "-3 is no number"),
        (f"{LINE}/address", {"address": "248"}, "a number from 1 to 247"),
        (f"{LINE}/settings", {"baud": "12345", "parity": "N", "stop_bits": "1"}, "no settings of a line"),
        (OWN, {"key": "1234 5678"}, "does not take this key"),
        (OWN, {"key": "4294967295"}, "does not take this key"),
        (f"{OWN}/known_load_l1", {**REFERENCE, "voltage": "much"}, "much is no number"),
        (f"{OWN}/known_load_l1", {**REFERENCE, "current": "0"}, "must be more than 0"),
        (f"{OWN}/known_load_l1", {**REFERENCE, "active": "23"}, "do not belong together"),
        (f"{OWN}/accept_l1", {**REFERENCE, "limit": "0"}, "more than 0 and at most 20"),
    ],
)
def test_wrong_numbers_are_refused_in_a_sentence(
    site: Site, electrician: Browser, path: str, fields: dict[str, str], sentence: str
) -> None:
    """Before anything is asked of the desk."""
    answer = electrician.send_form(path, fields)

    assert (answer.status_code, sentence in answer.text, site.commission.done) == (409, True, [])


@pytest.mark.parametrize(
    "path",
    [f"/commission/{end}" for end in ("lines/none", "meters/none", "meters/none/wiring", "sheets/../site", "sheets/x")],
)
def test_what_is_not_there_is_said(electrician: Browser, path: str) -> None:
    """An old link after a rename ends in a sentence."""
    assert electrician.page(path).status_code == 404


def test_a_sound_wiring_is_not_red_on_its_sheet(site: Site, electrician: Browser) -> None:
    """What was found when the meter was accepted keeps its colour."""
    assert '<li class="finding certain">' in electrician.page(f"/commission/sheets/{SHEET}").text
    site.commission.of_sheet = {
        "wiring": [{"kind": "wiring_right", "where": [], "confidence": "certain", "evidence": {"angles": "L1 28°"}}]
    }

    assert '<li class="finding good">' in electrician.page(f"/commission/sheets/{SHEET}").text


def test_label_leads_to_the_meter(site: Site, electrician: Browser) -> None:
    """The code holds the address under which this browser reached the gateway."""
    text = electrician.page(f"/commission/sheets/{SHEET}").text

    assert f"{site.address}/meters/press-1" in text
    assert "<svg" in text
