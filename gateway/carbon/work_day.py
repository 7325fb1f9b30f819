"""C5: which shifts of a production line start on a date, and why.

    single-day exception     wins over everything; one that names the shift over one for all shifts
    rotation                 the crew's segment must be on; holidays do not stop the counting of days
    make-up workday          counts as the weekday that it stands for
    public holiday           rests the shift, unless its rule says that it runs on holidays
    weekday                  must be one of the rule's days

Dates only: which instants they are stands in `shift_calendar`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from gateway.carbon.inputs import ShiftRule
from gateway.carbon.work_calendar import DAYS, DayException, WorkCalendar

EXCEPTION, ROTATION, MAKE_UP, WEEKDAY = "exception", "rotation", "make-up workday", "weekday"


@dataclass(frozen=True)
class Start:
    """`rule` holds the times and the crew as they are on this date."""

    rule: ShiftRule
    why: str

    @property
    def is_exception(self) -> bool:
        return self.why == EXCEPTION


def starts(rules: Sequence[ShiftRule], production_line: str | None, day: date, calendar: WorkCalendar) -> list[Start]:
    """`rules` are those of the production line."""
    exceptions = calendar.exceptions_of(production_line, day)
    found: list[Start] = []
    for name in dict.fromkeys([*(rule.name for rule in rules), *filter(None, exceptions)]):
        in_force = _in_force([rule for rule in rules if rule.name == name], day)
        ordinary = [Start(rule, why) for rule in in_force if (why := _why(rule, day, calendar))]
        exception = exceptions.get(name) or exceptions.get("")
        found += ordinary if exception is None else _by_exception(exception, name, in_force, ordinary)
    return found


def _in_force(rules: Sequence[ShiftRule], day: date) -> list[ShiftRule]:
    """Of the rules of one name, those of the newest `valid_from` that is not after `day`, until their last day."""
    begun = [rule for rule in rules if rule.valid_from is None or rule.valid_from <= day]
    newest = max((rule.valid_from or date.min for rule in begun), default=None)
    return [rule for rule in begun if (rule.valid_from or date.min) == newest and (rule.valid_until is None or day <= rule.valid_until)]


def _why(rule: ShiftRule, day: date, calendar: WorkCalendar) -> str | None:
    """None: the rule does not run on this date."""
    if rule.rotation is not None and not rule.rotation.is_on(day, rule.day_offset):
        return None
    counts_as = calendar.counts_as(day)
    if counts_as is None and day in calendar.holidays and not rule.on_holidays:
        return None
    if (counts_as or DAYS[day.weekday()]) not in rule.days:
        return None
    return ROTATION if rule.rotation is not None else MAKE_UP if counts_as else WEEKDAY


def _by_exception(exception: DayException, name: str, in_force: Sequence[ShiftRule], ordinary: Sequence[Start]) -> list[Start]:
    """The crew on duty works it; if none is, the first rule in force lends its times."""
    if not exception.runs:
        return []
    base = [each.rule for each in ordinary] or list(in_force[:1])
    if not base and exception.start and exception.end:
        base = [ShiftRule(name, exception.start, exception.end, production_line=exception.production_line)]
    changes = {key: value for key in ("start", "end", "crew") if (value := getattr(exception, key))}
    return [Start(replace(rule, **changes), EXCEPTION) for rule in base]
