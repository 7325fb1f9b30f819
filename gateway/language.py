"""What people are told, in each language: the tables in `strings/`, one file per topic and language, and which one a browser gets.

Knows no meter, no time and no template; a text with a hole is filled by name.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

ENGLISH, CHINESE = "en", "zh"
CODES = (ENGLISH, CHINESE)

# RFC 9110 names no limit; browsers send fewer than ten languages, more are noise.
ACCEPTED_MAX = 20


@dataclass(frozen=True)
class Language:
    code: str
    texts: Mapping[str, str]

    def say(self, key: str, **holes: object) -> str:
        """The text under `key`; with `count=1` its singular `key_one` where the table has one."""
        singular = f"{key}_one"
        return self.texts[singular if holes.get("count") in (1, "1") and singular in self.texts else key].format(**holes)

    def word(self, section: str, value: str) -> str:
        """The word for a state, role or reason; a value nobody translated yet is shown as it is."""
        return self.texts.get(f"{section}.{value}", value)


@cache
def language_of(code: str) -> Language:
    texts: dict[str, str] = {}
    for table in files(__package__).joinpath("strings").iterdir():
        if table.name.endswith(f".{code}.toml"):
            sections: dict[str, dict[str, str]] = tomllib.loads(table.read_text(encoding="utf-8"))
            texts |= {f"{section}.{key}": value for section, keys in sections.items() for key, value in keys.items()}
    return Language(code, texts)


def chosen(wanted: str | None, accept_language: str, default: str) -> Language:
    """What the address asks for, else what the browser prefers, else the site's language."""
    candidates = (wanted or "", *_accepted(accept_language), default)
    known = (code for code in map(_primary, candidates) if code in CODES)
    return language_of(next(known, ENGLISH))


def _accepted(header: str) -> list[str]:
    """The tags of an Accept-Language header, the most wanted first."""
    weighted = [_weighted(part) for part in header.split(",")[:ACCEPTED_MAX] if part.strip()]
    return [tag for weight, tag in sorted(weighted, key=lambda each: -each[0]) if weight > 0]


def _weighted(part: str) -> tuple[float, str]:
    tag, _, parameter = part.strip().partition(";")
    name, _, weight = parameter.strip().partition("=")
    try:
        return (float(weight) if name.strip() == "q" else 1.0), tag
    except ValueError:
        return 0.0, tag


def _primary(tag: str) -> str:
    return tag.strip().lower().replace("_", "-").partition("-")[0]
