"""Asks what one page needs and puts it together. Knows no request; may take as long as the disk does, so it is asked from a worker."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta, tzinfo

from gateway.interfaces import (
    AlarmSource,
    DoctorSource,
    EventFilter,
    FigureSource,
    HistorySource,
    MeterSource,
    ShiftBook,
    StatusSource,
    UnitsDeclared,
)
from gateway.language import Language
from gateway.pages.alarm_rows import AlarmRow, alarm_rows
from gateway.pages.csv_export import curve_csv, events_csv, lines_csv, meter_csv, meters_csv, production_csv, shifts_csv, sync_csv
from gateway.pages.curve import Point, curve, points
from gateway.pages.curve_span import Span, midnight, span
from gateway.pages.event_page import EventRow, event_rows
from gateway.pages.evidence import Evidence, evidence
from gateway.pages.line_page import LinePage, line_page
from gateway.pages.meter_list import Branch, branches
from gateway.pages.meter_page import Asked, MeterPage, meter_page
from gateway.pages.production_page import production_page
from gateway.pages.shift_figure import Document, shift_figure
from gateway.pages.shift_page import ShiftPage, shift_page
from gateway.pages.site_power import POWER
from gateway.pages.sync_page import SyncPage, sync_page
from gateway.pages.viewer import DAY_MS, Viewer
from gateway.status import GatewayStatus, MeterStatus

EVENTS_PER_PAGE, EVENTS_OF_METER, EVENTS_EXPORTED = 100, 8, 500
# What a counter went through in the last weeks stands on its meter's page; older things are found among the shifts.
EPOCHS_DAYS = 28


@dataclass(frozen=True)
class EventPage:
    """`older` is where the next page begins, 0 if there is none; `alarms` are those that stand now."""

    alarms: tuple[AlarmRow, ...]
    rows: tuple[EventRow, ...]
    kinds: tuple[str, ...]
    meters: tuple[str, ...]
    older: int


@dataclass(frozen=True)
class Desk:
    status: StatusSource
    figures: FigureSource
    alarms: AlarmSource
    history: HistorySource
    doctor: DoctorSource
    meters: MeterSource
    shifts: ShiftBook
    now_ms: Callable[[], int]
    zone: tzinfo

    def viewer(self, language: Language) -> Viewer:
        return Viewer(language, self.zone, self.now_ms())

    def today(self) -> date:
        viewer = Viewer(Language("", {}), self.zone, self.now_ms())
        return viewer.local(viewer.now_ms).date()

    def branches(self, viewer: Viewer) -> tuple[Branch, ...]:
        return branches(self.status.status(), viewer)

    def meter(self, name: str, shown: Span, viewer: Viewer) -> MeterPage | None:
        """None if there is no such meter."""
        status = self.status.status()
        meter = next((each for each in status.meters if each.name == name), None)
        if meter is None:
            return None
        roles = _roles(status)
        around = self.figures.figures(shown.from_ms, shown.to_ms)
        lately = self.figures.figures(viewer.now_ms - EPOCHS_DAYS * DAY_MS, viewer.now_ms)
        asked = Asked(
            detail=self.meters.detail(name),
            wiring=self.doctor.wiring(name),
            alarms=alarm_rows([each for each in self.alarms.alarms() if each.subject == name], viewer),
            events=event_rows(self.history.events(EventFilter(meter=name, limit=EVENTS_OF_METER)), viewer),
            figures=lately,
            curve=curve(self.points(meter, shown), [shift_figure(each, roles) for each in around], shown, viewer),
        )
        return meter_page(meter, status, asked, viewer)

    def points(self, meter: MeterStatus, shown: Span) -> list[Point]:
        buckets = self.history.curve(meter.name, POWER, shown.from_ms, shown.to_ms, shown.bucket_ms)
        counted = "active_energy_export" if meter.role in ("generation", "export", "discharge") else "active_energy_import"
        found = self.history.counter(meter.name, counted, shown.from_ms, shown.to_ms)
        return points(buckets, found, shown)

    def lines(self, viewer: Viewer) -> LinePage:
        return line_page(self.status.status(), self.doctor.buses(), viewer)

    def sync(self, viewer: Viewer) -> SyncPage:
        return sync_page(self.status.status(), viewer)

    def shift_page(self, first: date, last: date, viewer: Viewer) -> ShiftPage:
        roles = _roles(self.status.status())
        figures = [shift_figure(each, roles) for each in self._documents(first, last)]
        production = production_page(self.shifts.products(), self._declared(first, last), figures, viewer)
        return shift_page(figures, first, last, production, self.shifts.targets(), viewer)

    def _declared(self, first: date, last: date) -> Sequence[UnitsDeclared]:
        """Of the days shown and the night that follows them."""
        return self.shifts.declared(midnight(first, self.zone), midnight(last + timedelta(days=2), self.zone))

    def _documents(self, first: date, last: date) -> list[Document]:
        """Figures whose date lies in the range; a night shift ends on the day after, a production day may begin late."""
        from_ms, to_ms = midnight(first, self.zone), midnight(last + timedelta(days=2), self.zone)
        return [each for each in self.figures.figures(from_ms, to_ms) if first <= date.fromisoformat(each["date"]) <= last]

    def evidence(self, start_ms: int, shift: str, line: str, viewer: Viewer) -> Evidence | None:
        versions = self.history.versions(start_ms, shift, line)
        return evidence(versions, _roles(self.status.status()), viewer) if versions else None

    def events(self, wanted: EventFilter, viewer: Viewer) -> EventPage:
        found = self.history.events(wanted._replace(limit=EVENTS_PER_PAGE + 1))
        shown = found[:EVENTS_PER_PAGE]
        return EventPage(
            alarm_rows(self.alarms.alarms(), viewer),
            event_rows(shown, viewer),
            tuple(self.history.event_kinds()),
            tuple(meter.name for meter in self.status.status().meters),
            shown[-1].sequence if len(found) > len(shown) else 0,
        )

    # --- the same as CSV

    def meters_csv(self) -> str:
        return meters_csv(self.status.status())

    def meter_csv(self, name: str) -> str | None:
        return meter_csv(self.status.status(), name)

    def lines_csv(self) -> str:
        return lines_csv(self.status.status())

    def sync_csv(self) -> str:
        return sync_csv(self.status.status())

    def production_csv(self, first: date, last: date) -> str:
        return production_csv(self._declared(first, last))

    def shifts_csv(self, first: date, last: date) -> str:
        return shifts_csv(self._documents(first, last), _roles(self.status.status()))

    def events_csv(self, wanted: EventFilter) -> str:
        return events_csv(self.history.events(wanted._replace(limit=EVENTS_EXPORTED)))

    def curve_csv(self, name: str, kind: str, day: date) -> str | None:
        meter = next((each for each in self.status.status().meters if each.name == name), None)
        return None if meter is None else curve_csv(self.points(meter, span(kind, day, self.zone)))


def _roles(status: GatewayStatus) -> dict[str, str]:
    return {meter.name: meter.role for meter in status.meters}
