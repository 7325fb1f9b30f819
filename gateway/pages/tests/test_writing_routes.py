"""Every route of the pages that changes anything, found by walking the routes: who may not, cannot, and nothing happens."""

import re
from pathlib import Path

import pytest
import requests
from starlette.routing import Route

from gateway.pages import routes
from gateway.pages.access import SESSION_COOKIE
from gateway.pages.sessions import IDLE_MS
from gateway.pages.tests.conftest import Site, ground_of
from gateway.pages.tests.fakes import FakeAlarm

TIMEOUT_S = 10
PASSWORD = "correct horse battery"
# Signing in is how a session begins: it has tests of its own.
OPEN = {"/sign-in"}
# What a viewer may do: leave.
FOR_VIEWERS = {"/sign-out"}
NOTE = {
    "key": "over_current:press-3", "comment": "fuse ordered", "silent_min": "30",
    "product": "housing-a", "units": "480", "shift": "2026-03-28T03:00:00Z", "id": "d1",
}  # fmt: skip


def _writing() -> list[str]:
    """All routes of the pages that take anything but GET and HEAD, with names filled in."""
    walked = routes(ground_of(Site.standing(Path("unused"))))
    changing = [route for route in walked if isinstance(route, Route) and (route.methods or set()) - {"GET", "HEAD"}]
    named = {re.sub(r"\{[^}]+:int\}", "1", route.path) for route in changing}
    return sorted({re.sub(r"\{[^}]+\}", "main", path) for path in named} - OPEN)


WRITING = _writing()


def _signed_in(site: Site, role: str) -> tuple[requests.Session, str]:
    """A browser with a session of that role, and the token its forms carry."""
    site.accounts.add("boss", "admin", PASSWORD)
    if role != "admin":
        site.accounts.add("person", role, PASSWORD)
    browser = requests.Session()
    fields = {"name": "boss" if role == "admin" else "person", "password": PASSWORD}
    browser.post(site.address + "/sign-in", fields, headers={"Origin": site.address}, timeout=TIMEOUT_S)
    page = browser.get(site.address + "/", timeout=TIMEOUT_S).text
    return browser, re.findall(r'name="form_token" value="([^"]+)"', page)[0]


def _post(site: Site, browser: requests.Session, path: str, token: str, origin: str | None = "", **fields: str) -> int:
    named = {} if origin is None else {"Origin": origin or site.address}
    answer = browser.post(site.address + path, {**fields, "form_token": token}, headers=named, timeout=TIMEOUT_S, allow_redirects=False)
    return answer.status_code


def _unchanged(site: Site) -> bool:
    return (site.alarms.noted, site.meters.asked, site.shifts.asked, site.commission.done) == ([], [], [], [])


def test_the_walk_finds_the_writing_routes() -> None:
    """The walk itself works: it finds what is known to write."""
    assert {"/sign-out", "/alarms/note", "/meters/main/read", "/shifts/production", "/shifts/production/undo"} <= set(WRITING)


@pytest.mark.parametrize("path", WRITING)
def test_nobody_without_a_session_writes(site: Site, path: str) -> None:
    """Not signed in at all, and with a cookie that no session belongs to."""
    site.alarms.standing = [FakeAlarm()]
    with requests.Session() as browser:
        without = _post(site, browser, path, "x", **NOTE)
        browser.cookies.set(SESSION_COOKIE, "made-up")
        wrong = _post(site, browser, path, "x", **NOTE)

    assert (without, wrong, _unchanged(site)) == (401, 401, True)


@pytest.mark.parametrize("path", WRITING)
def test_expired_session_writes_nothing(site: Site, path: str) -> None:
    """Who went away for longer than a session lasts is signed out, whatever the open page still offers."""
    site.alarms.standing = [FakeAlarm()]
    browser, token = _signed_in(site, "admin")
    site.later_ms = IDLE_MS + 60_000
    with browser:
        status = _post(site, browser, path, token, **NOTE)

    assert (status, _unchanged(site)) == (401, True)


@pytest.mark.parametrize("path", WRITING)
def test_another_origin_writes_nothing(site: Site, path: str) -> None:
    """A page from elsewhere has the cookie sent along, but not our origin; nor does who names none."""
    site.alarms.standing = [FakeAlarm()]
    browser, token = _signed_in(site, "admin")
    with browser:
        statuses = [_post(site, browser, path, token, origin, **NOTE) for origin in ("https://example.org", "null", None)]

    assert (statuses, _unchanged(site)) == ([403] * 3, True)


@pytest.mark.parametrize("path", WRITING)
def test_wrong_form_token_writes_nothing(site: Site, path: str) -> None:
    """A form of an earlier session, or none of ours."""
    site.alarms.standing = [FakeAlarm()]
    browser, _ = _signed_in(site, "admin")
    with browser:
        status = _post(site, browser, path, "of another session", **NOTE)

    assert (status, _unchanged(site)) == (403, True)


@pytest.mark.parametrize("path", sorted(set(WRITING) - FOR_VIEWERS))
def test_viewer_changes_nothing(site: Site, path: str) -> None:
    """Signed in, from our own page, with the right token: still a viewer."""
    site.alarms.standing = [FakeAlarm()]
    browser, token = _signed_in(site, "viewer")
    with browser:
        status = _post(site, browser, path, token, **NOTE)

    assert (status, _unchanged(site)) == (403, True)


def test_viewer_is_offered_no_button(site: Site) -> None:
    """What a role may not do is not on its pages; maintenance has it."""
    site.alarms.standing = [FakeAlarm()]
    browser, _ = _signed_in(site, "viewer")
    with browser:
        pages = [browser.get(site.address + path, timeout=TIMEOUT_S).text for path in ("/events", "/meters/main", "/shifts")]

    assert [page.count('method="post"') for page in pages] == [1, 1, 1]  # signing out


def test_maintenance_notes_an_alarm(site: Site) -> None:
    """The note has the person's name, the comment on one line and the silence asked for; the page then shows it."""
    site.alarms.standing = [FakeAlarm()]
    browser, token = _signed_in(site, "maintenance")
    with browser:
        status = _post(
            site, browser, "/alarms/note", token, **{**NOTE, "comment": " fuse\r\n ordered " + "x" * 400, "silent_min": "999999"}
        )
        page = browser.get(site.address + "/events", headers={"Accept-Language": "en"}, timeout=TIMEOUT_S).text

    ((key, person, comment, silent_min),) = site.alarms.noted
    assert (status, key, person, silent_min) == (303, "over_current:press-3", "person", 720)
    assert (comment[:13], len(comment)) == ("fuse ordered ", 300)
    assert "seen by person" in page


def test_alarm_that_is_over_is_said(site: Site) -> None:
    """Between reading the page and pressing the button the alarm may end."""
    browser, token = _signed_in(site, "maintenance")
    with browser:
        assert _post(site, browser, "/alarms/note", token, **NOTE) == 404


@pytest.mark.parametrize(("reason", "said"), [("", "answered"), ("no_answer", "silent")])
def test_maintenance_reads_a_meter_now(site: Site, reason: str, said: str) -> None:
    """The wire is asked, and the page says whether it answered."""
    site.meters.reason = reason
    browser, token = _signed_in(site, "maintenance")
    with browser:
        named = {"Origin": site.address}
        answer = browser.post(
            site.address + "/meters/main/read", {"form_token": token}, headers=named, timeout=TIMEOUT_S, allow_redirects=False
        )
        unknown = _post(site, browser, "/meters/nobody/read", token)

    assert (answer.headers["Location"], site.meters.asked) == (f"/meters/main?said={said}#main", ["main"])
    assert unknown == 404
