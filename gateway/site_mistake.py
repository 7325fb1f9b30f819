"""One mistake in a site file, with its place and in words an electrician understands. What is a mistake is not known here."""

import difflib
from typing import NamedTuple


class Mistake(NamedTuple):
    """`table` as a person finds it ("[[meter]] 2 (press-1)"), `key` in it ("" for the table itself)."""

    table: str
    key: str
    sentence: str

    def __str__(self) -> str:
        place = f"{self.table}, key {self.key!r}" if self.key else self.table
        return f"{place}: {self.sentence}"


def suggestion(word: str, known: list[str]) -> str:
    known = [name for name in known if name]
    if not known:
        return "; there is none yet"
    close = difflib.get_close_matches(word, known, n=2)
    return f"; did you mean {' or '.join(repr(each) for each in close)}?" if close else f"; known: {', '.join(known)}"
