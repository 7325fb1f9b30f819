"""What the board was given on its way to its place, as it lies in its file, or in the copy beside recovery where that one is broken.

Nobody on the board writes either; what a value means is its reader's matter. Runs on MicroPython.
"""

import json

from firmware.guarded import say

FILE = "configuration.json"
COPY = "recovery/" + FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read() -> "dict[str, Any]":
    try:
        return read_from(FILE)
    except (OSError, ValueError) as error:
        say("%s cannot be read (%r); the meter takes its copy, %s. Copy a whole one onto the board." % (FILE, error, COPY))
        return read_from(COPY)


def read_from(path: str) -> "dict[str, Any]":
    with open(path) as file:  # noqa: PTH123 - the board has no pathlib
        document: dict[str, Any] = json.load(file)
    if not isinstance(document, dict):
        raise ValueError(path)  # noqa: TRY004 - as for any other text that is no configuration
    return document


def refused(error: Exception) -> None:
    say("the meter cannot start as its %s says: %r. Mend that file, copy it onto the board and restart it." % (FILE, error))
