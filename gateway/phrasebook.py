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
# Holes whose content was the word already, in the language of the site.
_KEPT_WORDS = {"step": "calibration_step"}
# What stands in a sentence as a code; the other words are English already.
_CODES = ("reason",)
# Holes whose content may be a sentence of its own, or one of the system.
_SENTENCES = frozenset(
    {
        "why", "said", "detail", "sentence", "what", "span", "file", "had", "has", "regions", "values", "kind_of_content",
        "note", "guess", "remedies", "crew",
    }
)  # fmt: skip
# Where such a one is nobody's sentence, the whole is nobody's: these stand beside next to no words of their own.
_OURS = frozenset({"proven", "fact", "mistake"})
# Several of them in a row.
_LISTS = frozenset({"facts", "choices", "rivals", "counts", "chain"})
_LIST_JOINT = re.compile(", | and | or | under ")
_NUMBERS = frozenset({"number", "low", "high", "value", "newest", "modulus", "dropped", "windows"})
# What else a hole looks like; names of meters and products hold no colon, a sentence ends with its full stop (no point of a number).
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_SHAPES = {
    "time": r"\d{4}-\d\d-\d\dT[\d:.]+Z", "day": r"\d{4}-\d\d-\d\d", "unit": r"\S+", "subject": "[^:：]+?", "meter": "[^:：]+?",
    "sentence": r".+?[.。](?!\d)", "comment": ".*", "called": _QUOTED, "typed": _QUOTED, "name": r"[\w.-]+", "model": r"[\w.-]+",
    "address": r"\d+", "path": "/.*?|[^:：]+?", "place": r"\[.+?|\w+",
}  # fmt: skip
# A sentence within a sentence: a refusal within a state within an event. Deeper ones nobody writes.
DEPTH_MAX = 4
_MORE = "; "


class _Phrase(NamedTuple):
    """`mark` is the longest of its own words: where it is missing nobody need look further, nor make the pattern of `text`."""

    key: str
    mark: str
    text: str


def retold(text: str, language: Language, instant: Callable[[str], str], depth: int = 0) -> str | None:
    """`text` in that language; None if nobody here writes so. `instant` says an ISO-8601 time as the reader does."""
    for phrase in _phrases() if depth < DEPTH_MAX else ():
        match = _pattern(phrase.text).fullmatch(text) if phrase.mark in text else None
        if match is not None:
            holes = {name: _filled(name, value, language, instant, depth) for name, value in match.groupdict().items()}
            if None not in holes.values():
                return language.say(phrase.key, **holes)
    parts = text.split(_MORE)
    said = [retold(part, language, instant, depth) for part in parts] if len(parts) > 1 else [None]
    known = [part for part in said if part is not None]
    return language.say("number.clause_joint").join(known) if len(known) == len(said) else None


def _filled(name: str, value: str, language: Language, instant: Callable[[str], str], depth: int) -> str | None:
    """None where a sentence that must be ours is not."""
    name = name.removeprefix("other_")
    if name == "time":
        return instant(value)
    if name in _OURS:
        return retold(value, language, instant, depth + 1)
    if name in _LISTS and language.code != ENGLISH:
        parts = [retold(part, language, instant, depth + 1) or part for part in _LIST_JOINT.split(value)]
        return language.say("number.list_joint").join(parts)
    if name in _SENTENCES:
        return retold(value, language, instant, depth + 1) or value
    return _word(name, value, language)


def _word(name: str, value: str, language: Language) -> str:
    if name in _WORDS and (language.code != ENGLISH or name in _CODES):
        return language.word(_WORDS[name], value)
    return _word_again(_KEPT_WORDS[name], value, language) if name in _KEPT_WORDS else value


def _word_again(section: str, word: str, language: Language) -> str:
    """A word of any language in that of the reader."""
    texts = ((key, text) for code in CODES for key, text in language_of(code).texts.items() if text == word)
    key = next((key for key, _ in texts if key.startswith(f"{section}.")), "")
    return language.texts.get(key, word)


@cache
def _phrases() -> tuple[_Phrase, ...]:
    """Of every language, those with the most words of their own first: they leave the least to their holes."""
    texts = [(key, text) for code in CODES for key, text in language_of(code).texts.items() if _is_kept(key, code)]
    return tuple(_Phrase(key, max(_literals(text), key=len), text) for key, text in sorted(texts, key=_rank))


def _is_kept(key: str, code: str) -> bool:
    section = key.partition(".")[0]
    return section in _IN_ANY_LANGUAGE or (code == ENGLISH and section.startswith(_IN_ENGLISH) and section not in _WORDS.values())


def _rank(each: tuple[str, str]) -> int:
    return -sum(map(len, _literals(each[1])))


def _literals(text: str) -> list[str]:
    return [literal for literal, *_ in Formatter().parse(text)]


@cache
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
