"""The pages over a real connection: complete, in both languages, with strict headers and few bytes."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import requests

from gateway.pages.routes import SECURITY_HEADERS
from gateway.pages.tests.conftest import Site
from gateway.pages.tests.fakes import troubled_status, with_meter

TIMEOUT_S = 10
# The budget of the whole page: it must open at once on an old kiosk behind a slow radio link.
PAGE_BYTES_MAX = 100_000
WATCHERS = 20


def _get(site: Site, path: str, **headers: str) -> requests.Response:
    return requests.get(site.address + path, headers=headers, timeout=TIMEOUT_S)


def _assets(page: str) -> list[str]:
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', page)


def test_overview_is_complete_without_javascript(site: Site) -> None:
    """One answer shows power, the running shift, every meter and the sentence on top."""
    site.status.now = troubled_status()

    page = _get(site, "/").text

    for text in ("Meter press-2 has not answered for 12 min", "499", "early", "kg CO2", "press-1-counter", "105,870 records", "rs485-1"):
        assert text in page
    assert '<noscript><meta http-equiv="refresh" content="10"></noscript>' in page


@pytest.mark.parametrize(
    ("path", "header", "code", "text"),
    [("/", "en", "en", "All 9 meters answer."), ("/", "zh-CN", "zh", "全部 9 块表均有应答。"), ("/?lang=zh", "en", "zh", "当前功率")],
)
def test_language_is_negotiated(site: Site, path: str, header: str, code: str, text: str) -> None:
    """By address, then by browser; the answer says which it is."""
    answer = _get(site, path, **{"Accept-Language": header})

    assert (answer.headers["Content-Language"], answer.headers["Vary"]) == (code, "Accept-Language, Cookie")
    assert f'<html lang="{code}">' in answer.text
    assert text in answer.text


def test_every_answer_carries_the_security_headers(site: Site) -> None:
    """Also a refusal."""
    answers = [_get(site, path) for path in ("/", "/?lang=zh", "/static/pages.css", "/static/nothing.css")]

    assert [{name: answer.headers.get(name) for name in SECURITY_HEADERS} for answer in answers] == [SECURITY_HEADERS] * 4
    assert "unsafe-inline" not in SECURITY_HEADERS["Content-Security-Policy"]


def test_page_has_nothing_inline_and_nothing_from_elsewhere(site: Site) -> None:
    """What the policy would block is not there to begin with."""
    page = _get(site, "/").text

    assert re.findall(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page) == []
    assert re.findall(r"(?:https?:)?//[^\s\"<]+", page) == []


def test_whole_page_fits_its_budget(site: Site) -> None:
    """HTML, style, script and icon, uncompressed."""
    page = _get(site, "/")

    total = len(page.content) + sum(len(_get(site, address).content) for address in _assets(page.text))

    assert len(_assets(page.text)) == 3
    assert total <= PAGE_BYTES_MAX


def test_static_files_are_cached_by_content(site: Site) -> None:
    """Under its own address for ever; under the bare one with a question each time."""
    address = next(each for each in _assets(_get(site, "/").text) if "pages.css" in each)
    named, bare = _get(site, address), _get(site, "/static/pages.css")
    again = _get(site, "/static/pages.css", **{"If-None-Match": f'"other", W/{bare.headers["ETag"]}'})

    assert named.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (bare.headers["Cache-Control"], bare.headers["Content-Type"]) == ("no-cache", "text/css; charset=utf-8")
    assert (again.status_code, again.content) == (304, b"")


def test_only_own_files_are_served(site: Site) -> None:
    """No path leads out of the folder."""
    assert [_get(site, f"/static/{name}").status_code for name in ("nothing.css", "..%2froutes.py", "%2e%2e/routes.py")] == [404] * 3


def test_a_fault_is_a_page_that_tries_again(site: Site) -> None:
    """No traceback reaches a person; the page says that measuring goes on."""
    site.status.fault = RuntimeError("a secret detail")

    answer = _get(site, "/?lang=en")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "It goes on measuring" in answer.text
    assert "secret" not in answer.text


def _events(answer: requests.Response) -> Iterator[dict[str, Any]]:
    # Without a size, data comes as it arrives.
    for line in answer.iter_lines(chunk_size=None, decode_unicode=True):
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def _first_data(answer: requests.Response) -> dict[str, Any]:
    return next(_events(answer))


def test_events_flow_and_end_with_the_server(site: Site) -> None:
    """A listener hears what changes; a shutdown ends its stream in order."""
    with closing(requests.get(site.address + "/events/live", stream=True, timeout=TIMEOUT_S)) as answer:
        events = _events(answer)
        first = next(events)
        site.status.now = with_meter(site.status.now, "main", values={"active_power": 300_000_000})
        second = next(events)
        site.stop()
        rest = list(events)

    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert {name: answer.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "386" in str(second["html"])
    assert first["page"] == second["page"]
    assert rest == []


def test_twenty_watchers_ask_once(site: Site) -> None:
    """Twenty open streams and one page: status is asked once per tick, not once per watcher."""
    answers = [requests.get(site.address + "/events/live", stream=True, timeout=TIMEOUT_S) for _ in range(WATCHERS)]
    heard = [threading.Thread(target=_first_data, args=(answer,)) for answer in answers]
    for each in heard:
        each.start()
    for each in heard:
        each.join()
    for answer in answers:
        answer.close()

    assert site.status.asked <= 3


def test_a_watcher_that_leaves_frees_its_place(site: Site) -> None:
    """More come and go than may listen at once; the last one still gets a live stream."""
    for _ in range(45):
        with closing(requests.get(site.address + "/events/live", stream=True, timeout=TIMEOUT_S)) as answer:
            _first_data(answer)
    time.sleep(0.1)

    with closing(requests.get(site.address + "/events/live", stream=True, timeout=TIMEOUT_S)) as last:
        assert _first_data(last)["notice"] == ""


def test_asking_for_the_head_of_the_events_opens_no_stream(site: Site) -> None:
    """A probe gets its answer and goes."""
    answer = requests.head(site.address + "/events/live", timeout=TIMEOUT_S)

    assert (answer.status_code, answer.content) == (200, b"")
