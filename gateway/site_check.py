"""Reads a site file and reports every mistake in it at once, each with its table and key.

What one key may hold stands in `site`, what keys must be to one another in `site_relations`.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from gateway.site import (
    CarbonTable,
    FactorTable,
    LineTable,
    MeterTable,
    PagesTable,
    PollTable,
    ProductTable,
    RetentionTable,
    Site,
    SiteTable,
    UpstreamTable,
    parse,
)
from gateway.site_addresses import addresses
from gateway.site_calendar import DemandTable, ExceptionTable, HolidaysTable, RotationTable, ShiftTable, TariffTable
from gateway.site_carbon import carbon, demand, factor, fuels
from gateway.site_key import Table
from gateway.site_mistake import Mistake, suggestion
from gateway.site_relations import Models, Names, Rows, pages, relations, retention
from gateway.site_sinks import InfluxTable, MqttTable, WebhookTable
from gateway.site_target import TargetTable, targets
from gateway.site_time import holidays

_SINGLE: dict[str, type[Table]] = {
    "site": SiteTable,
    "poll": PollTable,
    "pages": PagesTable,
    "carbon": CarbonTable,
    "upstream": UpstreamTable,
    "mqtt": MqttTable,
    "webhook": WebhookTable,
    "influx": InfluxTable,
    "holidays": HolidaysTable,
    "demand": DemandTable,
    "retention": RetentionTable,
}
_ROWS: dict[str, type[Table]] = {
    "line": LineTable,
    "meter": MeterTable,
    "shift": ShiftTable,
    "product": ProductTable,
    "rotation": RotationTable,
    "exception": ExceptionTable,
    "tariff": TariffTable,
    "target": TargetTable,
    "factor": FactorTable,
}


class SiteError(Exception):
    """A site file that cannot be used; `mistakes` holds all of them."""

    def __init__(self, path: Path, mistakes: list[Mistake]) -> None:
        self.path = path
        self.mistakes = mistakes
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
        super().__init__(f"{path} has {count}:\n" + "\n".join(f"  {mistake}" for mistake in mistakes))


def load(path: Path, models: Models | Callable[[Path], Models]) -> Site:
    """The site of a file; SiteError with every mistake. `models` may be made from the data folder."""
    try:
        document = parse(path.read_text(encoding="utf-8-sig"))  # editors of Windows put a mark before the text
    except OSError as error:
        raise SiteError(path, [Mistake("the file", "", f"cannot be read ({error.strerror}); name it with --site")]) from error
    except UnicodeDecodeError as error:
        raise SiteError(path, [Mistake("the file", "", f"is not UTF-8 text (byte {error.start}); save it as UTF-8")]) from error
    except tomllib.TOMLDecodeError as error:
        raise SiteError(path, [Mistake("the file", "", f"is not valid TOML: {error}")]) from error
    folder = path.absolute().parent
    data = document.get("site", {}).get("data", "data") if isinstance(document.get("site"), dict) else "data"
    known = models if isinstance(models, Mapping) else models(folder / str(data))
    return site_of(document, path, known)


def site_of(document: dict[str, Any], path: Path, models: Models) -> Site:
    """The site of a parsed document; SiteError with every mistake, also those beside an unsound row."""
    mistakes: list[Mistake] = []
    single = {table: _sound(table, model, document[table], mistakes) for table, model in _SINGLE.items() if table in document}
    rows = {table: list(_sound_rows(table, model, document.get(table, []), mistakes)) for table, model in _ROWS.items()}
    mistakes += [_unknown(table, document[table]) for table in document if table not in _SINGLE and table not in _ROWS]
    if "site" not in document:
        mistakes.insert(0, Mistake("[site]", "", "is missing; it needs at least name and timezone"))
    reported = {(mistake.table, mistake.key) for mistake in mistakes}
    related = [
        *relations(rows, models, _names(document)),
        *targets(rows),
        *_single_relations(single, rows, _names(document), path.absolute().parent),
    ]
    mistakes += [each for each in related if (each.table, each.key) not in reported]
    if mistakes:
        raise SiteError(path, mistakes)
    arrays = {table: tuple(each for _, each in found) for table, found in rows.items()}
    values: dict[str, Any] = {**single, **arrays, "folder": path.absolute().parent, "file": path.absolute()}
    return Site.model_construct(None, **values)


def _single_relations(single: Mapping[str, Any], rows: Rows, names: Names, folder: Path) -> Iterator[Mistake]:
    """What the tables that stand once must be to the rest and to the files they name."""
    meters = {meter.name: meter for _, meter in rows["meter"]}
    checks: dict[str, Callable[[Any], Iterator[Mistake]]] = {
        "retention": retention,
        "pages": lambda table: pages(table, folder),
        "holidays": lambda table: holidays(table, folder),
        "carbon": lambda table: carbon(table, folder),
        "demand": lambda table: demand(table, meters, names),
    }
    yield from addresses(single)
    for table, check in checks.items():
        if single.get(table) is not None:
            yield from check(single[table])
    for place, row in rows["factor"]:
        yield from factor(place, row, folder)
    site = single.get("site")
    yield from fuels(rows["meter"], (row for _, row in rows["factor"]), folder / (site.data if site else ""))


def _unknown(table: str, value: Any) -> Mistake:
    known = [*_SINGLE, *_ROWS]
    shape = f"[[{table}]]" if isinstance(value, list) else f"[{table}]" if isinstance(value, dict) else table
    return Mistake(shape, "", f"is not a known table{suggestion(table, known)}")


def _sound(place: str, model: type[Table], row: Any, mistakes: list[Mistake]) -> Any:
    """The row as its model, with its mistakes noted; their keys are left out, so that its other keys are still checked."""
    place = place if place.startswith("[") else f"[{place}]"
    if not isinstance(row, dict):
        mistakes.append(Mistake(place, "", "must be a table"))
        return None
    try:
        return model.model_validate(row)
    except ValidationError as error:
        keys = [field.alias or name for name, field in model.model_fields.items()]
        mistakes += [_mistake(place, details, keys) for details in error.errors()]
        wrong = {details["loc"][0] for details in error.errors()}
    rest = {key: value for key, value in row.items() if key not in wrong}
    stand_ins = {key: value for key, value in _STAND_INS.items() if key in wrong}
    try:
        return model.model_validate({**rest, **stand_ins})
    except ValidationError:
        return None


# What an unsound key is taken for while the others are checked.
_STAND_INS = {
    "name": "unnamed", "role": "load", "tcp": "unsound:1", "rtu_over_tcp": "unsound:1", "cycle": ["1 on"], "anchor": "2026-01-05",
}  # fmt: skip


def _sound_rows(table: str, model: type[Table], rows: Any, mistakes: list[Mistake]) -> Iterator[tuple[str, Any]]:
    """(place, value) of every row that is sound in itself."""
    if not isinstance(rows, list):
        mistakes.append(Mistake(f"[{table}]", "", f"must be written [[{table}]], with two brackets"))
        return
    for index, row in enumerate(rows, start=1):
        name = row.get("name") if isinstance(row, dict) else None
        place = f"[[{table}]] {index} ({name})" if isinstance(name, str) else f"[[{table}]] {index}"
        value = _sound(place, model, row, mistakes)
        if value is not None:
            yield place, value


_SENTENCES: dict[str, Callable[[ErrorDetails], str]] = {
    "missing": lambda _: "is missing",
    "string_type": lambda _: "must be text in quotes",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda details: f"must be a whole number, not {details['input']!r}",
    "int_from_float": lambda details: f"must be a whole number, not {details['input']!r}",
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda details: f"must be true or false, not {details['input']!r}",
    "tuple_type": lambda _: 'must be a list in brackets such as ["one", "two"]',
    "too_short": lambda _: "must have at least one entry",
    "literal_error": lambda details: f"must be one of {details['ctx']['expected']}, not {details['input']!r}",
    "greater_than_equal": lambda details: f"must be at least {details['ctx']['ge']}, not {details['input']!r}",
    "less_than_equal": lambda details: f"must be at most {details['ctx']['le']}, not {details['input']!r}",
}


def _mistake(place: str, details: ErrorDetails, keys: list[str]) -> Mistake:
    key = ".".join(str(part) for part in details["loc"])
    if details["type"] == "extra_forbidden":
        return Mistake(place, key, f"is not a known key{suggestion(key, keys)}")
    sentence = _SENTENCES.get(details["type"], _own_words)
    return Mistake(place, key, sentence(details))


def _own_words(details: ErrorDetails) -> str:
    return details["msg"].removeprefix("Value error, ")


def _names(document: Mapping[str, Any]) -> Names:
    """Every name that is declared, also by rows that are unsound: pointing at one of those is no second mistake."""

    def of(table: str) -> Iterator[str]:
        rows = document.get(table)
        for row in rows if isinstance(rows, list) else []:
            if isinstance(row, dict) and isinstance(row.get("name"), str):
                yield row["name"]

    return {table: frozenset(of(table)) for table in _ROWS}
