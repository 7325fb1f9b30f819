"""What the forwarder asks of another system, whichever it is, and how that system says no."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

Document = Mapping[str, Any]


class AwayError(Exception):
    """The system takes nothing now; what it was offered is kept and offered again. The sentence says why, without any secret."""

    def __init__(self, sentence: str, wait_s: float | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.wait_s = wait_s


class RejectedError(Exception):
    """The system was there and would not take just this; it may take other things."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Sink(Protocol):
    """Called by one thread. Every failure is an AwayError or a RejectedError."""

    @property
    def name(self) -> str: ...

    @property
    def kinds(self) -> Sequence[str]:
        """Of the read API, in the order in which they are offered."""
        ...

    @property
    def page_size(self) -> int:
        """The most documents at once."""
        ...

    def is_ready(self, document: Document) -> bool:
        """False: this document and all behind it wait."""
        ...

    def wants(self, kind: str, document: Document) -> bool: ...

    def take(self, kind: str, documents: Sequence[Document]) -> None:
        """All of them, in this order. What was taken before an error may come again."""
        ...

    def refresh(self) -> None:
        """Called every second while nothing fails, for systems that show a present state."""
        ...

    def close(self) -> None: ...
