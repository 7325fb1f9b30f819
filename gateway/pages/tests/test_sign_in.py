"""Signing in, roles and forms over a real connection: who gets in, who does not, and what they are told."""

import re

import pytest
import requests

from gateway.pages.access import SESSION_COOKIE
from gateway.pages.sessions import IDLE_MS, LONGEST_MS, SESSIONS_MAX, Sessions
from gateway.pages.tests.conftest import Site
from gateway.pages.throttle import FREE_FAILURES, WAIT_MS_MAX, WAIT_MS_MIN, Throttle

TIMEOUT_S = 10
NAME, PASSWORD = "Li Wei", "correct horse battery"


def _post(site: Site, path: str, fields: dict[str, str], browser: requests.Session | None = None, **headers: str) -> requests.Response:
    sender = browser or requests.Session()
    try:
        named = {"Origin": site.address, "Accept-Language": "en", **headers}
        return sender.post(site.address + path, fields, headers=named, timeout=TIMEOUT_S, allow_redirects=False)
    finally:
        if browser is None:
            sender.close()


def _signed_in(site: Site, role: str) -> requests.Session:
    site.accounts.add("boss", "admin", PASSWORD)
    if role != "admin":
        site.accounts.add(NAME, role, PASSWORD)
    browser = requests.Session()
    answer = _post(site, "/sign-in", {"name": "boss" if role == "admin" else NAME, "password": PASSWORD}, browser)
    assert answer.status_code == 303
    return browser


def _form_token(site: Site, browser: requests.Session) -> str:
    page = browser.get(site.address + "/", timeout=TIMEOUT_S).text
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def test_first_start_makes_the_administrator(site: Site) -> None:
    """The code from the console, typed with or without its dash, enrols once."""
    answer = _post(site, "/sign-in", {"code": "abcde-23456", "name": NAME, "password": PASSWORD})
    second = _post(site, "/sign-in", {"code": "ABCDE23456", "name": "other", "password": PASSWORD})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert [(each.name, each.role) for each in site.accounts.accounts()] == [(NAME, "admin")]
    assert second.status_code == 401


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"code": "AAAAAAAAAA", "name": NAME, "password": PASSWORD}, "That is not the code"),
        ({"code": "", "name": NAME, "password": PASSWORD}, "That is not the code"),
        ({"code": "ABCDE23456", "name": NAME, "password": "short"}, "10 to 200 characters"),
        ({"code": "ABCDE23456", "name": "", "password": PASSWORD}, "1 to 40 characters"),
    ],
)
def test_first_start_refuses_in_sentences(site: Site, fields: dict[str, str], sentence: str) -> None:
    """A wrong code, a short password and no name each say what to do, and make nobody."""
    answer = _post(site, "/sign-in", fields)

    assert (answer.status_code, sentence in answer.text) == (401, True)
    assert site.accounts.accounts() == []


def test_cookie_is_out_of_reach_of_scripts_and_other_sites(site: Site) -> None:
    """HttpOnly, SameSite, and no token in the address."""
    site.accounts.add(NAME, "admin", PASSWORD)

    answer = _post(site, "/sign-in", {"name": NAME, "password": PASSWORD, "next": "/"})

    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(SESSION_COOKIE)
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


@pytest.mark.parametrize("elsewhere", ["https://example.org/", "//example.org", "/\\example.org", "javascript:alert(1)"])
def test_nobody_is_led_elsewhere(site: Site, elsewhere: str) -> None:
    """Only a path of this gateway follows a sign-in."""
    site.accounts.add(NAME, "admin", PASSWORD)

    assert _post(site, "/sign-in", {"name": NAME, "password": PASSWORD, "next": elsewhere}).headers["Location"] == "/"


def test_wrong_password_and_unknown_name_are_told_alike(site: Site) -> None:
    """Nobody learns which names there are."""
    site.accounts.add(NAME, "admin", PASSWORD)

    answers = [_post(site, "/sign-in", {"name": name, "password": "wrong password"}) for name in (NAME, "nobody")]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text == answers[1].text


def test_guessing_is_slowed_down(site: Site) -> None:
    """After a few failures even the right password has to wait."""
    site.accounts.add(NAME, "admin", PASSWORD)
    for _ in range(FREE_FAILURES):
        _post(site, "/sign-in", {"name": NAME, "password": "wrong password"})

    answer = _post(site, "/sign-in", {"name": NAME, "password": PASSWORD})

    assert (answer.status_code, "Too many failures" in answer.text) == (429, True)


def test_sign_in_from_another_origin_is_refused(site: Site) -> None:
    """A foreign page cannot sign a browser in."""
    site.accounts.add(NAME, "admin", PASSWORD)

    answer = _post(site, "/sign-in", {"name": NAME, "password": PASSWORD}, Origin="http://evil.example")

    assert (answer.status_code, "Set-Cookie" in answer.headers) == (403, False)


def test_signing_out_needs_the_form_and_ends_the_session(site: Site) -> None:
    """Without the session's token nothing happens; with it the page forgets the person."""
    browser = _signed_in(site, "viewer")
    token = _form_token(site, browser)

    without = _post(site, "/sign-out", {"other": ""}, browser)
    foreign = _post(site, "/sign-out", {"form_token": token}, browser, Origin="http://evil.example")
    nameless = browser.post(site.address + "/sign-out", {"form_token": token}, timeout=TIMEOUT_S)
    done = _post(site, "/sign-out", {"form_token": token}, browser)
    after = browser.get(site.address + "/", timeout=TIMEOUT_S).text
    browser.close()

    assert [without.status_code, foreign.status_code, nameless.status_code, done.status_code] == [403, 403, 403, 303]
    assert NAME not in after


def test_role_that_was_taken_away_ends_at_once(site: Site) -> None:
    """The account is asked at every request, not the session."""
    browser = _signed_in(site, "electrician")
    before = NAME in browser.get(site.address + "/", timeout=TIMEOUT_S).text
    site.accounts.remove(NAME)
    after = NAME in browser.get(site.address + "/", timeout=TIMEOUT_S).text
    browser.close()

    assert (before, after) == (True, False)


@pytest.mark.parametrize("site", [{"public_read": False}], indirect=True)
def test_closed_site_leads_to_signing_in(site: Site) -> None:
    """Nothing is shown before; the page that was wanted follows after."""
    answer = requests.get(site.address + "/", timeout=TIMEOUT_S, allow_redirects=False)
    events = requests.get(site.address + "/events/live", timeout=TIMEOUT_S, allow_redirects=False)
    browser = _signed_in(site, "viewer")
    shown = browser.get(site.address + "/", timeout=TIMEOUT_S)
    browser.close()

    assert (answer.status_code, answer.headers["Location"], events.status_code) == (303, "/sign-in?next=/", 303)
    assert "main" in shown.text


def test_chosen_language_holds_on_the_next_page(site: Site) -> None:
    """Once chosen by the link, the cookie remembers it against the browser's preference."""
    with requests.Session() as browser:
        browser.headers["Accept-Language"] = "en"
        browser.get(site.address + "/?lang=zh", timeout=TIMEOUT_S)
        page = browser.get(site.address + "/sign-in", timeout=TIMEOUT_S)

    assert page.headers["Content-Language"] == "zh"


def test_too_large_a_form_is_refused(site: Site) -> None:
    """A megabyte is no sign-in."""
    browser = _signed_in(site, "viewer")
    answer = _post(site, "/sign-out", {"form_token": "x" * 1_000_000}, browser)
    browser.close()

    assert answer.status_code == 413


def test_sessions_end_by_age_and_idleness() -> None:
    """Ten hours at most, two without a request, and no more than there is room for."""
    sessions = Sessions()
    idle, busy = sessions.begin("a", 0), sessions.begin("b", 0)
    for now_ms in range(0, LONGEST_MS, IDLE_MS):
        sessions.find(busy, now_ms)

    assert sessions.find(idle, IDLE_MS + 1) is None
    assert sessions.find(busy, LONGEST_MS) is not None
    assert sessions.find(busy, LONGEST_MS + 1) is None
    first = sessions.begin("c", 0)
    for _ in range(SESSIONS_MAX):
        sessions.begin("d", 0)
    assert sessions.find(first, 0) is None


def test_waits_grow_to_a_bound_and_are_forgiven() -> None:
    """Twice as long each time, at most a quarter of an hour, and none after a success."""
    throttle = Throttle()
    waits = []
    for failure in range(FREE_FAILURES + 12):
        throttle.failed(("name x",), failure)
        waits.append(throttle.wait_ms(("name x", "address y"), failure))

    assert waits[FREE_FAILURES - 2 : FREE_FAILURES + 1] == [0, WAIT_MS_MIN, 2 * WAIT_MS_MIN]
    assert waits[-1] == WAIT_MS_MAX
    throttle.succeeded(("name x",))
    assert throttle.wait_ms(("name x",), 100) == 0
