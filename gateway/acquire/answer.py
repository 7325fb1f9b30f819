"""What a unit answered to one request: a value that passes between master, conversation and listener."""

from typing import NamedTuple


class Answer(NamedTuple):
    """`words` are those that were read; `took_us` is from handing the request to the port until the whole answer was heard."""

    words: tuple[int, ...]
    took_us: int
    pdu: bytes
