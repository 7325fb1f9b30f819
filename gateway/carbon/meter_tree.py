"""C17: the tree of meters: what the meters below a node counted against what the node counted.

A node is a meter with others below it. Energy that flows down counts up, sources below a node count down: a
main meter with 100 and the sun with 20 below it supply 120. Which meter hangs where is declared.
"""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from gateway.carbon.balance import CHARGE, DISCHARGE, EXPORT, GENERATION, IMPORT, LOAD, streams_of
from gateway.carbon.exact import amount, root, text
from gateway.carbon.inputs import CounterKey, CounterSpec
from gateway.carbon.scope import Window
from gateway.carbon.uncertainty import COVERAGE, meters_doubt
from protocols.amount import outside
from protocols.quantity import QUANTITIES

_DOWN = {IMPORT: 1, LOAD: 1, CHARGE: 1, EXPORT: -1, GENERATION: -1, DISCHARGE: -1}
_SOURCES = ("generation", "discharge")
_AMOUNTS = ("fuel", "water", "heat")  # roles whose counters add up without direction
_ELECTRICITY = "active_energy_import"
Signed = list[tuple[int, CounterSpec]]


def tree_of(window: Window, reasons: list[str]) -> dict[str, Any]:
    """The key `tree` of a figure, or nothing where no meter stands above another."""
    streams = streams_of(window.scope.counted)
    found = []
    for meter in dict.fromkeys(spec.meter for spec in window.scope.listed):
        below = [spec for spec in window.scope.counted if spec.parent == meter]
        own = [spec for spec in window.scope.listed if spec.meter == meter]
        for quantity in dict.fromkeys(kind for spec in own if (kind := _kind(spec, streams))):
            above = [(_sign(spec, streams), spec) for spec in own if _kind(spec, streams) == quantity]
            children = [(_sign(spec, streams), spec) for spec in below if _kind(spec, streams) == quantity]
            if children:
                found.append(_node(window, quantity, above, children, reasons))
    return {"tree": found} if found else {}


def _kind(spec: CounterSpec, streams: dict[CounterKey, str]) -> str | None:
    """What may be compared: electricity of any direction, or one quantity of a role without direction."""
    if spec.key in streams:
        return _ELECTRICITY
    return spec.quantity if spec.role in _AMOUNTS else None


def _sign(spec: CounterSpec, streams: dict[CounterKey, str]) -> int:
    return _DOWN[streams[spec.key]] if spec.key in streams else 1


def _node(window: Window, quantity: str, above: Signed, children: Signed, reasons: list[str]) -> dict[str, Any]:
    node = above[0][1].meter
    # Below a meter of a source everything is turned round: inverters below the meter of a roof.
    turn = -1 if above[0][1].role in _SOURCES else 1
    document = {
        "node": node,
        "quantity": quantity,
        "unit": QUANTITIES[quantity].unit,
        "below": list(dict.fromkeys(spec.meter for _, spec in children)),
        **dict.fromkeys(("amount", "children", "unmetered", "uncertainty_95", "children_exceed")),
    }
    everyone = [spec for _, spec in (*above, *children)]
    if obstacle := _obstacle(window, everyone):
        reasons.append(f"tree: {node}: {obstacle}")
        return document
    amounts = [turn * sum(sign * window.portion(spec).amount for sign, spec in group) for group in (above, children)]
    rest = amounts[0] - amounts[1]
    width = _half_width(window, everyone, quantity)
    if rest < 0 and width is None:
        reasons.append(f"tree: {node}: the meters below exceed it, and without every accuracy class it is not known whether by too much")
    document.update(
        amount=outside(quantity, amounts[0]),
        children=outside(quantity, amounts[1]),
        unmetered=outside(quantity, rest),
        uncertainty_95=None if width is None else text(width),
        children_exceed=False if rest >= 0 else None if width is None else amount(quantity, -rest) > width,
    )
    return document


def _obstacle(window: Window, everyone: Sequence[CounterSpec]) -> str:
    """Meters that cover different times are not compared, however they may add up."""
    portions = [window.portion(spec) for spec in everyone]
    unknown = sorted({spec.meter for spec, portion in zip(everyone, portions, strict=True) if not portion.known})
    if unknown:
        return f"{', '.join(unknown)} is not known in this time"
    missing = [portion.missing_ms for portion in portions]
    apart = max(missing) - min(missing) > max(spec.gap_limit_ms for spec in everyone)
    return "it and the meters below it do not cover the same time" if apart else ""


def _half_width(window: Window, everyone: Sequence[CounterSpec], quantity: str) -> Decimal | None:
    """Of the 95 % interval of the difference, in the outer unit."""
    doubt = meters_doubt([(spec, window.portion(spec)) for spec in everyone], window.inputs.estimate_limit)
    return None if doubt is None else root(COVERAGE**2 * doubt.variance * Fraction(1, 10 ** (2 * QUANTITIES[quantity].decimals)))
