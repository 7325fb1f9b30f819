"""What really happened on a virtual line: the record against which tests hold a master's stored values.

Values only; the line writes them, nobody else.
"""

from typing import NamedTuple

# A run of ten thousand polls with every fault fits; a factory left on for days must not grow.
KEPT_MAX = 100_000


class Request(NamedTuple):
    """Number `number` since the line began: what the master put on the wire between two silences."""

    number: int
    sent_at_us: int
    frame: bytes


class Reply(NamedTuple):
    """`asked` and `said` are PDUs: the question heard and the true answer, before any fault touched it.

    `delivered`: every byte of the answer reached the master as it was said. `late`: a fault held it back.
    `overtaken`: the master had begun another request before the last byte. `begun_us` and `ended_us` are
    None for an answer that never reached the wire. `heard` is what reached the master's port.
    """

    request: int
    station: str
    asked: bytes
    said: bytes
    sent_at_us: int
    begun_us: int | None
    ended_us: int | None
    delivered: bool
    late: bool
    overtaken: bool
    heard: bytes
