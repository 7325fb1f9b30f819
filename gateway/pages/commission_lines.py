"""Lines in commissioning: looking for meters, naming what was found, setting an address or the line itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.commission_interface import Commissioning, Job, RefusedError
from gateway.pages.commission_form import ROLES, address_wishes, line_settings, meter_row, whole
from gateway.pages.commission_work import Answer, Ask, Works, line_address, line_of, meter_address, said
from gateway.pages.viewer import Viewer
from gateway.site import ADDRESS_MAX, BAUDS, LineTable

# How often the page of a line comes anew while a search runs.
REFRESH_S = 2
# Whoever has rewired in the meantime must not take what was found before for what is there.
OLD_MS = 600_000


@dataclass(frozen=True)
class LinePages:
    desk: Commissioning

    def pages(self) -> Works:
        return [
            ("", self._home),
            ("/lines/{line}", self._line),
            ("/lines/{line}/address", self._address),
            ("/lines/{line}/new", self._new),
        ]

    def actions(self) -> Works:
        return [
            ("/lines/{line}/search", self._search),
            ("/lines/{line}/address", self._set_address),
            ("/lines/{line}/settings", self._settings),
            ("/lines/{line}/new", self._add),
        ]

    def _home(self, ask: Ask) -> Answer:  # noqa: ARG002 - as every page
        site = self.desk.site
        lines = [{"table": line, "state": self.desk.lines()[line.name], "address": line_address(line.name)} for line in site.line]
        meters = [{"table": meter, "address": meter_address(meter.name)} for meter in site.meter]
        return Answer("home", {"lines": lines, "meters": meters})

    def _line(self, ask: Ask) -> Answer:
        line, job = line_of(self.desk, ask), self.desk.job(ask.place["line"])
        named = {meter.address: meter.name for meter in self.desk.site.meter if meter.line == line.name}
        ended_ms = None if job is None else job.ended_ms
        began = ask.fields.get("began", "")
        told = ask.viewer.told
        values: dict[str, Any] = {
            "line": line,
            "here": line_address(line.name),
            "job": job,
            "sentences": [told(each) for each in job.sentences] if job else (),
            "trouble": told(job.trouble) if job else "",
            # The one that this person began is not known any more: the gateway was started again, or somebody began another.
            "is_lost": began != "" and (job is None or str(job.began_ms) != began),
            "ended": "" if ended_ms is None else ask.viewer.instant(ended_ms),
            "is_old": ended_ms is not None and ask.viewer.now_ms - ended_ms > OLD_MS,
            "percent": ask.viewer.percent(round(job.share, 2) if job else 0),
            "named": named,
            "found": _found(line, job, named, ask.viewer),
            "troubles": _told((job.result or {}).get("trouble", ()), ask.viewer) if job else (),
            "meter_address": meter_address,
        }
        return Answer("line", values | ({"refresh": REFRESH_S} if job is not None and job.running else {}))

    def _search(self, ask: Ask) -> str:
        line = line_of(self.desk, ask)
        return f"{line_address(line.name)}?began={self.desk.search(line.name)}"

    def _address(self, ask: Ask) -> Answer:
        line = line_of(self.desk, ask)
        return self._address_form(line, {"address": _free_address(self.desk, line.name)})

    def _address_form(self, line: LineTable, typed: Mapping[str, str], ask: Ask | None = None, error: RefusedError | None = None) -> Answer:
        settable = sorted(name for name, meter in self.desk.models.items() if meter.settings is not None)
        values: dict[str, Any] = {
            "line": line,
            "here": line_address(line.name),
            "models": settable,
            "bauds": BAUDS,
            "typed": typed,
            "named": [meter.name for meter in self.desk.site.meter if meter.line == line.name],
        }
        return Answer("address", values | refusal(ask, error), 409 if error else 200)

    def _set_address(self, ask: Ask) -> Answer | str:
        line = line_of(self.desk, ask)
        try:
            began = self.desk.set_address(line.name, address_wishes(ask.fields, tuple(self.desk.models)))
        except RefusedError as error:
            return self._address_form(line, ask.fields, ask, error)
        return f"{line_address(line.name)}?began={began}"

    def _settings(self, ask: Ask) -> str:
        line = line_of(self.desk, ask)
        self.desk.change_line(ask.person, line.name, line_settings(ask.fields))
        return line_address(line.name)

    def _new(self, ask: Ask) -> Answer:
        line = line_of(self.desk, ask)
        found = self._found_at(line, ask)
        first = not any(meter.role == "import" for meter in self.desk.site.meter)
        main = next((meter.name for meter in self.desk.site.meter if meter.role == "import"), "")
        fields = {
            "line": line.name,
            "address": str(found.get("address", "")),
            "model": found.get("model") or "",
            "role": "load",
            "parent": main,
        }
        return self._form(line, found, fields | ({"role": "import"} if first else {}))

    def _add(self, ask: Ask) -> Answer | str:
        line = line_of(self.desk, ask)
        row = {**meter_row(ask.fields), "line": line.name}
        try:
            self.desk.add_meter(ask.person, row, anyway=bool(ask.fields.get("anyway")))
        except RefusedError as error:
            return self._form(line, self._found_at(line, ask), ask.fields, ask, error)
        return line_address(line.name)

    def _form(
        self,
        line: LineTable,
        found: Mapping[str, Any],
        fields: Mapping[str, str],
        ask: Ask | None = None,
        error: RefusedError | None = None,
    ) -> Answer:
        back = line_address(line.name)
        values = {
            "found": found,
            "fields": whole(fields),
            "back": back,
            "action": f"{back}/new",
            **form_choices(self.desk, ""),
            **refusal(ask, error),
        }
        return Answer("meter_form", {**values, "name": "", "seen": ""}, 409 if error else 200)

    def _found_at(self, line: LineTable, ask: Ask) -> Mapping[str, Any]:
        job, address = self.desk.job(line.name), ask.fields.get("address", "")
        rows = _told((job.result or {}).get("found", ()), ask.viewer) if job else ()
        return next((row for row in rows if str(row["address"]) == address), {"address": address})


def form_choices(desk: Commissioning, name: str) -> dict[str, object]:
    """What the form of a meter lets choose; a meter is not its own parent."""
    return {
        "models": sorted(desk.models),
        "roles": ROLES,
        "parents": [meter.name for meter in desk.site.meter if meter.name != name],
        "name": name,
        "line_names": [line.name for line in desk.site.line],
    }


def refusal(ask: Ask | None, error: RefusedError | None) -> dict[str, object]:
    """What the form says above itself; only a line that keeps up may be overruled."""
    if ask is None or error is None:
        return {"refused": "", "details": (), "wrong": (), "may_overrule": False}
    details = [ask.viewer.told(each) for each in error.details]
    may_overrule = error.key == "commission_refused.slow"
    return {"refused": said(error, ask.viewer), "details": details, "wrong": error.fields, "may_overrule": may_overrule}


def _free_address(desk: Commissioning, line: str) -> str:
    """The first that no meter of the site file has; 1 is what new meters come with."""
    taken = {meter.address for meter in desk.site.meter if meter.line == line}
    return next((str(address) for address in range(2, ADDRESS_MAX + 1) if address not in taken), "")


def _told(rows: Iterable[Mapping[str, Any]], viewer: Viewer) -> list[dict[str, Any]]:
    """What was found or is wrong, with its evidence in the viewer's words."""
    return [{**row, "evidence": viewer.told(row["evidence"])} for row in rows]


def _found(line: LineTable, job: Job | None, named: Mapping[int | str | None, str], viewer: Viewer) -> list[dict[str, Any]]:
    """Each with its name in the site file ("" if it has none) and whether it speaks as the line does."""
    rows = (job.result or {}).get("found", ()) if job else ()
    return [{**row, "name": named.get(row["address"], ""), "fits_line": _fits(line, row)} for row in _told(rows, viewer)]


def _fits(line: LineTable, row: Mapping[str, Any]) -> bool:
    return row["baud"] is None or (row["baud"], row["parity"], row["stop_bits"]) == (line.baud, line.parity, line.stop_bits)
