"""No string without its Chinese: every page of a gateway to which everything has happened, and every sentence a room writes down."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from starlette.routing import Route

from gateway.language import CHINESE, ENGLISH, language_of
from gateway.pages import routes
from gateway.pages.tests import full_house
from gateway.pages.tests.chinese_words import NAMES, latin
from gateway.pages.tests.conftest import Site, ground_of
from gateway.pages.tests.fakes import SHIFTS
from gateway.phrasebook import retold

GATEWAY = Path(__file__).parents[2]
# Addresses that answer with something else than a page of this room: files, streams, and the commissioning pages with tests of their own.
NOT_PAGES = (".csv", "/static/", "/events/live", "/commission")
TIMEOUT_S = 20
# The pages that change with the state of the gateway.
OF_STATUS = {"/", "/lines", "/sync", "/meters", "/meters/press-1?span=day", "/wall?show=alarms"}
QUERIES = {
    "/shifts/figure": ("?start=2026-03-26T22:00:00Z&shift=early&line=",),
    "/meters/press-1": ("?span=day", "?span=week", "?span=month", "?said=answered", "?said=silent"),
    "/wall": ("?show=now", "?show=shifts", "?show=alarms"),
    "/events": ("", "?said=noted", "?kind=line_open"),
}


def _pages(site: Site) -> list[str]:
    """Every address of a page, with names filled in and with each of its ways to be asked."""
    walked = [route.path for route in routes(ground_of(site)) if isinstance(route, Route) and "GET" in (route.methods or set())]
    named = [re.sub(r"\{[^}]+\}", "press-1", path) for path in walked if not any(part in path for part in NOT_PAGES)]
    return [path + query for path in named for query in QUERIES.get(path, ("",))]


def _asked(site: Site, path: str) -> str:
    answer = requests.get(site.address + path, headers={"Accept-Language": CHINESE}, timeout=TIMEOUT_S)
    assert answer.status_code == 200, path
    return answer.text


def test_every_page_is_all_chinese(site: Site) -> None:
    """Each page in every state the gateway can be in: no run of Latin letters but names, units and terms of the trade."""
    full_house.fill(site)
    found: dict[str, set[str]] = {}
    foreign = set()
    for number, status in enumerate(full_house.statuses()):
        site.status.now, site.later_ms = status, number * 60_000
        for path in _pages(site):
            if number == 0 or path in OF_STATUS:
                page = _asked(site, path)
                found.setdefault(path, set()).update(latin(page))
                if 'lang="en"' in page.replace('hreflang="en" lang="en"', ""):
                    foreign.add(path)

    assert {path: texts for path, texts in found.items() if texts} == {}
    assert foreign == set()
    assert len(found) >= 18
    assert number >= 50


def test_walk_sees_an_english_word(site: Site) -> None:
    """The test itself can fail: an event in somebody else's words is found, and marked as English for a screen reader."""
    site.history.happened = [site.history.happened[0]._replace(detail="Somebody else wrote this.")]
    page = _asked(site, "/events")

    assert "Somebody else wrote this." in latin(page)
    assert '<td lang="en">Somebody else wrote this.</td>' in page


KEPT = [section for section in sorted({key.partition(".")[0] for key in language_of(ENGLISH).texts}) if section.startswith("told_")]


@pytest.mark.parametrize("section", [*KEPT, "alarm", "alarms", "changed"])
def test_every_kept_sentence_is_found_again(section: str) -> None:
    """What a room writes is recognised, and by the right text: said in English again it is what was written."""
    if section in ("told_key", "told_stream", "told_activity", "told_basis"):
        pytest.skip("words for holes, no sentences")
    english, chinese = language_of(ENGLISH), language_of(CHINESE)
    for sentence in full_house.kept(section):
        assert retold(sentence, english, str) == sentence.replace("exception_2", english.word("reason", "exception_2")).replace(
            "no_answer", english.word("reason", "no_answer")
        )
        said = retold(sentence, chinese, str)
        assert re.search("[\u4e00-\u9fff]", said or ""), sentence


def test_alarm_kept_in_chinese_is_told_in_english() -> None:
    """A site that changes its language keeps what it wrote; each reader gets it in theirs."""
    kept = language_of(CHINESE).say("alarms.raised", sentence=language_of(CHINESE).say("alarm.sync_lag", minutes=40, records=12))

    assert retold(kept, language_of(ENGLISH), str) == "Alarm: The hub is 40 min behind: 12 records wait."


# Where sentences are written that pages show later.
WRITERS = (
    "carbon/account.py", "carbon/balance.py", "carbon/bridge.py", "carbon/demand.py", "carbon/emission.py", "carbon/engine.py",
    "carbon/epoch.py", "carbon/factor.py", "carbon/figure.py", "carbon/fuel.py", "carbon/intensity.py", "carbon/matching.py",
    "carbon/meter_tree.py", "carbon/shape.py", "carbon/storage.py", "carbon/tariff.py", "carbon/uncertainty.py", "carbon/version.py",
    "acquire/line_log.py", "acquire/owner.py", "acquire/care.py", "acquire/poller.py", "acquire/master.py", "acquire/wire.py",
    "acquire/open_failure.py", "writer.py",
    "clock.py", "buffer/store.py", "delivery.py", "deliver/failure.py", "deliver/answer.py", "deliver/sender.py",
    "deliver/sinks/forwarder.py", "deliver/sinks/http.py", "deliver/sinks/mqtt.py",
    "acquire/identify.py", "acquire/plausibility.py", "acquire/dlt_search.py", "acquire/scan.py", "acquire/sweep.py",
    "acquire/set_address.py", "acquire/channel.py", "field_asks.py", "field_jobs.py", "admission.py",
    "site.py", "site_addresses.py", "site_calendar.py", "site_carbon.py", "site_check.py", "site_editing.py", "site_key.py",
    "site_mistake.py", "site_relations.py", "site_shifts.py", "site_sinks.py", "site_target.py", "site_time.py", "zone.py",
    "holiday_source.py", "factor_series_file.py", "certificate_file.py",
)  # fmt: skip
# Written there too, but for the log, for who calls, or for nobody: (file, words).
ELSEWHERE = {
    "acquire/poller.py": ("the latch serves no others",),
    "carbon/factor.py": ("the factor policy", "is not known; use one of"),
}
# Errors whose sentence a page shows.
TOLD_ERRORS = (
    "WireClosed", "AwayError", "RejectedError", "SettingRefused", "HolidaySourceError", "FactorSeriesError", "ValueError",
)  # fmt: skip
_SQL = re.compile("(select|update|delete|insert) ")
_PROSE = re.compile(r"[A-Za-z']+ [a-z']+ [a-z']+")


def _written(path: Path) -> Iterator[tuple[int, str]]:
    """Pieces of text with three words in a row, but docstrings and what goes to the log or out with an error of the caller's."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    left_out = {id(node) for owner in ast.walk(tree) if _is_left_out(owner) for node in ast.walk(owner)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out and _PROSE.search(node.value):
            yield node.lineno, node.value


def _is_left_out(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.Raise):
        raised = ast.unparse(node.exc) if node.exc else ""
        return not raised.startswith(TOLD_ERRORS)
    if isinstance(node, ast.Assert):
        return True
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith(("log.", "_log."))


@pytest.mark.parametrize("name", WRITERS)
def test_what_a_room_writes_stands_in_the_phrasebook(name: str) -> None:
    """A sentence that is changed or added where it is written needs its text in `strings/told`: else it would stand in English."""
    known = [text for key, text in language_of(ENGLISH).texts.items() if key.startswith("told_")]
    fixed = [re.sub(r"\{\w+\}", "\0", text) for text in known]
    missing = []
    for line, words in _written(GATEWAY / name):
        pieces = [piece.strip() for piece in re.split(r"\{\w+(?::[^}]*)?\}", words) if _PROSE.search(piece) and not _SQL.match(piece)]
        pieces = [piece.removeprefix("_kg: ").lstrip(":; ") for piece in pieces]
        missing += [(line, each) for each in pieces if each not in ELSEWHERE.get(name, ()) and not any(each in text for text in fixed)]

    assert missing == []


def test_every_kind_of_event_has_its_word() -> None:
    """Also those that one room alone raises."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in GATEWAY.rglob("*.py") if "tests" not in path.parts)
    kinds = set(re.findall(r"(?:\.tell\(|[^.\w]Event\(|_report\()\s*\"(\w+)\"", source))

    assert len(kinds) >= 8
    assert {kind for kind in kinds if f"event_kind.{kind}" not in language_of(CHINESE).texts} == set()


def test_shifts_of_the_house_are_the_names_that_are_allowed() -> None:
    """The list of names holds what the made-up site is called, nothing else hides behind it."""
    assert {name for name, _ in SHIFTS} <= NAMES
