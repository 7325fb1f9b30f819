"""C25: which tariff period holds at a local time.

Periods are named by the site (peak, flat, valley, sharp ...). The rules of one `valid_from` are one version: a
newer version replaces the older one as a whole. In it the first rule that fits holds; time that none fits is
`other`. What energy costs, and who used it, is not known here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from gateway.carbon.work_calendar import DAYS, WorkCalendar

OTHER = "other"
MONTHS = tuple(range(1, 13))


@dataclass(frozen=True)
class TariffRule:
    """[start, end) of local time, across midnight if the end is not after the start; months and days are those of the instant.

    `holidays` True: on public holidays only; False: on other days only; None: on any day.
    """

    period: str
    start: str = "00:00"
    end: str = "00:00"
    months: tuple[int, ...] = MONTHS
    days: tuple[str, ...] = DAYS
    holidays: bool | None = None
    valid_from: date | None = None

    @property
    def bounds(self) -> tuple[time, time]:
        return time.fromisoformat(self.start), time.fromisoformat(self.end)

    def fits(self, wall: datetime, calendar: WorkCalendar) -> bool:
        day = wall.date()
        weekday = calendar.counts_as(day) or DAYS[day.weekday()]
        on_day = wall.month in self.months and weekday in self.days and self.holidays in (None, day in calendar.holidays)
        start, end = self.bounds
        return on_day and (start <= wall.time() < end if start < end else not end <= wall.time() < start)


def period_at(rules: Sequence[TariffRule], wall: datetime, calendar: WorkCalendar) -> str:
    version = max((_from(rule) for rule in rules if _from(rule) <= wall.date()), default=None)
    return next((rule.period for rule in rules if _from(rule) == version and rule.fits(wall, calendar)), OTHER)


def _from(rule: TariffRule) -> date:
    return rule.valid_from or date.min
