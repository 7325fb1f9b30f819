"""Which stretch of time a curve shows: a day, a week or a month of local time, and how it is cut into buckets. Pure."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY, WEEK, MONTH = "day", "week", "month"
MINUTE_MS = 60_000
# About three hundred points: as many as a phone has pixels, and few enough to be one small page.
_BUCKETS = {DAY: 5 * MINUTE_MS, WEEK: 30 * MINUTE_MS, MONTH: 120 * MINUTE_MS}
KINDS = tuple(_BUCKETS)
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2200, 1, 1)


@dataclass(frozen=True)
class Span:
    """[from_ms, to_ms); `first` is its first local day."""

    kind: str
    first: date
    from_ms: int
    to_ms: int
    bucket_ms: int
    days: tuple[tuple[date, int], ...]  # each day with the instant of its midnight


def span(kind: str, day: date, zone: tzinfo) -> Span:
    """The one that holds `day`; a week begins on Monday."""
    wanted = kind if kind in KINDS else DAY
    first = _first(wanted, day)
    after = next_first(wanted, first)
    days = tuple((first + timedelta(days=index), midnight(first + timedelta(days=index), zone)) for index in range((after - first).days))
    return Span(wanted, first, days[0][1], midnight(after, zone), _BUCKETS[wanted], days)


def _first(kind: str, day: date) -> date:
    if kind == WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if kind == MONTH else day


def next_first(kind: str, first: date) -> date:
    if kind == MONTH:
        return (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first + timedelta(days=7 if kind == WEEK else 1)


def previous_first(kind: str, first: date) -> date:
    return _first(kind, first - timedelta(days=1))


def midnight(day: date, zone: tzinfo) -> int:
    return round(datetime.combine(day, time(), zone).astimezone(UTC).timestamp()) * 1000


def day_of(text: str, otherwise: date) -> date:
    """What a person put into the address, if it is a day of the years that there are meters in."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return otherwise
    return found if FIRST_DAY <= found <= LAST_DAY else otherwise
