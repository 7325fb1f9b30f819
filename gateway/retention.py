"""How long what is kept, as plain values: the site file fills them, the store obeys."""

from dataclasses import dataclass

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Retention:
    """Of power rows; counters, events, figures and declarations stay for ever. The site file's [retention] says why these."""

    every_poll_days: int = 31
    minute_days: int = 400
    free_bytes_min: int = 300 * 10**6
    has_hub: bool = True
