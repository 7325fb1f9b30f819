"""Where the power comes from and where it goes, now: bands as wide as their power, from the sources through the site to its loads.

Pure geometry; the template draws it between two lists of names. What no meter of ours sees below the grid meter is the
unmetered rest, with what a silent load draws; where a source is silent, the rest is not known and is drawn as such.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.pages.site_power import fresh_power
from gateway.pages.viewer import Viewer
from gateway.status import GatewayStatus, MeterStatus

# Names beside bands: more than eight are too small to read from across a hall; the least are drawn as one.
LOADS_MAX = 8
WIDTH, HEIGHT = 100, 100
# A band fills at most so much of the place beside its name, and all bands together of the trunk.
_PLACE_SHARE, _TRUNK_SHARE = 0.82, 0.9
_TRUNK_FROM, _TRUNK_TO = 49.7, 50.3  # a hair of overlap, or the seam shows
# Thinner bands cannot be seen.
_THIN = 0.6
_SOURCES = ("import", "generation", "discharge")
METERED, REST, UNKNOWN_PART, OTHERS = "metered", "rest", "unknown", "others"


@dataclass(frozen=True)
class Node:
    """`milliwatts` None where it is not known; `path` is its band, "" where there is none; `target` its page."""

    name: str
    kind: str
    amount: str
    path: str = ""
    target: str = ""


@dataclass(frozen=True)
class Flow:
    sources: tuple[Node, ...]
    loads: tuple[Node, ...]


@dataclass(frozen=True)
class _Part:
    name: str
    kind: str
    milliwatts: int | None
    target: str = ""


def flow(status: GatewayStatus, viewer: Viewer) -> Flow | None:
    """None where there is nothing to draw: no source or no load says its power."""
    polled = [meter for meter in status.meters if meter.state != "imported" or meter.role in _SOURCES]
    powers = {meter.name: fresh_power(meter, status, viewer.now_ms) for meter in polled}
    sources, sinks = _sources(polled, powers), _sinks(polled, powers, viewer)
    if not sources or not sinks or all(part.milliwatts is None for part in sources):
        return None
    left, right = sources, _gathered([*sinks, *_rest(sources, sinks, viewer)], viewer)
    scale = _scale(left, right)
    return Flow(tuple(_nodes(left, scale, viewer, incoming=True)), tuple(_nodes(right, scale, viewer, incoming=False)))


def _sources(meters: Sequence[MeterStatus], powers: dict[str, int | None]) -> list[_Part]:
    """What brings power in; a grid meter that delivers is a load of the picture."""
    found = []
    for meter in meters:
        power = powers[meter.name]
        if meter.role in _SOURCES and not (meter.role == "import" and meter.parent) and meter.state != "imported":
            drawn = power if power is None or meter.role == "import" else abs(power)
            if drawn is None or drawn > 0 or meter.role != "import":
                found.append(_Part(meter.name, METERED if drawn is not None else UNKNOWN_PART, drawn, meter.name))
    return found


def _sinks(meters: Sequence[MeterStatus], powers: dict[str, int | None], viewer: Viewer) -> list[_Part]:
    """The loads right below the border, storage that charges, and what goes back to the grid."""
    borders = {meter.name for meter in meters if meter.role == "import"}
    found = []
    for meter in meters:
        power = powers[meter.name]
        if meter.role == "load" and (not meter.parent or meter.parent in borders):
            found.append(_Part(meter.name, UNKNOWN_PART if power is None else METERED, power if power is None else abs(power), meter.name))
        elif meter.role == "charge" and power:
            found.append(_Part(meter.name, METERED, abs(power), meter.name))
        elif (meter.role == "import" and power is not None and power < 0) or (meter.role == "export" and power):
            found.append(_Part(viewer.say("flow.to_grid"), METERED, abs(power), meter.name))
    return sorted(found, key=lambda part: -(part.milliwatts if part.milliwatts is not None else -1))


def _rest(sources: Sequence[_Part], sinks: Sequence[_Part], viewer: Viewer) -> list[_Part]:
    """What a silent load draws is in it. Small differences below zero come from reading meters one after the other: then there is none."""
    if any(part.milliwatts is None for part in sources):
        return [_Part(viewer.say("flow.rest"), UNKNOWN_PART, None)]
    rest = sum(part.milliwatts or 0 for part in sources) - sum(part.milliwatts or 0 for part in sinks)
    silent = any(part.milliwatts is None for part in sinks)
    return [_Part(viewer.say("flow.rest_or_silent") if silent else viewer.say("flow.rest"), REST, rest)] if rest > 0 else []


def _gathered(parts: Sequence[_Part], viewer: Viewer) -> list[_Part]:
    if len(parts) <= LOADS_MAX:
        return list(parts)
    kept = [part for part in parts if part.kind != METERED or part in parts[: LOADS_MAX - 2]][: LOADS_MAX - 1]
    others = [part for part in parts if part not in kept]
    known = [part.milliwatts for part in others if part.milliwatts is not None]
    total = sum(known) if len(known) == len(others) else None
    kind = OTHERS if total is not None else UNKNOWN_PART
    return [*kept, _Part(viewer.say("flow.others", count=len(others)), kind, total)]


def _scale(left: Sequence[_Part], right: Sequence[_Part]) -> float:
    """Height per milliwatt, the same for all bands: each fits beside its name, and all fit the trunk."""
    limits = []
    for side in (left, right):
        known = [part.milliwatts for part in side if part.milliwatts]
        if known:
            limits += [HEIGHT / len(side) * _PLACE_SHARE / max(known), HEIGHT * _TRUNK_SHARE / sum(known)]
    return min(limits, default=0.0)


def _nodes(parts: Sequence[_Part], scale: float, viewer: Viewer, *, incoming: bool) -> list[Node]:
    place = HEIGHT / len(parts)
    heights = [max((part.milliwatts or 0) * scale, _THIN if part.milliwatts else 0) for part in parts]
    at = (HEIGHT - sum(heights)) / 2
    nodes = []
    for index, (part, height) in enumerate(zip(parts, heights, strict=True)):
        middle = place * (index + 0.5)
        path = _band(middle, at + height / 2, height, incoming=incoming) if height else ""
        at += height
        amount = viewer.power(part.milliwatts)
        nodes.append(Node(part.name, part.kind, f"{amount.number} {amount.unit}".rstrip(), path, part.target))
    return nodes


def _band(outer: float, inner: float, height: float, *, incoming: bool) -> str:
    """A closed path from the list at the side to the trunk in the middle."""
    half = height / 2
    edge, trunk = (0, _TRUNK_TO) if incoming else (WIDTH, _TRUNK_FROM)
    bend = (edge + trunk) / 2
    upper = f"M{edge} {outer - half:.2f}C{bend:g} {outer - half:.2f} {bend:g} {inner - half:.2f} {trunk} {inner - half:.2f}"
    lower = f"V{inner + half:.2f}C{bend:g} {inner + half:.2f} {bend:g} {outer + half:.2f} {edge} {outer + half:.2f}Z"
    return upper + lower
