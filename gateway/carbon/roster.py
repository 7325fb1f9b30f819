"""C5: what a calendar means, before anybody relies on it: what runs at an instant, and a preview of instances."""

from dataclasses import dataclass

from gateway.carbon.inputs import SiteInputs
from gateway.carbon.shift_calendar import UNASSIGNED, Stretch, local, stretches
from protocols.reading import iso


@dataclass(frozen=True)
class Instance:
    """One shift as a person checks it; `local_start` and `local_end` are wall times of the site."""

    stretch: Stretch
    local_start: str
    local_end: str

    def document(self) -> dict[str, str | int | None]:
        stretch = self.stretch
        return {
            "date": stretch.day.isoformat(),
            "shift": stretch.name,
            "production_line": stretch.production_line,
            "crew": stretch.crew or None,
            "start": iso(stretch.start_ms),
            "end": iso(stretch.end_ms),
            "local_start": self.local_start,
            "local_end": self.local_end,
            "elapsed_s": (stretch.end_ms - stretch.start_ms) // 1000,
            "why": stretch.why,
        }


def running_at(inputs: SiteInputs, production_line: str | None, time_ms: int) -> Stretch:
    """The shift that runs at that instant, or the uncovered stretch: there is always exactly one."""
    return _stretches(inputs, production_line, time_ms, time_ms)[0]


def lines_of(inputs: SiteInputs) -> list[str | None]:
    return [None, *sorted({rule.production_line for rule in inputs.shifts if rule.production_line})]


def now_running(inputs: SiteInputs, time_ms: int) -> list[Instance]:
    """What runs at an instant, for the whole site and for each production line with shifts of its own."""
    found = (running_at(inputs, line, time_ms) for line in lines_of(inputs))
    return [Instance(each, _wall(inputs, each.start_ms), _wall(inputs, each.end_ms)) for each in found]


def preview(inputs: SiteInputs, production_line: str | None, from_ms: int, to_ms: int) -> list[Instance]:
    """The shifts that share time with [from, to), without the uncovered stretches between them."""
    shifts = (each for each in _stretches(inputs, production_line, from_ms, to_ms) if each.name != UNASSIGNED)
    return [Instance(each, _wall(inputs, each.start_ms), _wall(inputs, each.end_ms)) for each in shifts]


def _stretches(inputs: SiteInputs, production_line: str | None, from_ms: int, to_ms: int) -> list[Stretch]:
    return stretches(inputs.zone, inputs.shifts, production_line, inputs.production_day_start, from_ms, to_ms, inputs.work_calendar)


def _wall(inputs: SiteInputs, time_ms: int) -> str:
    return local(inputs.zone, time_ms).isoformat(sep=" ", timespec="minutes")
