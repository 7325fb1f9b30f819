"""Every kind of mistake in a site file once: its table, its key, and the words a person gets."""

import re
from pathlib import Path

import pytest

from gateway import site_check
from gateway.site_check import SiteError
from gateway.site_mistake import Mistake
from gateway.tests.test_site import GOOD, LEAST, MODELS

METER = '[[meter]]\nname = "m"\nrole = "load"\n'
LINE = '[[line]]\nname = "bus"\nport = "/dev/x"\n'
ON_LINE = 'line = "bus"\naddress = 5\nmodel = "eastron-sdm630"\n'
EARLY = '[[shift]]\nname = "early"\nstart = "06:00"\nend = "14:00"\n'


def mistakes(folder: Path, text: str) -> list[Mistake]:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    try:
        site_check.load(path, MODELS)
    except SiteError as error:
        return error.mistakes
    return []


# What stands in the file beside the least -> (table, key, words).
KINDS: dict[str, tuple[str, tuple[str, str, str]]] = {
    "unknown table": ("[carbn]\n", ("[carbn]", "", "is not a known table; did you mean 'carbon'")),
    "unknown table of rows": ("[[metre]]\n", ("[[metre]]", "", "did you mean 'meter'")),
    "one bracket": ('[meter]\nname = "m"\n', ("[meter]", "", "must be written [[meter]], with two brackets")),
    "two brackets": ("[[poll]]\n", ("[poll]", "", "must be a table")),
    "unknown key": ("[poll]\ninterval = 10\n", ("[poll]", "interval", "is not a known key; did you mean 'interval_s'")),
    "missing key": ('[[meter]]\nname = "m"\n', ("[[meter]] 1 (m)", "role", "is missing")),
    "ages out of order": (
        "[retention]\nevery_poll_days = 60\nminute_days = 30\n",
        ("[retention]", "minute_days", "is 30, less than every_poll_days (60)"),
    ),
    "text for a number": ('[poll]\ninterval_s = "10"\n', ("[poll]", "interval_s", "must be a whole number")),
    "broken number": ("[poll]\ninterval_s = 10.5\n", ("[poll]", "interval_s", "must be a whole number")),
    "number for a text": ("[carbon]\nestimated_share_max = 5\n", ("[carbon]", "estimated_share_max", "must be text in quotes")),
    "text for a truth": ('[pages]\npublic_read = "yes"\n', ("[pages]", "public_read", "must be true or false")),
    "number for a truth": ("[pages]\npublic_read = 1\n", ("[pages]", "public_read", "must be true or false")),
    "text for a list": (EARLY + 'days = "mon"\n', ("[[shift]] 1 (early)", "days", 'must be a list in brackets such as ["one", "two"]')),
    "unknown word": ('[pages]\nlanguage = "fr"\n', ("[pages]", "language", "must be one of 'en' or 'zh', not 'fr'")),
    "unknown day": (EARLY + 'days = ["monday"]\n', ("[[shift]] 1 (early)", "days.0", "must be one of 'mon', 'tue'")),
    "unknown baud": (LINE + "baud = 9601\n", ("[[line]] 1 (bus)", "baud", "not 9601")),
    "too small": ("[poll]\ninterval_s = 0\n", ("[poll]", "interval_s", "must be at least 1, not 0")),
    "too large": (LINE + METER + ON_LINE.replace("5", "248"), ("[[meter]] 1 (m)", "address", "must be at most 247, not 248")),
    "bad name": ('[[line]]\nname = "Bus 1"\nport = "/dev/x"\n', ("[[line]] 1 (Bus 1)", "name", "must be 1 to 40 of a-z")),
    "bad time": (EARLY.replace("06:00", "6 am"), ("[[shift]] 1 (early)", "start", "must be a time such as '06:00'")),
    "bad date": (EARLY + 'valid_from = "1.1.2026"\n', ("[[shift]] 1 (early)", "valid_from", "must be a date such as '2026-01-01'")),
    "bad address": ('[[line]]\nname = "bus"\ntcp = "10.0.0.5"\n', ("[[line]] 1 (bus)", "tcp", "must be HOST:PORT")),
    "bad share": ('[carbon]\nestimated_share_max = "5"\n', ("[carbon]", "estimated_share_max", "must be a percentage such as '5%'")),
    "no way": (
        '[[line]]\nname = "bus"\n',
        ("[[line]] 1 (bus)", "port", "one of port, tcp and rtu_over_tcp must be set"),
    ),
    "two ways": (LINE + 'tcp = "a:1"\n', ("[[line]] 1 (bus)", "port", "can be set, not 'port' and 'tcp'")),
    "double line": (LINE + LINE, ("[[line]] 2 (bus)", "name", "'bus' is already the name of [[line]] 1 (bus)")),
    "double meter": (METER + METER, ("[[meter]] 2 (m)", "name", "'m' is already the name of [[meter]] 1 (m)")),
    "name of old": (
        METER + 'was = ["old"]\n' + METER.replace('"m"', '"old"'),
        ("[[meter]] 2 (old)", "name", "'old' is already the name of [[meter]] 1 (m)"),
    ),
    "no such line": (
        LINE + METER + ON_LINE.replace("bus", "buss"),
        ("[[meter]] 1 (m)", "line", "no [[line]] named 'buss'; did you mean 'bus'"),
    ),
    "no address": (LINE + METER + ON_LINE.replace("address = 5\n", ""), ("[[meter]] 1 (m)", "address", "needs its bus address (1 to 247)")),
    "no model": (LINE + METER + 'line = "bus"\naddress = 5\n', ("[[meter]] 1 (m)", "model", "`shiftwatt models` lists them")),
    "unknown model": (
        METER + 'model = "eastron-sdm63"\n',
        ("[[meter]] 1 (m)", "model", "is no known meter file; did you mean 'eastron-sdm630'"),
    ),
    "shared address": (
        LINE + METER + ON_LINE + METER.replace('"m"', '"n"') + ON_LINE,
        ("[[meter]] 2 (n)", "address", "5 on bus is already the address of m"),
    ),
    "counts a level": (METER + 'counts = ["active_power"]\n', ("[[meter]] 1 (m)", "counts", "'active_power' is no counter")),
    "counts what is not there": (
        METER + 'model = "import-only"\ncounts = ["active_energy_export"]\n',
        ("[[meter]] 1 (m)", "counts", "import-only has no register for active_energy_export"),
    ),
    "nothing to count": (METER + 'model = "pulse"\n', ("[[meter]] 1 (m)", "role", "pulse has no counter for the role 'load'")),
    "rating": (METER + 'rating = "400 m3/h"\n', ("[[meter]] 1 (m)", "rating", "is no rating such as '400 kW'")),
    "modulus": (METER + 'modulus = "1000000"\n', ("[[meter]] 1 (m)", "modulus", "is no amount such as '1000000 kWh'")),
    "fuel of a load": (METER + 'fuel = "diesel"\n', ("[[meter]] 1 (m)", "fuel", 'only a meter with role = "fuel" burns one')),
    "unknown fuel": (
        METER.replace('"load"', '"fuel"') + 'fuel = "natural_gass"\n',
        (
            "[[meter]] 1 (m)",
            "fuel",
            "no factor of the pack and no [[factor]] of this file is for 'natural_gass'; did you mean 'natural_gas'",
        ),
    ),
    "size beside an unknown counter": (
        METER + 'counts = ["energy"]\nmodulus = "5"\n',
        ("[[meter]] 1 (m)", "modulus", "is no amount such as '1000000 kWh'"),
    ),
    "class beside an unknown model": (
        METER + 'model = "eastron-sdm63"\nclass = "x"\n',
        ("[[meter]] 1 (m)", "class", "is no accuracy class such as"),
    ),
    "one wire twice": (
        LINE + LINE.replace('"bus"', '"spare"'),
        ("[[line]] 2 (spare)", "port", "is already the wire of bus; put the meters of both under one [[line]]"),
    ),
    "number for a date": (EARLY + "valid_from = 20260101\n", ("[[shift]] 1 (early)", "valid_from", "must be a date such as '2026-01-01'")),
    "calorific value": (METER + 'calorific_value = "39 MJ"\n', ("[[meter]] 1 (m)", "calorific_value", "is no calorific value such as")),
    "no such parent": (METER + 'parent = "mm"\n', ("[[meter]] 1 (m)", "parent", "there is no [[meter]] named 'mm'; did you mean 'm'")),
    "own parent": (METER + 'parent = "m"\n', ("[[meter]] 1 (m)", "parent", "goes round in a circle: m under m")),
    "product without meter": ('[[product]]\nname = "p"\nnode = "x"\n', ("[[product]] 1 (p)", "node", "there is no [[meter]] named 'x'")),
    "units from a load": (
        METER + '[[product]]\nname = "p"\nunits_from = "m"\n',
        ("[[product]] 1 (p)", "units_from", 'pieces come from a meter with role = "pieces"'),
    ),
    "double product": ('[[product]]\nname = "p"\n' * 2, ("[[product]] 2 (p)", "name", "'p' is already the name of")),
    "double shift": (
        EARLY + EARLY,
        ("[[shift]] 2 (early)", "name", "'early' is already [[shift]] 1 (early); names must differ, or their valid_from"),
    ),
    "no url": ('[upstream]\nurl = "hub"\n', ("[upstream]", "url", "'hub' is no address such as")),
    "plain http": ('[upstream]\nurl = "http://hub.example/"\n', ("[upstream]", "url", "is plain http to another machine; use https")),
    "half a certificate": ('[pages]\ntls_key = "k"\n', ("[pages]", "tls_certificate", "is missing: tls_key is set")),
    "no certificate": ('[pages]\ntls_key = "k"\ntls_certificate = "c"\n', ("[pages]", "tls_certificate", "there is no file")),
}


@pytest.mark.parametrize(("text", "expected"), KINDS.values(), ids=KINDS.keys())
def test_each_kind_of_mistake_names_its_place_and_what_to_do(tmp_path: Path, text: str, expected: tuple[str, str, str]) -> None:
    """Table and key as a person finds them, in words without jargon."""
    found = mistakes(tmp_path, LEAST + text)

    assert (expected[0], expected[1]) in [(mistake.table, mistake.key) for mistake in found]
    assert any(expected[2] in mistake.sentence for mistake in found), found


TWO_MISTAKES = {"half a certificate", "no certificate", "size beside an unknown counter", "class beside an unknown model"}


@pytest.mark.parametrize("kind", sorted(set(KINDS) - TWO_MISTAKES))
def test_one_mistake_is_reported_once(tmp_path: Path, kind: str) -> None:
    """No second sentence follows from the first."""
    assert len(mistakes(tmp_path, LEAST + KINDS[kind][0])) == 1


def test_without_a_site_table_nothing_is_a_site(tmp_path: Path) -> None:
    """An empty file says what it needs."""
    assert mistakes(tmp_path, "") == [Mistake("[site]", "", "is missing; it needs at least name and timezone")]


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("timezone", "Mars/Base", "is not an IANA time zone"),
        ("name", "", "must be 1 to 40"),
        ("production_day_start", "24:00", "must be a time"),
    ],
)
def test_the_site_table_is_checked(tmp_path: Path, key: str, value: str, words: str) -> None:
    """Its keys as those of any other table."""
    rows = {"name": "small", "timezone": "UTC", key: value}
    (found,) = mistakes(tmp_path, "[site]\n" + "".join(f'{name} = "{text}"\n' for name, text in rows.items()))

    assert (found.table, found.key) == ("[site]", key)
    assert words in found.sentence


def test_a_circle_of_parents_is_told_at_each_of_its_meters(tmp_path: Path) -> None:
    """And not at a meter that merely hangs below it."""
    rows = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "a")]
    found = mistakes(tmp_path, LEAST + "".join(f'[[meter]]\nname = "{name}"\nrole = "load"\nparent = "{above}"\n' for name, above in rows))

    assert [(mistake.table, mistake.key) for mistake in found] == [(f"[[meter]] {n} ({name})", "parent") for n, name in enumerate("abc", 1)]
    assert "a under b under c under a" in found[0].sentence


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    """One in each of several tables, all in one report, which names the file and their number."""
    text = LEAST + "[poll]\ninterval_s = 0\n" + LINE + "baud = 1\n" + METER + 'line = "buss"\nparent = "x"\n' + EARLY.replace("06", "66")
    found = mistakes(tmp_path, text)
    report = str(SiteError(Path("site.toml"), found))

    assert [(mistake.table, mistake.key) for mistake in found] == [
        ("[poll]", "interval_s"),
        ("[[line]] 1 (bus)", "baud"),
        ("[[shift]] 1 (early)", "start"),
        ("[[meter]] 1 (m)", "line"),
        ("[[meter]] 1 (m)", "address"),
        ("[[meter]] 1 (m)", "model"),
        ("[[meter]] 1 (m)", "parent"),
    ]
    assert report.startswith("site.toml has 7 mistakes:\n")
    assert "  [[meter]] 1 (m), key 'parent': there is no" in report


def test_the_other_keys_of_an_unsound_row_are_still_checked(tmp_path: Path) -> None:
    """A wrong address does not hide that the parent does not exist; and who points at the row makes no mistake."""
    text = LEAST + LINE + METER + ON_LINE.replace("5", "999") + 'parent = "x"\n' + METER.replace('"m"', '"n"') + 'parent = "m"\n'

    assert [(mistake.table, mistake.key) for mistake in mistakes(tmp_path, text)] == [
        ("[[meter]] 1 (m)", "address"),
        ("[[meter]] 1 (m)", "parent"),
    ]


def test_a_meter_under_an_unsound_name_makes_no_second_mistake(tmp_path: Path) -> None:
    """The name is wrong in one place only."""
    text = LEAST + METER.replace('"m"', '"Main!"') + METER + 'parent = "Main!"\n'

    assert [(mistake.table, mistake.key) for mistake in mistakes(tmp_path, text)] == [("[[meter]] 1 (Main!)", "name")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read (No such file or directory); name it with --site"),
        (b"\xff\xfe", "is not UTF-8 text (byte 0)"),
        (b"[site", "is not valid TOML"),
    ],
)
def test_a_file_that_is_no_site_file_says_why(tmp_path: Path, content: bytes | None, words: str) -> None:
    """Before any table is looked at."""
    path = tmp_path / "site.toml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SiteError, match=re.escape(words)):
        site_check.load(path, MODELS)


def test_a_mark_before_the_text_is_no_mistake(tmp_path: Path) -> None:
    """Editors of Windows put a byte order mark before UTF-8 text."""
    path = tmp_path / "site.toml"
    path.write_text(LEAST, encoding="utf-8-sig")

    assert site_check.load(path, {}).site.timezone == "UTC"


def test_models_are_looked_for_in_the_sites_data_folder(tmp_path: Path) -> None:
    """A site may bring meter files of its own there."""
    path = tmp_path / "site.toml"
    path.write_text(LEAST + 'data = "kept"\n')
    asked: list[Path] = []

    def models(folder: Path) -> dict[str, frozenset[str]]:
        asked.append(folder)
        return {}

    site_check.load(path, models)
    assert asked == [tmp_path / "kept"]


def test_the_good_file_has_no_mistake(tmp_path: Path) -> None:
    """Or every other test here could pass for a wrong reason."""
    assert mistakes(tmp_path, GOOD) == []
