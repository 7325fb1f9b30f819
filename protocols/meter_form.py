"""Taking typed values out of a parsed file, with every mistake collected and told at its place.

What the keys mean is not known here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from protocols.errors import OurMistake

REQUIRED: Any = object()


class Mistakes:
    """The sentences about one file."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._sentences: list[str] = []

    def add(self, place: str, sentence: str) -> None:
        self._sentences.append(f"{self._origin}: {place}: {sentence}")

    def raise_any(self) -> None:
        if self._sentences:
            raise OurMistake("\n".join(self._sentences))


class Table:
    """One table of a file; each key is asked for once, and what was never asked for is a mistake."""

    def __init__(self, document: Any, place: str, mistakes: Mistakes) -> None:
        self._place = place
        self._mistakes = mistakes
        self._asked: set[str] = set()
        self._values: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
        if not isinstance(document, Mapping):
            mistakes.add(place, f"must be a table, not {document!r}")

    def mistake(self, key: str, sentence: str) -> None:
        self._mistakes.add(self.at(key), sentence)

    def at(self, key: str) -> str:
        return f"{self._place}.{key}" if self._place else key

    def has(self, key: str) -> bool:
        return key in self._values

    def raw(self, key: str, default: Any = REQUIRED) -> Any:
        self._asked.add(key)
        if key in self._values:
            return self._values[key]
        if default is REQUIRED:
            self.mistake(key, "is missing")
            return None
        return default

    def text(self, key: str, choices: Sequence[str] = (), default: Any = REQUIRED) -> str:
        value = self.raw(key, default)
        if not isinstance(value, str):
            if value is not None:
                self.mistake(key, f"must be text, not {value!r}")
            return ""
        if choices and value not in choices and value != default:
            self.mistake(key, f"{value!r} is not one of {', '.join(choices)}")
        return value

    def number(self, key: str, least: int, most: int, default: Any = REQUIRED) -> int:
        value = self.raw(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        if value is not None:
            self.mistake(key, f"must be a whole number from {least} to {most}, not {value!r}")
        return least

    def number_or_none(self, key: str, least: int, most: int) -> int | None:
        return self.number(key, least, most) if self.has(key) else None

    def flag(self, key: str) -> bool:
        value = self.raw(key, default=False)
        if not isinstance(value, bool):
            self.mistake(key, f"must be true or false, not {value!r}")
        return value is True

    def texts(self, key: str, default: Any = REQUIRED) -> tuple[str, ...]:
        return self._all(key, str, "texts", default)

    def numbers(self, key: str, default: Any = REQUIRED) -> tuple[int, ...]:
        return self._all(key, int, "whole numbers", default)

    def table(self, key: str) -> "Table":
        """A table that is not there counts as empty."""
        return Table(self.raw(key, {}), self.at(key), self._mistakes)

    def tables(self, key: str, default: Any = REQUIRED) -> "tuple[Table, ...]":
        values = self.raw(key, default)
        if not isinstance(values, Sequence) or isinstance(values, str):
            if values is not None:
                self.mistake(key, "must be a list of tables")
            return ()
        return tuple(Table(each, f"{self.at(key)}[{number}]", self._mistakes) for number, each in enumerate(values, 1))

    def finish(self) -> None:
        for key in self._values:
            if key not in self._asked:
                self.mistake(key, f"is not a key known here; known are {', '.join(sorted(self._asked))}")

    def _all(self, key: str, kind: type, what: str, default: Any) -> tuple[Any, ...]:
        values = self.raw(key, default)
        if isinstance(values, Sequence) and not isinstance(values, str) and all(type(each) is kind for each in values):
            return tuple(values)
        if values is not None:
            self.mistake(key, f"must be a list of {what}, not {values!r}")
        return ()
