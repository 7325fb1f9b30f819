"""Says a kept sentence in the reader's language: what a room of the gateway wrote is found among the texts of `strings/` and said anew.

Records, figures and states hold sentences, and records never change; so a sentence is known by its wording and its holes are read
back from it. Whatever is not found stays as it is. Knows no meter and no time: who asks says how an instant reads.
"""

import re
from collections.abc import Callable
from functools import cache
from string import Formatter
from typing import NamedTuple

from gateway.language import CODES, ENGLISH, Language, language_of

# Sections whose texts are written down as sentences: these in the language of the site, the others in English.
_IN_ANY_LANGUAGE = ("alarm", "alarms", "changed")
_IN_ENGLISH = "told_"
# Holes whose content is a word of a table: hole -> section.
_WORDS = {
    "quantity": "measured", "kind": "counter_event", "role": "role", "reason": "reason", "scope": "carbon_line", "unit": "unit",
    "figure": "told_key", "stream": "told_stream", "activity": "told_activity", "basis": "told_basis",
}  # fmt: skip
# What stands in a sentence as a code; the other words are English already.
_CODES = ("reason",)
# Holes whose content may be a sentence of its own, or one of the system.
_SENTENCES = frozenset({"why", "said", "detail", "sentence", "what", "span", "file", "had", "has", "regions", "values", "kind_of_content"})
_NUMBERS = frozenset({"number", "low", "high", "value", "newest", "modulus", "dropped", "windows"})
# What else a hole looks like; names of meters and products hold no colon, a sentence ends with its full stop (no point of a number).
_SHAPES = {
    "time": r"\d{4}-\d\d-\d\dT[\d:.]+Z", "unit": r"\S+", "subject": "[^:：]+?", "meter": "[^:：]+?",
    "sentence": r".+?[.。](?!\d)", "comment": ".*",
}  # fmt: skip
# A sentence within a sentence: a refusal within a state within an event. Deeper ones nobody writes.
DEPTH_MAX = 4
_MORE = "; "


class _Phrase(NamedTuple):
    """`mark` is the longest of its own words: where it is missing nobody need look further."""

    key: str
    mark: str
    pattern: re.Pattern[str]


def retold(text: str, language: Language, instant: Callable[[str], str], depth: int = 0) -> str | None:
    """`text` in that language; None if nobody here writes so. `instant` says an ISO-8601 time as the reader does."""
    for phrase in _phrases() if depth < DEPTH_MAX else ():
        match = phrase.pattern.fullmatch(text) if phrase.mark in text else None
        if match is not None:
            holes = {name: _filled(name, value, language, instant, depth) for name, value in match.groupdict().items()}
            return language.say(phrase.key, **holes)
    parts = text.split(_MORE)
    said = [retold(part, language, instant, depth) for part in parts] if len(parts) > 1 else [None]
    known = [part for part in said if part is not None]
    return language.say("number.clause_joint").join(known) if len(known) == len(said) else None


def _filled(name: str, value: str, language: Language, instant: Callable[[str], str], depth: int) -> str:
    name = name.removeprefix("other_")
    if name == "time":
        return instant(value)
    if name in _WORDS and (language.code != ENGLISH or name in _CODES):
        return language.word(_WORDS[name], value)
    if name in _SENTENCES:
        return retold(value, language, instant, depth + 1) or value
    return value


@cache
def _phrases() -> tuple[_Phrase, ...]:
    """Of every language, those with the most words of their own first: they leave the least to their holes."""
    texts = [(key, text) for code in CODES for key, text in language_of(code).texts.items() if _is_kept(key, code)]
    return tuple(_Phrase(key, max(_literals(text), key=len), _pattern(text)) for key, text in sorted(texts, key=_rank))


def _is_kept(key: str, code: str) -> bool:
    section = key.partition(".")[0]
    return section in _IN_ANY_LANGUAGE or (code == ENGLISH and section.startswith(_IN_ENGLISH) and section not in _WORDS.values())


def _rank(each: tuple[str, str]) -> int:
    return -sum(map(len, _literals(each[1])))


def _literals(text: str) -> list[str]:
    return [literal for literal, *_ in Formatter().parse(text)]


def _pattern(text: str) -> re.Pattern[str]:
    parts = []
    for literal, name, _, _ in Formatter().parse(text):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(f"(?P<{name}>{_shape(name.removeprefix('other_'))})")
    return re.compile("".join(parts), re.DOTALL)


def _shape(name: str) -> str:
    if name == "scope":
        return "|".join(key.partition(".")[2] for key in language_of(ENGLISH).texts if key.startswith("carbon_line."))
    return _SHAPES.get(name) or (r"-?\d[\d.,]*" if name in _NUMBERS else "[a-z][a-z0-9_]*" if name in _WORDS else ".+?")
