"""The inputs of the engine as a plain document and back, so that what a figure was made from can be kept and proven.

Decimals, dates and the zone are texts. A field that came later takes its default where an older document lacks it.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, tzinfo
from decimal import Decimal
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from gateway.carbon.exact import text
from gateway.carbon.inputs import SiteInputs

ZoneOf = Callable[[str], tzinfo]
_PLAIN_LARGEST = 2**53 - 1  # larger integers do not survive JSON everywhere: they are texts


def document_of(value: Any) -> Any:
    """Fields that hold their default are left out, so that a field that comes later changes no document."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: document_of(own) for name, default in _defaults(type(value)) if (own := getattr(value, name)) != default}
    for kind, written in _WRITTEN:
        if isinstance(value, kind):
            return written(value)
    return value


def _integer(value: int) -> int | str:
    return str(value) if abs(value) > _PLAIN_LARGEST else value


_WRITTEN: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (bool, bool),
    (int, _integer),
    (Decimal, text),
    (date, date.isoformat),
    (tzinfo, str),
    (frozenset, lambda values: [document_of(each) for each in sorted(values)]),
    (tuple, lambda values: [document_of(each) for each in values]),
)


def inputs_from(document: Mapping[str, Any], zone_of: ZoneOf) -> SiteInputs:
    """What `document_of` wrote; KeyError, TypeError or ValueError if it did not write it."""
    made: SiteInputs = _made(SiteInputs, document, zone_of)
    return made


@cache
def _defaults(kind: Any) -> tuple[tuple[str, Any], ...]:
    return tuple((each.name, each.default) for each in fields(kind))


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _made(kind: Any, value: Any, zone_of: ZoneOf) -> Any:
    if value is None:
        return None
    if get_origin(kind) in (Union, types.UnionType):
        kind = next(each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is tuple:
        return _tuple(get_args(kind), value, zone_of)
    if get_origin(kind) is frozenset:
        return frozenset(_made(get_args(kind)[0], each, zone_of) for each in value)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = _hints(kind)
        given = {name: _made(hints[name], value[name], zone_of) for name, default in _defaults(kind) if name in value or default is MISSING}
        return kind(**given)
    makers: dict[Any, Callable[[Any], Any]] = {int: int, Decimal: Decimal, date: date.fromisoformat, tzinfo: zone_of}
    return makers[kind](value) if kind in makers else value


def _tuple(kinds: tuple[Any, ...], value: Any, zone_of: ZoneOf) -> tuple[Any, ...]:
    if kinds[-1] is Ellipsis:
        return tuple(_made(kinds[0], each, zone_of) for each in value)
    return tuple(_made(kind, each, zone_of) for kind, each in zip(kinds, value, strict=True))
