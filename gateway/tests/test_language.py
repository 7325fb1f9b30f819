"""The words: complete in every language, used, and nowhere else than in the tables."""

import re
from html.parser import HTMLParser
from pathlib import Path
from string import Formatter

import pytest

from gateway.language import CODES, Language, chosen, language_of

GATEWAY = Path(__file__).parents[1]
FOLDER = GATEWAY / "pages"
SPEAKING = [
    path for folder in (GATEWAY, GATEWAY.parent / "tools" / "commands") for path in folder.rglob("*.py") if "tests" not in path.parts
]
TEMPLATES = sorted((FOLDER / "templates").rglob("*.html"))
# These sections are looked up by a state, role or reason that is only known when it happens.
LOOKED_UP = (
    "state",
    "role",
    "unit",
    "line",
    "hub",
    "store_state",
    "clock_state",
    "figure_state",
    "quality",
    "errors",
    "advice",
    "finding",
    "grounds",
    "confidence",
    "alarm",
    "alarm_advice",
    "alarms",
    "nav",
    "account_role",
    "sign_in",
    "refused",
    "severity",
    "silence",
    "reason",
    "measured",
    "read_now",
    "counter_event",
    "submeter_clock",
    "curve_span",
    "event_kind",
    "line_kind",
    "evidence_part",
    "balance",
    "carbon_line",
    "changed",
    "commission_refused",
    "scan_trouble",
    "scan_confidence",
    "read_trouble",
    "ratio",
    "counter",
    "sheet_key",
    "production_said",
    "target",
    "job_trouble",
    "field_hint",
    "calibration_step",
    "calibration_how",
    "calibration_known",
    "calibration_do",
    "calibration_refused",
    "calibration_value",
)


# Of an English number: 31st.
GRAMMAR = {"ending"}


def _holes(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_languages_have_the_same_keys() -> None:
    """Every text exists in every language."""
    tables = [set(language_of(code).texts) for code in CODES]

    assert all(table == tables[0] for table in tables)


def test_languages_have_the_same_holes() -> None:
    """A translation leaves out nothing that the text says, except grammar: a name of a month, or a count beside a singular."""
    differing = {
        key
        for key, text in language_of("en").texts.items()
        if _holes(text) - GRAMMAR != _holes(language_of("zh").texts[key]) and not key.endswith("_one")
    }

    assert differing == set()


def test_no_text_is_empty() -> None:
    """A missing translation is no translation."""
    assert [key for code in CODES for key, text in language_of(code).texts.items() if not text] == []


def test_chinese_is_chinese() -> None:
    """A text with words in English has Chinese characters in its translation."""
    exempt = {"page.other_language", "page.other_code", "table.energy"}
    prose = [key for key, text in language_of("en").texts.items() if re.search(r"[a-z]{3}", re.sub(r"\{\w+\}", "", text))]

    assert [key for key in prose if key not in exempt and not re.search(r"[\u4e00-\u9fff]", language_of("zh").texts[key])] == []


def test_every_key_is_used_and_every_used_key_exists() -> None:
    """No dead words, no missing ones."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in [*SPEAKING, *TEMPLATES])
    said = set(re.findall(r"say\(\s*f?\"([a-z0-9_.]+)\"", code)) | set(
        re.findall(r"\"((?:verdict|advice|shift|power)\.[a-z0-9_]+)\"", code)
    )
    patterns = set(re.findall(r"say\(\s*f\"([^\"]+)\"", code))
    starts = tuple(pattern.partition("{")[0] for pattern in patterns if "{" in pattern)
    keys = set(language_of("en").texts)

    unused = {key for key in keys if key.removesuffix("_one") not in said and not key.startswith(starts)}
    # Sentences of `told_` are said by other rooms: that they still are, the tests of the pages hold against those rooms.
    assert {key for key in unused if key.partition(".")[0] not in LOOKED_UP and not key.startswith("told_")} == set()
    assert said - keys == set()


class _Prose(HTMLParser):
    """Collects words that stand in a template itself."""

    SPOKEN = ("title", "aria-label", "alt", "placeholder", "label")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_data(self, data: str) -> None:
        self.found.extend(re.findall(r"[^\W\d_]+", data))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.extend(word for name, value in attrs if name in self.SPOKEN for word in re.findall(r"[^\W\d_]+", value or ""))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_contains_prose(path: Path) -> None:
    """All words come from the tables: what stands between tags is markup of the template language only."""
    prose = _Prose()
    prose.feed(re.sub(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL))

    assert prose.found == []


@pytest.mark.parametrize(
    ("wanted", "header", "default", "code"),
    [
        ("zh", "en", "en", "zh"),
        ("fr", "zh-CN,zh;q=0.9,en;q=0.8", "en", "zh"),
        (None, "en-GB;q=0.4, zh-Hans;q=0.7", "en", "zh"),
        (None, "fr-FR, de;q=0.5", "zh", "zh"),
        (None, "zh;q=0, fr", "en", "en"),
        (None, "zh;q=much", "en", "en"),
        (None, "", "xx", "en"),
        ("", ", ;q=1,", "zh", "zh"),
    ],
)
def test_language_is_chosen_by_address_then_browser_then_site(wanted: str | None, header: str, default: str, code: str) -> None:
    """The address wins over the browser, the browser over the site; what nobody speaks here falls through."""
    assert chosen(wanted, header, default).code == code


def test_singular_is_said_for_one() -> None:
    """One meter is not "1 meters"."""
    words = Language("en", {"a.b": "{count} meters", "a.b_one": "the meter"})

    assert (words.say("a.b", count=1), words.say("a.b", count=2)) == ("the meter", "2 meters")


def test_untranslated_state_is_shown_as_it_is() -> None:
    """A state that a newer part of the gateway invents breaks no page."""
    assert language_of("zh").word("state", "melting") == "melting"
