"""`shiftwatt shifts --preview`: what the calendar of the site file means, before anybody relies on it. Reads no store."""

from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from gateway.carbon.inputs import SiteInputs
from gateway.carbon.roster import Instance, lines_of, now_running, preview
from gateway.carbon.shift_calendar import instant, local
from gateway.carbon.work_calendar import DAYS
from protocols.reading import iso
from tools.commands.options import console, print_json, table

# Two weeks show every weekday twice, and most turns once.
DAYS_SHOWN = 14
# A year of three shifts is a thousand rows; a longer look is asked for by mistake.
DAYS_MAX = 400


def span_of(inputs: SiteInputs, now_ms: int, from_ms: int | None, to_ms: int | None) -> tuple[int, int]:
    """From the asked beginning, or the local midnight before now, to the asked end or two weeks on."""
    midnight = datetime.combine(local(inputs.zone, now_ms).date(), datetime.min.time())
    start = instant(inputs.zone, midnight) if from_ms is None else from_ms
    later = local(inputs.zone, start) + timedelta(days=DAYS_SHOWN)
    return start, instant(inputs.zone, later) if to_ms is None else to_ms


def show(inputs: SiteInputs, now_ms: int, from_ms: int, to_ms: int, *, as_json: bool) -> None:
    running = now_running(inputs, now_ms)
    shifts = [each for line in lines_of(inputs) for each in preview(inputs, line, from_ms, to_ms)]
    shifts.sort(key=lambda each: (each.stretch.start_ms, each.stretch.production_line or ""))
    notes = {day.isoformat(): note for day in _dates(inputs.zone, from_ms, to_ms) if (note := inputs.work_calendar.note(day))}
    if as_json:
        print_json(
            {
                "site": inputs.site,
                "at": iso(now_ms),
                "running": [each.document() for each in running],
                "shifts": [each.document() for each in shifts],
                "days": notes,
            }
        )
        return
    for each in running:
        where = each.stretch.production_line or "the whole site"
        print(f"At {local(inputs.zone, now_ms):%Y-%m-%d %H:%M} {where}: {each.stretch.name}, {each.local_start} to {each.local_end}.")
    _print_table(shifts, notes, _dates(inputs.zone, from_ms, to_ms))


def _print_table(shifts: list[Instance], notes: dict[str, str], dates: list[date]) -> None:
    shown = table("date", "day", "shift", "line", "crew", "from", "to", "hours", "why", numbers=("hours",))
    by_date: dict[str, list[dict[str, Any]]] = {}
    for each in shifts:
        document = each.document()
        by_date.setdefault(str(document["date"]), []).append(document)
    for day in sorted({*by_date, *notes}):
        weekday, note = DAYS[date.fromisoformat(day).weekday()], notes.get(day, "")
        rows = by_date.get(day, [])
        if not rows and date.fromisoformat(day) in dates:
            shown.add_row(day, weekday, "-", "", "", "", "", "", f"{note}: nothing runs")
        for row in rows:
            hours = f"{row['elapsed_s'] // 3600}:{row['elapsed_s'] // 60 % 60:02}"
            why = row["why"] + (f" ({note})" if note and note.split(",")[0] != row["why"] else "")
            times = (row["local_start"][-5:], row["local_end"][-5:])
            shown.add_row(day, weekday, row["shift"], row["production_line"] or "", row["crew"] or "", *times, hours, why)
    console().print(shown)
    if not shifts:
        print("No shift runs in this time: all of it is unassigned.")


def _dates(zone: tzinfo, from_ms: int, to_ms: int) -> list[date]:
    first, last = local(zone, from_ms).date(), local(zone, max(from_ms, to_ms - 1)).date()
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
