"""An answer that is an error: the status and the sentence that whoever asked will read."""

from collections.abc import Mapping


class Refused(Exception):
    def __init__(self, status: int, sentence: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})
