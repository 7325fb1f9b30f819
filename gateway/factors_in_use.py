"""Which factors would apply to a site at an instant and why: for every activity that its meters can cause."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from gateway.carbon.emission import asked_for
from gateway.carbon.exact import text
from gateway.carbon.factor import ELECTRICITY, HEAT, LOCATION, RESIDUAL, SUPPLIER, Choice, FactorBook
from gateway.carbon.fuel import CalorificValue, InFactorUnit, in_factor_unit
from gateway.carbon.inputs import SiteInputs
from gateway.carbon.shift_calendar import local


@dataclass(frozen=True)
class _Use:
    """What a counter is asked a factor for."""

    activity: str
    quantity: str
    calorific: CalorificValue | None


def in_use(inputs: SiteInputs, at_ms: int) -> list[dict[str, Any]]:
    """One document for each line of a figure that a factor is asked for; `chosen` is null with its reason where none is found."""
    book = FactorBook(inputs.factors, inputs.region_chain, inputs.factor_policy, inputs.factor_series)
    day = local(inputs.zone, at_ms).date()
    uses = [(use, line, needed) for use in _uses(inputs) for line, needed in asked_for(use.activity)]
    return [_told_of(book, use, line, _candidates(book, line, use.activity, day, at_ms), is_required=needed) for use, line, needed in uses]


def _uses(inputs: SiteInputs) -> list[_Use]:
    found = []
    for spec in inputs.counters:
        name = {"fuel": spec.fuel, "heat": HEAT, "import": ELECTRICITY, "load": ELECTRICITY}.get(spec.role)
        if name == ELECTRICITY:
            found.append(_Use(ELECTRICITY, "active_energy_import", None))
        elif name is not None:
            found.append(_Use(name, spec.quantity, spec.calorific))
    return list(dict.fromkeys(found))


def _candidates(book: FactorBook, line: str, activity: str, day: date, at_ms: int) -> list[Choice]:
    """In the order of C19 and C21."""
    choices = book.choose(SUPPLIER, activity, day, at_ms) if line == RESIDUAL else []
    choices = choices or book.choose(line, activity, day, at_ms)
    if not choices and line == RESIDUAL:
        flag = f"no residual mix for {activity}: the location-based factor stands in"
        choices = [replace(each, fallbacks=(flag, *each.fallbacks)) for each in book.choose(LOCATION, activity, day, at_ms)]
    return choices


def _told_of(book: FactorBook, use: _Use, line: str, choices: Sequence[Choice], *, is_required: bool) -> dict[str, Any]:
    converted = [(each, in_factor_unit(use.quantity, 0, each.factor, use.calorific)) for each in choices]
    fitting = [each for each, found in converted if isinstance(found, InFactorUnit)]
    refused = [found for _, found in converted if isinstance(found, str)]
    none = f"no {line} factor for {use.activity or 'a fuel without name'} in {book.describe_chain(use.activity)}"
    return {
        "line": line,
        "activity": use.activity,
        "required": is_required,
        "policy": book.policy,
        "chosen": _told(fitting[0]) if fitting else None,
        "reason": "" if fitting else "; ".join(refused) or none,
        "refused": refused,
        "others": [_told(each) for each in fitting[1:]],
    }


def _told(choice: Choice) -> dict[str, Any]:
    factor = choice.factor
    return {
        "id": factor.id,
        "region": factor.region,
        "year": factor.year,
        "edition": factor.edition,
        "value": text(factor.value),
        "unit": factor.unit,
        "gases": factor.gases,
        "gwp": factor.gwp or None,
        "title": factor.title,
        "source": factor.source,
        "status": factor.status,
        "provisional": choice.provisional,
        "fallbacks": list(choice.fallbacks),
        "sha256": factor.sha256,
    }
