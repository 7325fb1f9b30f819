"""Commissioning over a real connection: every page shows, every action needs its person, and what is refused changes nothing."""

import re
from collections.abc import Iterator

import pytest
import requests

from gateway.commission_interface import RefusedError
from gateway.pages.commission_lines import LinePages
from gateway.pages.commission_meters import MeterPages
from gateway.pages.commission_records import RecordPages
from gateway.pages.sessions import IDLE_MS
from gateway.pages.tests.conftest import Site
from gateway.pages.tests.fake_commissioning import SHEET, FakeCommissioning

TIMEOUT_S = 10
NAME, PASSWORD = "Li Wei", "correct horse battery"
LINE, METER = "/commission/lines/rs485-1", "/commission/meters/press-1"
PAGES = (
    "/commission", LINE, f"{LINE}/address", f"{LINE}/new?address=5", METER, f"{METER}/wiring", f"{METER}/wiring?l1=10,5", f"{METER}/clamp",
    f"{METER}/change", f"{METER}/exchange", f"{METER}/sheet", "/commission/sheets", f"/commission/sheets/{SHEET}", "/commission/changes",
)  # fmt: skip
NEW = {"name": "oven", "address": "5", "model": "eastron-sdm630", "role": "load"}
COUNTER = {"active_energy_import": "12.5"}
# Every writing route: where, what is sent, and what the desk is asked to do by it.
ACTIONS: tuple[tuple[str, dict[str, str], tuple[object, ...]], ...] = (
    (f"{LINE}/search", {}, ("search", "rs485-1")),
    (f"{LINE}/address", {"address": "7"}, ("set_address", "rs485-1", 7)),
    (
        f"{LINE}/settings",
        {"baud": "9600", "parity": "E", "stop_bits": "1"},
        ("change_line", NAME, "rs485-1", {"baud": 9600, "parity": "E", "stop_bits": 1}),
    ),
    (f"{LINE}/new", NEW, ("add_meter", NAME, "oven", 5, False)),
    (f"{METER}/change", {**NEW, "name": "press-9", "anyway": "yes"}, ("change_meter", NAME, "press-1", "press-9", True)),
    (f"{METER}/remove", {}, ("remove_meter", NAME, "press-1")),
    (f"{METER}/take-out", COUNTER, ("take_out", "press-1", NAME, "12.5")),
    (f"{METER}/put-in", COUNTER, ("put_in", "press-1", "12.5")),
    (f"{METER}/leave-in", {}, ("leave_in", "press-1")),
    (f"{METER}/sheet", {"l2": "10,25", "remark": "ok"}, ("accept", "press-1", NAME, {"l2": 10_250}, "ok")),
    ("/commission/changes/1/restore", {}, ("restore", NAME, 1)),
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
    there = [path for pages in (LinePages(desk), MeterPages(desk), RecordPages(desk)) for path, _ in pages.actions()]

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
    numbers = {"line": "rs485-1", "meters": 31, "cycle": "5.6", "least": "4.1", "interval": 5, "baud": 9600, "enough": 6}
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


def test_label_leads_to_the_meter(site: Site, electrician: Browser) -> None:
    """The code holds the address under which this browser reached the gateway."""
    text = electrician.page(f"/commission/sheets/{SHEET}").text

    assert f"{site.address}/meters/press-1" in text
    assert "<svg" in text
