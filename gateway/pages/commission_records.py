"""What commissioning leaves behind: acceptance sheets with their label, and the changes of the site file."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import segno
from markupsafe import Markup

from gateway.commission_interface import Commissioning, RefusedError
from gateway.pages.commission_form import PHASES, clamp_ma
from gateway.pages.commission_lines import refusal
from gateway.pages.commission_work import HOME, Answer, Ask, NotThereError, Works, meter_address, meter_of
from gateway.pages.finding import Said, in_tone
from gateway.pages.viewer import Viewer
from protocols.quantity import QUANTITIES
from protocols.reading import iso, milliseconds_of

# What the label in the cabinet leads to.
METER_PAGE = "/meters/"
REMARK_MAX = 2_000
NUMBER_DIGITS_MAX = 10
_PHASED = re.compile(r"(?P<name>\w+?)(?:_(?P<phases>l\d(?:_n|_l\d)?|n))?")


@dataclass(frozen=True)
class RecordPages:
    desk: Commissioning

    def pages(self) -> Works:
        return [
            ("/meters/{meter}/sheet", self._form),
            ("/sheets", self._sheets),
            ("/sheets/{sheet}", self._sheet),
            ("/changes", self._changes),
        ]

    def actions(self) -> Works:
        return [("/meters/{meter}/sheet", self._accept), ("/changes/{number:int}/restore", self._restore)]

    def _form(self, ask: Ask) -> Answer:
        return self._shown_form(ask, {})

    def _shown_form(self, ask: Ask, typed: Mapping[str, str], error: RefusedError | None = None) -> Answer:
        meter = meter_of(self.desk, ask)
        values = {"meter": meter, "here": meter_address(meter.name), "phases": PHASES, "person": ask.person, "typed": typed}
        return Answer("sheet_form", values | refusal(ask, error), 409 if error else 200)

    def _accept(self, ask: Ask) -> Answer | str:
        meter = meter_of(self.desk, ask)
        person = ask.fields.get("person", "").strip() or ask.person
        remark = ask.fields.get("remark", "").strip()[:REMARK_MAX]
        try:
            return f"{HOME}/sheets/{self.desk.accept(meter.name, person, clamp_ma(ask.fields), remark)}"
        except RefusedError as error:
            return self._shown_form(ask, ask.fields, error)

    def _sheets(self, ask: Ask) -> Answer:
        sheets = [{**each, "at": _dated(each["time"], ask.viewer)} for each in self.desk.sheets()]
        return Answer("sheets", {"sheets": sheets})

    def _sheet(self, ask: Ask) -> Answer:
        sheet = self.desk.sheet(str(ask.place["sheet"]))
        if sheet is None:
            raise NotThereError
        leads_to = f"{ask.base}{METER_PAGE}{meter_address(sheet['meter']['name']).rpartition('/')[2]}"
        values = {
            "sheet": sheet,
            "at": _dated(sheet["time"], ask.viewer),
            "readings": [
                (_words(quantity, ask.viewer), value, _unit(quantity, ask.viewer)) for quantity, value in sheet["readings"].items()
            ],
            "wiring": [_told(row, ask.viewer) for row in sheet["wiring"]],
            "leads_to": leads_to,
            "code_picture": qr_picture(leads_to),
        }
        return Answer("sheet", values)

    def _changes(self, ask: Ask) -> Answer:
        changes = [
            {
                "version": each,
                "at": _dated(iso(each.time_ms), ask.viewer),
                "what": ask.viewer.say(f"changed.{each.kind}", subject=each.subject),
                "difference": self.desk.difference(each.number),
            }
            for each in self.desk.versions()
        ]
        return Answer("changes", {"changes": changes, "newest": max((each.number for each in self.desk.versions()), default=0)})

    def _restore(self, ask: Ask) -> str:
        seen = ask.fields.get("seen", "")
        self.desk.restore(ask.person, ask.place["number"], int(seen) if seen.isdecimal() and len(seen) < NUMBER_DIGITS_MAX else 0)
        return f"{HOME}/changes"


def qr_picture(text: str) -> Markup:
    """Drawn here: a label needs no other machine. `M` stands a scratch on the cabinet's door."""
    drawn = segno.make(text, error="m", micro=False).svg_inline(omitsize=True, border=2)
    return Markup(drawn)  # noqa: S704 - made here of modules, not of text


def _words(quantity: str, viewer: Viewer) -> str:
    """voltage_l1_l2 -> "Voltage L1-L2"; what has no word is shown by its own name."""
    found = _PHASED.fullmatch(quantity)
    assert found is not None, "the expression takes any name"
    name, phases = found["name"], found["phases"] or ""
    key = {"n": f"{name}_neutral"}.get(phases, "voltage_between" if name == "voltage" and phases[3:4] == "l" else name)
    shown = "" if phases == "n" else phases.removesuffix("_n").replace("_", "-").upper()
    return f"{viewer.word('measured', key)} {shown}".strip()


def _unit(quantity: str, viewer: Viewer) -> str:
    return viewer.word("unit", QUANTITIES[quantity].unit)


def _dated(time: str, viewer: Viewer) -> str:
    """With the year: a sheet is looked at years later."""
    return f"{viewer.local(milliseconds_of(time)):%Y-%m-%d %H:%M:%S}"


def _told(row: Mapping[str, Any], viewer: Viewer) -> Said:
    words = viewer.language
    where = words.say("number.list_joint").join(row["where"])
    sentence, grounds = (words.say(f"{section}.{row['kind']}", where=where, **row["evidence"]) for section in ("finding", "grounds"))
    return in_tone(row["kind"], row["confidence"], sentence, grounds, viewer)
