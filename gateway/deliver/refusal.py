"""An answer that is an error: the status and the sentence that whoever asked will read."""

from collections.abc import Mapping
from typing import Any


class Refused(Exception):
    """`details` stand beside the sentence, for a caller that is a program."""

    def __init__(
        self, status: int, sentence: str, headers: Mapping[str, str] | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})
        self.details = dict(details or {})
