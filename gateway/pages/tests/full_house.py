"""A gateway to which everything has happened at once: every alarm, event, finding, state and reason there is a text for.

Made from the tables of texts and the kinds of the rooms, so that what is added there is met here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from string import Formatter
from typing import Any

from gateway.language import ENGLISH, Language, language_of
from gateway.pages.tests import fakes
from gateway.pages.tests.conftest import Site
from gateway.status import ForwardStatus, GatewayStatus, SubmeterStatus
from protocols.quantity import QUANTITIES
from protocols.reading import Event

WORDS = {"quantity": "active_energy_import", "kind": "swap", "role": "fuel", "reason": "exception_2", "scope": "scope1", "unit": "kWh",
         "figure": "load_kwh", "stream": "import", "activity": "natural_gas", "basis": "net", "time": "2026-03-28T01:00:00Z",
         "comment": "", "why": "Connection refused", "said": "the batch does not hold: Permission denied",
         "detail": "declared, but no reading after it fits yet", "what": "the line rs485-1 was changed", "span": "17 min",
         "file": "the file named by [upstream] enrol_token_file", "had": "not known", "has": "none", "regions": "CN-EAST, CN",
         "values": "1.000000 to 2.000000", "kind_of_content": "nothing readable", "gases": "CO2",
         "sentence": "press-1 does not answer (no_answer).", "url": "https://hub.example", "table": "[upstream]",
         "path": "/var/lib/shiftwatt", "proven": "it answers as every unit", "guess": "it answers as every unit",
         "fact": "the voltage is negative", "facts": "the frequency is 17 Hz, P = U x I x PF", "mistake": "is missing",
         "crew": "one crew", "choices": "'5' or '10'", "rivals": "press-1 and press-1 with its words swapped",
         "counts": "17 good, 17 damaged", "chain": "press-1 under press-1", "note": "meter code", "called": "'press-1'",
         "typed": "'press-1'", "day": "2026-03-28", "address": "17", "ending": "th",
         "step": language_of(ENGLISH).word("calibration_step", "no_load"),
         "remedies": "an interval of 17 s would do", "settings": "9600 8N1", "place": "[[meter]] 2 (press-1)"}  # fmt: skip
NUMBERS = ("number", "low", "high", "value", "newest", "modulus", "dropped", "windows")
# Evidence whose texts are made by the rooms that find it: numbers, phases and units.
NAMED = "press-1"


def sample(hole: str) -> str:
    name = hole.removeprefix("other_")
    return "17" if name in NUMBERS else WORDS.get(name, NAMED)


def filled(template: str) -> str:
    return template.format(**{name: sample(name) for _, name, _, _ in Formatter().parse(template) if name})


def kept(*sections: str) -> list[str]:
    """Every sentence that a room writes down, in English, as that room writes it."""
    texts = language_of(ENGLISH).texts
    return [filled(text) for key, text in texts.items() if key.partition(".")[0] in sections]


def alarms() -> list[fakes.FakeAlarm]:
    texts = language_of(ENGLISH).texts
    found = []
    kinds = [key.partition(".")[2] for key in texts if key.startswith("alarm.")]
    for number, kind in enumerate(kinds):
        holes = {name for _, name, _, _ in Formatter().parse(texts[f"alarm.{kind}"]) if name and name != "subject"}
        evidence = {name: "no_answer" if name == "reason" else "L1" if name.startswith("phase") else "17.1" for name in holes}
        found.append(
            fakes.FakeAlarm(
                kind, NAMED, ("urgent", "warning")[number % 2], evidence=evidence, noted_by="Li Wei", silent_until_ms=fakes.NOW_MS + 1
            )
        )
    return found


@dataclass(frozen=True)
class Finding:
    """Says the texts of its kind, as those of the doctors do; every hole holds the same."""

    kind: str
    confidence: str

    def sentence(self, language: Language) -> str:
        return self._said(language, "finding")

    def grounds(self, language: Language) -> str:
        return self._said(language, "grounds")

    def _said(self, language: Language, section: str) -> str:
        text = language.texts[f"{section}.{self.kind}"]
        return text.format(**{name: "17" if name != "where" else NAMED for _, name, _, _ in Formatter().parse(text) if name})


def findings() -> list[Finding]:
    texts = language_of(ENGLISH).texts
    kinds = [key.partition(".")[2] for key in texts if key.startswith("finding.")]
    return [Finding(kind, ("certain", "likely", "untold")[number % 3]) for number, kind in enumerate(kinds)]


def events() -> list[Event]:
    texts = language_of(ENGLISH).texts
    kinds = [key.partition(".")[2] for key in texts if key.startswith("event_kind.")]
    told = [*kept("told_event", "told_line", "told_system", "alarms", "changed"), *(f"Alarm: {said}" for said in kept("alarm"))]
    count = len(told)
    kind_of = [kinds[number % len(kinds)] for number in range(count)]
    subjects = [f"over_current:{NAMED}" if kind.startswith("alarm") else NAMED for kind in kind_of]
    return [
        Event(kind_of[number], subjects[number], said, 1, 0, fakes.NOW_MS - number * 1000, count - number)
        for number, said in enumerate(told)
    ]


def statuses() -> Iterator[GatewayStatus]:
    """One for each sentence of a part, with the states going round: together they show all of them."""
    base = fakes.healthy_status()
    said = kept("told_hub", "told_store", "told_clock", "told_line")
    states = ("ok", "slow", "flaky", "absent", "imported", "waiting")
    roles = [key.partition(".")[2] for key in language_of(ENGLISH).texts if key.startswith("role.")]
    reasons = [key.partition(".")[2] for key in language_of(ENGLISH).texts if key.startswith("reason.")]
    for number, sentence in enumerate(said):
        meters = [
            replace(each, state=states[(number + at) % 6], reason=reasons[(number + at) % len(reasons)],
                    role=roles[(number + at) % len(roles)], next_poll_ms=95_000, submeter=_submeter(),
                    time_ms=None if number % 3 == at else each.time_ms)
            for at, each in enumerate(base.meters)
        ]  # fmt: skip
        yield replace(
            base,
            meters=tuple(meters),
            lines=tuple(
                replace(each, state=("closed", "busy", "open")[number % 3], sentence=sentence, cycle_ms=20_000.0) for each in base.lines
            ),
            clock=replace(base.clock, state=("unset", "set", "synchronised")[number % 3], sentence=sentence),
            store=replace(base.store, state=("full", "failing", "ok")[number % 3], sentence=sentence),
            outbox=replace(base.outbox, hub=("unreachable", "refusing", "none", "reachable")[number % 4], sentence=sentence,
                           batches=3, records=17, oldest_ms=fakes.NOW_MS - 9 if number % 2 else None, batches_refused=2),
            forwards=(ForwardStatus("mqtt", "unreachable", sentence, 3, 2, 1), ForwardStatus("webhook", "reachable", "")),
            wear=None if number % 2 else base.wear,
        )  # fmt: skip


def _submeter() -> SubmeterStatus:
    return SubmeterStatus(9_990, 12, 3, 1, 2, 500, 4, 3_600, 1, 2, 3, "synchronised", fakes.NOW_MS)


def documents() -> list[dict[str, Any]]:
    """Figures whose reasons, counter events and factors say everything that can be said of them."""
    reasons, counters, factors = kept("told_reason", "told_restated"), kept("told_counter"), kept("told_factor")
    kinds = [key.partition(".")[2] for key in language_of(ENGLISH).texts if key.startswith("counter_event.")]
    lines = [key.partition(".")[2] for key in language_of(ENGLISH).texts if key.startswith("carbon_line.")]
    found = fakes.history()
    for number, document in enumerate(found):
        document |= {"state": "restated" if document["state"] == "final" else document["state"], "complete": False}
        document["reasons"] = [reasons[(3 * number + step) % len(reasons)] for step in range(3)]
        document["balance"] |= dict.fromkeys(document["balance"], "12.500000")
        for entry in document["meters"]:
            entry["events"] = [
                {"kind": kinds[at % len(kinds)], "time": document["start"], "adjustment": "0.000000", "detail": said}
                for at, said in enumerate(counters)
            ]
            entry["missing_s"] = 600
        document["meters"] += [{**document["meters"][0], "quantity": name, "unit": QUANTITIES[name].unit} for name in QUANTITIES
                               if QUANTITIES[name].kind == "counter" and name[-2:] not in ("l1", "l2", "l3")]  # fmt: skip
        for line in document["carbon"]["lines"]:
            line["factor"] = {**line["factor"], "fallbacks": factors}
        document["carbon"]["lines"] += [{**each, "line": name} for each in document["carbon"]["lines"][:1] for name in lines]
    found[-2]["reasons"] = reasons
    found[-1]["balance"]["load_kwh"] = None  # then the running shift says why
    return found


def fill(site: Site) -> None:
    site.alarms.standing = alarms()
    site.history.happened, site.figures.documents = events(), documents()
    site.history.made = [{**site.figures.documents[-2], "state": state} for state in ("restated", "final", "provisional", "running")]
    site.doctor.found = findings()
