"""No string without its Chinese while commissioning: every page in every state, every refusal, signed in as an electrician."""

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

import pytest

from gateway import catalogue
from gateway.commission_interface import Job, RefusedError, Shown
from gateway.language import CHINESE, ENGLISH, language_of
from gateway.pages.commission_calibration import CalibrationPages
from gateway.pages.commission_lines import LinePages
from gateway.pages.commission_meters import MeterPages
from gateway.pages.commission_records import RecordPages
from gateway.pages.tests import full_house
from gateway.pages.tests.chinese_words import latin
from gateway.pages.tests.conftest import Site
from gateway.pages.tests.fake_commissioning import CALIBRATION, FOUND, SHEET, VALUES, FakeCommissioning
from gateway.pages.tests.fakes import NOW_MS
from gateway.pages.tests.test_commission import ACTIONS, LINE, METER, OWN, PAGES, Browser
from gateway.phrasebook import retold
from gateway.site import LineTable
from protocols.quantity import QUANTITIES
from protocols.reading import outside_values

TEXTS = language_of(ENGLISH).texts
STEPS = ["no_load", *(f"{kind}_l{number}" for number in (1, 2, 3) for kind in ("known_load", "accept"))]
# Set by a page's address: what was typed into it, rightly and wrongly.
ASKED = (
    f"{LINE}?began=1", f"{LINE}/new", f"{METER}?plate=200/5", f"{METER}?plate=300/5", f"{METER}?plate=5..0", f"{METER}/wiring?l1=10,5&l2=9",
    f"{METER}/wiring?l1=5..0", "/commission/meters/main/wiring?l1=10", "/commission/meters/nobody", "/commission/sheets/none",
)  # fmt: skip
# What is typed wrongly into the forms, by where it is sent.
WRONG: tuple[tuple[str, dict[str, str]], ...] = (
    (f"{LINE}/address", {}), (f"{LINE}/address", {"address": "7"}), (f"{LINE}/address", {"address": "7", "alone": "no"}),
    (f"{LINE}/address", {"address": "7", "alone": "yes", "from_address": "5..0"}), (f"{LINE}/settings", {"baud": "1"}),
    (f"{METER}/sheet", {"l1": "5..0"}), (OWN, {"key": "5..0"}), (f"{OWN}/known_load_l1", {}),
    (f"{OWN}/known_load_l1", {"voltage": "0", "current": "1", "active": "1", "reactive": "0"}),
    (f"{OWN}/known_load_l1", {"voltage": "230", "current": "1", "active": "1", "reactive": "0"}),
    (f"{OWN}/accept_l1", {"voltage": "230", "current": "1", "active": "230", "reactive": "0", "limit": "99"}),
)  # fmt: skip
FIELDS = ("name", "model", "role", "parent", "line", "address", "rating", "class", "ct_class", "production_line", "l1", "plate")


def _kinds(section: str) -> list[str]:
    return [key.partition(".")[2] for key in TEXTS if key.startswith(f"{section}.")]


def _job(kind: str, **changes: Any) -> Job:
    return Job(kind, "rs485-1", NOW_MS - 900_000, **{"running": False, "ended_ms": NOW_MS, **changes})


def _searches() -> Iterator[Job]:
    """Under way, and done: with everything that can be found, and with everything that can be wrong."""
    said = full_house.kept("told_scan", "told_fact")
    yield _job("search", running=True, ended_ms=None, share=0.4, sentences=tuple(said))
    levels = [*_kinds("scan_confidence"), None]
    found = [
        {**FOUND, "address": 20 + number, "evidence": text, "confidence": levels[number % len(levels)], "parity": "NE"[number % 2],
         "model": None if number % 3 == 0 else "eastron-sdm630"}
        for number, text in enumerate(said)
    ]  # fmt: skip
    troubles = [
        {"kind": kind, "address": None if number % 2 else 7, "evidence": text}
        for number, text in enumerate(said)
        for kind in _kinds("scan_trouble")[number % 2 :: 2]
    ]
    yield _job("search", result={"found": found, "trouble": troubles})
    yield _job("search", result={"found": found[:1], "trouble": ()}, ended_ms=NOW_MS - 3_600_000)
    yield _job("search", result={"found": (), "trouble": ()})


def _settings() -> Iterator[Job]:
    """An address that is being set, is set, or could not be, for every reason and in every sentence."""
    by_hand = (*full_house.kept("told_by_hand"), TEXTS["told_setting.power_cycle"])
    yield _job("set_address", running=True, ended_ms=None, sentences=by_hand)
    place = {"address": 1, "baud": 9600, "parity": "N", "stop_bits": 1}
    yield _job("set_address", result={"model": "eastron-sdm630", "before": place, "after": {**place, "address": 7}})
    why = _kinds("job_trouble")
    for number, said in enumerate(full_house.kept("told_setting", "told_line", "told_system")):
        yield _job("set_address", trouble=said, trouble_kind=why[number % len(why)])


def _shown() -> Iterator[Shown]:
    yield from (Shown(False, reason, None, {}) for reason in _kinds("read_trouble"))
    yield Shown(True, "", NOW_MS, {"active_energy_import": 5})


def _document() -> dict[str, Any]:
    """A sheet with everything that one can hold."""
    values = dict.fromkeys(QUANTITIES, 17000)
    found = [each.kind for each in full_house.findings()]
    wiring = []
    for kind in found:
        holes = {name for part in ("finding", "grounds") for _, name, _, _ in Formatter().parse(TEXTS[f"{part}.{kind}"]) if name}
        wiring.append({"kind": kind, "where": ["L2"], "confidence": "certain", "evidence": dict.fromkeys(holes - {"where"}, "17")})
    return {
        "sound": False, "readings": outside_values(values), "wiring": wiring,
        "reference": [{"phase": "l1", "reference": "10.500", "deviation_pct": None}],
        "meter": {"name": "press-1", "role": "load", **{key: "1" for key in _kinds("sheet_key") if key not in ("role", "manufacturer")}},
        "identity": {"manufacturer": "Eastron", "settings": "9600 8N1", "ct_ratio": "40", "vt_ratio": "1"}, "remark": "",
    }  # fmt: skip


def _constants() -> list[Mapping[str, Any]]:
    """A record of each step; one changes every value that a submeter keeps."""
    model = catalogue.model("shiftwatt-submeter")
    names = [field.name for field in model.fields if _is_constant(field.name)]
    assert len(names) >= 19
    changed = {**CALIBRATION, "before": {}, "after": dict.fromkeys(names, 5)}
    accepted = {**CALIBRATION, "error_pct": "0.2", "limit_pct": "0.5"}
    return [changed, accepted, *({**CALIBRATION, "step": step, "number": number} for number, step in enumerate((*STEPS, "put_back"), 2))]


def _is_constant(name: str) -> bool:
    return name == "creep_ma" or name.endswith(("_gain_nano", "_offset_millicounts", "_phase_cdeg"))


def _states(desk: FakeCommissioning) -> Iterator[tuple[str, ...]]:
    """Puts the site into one state after another; each time the pages that show it."""
    yield (*PAGES, *ASKED, *(f"{OWN}/{step}" for step in STEPS[:3]))
    for job in (*_searches(), *_settings()):
        desk.under_way = job
        yield LINE, f"{LINE}/new?address=21"
    desk.under_way = None
    for state in _kinds("line"):
        desk.line_state = state
        yield ("/commission",)
    for shown in _shown():
        desk.shown = shown
        yield METER, f"{METER}/wiring", f"{METER}/exchange", OWN
    desk.shown, desk.found = Shown(True, "", NOW_MS, VALUES), full_house.findings()
    yield METER, f"{METER}/wiring"
    desk.of_sheet, desk.kinds = _document(), tuple(set(_kinds("changed")) - {"event", "accepted", "calibrated"})
    yield "/commission/sheets", f"/commission/sheets/{SHEET}", "/commission/changes"
    desk.is_out = True
    yield METER, f"{METER}/exchange"
    desk.calibration.done, desk.calibration.phases = list(_constants()), 3
    yield (OWN, *(f"{OWN}/{step}" for step in STEPS))
    desk.calibration.unlocked_s = 0
    yield OWN, f"{OWN}/no_load"
    for key in _kinds("calibration_refused"):
        desk.calibration.silence = _refusal("calibration_refused", key)
        yield OWN, f"{OWN}/no_load"
    desk.calibration.silence = None
    imported = desk.site.meter[0].model_copy(update={"line": ""})
    for lines, meters in (((LineTable(name="rs485-1", tcp="10.0.0.5:502"),), (imported,)), ((), ())):
        desk.site = desk.site.model_copy(update={"line": lines, "meter": meters})
        yield ("/commission", LINE) if lines else ("/commission",)


def _refusal(section: str, key: str, details: tuple[str, ...] = ()) -> RefusedError:
    holes = {name: full_house.sample(name) for _, name, _, _ in Formatter().parse(TEXTS[f"{section}.{key}"]) if name}
    return RefusedError(f"{section}.{key}", details, FIELDS, **holes)


def _refusals() -> Iterator[RefusedError]:
    """Every one there is, the first with every detail that a check writes."""
    details = tuple(full_house.kept("told_place", "told_key_mistake", "told_table_mistake", "told_full_line", "told_declaring"))
    for section in ("commission_refused", "calibration_refused"):
        for key in _kinds(section):
            yield _refusal(section, key, details)
            details = details[:1]


@pytest.fixture
def chinese(site: Site) -> Iterator[Browser]:
    with Browser(site, "electrician") as browser:
        browser.headers["Accept-Language"] = CHINESE
        yield browser


def _strange(pages: Mapping[str, str]) -> dict[str, set[str]]:
    found = {path: latin(page) for path, page in pages.items()}
    foreign = {path: {"marked as English"} for path, page in pages.items() if 'lang="en"' in page.replace('hreflang="en" lang="en"', "")}
    return {path: texts for path, texts in (found | foreign).items() if texts}


def test_every_page_of_commissioning_is_all_chinese(site: Site, chinese: Browser) -> None:
    """Searches, settings, findings, sheets, exchange, calibration: no run of Latin letters but names, units and terms of the trade."""
    wrong: dict[str, set[str]] = {}
    number = 0
    for number, paths in enumerate(_states(site.commission), 1):
        wrong |= _strange({f"{path} in state {number}": chinese.page(path).text for path in paths})

    assert wrong == {}
    assert number >= 100


def test_every_refusal_is_all_chinese(site: Site, chinese: Browser) -> None:
    """Whatever an action is refused for, at the form it came from or on a page of its own; and what was typed wrongly."""
    token = {"form_token": chinese.token()}
    wrong = _strange({f"{path} {fields}": chinese.send_form(path, fields | token, token=False).text for path, fields in WRONG})
    for refusal in _refusals():
        site.commission.refusal = refusal
        for path, fields, _ in ACTIONS:
            answer = chinese.send_form(path, fields | token, token=False)
            assert answer.status_code == 409, path
            wrong |= _strange({f"{path} {refusal.key}": answer.text})

    assert wrong == {}


def test_what_follows_an_exchange_is_all_chinese(site: Site, chinese: Browser) -> None:
    """The page that an action answers with itself."""
    site.commission.is_out = True
    answer = chinese.send_form(f"{METER}/put-in", {"active_energy_import": "12.5"})

    assert _strange({"exchanged": answer.text}) == {}


def test_walk_sees_an_english_word(site: Site, chinese: Browser) -> None:
    """The test itself can fail: evidence in words that no table has is found, and marked as English for a screen reader."""
    site.commission.under_way = _job("search", result={"found": [{**FOUND, "evidence": "somebody else wrote this"}], "trouble": ()})
    page = chinese.page(LINE).text

    assert "somebody else wrote this" in latin(page)
    assert '<small lang="en">somebody else wrote this</small>' in page


def test_everything_that_can_be_asked_is_walked() -> None:
    """A new page of commissioning is missed by no walk: each address is among those above."""
    desk = FakeCommissioning()
    tables = (LinePages(desk), MeterPages(desk), CalibrationPages(desk), RecordPages(desk))
    there = {path for table in tables for path, _ in table.pages()}

    assert len(there) == len({path.partition("?")[0] for path in PAGES}) - 2  # three steps of calibration are one address


@pytest.mark.parametrize("model", sorted(catalogue.meters()))
def test_texts_of_a_meter_file_have_their_chinese(model: str) -> None:
    """What a person does at the meter by hand, and what a register says that names the model."""
    meter = catalogue.model(model)
    notes = [probe.note.partition(":")[0] for probe in meter.identification if probe.note]
    by_hand = [meter.settings.by_hand] if meter.settings is not None and meter.settings.by_hand else []

    assert [text for text in (*notes, *by_hand) if retold(text, language_of(CHINESE), str) is None] == []


def test_step_of_a_calibration_follows_the_reader() -> None:
    """The event was written in the language of the site, its step included."""
    for kept in (ENGLISH, CHINESE):
        words = language_of(kept)
        event = words.say("changed.calibrated", subject="own-1", person="Li Wei", step=words.word("calibration_step", "no_load"))
        for code in (ENGLISH, CHINESE):
            told = retold(event, language_of(code), str)
            assert told is not None
            assert language_of(code).word("calibration_step", "no_load") in told
