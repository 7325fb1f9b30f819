"""Every mistake of a site file in Chinese: each kind once, and every key of every table with whatever TOML can hold in its place."""

import copy
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from gateway import site_check
from gateway.language import CHINESE, ENGLISH, language_of
from gateway.pages.tests.chinese_words import TERMS, UNITS
from gateway.phrasebook import retold
from gateway.site_check import SiteError
from gateway.site_mistake import Mistake
from gateway.tests.test_site import LEAST, MODELS
from gateway.tests.test_site_check import KINDS, mistakes

# Of every type that TOML has: sound, nearly sound and far from it.
VALUES: tuple[Any, ...] = (
    "", "x", "24:61", "2026-13-01", "1 on", "0 kW", "-3 kWh", "9" * 40 + " kWh", "nan kWh", "400", "400 kW", "1.5.2", "http://hub/", "http://a:b@c/",
    -1, 0, 5, 13, 248, 10**9, 1.5, float("nan"), True, [], [1], ["x"], [["x"]], {}, {"x": 1},
    date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC), time(6),
)  # fmt: skip
# What stands in a file as it is typed: tables, keys, names and values.
TYPED = re.compile(
    r"\[+\w*\]+(?: \d+)?(?: \([^，]*\))?|可用：.*|而不是 .*|成环：.*|没有文件 .*?(?:；|$)|无法读取.*|没有 .* 的公共假日"
    r"|`[^`]*`|'[^']*'|\"[^\"]*\"|/[\w./-]+|\b[a-z][a-z0-9_]*(?:-[a-z0-9]+)+\b"
)
WHOLE = """
[site]
name = "works"
timezone = "Asia/Shanghai"
[poll]
[pages]
[carbon]
[holidays]
[demand]
[retention]
[upstream]
url = "https://hub.example/"
[mqtt]
url = "mqtts://broker.example:8883"
[webhook]
url = "https://hook.example/"
secret_file = "s"
[influx]
url = "https://influx.example/"
bucket = "b"
[[line]]
name = "bus"
port = "/dev/ttyUSB0"
[[meter]]
name = "press-1"
line = "bus"
address = 5
model = "eastron-sdm630"
role = "load"
[[shift]]
name = "early"
start = "06:00"
end = "14:00"
[[rotation]]
name = "turns"
anchor = "2026-01-05"
cycle = ["4 on", "4 off"]
[[exception]]
date = "2026-05-01"
runs = false
[[tariff]]
period = "peak"
[[target]]
shift = "early"
energy = "3200 kWh"
[[product]]
name = "cup"
[[factor]]
name = "own"
region = "CN"
line = "scope1"
activity = "diesel"
unit = "litre"
value = "2.6"
gases = "CO2"
source = "us"
evidence = "paper.pdf"
"""
# More that the kinds of the other test leave out: what stands after `LEAST`, or the whole file where it names a site.
MORE = (
    '[[shift]]\nname = "a"\nstart = "06:00"\nend = "14:00"\nday_offset = 1\nproduction_line = "press"\n',
    '[[shift]]\nname = "a"\nstart = "06:00"\nend = "14:00"\n[[shift]]\nname = "b"\nstart = "08:00"\nend = "16:00"\n',
    '[[shift]]\nname = "a"\nstart = "06:00"\nend = "14:00"\nrotation = "r"\nvalid_from = 2026-02-01\nvalid_until = 2026-01-01\n',
    '[[rotation]]\nname = "r"\nanchor = "2026-01-05"\ncycle = ["4 on", "4 off"]\n'
    + "".join(f'[[shift]]\nname = "a"\nstart = "06:00"\nend = "14:00"\nrotation = "r"\ncrew = "{crew}"\n' for crew in "AB"),
    '[[exception]]\ndate = 2026-01-01\nruns = true\nstart = "06:00"\n[[exception]]\ndate = 2026-01-01\nruns = false\ncrew = "A"\n',
    '[[exception]]\ndate = 2026-01-01\nruns = true\nshift = "a"\n[[target]]\nshift = "a"\n[[target]]\nshift = "a"\nproduction_line = "p"\n',
    '[holidays]\ncountry = "CN"\nfile = "days.toml"\n', '[holidays]\nfile = "days.toml"\n', '[holidays]\ncountry = "XX"\n',
    '[carbon]\ncertificates = "c.csv"\nfactor_series = ["s.csv"]\n',
    '[demand]\nmeters = ["m", "w"]\n[[meter]]\nname = "w"\nrole = "water"\n',
    '[upstream]\nurl = "http://hub.example/"\n[mqtt]\nurl = "mqtt://user:secret@broker.example"\n',
    '[[line]]\nname = "l"\nport = "/dev/x"\n[[meter]]\nname = "m"\nrole = "load"\nline = "l"\nmodel = "dlt645-2007"\naddress = 5\n',
    '[[line]]\nname = "l"\n[[meter]]\nname = "m"\nrole = "load"\nline = "l"\nmodel = "eastron-sdm630"\naddress = "000000000001"\n',
    '[[meter]]\nname = "m"\nrole = "load"\nclass = "x"\nmodulus = "0 kWh"\nrating = "0 kW"\n', "[metre]\n", "poll = 1\n",
)  # fmt: skip


def _strange(mistake: Mistake) -> str:
    """What is left in Latin letters of a mistake said in Chinese; all of it where nobody knows it."""
    said = retold(str(mistake), language_of(CHINESE), str)
    if said is None or not re.search("[\u4e00-\u9fff]", said):
        return str(mistake)
    left = (
        set(re.findall(r"[A-Za-z]{2,}", TYPED.sub("", said)))
        - UNITS
        - TERMS
        - {"HOST", "PORT", "IANA", "TOML", "DL", "true", "false", "bus", "pulse", "XX"}
    )
    return f"{said}: {sorted(left)}" if left else ""


def _mutated() -> Iterator[dict[str, Any]]:
    """The whole site with one key of one table holding something else, or gone."""
    whole = tomllib.loads(WHOLE)
    for table, model in {**site_check._SINGLE, **site_check._ROWS}.items():
        keys = [field.alias or name for name, field in model.model_fields.items()]
        for key in (*keys, "stranger"):
            for value in (*VALUES, None):
                site = copy.deepcopy(whole)
                row = site[table][0] if isinstance(site[table], list) else site[table]
                row.pop(key, None) if value is None else row.__setitem__(key, value)
                yield site


def _found(site: dict[str, Any], folder: Path) -> list[Mistake]:
    try:
        site_check.site_of(site, folder / "site.toml", MODELS)
    except SiteError as error:
        return error.mistakes
    return []


def test_whatever_stands_in_a_site_file_is_told_in_chinese(tmp_path: Path) -> None:
    """Some five thousand wrong files: not one sentence of English is left, and none is cut short by a hole."""
    told = {mistake for site in _mutated() for mistake in _found(site, tmp_path)}

    assert len(told) >= 1_000
    assert [strange for mistake in sorted(told) if (strange := _strange(mistake))] == []


@pytest.mark.parametrize("text", [*(text for text, _ in KINDS.values()), *MORE])
def test_every_kind_of_mistake_is_told_in_chinese(tmp_path: Path, text: str) -> None:
    """Also those of tables among one another, and of the files that they name."""
    found = mistakes(tmp_path, LEAST + text)

    assert found
    assert [strange for mistake in found if (strange := _strange(mistake))] == []


@pytest.mark.parametrize("text", [text for text, _ in KINDS.values()])
def test_in_english_a_mistake_stays_word_for_word(tmp_path: Path, text: str) -> None:
    """An electrician and the log read the same."""
    for mistake in mistakes(tmp_path, LEAST + text):
        assert retold(str(mistake), language_of(ENGLISH), str) == str(mistake)


def test_somebody_elses_sentence_is_found(tmp_path: Path) -> None:
    """The look itself can fail: a mistake in words that no table has."""
    assert _strange(Mistake("[poll]", "interval_s", "is out of fashion"))
