"""C25: what a stretch of time made: the units of each product and the node whose energy and carbon they carry."""

from collections.abc import Sequence
from decimal import Decimal

from gateway.carbon.balance import EXPORT, Balance
from gateway.carbon.emission import Line, sum_of
from gateway.carbon.factor import LOCATION, SCOPE1
from gateway.carbon.inputs import ProductRule
from gateway.carbon.intensity import NodeEnergy, SiteCarbon, intensity_document
from gateway.carbon.scope import Window


def products_of(window: Window, balance: Balance, lines: Sequence[Line], reasons: list[str]) -> list[dict[str, str | None]]:
    carbon = SiteCarbon(balance.load, sum_of(LOCATION, lines, []), _gases(LOCATION, lines))
    return [
        intensity_document(rule.name, _units(window, rule), _node(window, rule, balance, lines), carbon, reasons)
        for rule in window.inputs.products
        if _makes(window, rule)
    ]


def _makes(window: Window, rule: ProductRule) -> bool:
    lines = {window.site.calendar_of(spec) for spec in window.scope.counted if spec.meter == rule.node}
    return window.scope.line in (lines or {None})


def _units(window: Window, rule: ProductRule) -> int | None:
    """From the piece counter if there is one and it is known; else what was declared inside the stretch."""
    for spec in window.scope.counted:
        if spec.meter == rule.units_from and spec.role == "pieces":
            portion = window.portion(spec)
            if portion.known:
                return portion.amount
    declared = {each for each in window.site.production if each.product == rule.name}
    units = [each.units for each in declared if window.stretch.start_ms <= each.time_ms < window.stretch.end_ms]
    return sum(units) if units else None


def _node(window: Window, rule: ProductRule, balance: Balance, lines: Sequence[Line]) -> NodeEnergy:
    below = window.site.below(rule.node)
    own = [line for line in lines if line.name == SCOPE1 and (not rule.node or line.document["subject"] in below)]
    kg: Decimal | None = sum_of(SCOPE1, own, [])
    if not rule.node:
        return NodeEnergy(balance.load, kg, _gases(SCOPE1, own))
    counters = [spec for specs in window.plant.by_stream.values() for spec in specs if spec.meter == rule.node]
    consuming = [spec for spec in counters if spec not in window.plant.by_stream[EXPORT]]
    used = window.portion(consuming[0]) if consuming else None
    return NodeEnergy(used.amount if used and used.known else None, kg, _gases(SCOPE1, own))


def _gases(name: str, lines: Sequence[Line]) -> str | None:
    return next((line.gases for line in lines if line.name == name), None)
