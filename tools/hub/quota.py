"""How much one gateway may bring. Counted in the store, so that all processes over one database count together."""

from typing import Any, NamedTuple

from gateway.deliver.refusal import Refused

DAY_MS, MINUTE_MS = 86_400_000, 60_000


class Quota(NamedTuple):
    """What is beyond is refused for a while (429), never for good."""

    # Two hundred meters at 1 s make 17 million a day; a month's backlog of 32 meters at 10 s is 8 million at once.
    records_per_day: int = 50_000_000
    # A hundred a second is more than one gateway can seal and one core can check: it would be a loop gone wild.
    requests_per_minute: int = 6_000


def counted(gateway: dict[str, Any], now_ms: int, records: int) -> dict[str, int]:
    """The counters of this day and minute after one more request with `records`."""
    day, minute = now_ms // DAY_MS, now_ms // MINUTE_MS
    return {
        "day": day,
        "day_records": records + (gateway["day_records"] if gateway["day"] == day else 0),
        "minute": minute,
        "minute_requests": 1 + (gateway["minute_requests"] if gateway["minute"] == minute else 0),
    }


def require_within(quota: Quota, gateway: dict[str, Any], now_ms: int) -> None:
    """Refused (429) with the time to wait if this minute or this day is used up; a request that is begun may go over."""
    for unit, size_ms, used, limit, what in (
        ("minute", MINUTE_MS, "minute_requests", quota.requests_per_minute, "requests"),
        ("day", DAY_MS, "day_records", quota.records_per_day, "records"),
    ):
        if gateway[unit] == now_ms // size_ms and gateway[used] >= limit:
            wait_s = (size_ms - now_ms % size_ms) // 1000 + 1
            raise Refused(
                429,
                f"gateway {gateway['gateway']} has used the {limit} {what} of this {unit} at this hub; nothing is lost, it may go on "
                f"in {wait_s} s. The hub's operator can allow more (`shiftwatt hub --{what}-per-{unit} N`)",
                {"Retry-After": str(wait_s)},
            )
