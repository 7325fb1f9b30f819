"""What the electrician does at the pages, carried out: searches, site changes, wiring, exchanges, acceptance sheets.

It joins the parts that know how; what a page looks like is not known here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gateway import doctor
from gateway.acceptance_folder import AcceptanceFolder
from gateway.admission import admission
from gateway.admitted import admit
from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.calibration_desk import CalibrationDesk
from gateway.clock import Clock
from gateway.commission_interface import Deviation, Job, RefusedError, Shown, Taken, Version
from gateway.commissioning.acceptance import sheet
from gateway.commissioning.finding import Finding
from gateway.commissioning.ratio import against_clamp
from gateway.declared import inner
from gateway.declaring import DeclarationError
from gateway.deviations import deviations_of
from gateway.exchange_notes import ExchangeNotes
from gateway.field_jobs import SEARCH, SET_ADDRESS, FieldJobs
from gateway.language import language_of
from gateway.metering import Metering
from gateway.site import MeterTable, Site, counted_quantities
from gateway.site_editing import Change, SiteEditor, add_row, change_row, remove_row
from gateway.status import LineStatus
from protocols.amount import outside
from protocols.errors import OurMistake, ProtocolError
from protocols.meter import Meter
from protocols.pdu import ReadRequest
from protocols.reading import Event, iso
from protocols.register import Row, decode_from, span

ACCEPTED = "meter_accepted"


class CommissionDesk:
    def __init__(
        self,
        site: Site,
        models: Mapping[str, Meter],
        store: Store,
        clock: Clock,
        metering: Callable[[], Metering],
        reload: Callable[[Site], None],
        hurry: Callable[[], None],
    ) -> None:
        """`hurry`: figures follow soon; a declaration is a change like any other."""
        self.models = models
        self._store, self._clock, self._metering, self._reload, self._hurry = store, clock, metering, reload, hurry
        self._jobs = FieldJobs(lambda: metering().field, clock.now_ms)
        self._editor = SiteEditor(site.file, site.data_folder, _quantities(models), clock.now_ms, self._follow, self._tell)
        self._notes = ExchangeNotes(site.data_folder)
        self._sheets = AcceptanceFolder(site.data_folder)
        self.calibration = CalibrationDesk(site, models, clock, metering, self._tell_calibrated)

    @property
    def site(self) -> Site:
        return self._metering().site

    # --- lines

    def lines(self) -> Mapping[str, LineStatus]:
        return {line.name: line for line in self._metering().acquisition.lines()}

    def search(self, line: str) -> int:
        return self._jobs.start(SEARCH, line, {})

    def set_address(self, line: str, wishes: Mapping[str, Any]) -> int:
        return self._jobs.start(SET_ADDRESS, line, wishes)

    def job(self, line: str) -> Job | None:
        return self._jobs.job(line)

    # --- one meter

    def read(self, meter: str) -> Shown:
        """A meter fed by import has nothing to say; one whose line is lent does not wait for it."""
        table = self.site.meter_named(meter)
        job = self._jobs.job(table.line)
        if not table.line or (job is not None and job.running):
            return Shown(False, "line_lent" if table.line else "imported", None, {})  # noqa: FBT003 - the field `ok`
        result = self._metering().acquisition.read_now(meter)
        return Shown(result.ok, result.reason, result.instant.time_ms, result.values)

    def ratios(self, meter: str) -> Mapping[str, str]:
        """What the meter's own CT and VT registers hold; empty where its model has none or it does not answer."""
        table = self.site.meter_named(meter)
        rows = self.models[table.model].ratios if isinstance(table.address, int) and table.line else ()
        found = {}
        for row in rows:
            try:
                found[row.quantity] = self._ratio(table, row)
            except (ProtocolError, OSError):
                return {}
        return found

    def _ratio(self, table: MeterTable, row: Row) -> str:
        assert isinstance(table.address, int)
        first, end = span(row)
        answer = self._metering().acquisition.exchange(table.line, table.address, ReadRequest(row.function, first, end - first))
        image = {(row.function, first + index): word for index, word in enumerate(answer.words)}
        value = decode_from(row, image)
        return "" if value is None else str(value)

    def wiring(self, meter: str, values: Mapping[str, int]) -> Sequence[Finding]:
        return doctor.wiring_of(self.site, self.site.meter_named(meter), values)

    def against_clamp(
        self, meter: str, values: Mapping[str, int], clamp_ma: Mapping[str, int]
    ) -> tuple[Sequence[Deviation], Sequence[Finding]]:
        return deviations_of(self.site.meter_named(meter), values, clamp_ma), against_clamp(values, clamp_ma)

    # --- the site file

    def add_meter(self, person: str, row: Mapping[str, Any], *, anyway: bool) -> None:
        self._changed(Change(person, "meter_added", row["name"]), add_row("meter", row), row["line"], anyway=anyway)

    def mark(self, meter: str) -> str:
        return self._editor.mark("meter", meter)

    def change_meter(self, person: str, name: str, changes: Mapping[str, Any], seen: str, *, anyway: bool) -> None:
        line = changes.get("line", self.site.meter_named(name).line)
        self._changed(Change(person, "meter_changed", name), change_row("meter", name, changes, seen), line, anyway=anyway)

    def remove_meter(self, person: str, name: str) -> None:
        self._changed(Change(person, "meter_removed", name), remove_row("meter", name), "", anyway=True)

    def change_line(self, person: str, name: str, changes: Mapping[str, Any]) -> None:
        self._changed(Change(person, "line_changed", name), change_row("line", name, changes), name, anyway=False)

    def versions(self) -> Sequence[Version]:
        return self._editor.versions()

    def difference(self, number: int) -> str:
        return self._editor.difference(number)

    def restore(self, person: str, number: int, seen: int) -> None:
        self._refuse_while_lent()
        self._editor.restore(person, number, seen)

    def _changed(self, change: Change, edit: Callable[[Any], None], line: str, *, anyway: bool) -> None:
        self._refuse_while_lent()
        self._editor.change(change, edit, lambda site: self._fits(site, line, anyway=anyway))

    def _refuse_while_lent(self) -> None:
        """Somebody works on a wire: the lines cannot be made anew now."""
        lent = self._metering().acquisition.lent()
        if lent:
            raise RefusedError("commission_refused.busy", line=lent)

    def _fits(self, site: Site, line: str, *, anyway: bool) -> None:
        """Slow answers may be taken into account knowingly; a line that skips rounds as its meters usually answer may not."""
        verdict = next((each for each in admission(site, self.models) if each.line == line), None)
        if verdict is None or verdict.fits or (anyway and verdict.keeps_up):
            return
        arithmetic: dict[str, Any] = {
            "line": line,
            "meters": verdict.meters,
            "cycle": f"{verdict.cycle_ms / 1000:.1f}",
            "least": f"{verdict.least_cycle_ms / 1000:.1f}",
            "interval": verdict.interval_ms // 1000,
            "baud": verdict.bits_per_second,
            "enough": -(-round(verdict.cycle_ms) // 1000),
        }
        raise RefusedError("commission_refused.slow" if verdict.keeps_up else "commission_refused.full", [verdict.sentence], **arithmetic)

    def _follow(self, site: Site) -> None:
        self._reload(site)
        admit(site.data_folder, admission(site, self.models))

    def _tell(self, change: Change) -> None:
        words = language_of(self.site.pages.language)
        what = words.say(f"changed.{change.kind}", subject=change.subject)
        self._report("site_changed", change.subject, words.say("changed.event", what=what, person=change.person))

    def _tell_calibrated(self, meter: str, person: str, step: str) -> None:
        words = language_of(self.site.pages.language)
        step = words.word("calibration_step", step)
        self._report("meter_calibrated", meter, words.say("changed.calibrated", subject=meter, person=person, step=step))

    def _report(self, kind: str, subject: str, sentence: str) -> None:
        instant = self._clock.instant()
        self._store.add([Event(kind, subject, sentence, self._store.boot, instant.monotonic_ms, instant.time_ms)])

    # --- exchange

    def counted(self, meter: str) -> Sequence[str]:
        table = self.site.meter_named(meter)
        return counted_quantities(table, frozenset(self.models[table.model].quantities) if table.model else None)

    def taken(self, meter: str) -> Taken | None:
        return self._notes.taken(meter)

    def take_out(self, meter: str, person: str, finals: Mapping[str, str]) -> None:
        checked = {quantity: outside(quantity, _reading(quantity, finals.get(quantity, ""))) for quantity in self.counted(meter)}
        self._notes.note(meter, Taken(self._clock.now_ms(), person, checked))

    def put_in(self, meter: str, starts: Mapping[str, str]) -> str:
        """The number of the declaration."""
        taken = self._notes.taken(meter)
        if taken is None:
            raise RefusedError("commission_refused.not_taken", name=meter)
        begun = {quantity: _reading(quantity, starts.get(quantity, "")) for quantity in taken.finals}
        finals = {quantity: _reading(quantity, text) for quantity, text in taken.finals.items()}
        request = {
            "declare": "swap",
            "meter": meter,
            "quantities": list(finals),
            "old_final": [outside(quantity, value) for quantity, value in finals.items()],
            "new_start": [outside(quantity, value) for quantity, value in begun.items()],
            "time": iso(self._exchanged_ms(meter, taken.time_ms, finals, begun)),
        }
        try:
            answer = self._metering().declarations.declare(request)
        except DeclarationError as error:
            raise RefusedError("commission_refused.declared", [str(error)]) from error
        self._notes.note(meter, None)
        self._hurry()
        return ", ".join([*answer.ids, *answer.known])

    def leave_in(self, meter: str) -> None:
        self._notes.note(meter, None)

    def _exchanged_ms(self, meter: str, taken_ms: int, finals: Mapping[str, int], starts: Mapping[str, int]) -> int:
        """Before the first stored reading that is nearer to the new counter than to the old one, if it was polled already."""
        table = self.site.meter_named(meter)
        now_ms = self._clock.now_ms()
        news = []
        for quantity, final in finals.items():
            rows = series.counters(self._store.reader(), (meter, *table.was), quantity, taken_ms, now_ms + 1)
            values = [(row.time_ms, row.value) for row in rows if row.value is not None]
            news += [time_ms for time_ms, value in values if abs(value - starts[quantity]) < abs(value - final)]
        return min(news, default=now_ms)

    # --- acceptance

    def sheets(self) -> Sequence[Mapping[str, Any]]:
        return self._sheets.sheets()

    def sheet(self, name: str) -> Mapping[str, Any] | None:
        return self._sheets.sheet(name)

    def accept(self, meter: str, person: str, clamp_ma: Mapping[str, int], remark: str) -> str:
        """Read anew for it: a sheet without readings is none."""
        shown = self.read(meter)
        if not shown.ok:
            raise RefusedError("commission_refused.silent", name=meter, reason=shown.reason)
        table = self.site.meter_named(meter)
        document = sheet(
            site=self.site.site.name,
            meter={key: value for key, value in table.model_dump(mode="json", by_alias=True).items() if value not in ("", [], None)},
            identity=self._identity(table),
            values=shown.values,
            findings=self.wiring(meter, shown.values),
            reference_ma=clamp_ma,
            person=person,
            time_ms=shown.time_ms or self._clock.now_ms(),
            remark=remark,
        )
        name = self._sheets.keep(document)
        words = language_of(self.site.pages.language)
        self._report(ACCEPTED, meter, words.say("changed.accepted", subject=meter, person=person, sheet=name))
        return name

    def _identity(self, table: MeterTable) -> dict[str, str]:
        model = self.models[table.model]
        line = next(line for line in self.site.line if line.name == table.line)
        wire = line.target if line.tcp else f"{line.baud} 8{line.parity}{line.stop_bits}"
        return {"manufacturer": model.manufacturer, "model": table.model, "settings": wire, **self.ratios(table.name)}


def _quantities(models: Mapping[str, Meter]) -> dict[str, frozenset[str]]:
    return {name: frozenset(meter.quantities) for name, meter in models.items()}


def _reading(quantity: str, text: str) -> int:
    """What a display shows, in thousandths of the inner unit."""
    try:
        value = inner(quantity, text.strip().replace(",", "."))
    except OurMistake as error:
        raise RefusedError("commission_refused.number", fields=[quantity], text=text) from error
    if value < 0:
        raise RefusedError("commission_refused.number", fields=[quantity], text=text)
    return value
