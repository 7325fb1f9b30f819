"""The wiring doctor: which single mistake explains the angles that a meter shows.

Every mistake turns the angle between a phase's voltage and current by a known amount: a reversed transformer by
180 degrees, a wrong phase by 120 one way or the other. So each mistake is tried, undone on paper, and the one that
leaves a load as loads are, for the least assumed, is the finding. The supply is taken to turn L1, L2, L3.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from gateway.commissioning.finding import CERTAIN, LIKELY, UNTOLD, Finding
from gateway.commissioning.phasor import PHASES, Phasor, loaded, phasors

# Angles of loads: from capacitive 0.5 to idling motors (power factor 0.17). Inverters feed in within 45 degrees of 180.
LOAD_ARC = (-60.0, 80.0)
FEED_IN_ARC = (135.0, 225.0)
# A main meter may show both; between them lies feeding in while motors draw reactive power.
EITHER_ARC = (-60.0, 225.0)
# Where most loads and inverters are; further out grows less likely by 1 in 100 degrees. Drawing is likelier than feeding in.
USUAL_LOAD, USUAL_FEED_IN = (-35.0, 45.0), (165.0, 195.0)
UNUSUAL_WEIGHT, FEED_IN_WEIGHT = 1 / 100, 0.05
ARCS = {"generation": FEED_IN_ARC, "discharge": FEED_IN_ARC, "export": FEED_IN_ARC, "import": EITHER_ARC}
# Real phases differ by up to a motor's and a capacitor's angle; more than this on a main meter takes two directions at once.
SPREAD_MAX = 95.0
# What one degree outside the arc, one degree between phases, and two directions at once weigh against one mistake (1).
OUTSIDE_WEIGHT, SPREAD_WEIGHT, DIRECTIONS_WEIGHT = 1 / 30, 0.5 / 180, 1.5
# Runner-up this close behind: the finding is only likely.
MARGIN = 0.4
# A tap that is off reads some induced voltage; line voltage on a phase input is 1.73 times too much.
TAP_SHARE, LINE_SHARE = 0.7, (1.6, 1.85)
# Without its neutral the star point wanders: one phase rises, another falls.
NEUTRAL_HIGH, NEUTRAL_LOW = 1.12, 0.9

_SUPPLY = (0.0, -120.0, 120.0)


@dataclass(frozen=True)
class Mistake:
    """`turns` says for each phase of the meter by how many degrees it shows too much; `cost` how much has to go wrong for it."""

    kind: str
    where: tuple[int, ...]
    cost: float
    turns: tuple[float, ...]


def _mistakes() -> Iterable[Mistake]:
    yield Mistake("wiring_right", (), 0.0, (0, 0, 0))
    for phase in range(3):
        yield Mistake("ct_reversed", (phase,), 1.0, tuple(180.0 * (each == phase) for each in range(3)))
    for left, right in ((0, 1), (1, 2), (0, 2)):
        swapped = list(range(3))
        swapped[left], swapped[right] = right, left
        turns = tuple(_SUPPLY[here] - _SUPPLY[there] for here, there in enumerate(swapped))
        yield Mistake("cts_swapped", (left, right), 1.0, turns)
        yield Mistake("taps_swapped", (left, right), 1.0, tuple(-turn for turn in turns))
    yield Mistake("all_cts_reversed", (0, 1, 2), 1.2, (180, 180, 180))
    for turn in (120.0, -120.0):
        yield Mistake("phases_rotated", (0, 1, 2), 1.5, (turn,) * 3)
    for phase in range(3):
        yield Mistake("cts_reversed", tuple(sorted({0, 1, 2} - {phase})), 1.6, tuple(180.0 * (each != phase) for each in range(3)))


MISTAKES = tuple(_mistakes())


def wiring(values: Mapping[str, int], role: str, nominal_mv: int) -> list[Finding]:
    """All that the values of one instant say, the worst first; `wiring_right` alone where nothing is wrong.

    `values` in thousandths, CT direction as mounted (before `reversed` of the site file is applied); `nominal_mv` is
    the phase voltage of the site.
    """
    seen = phasors(values)
    found = list(_voltages(seen, nominal_mv))
    dead = {finding.where[0] for finding in found if finding.kind in ("tap_missing", "line_voltage")}
    usable = tuple(carries and PHASES[phase].upper() not in dead for phase, carries in enumerate(loaded(seen)))
    found += _angles(seen, usable, role)
    idle = [PHASES[phase].upper() for phase, carries in enumerate(usable) if not carries and PHASES[phase].upper() not in dead]
    if idle:
        found.append(Finding("no_load", tuple(idle), UNTOLD))
    return found


def _voltages(seen: tuple[Phasor, ...], nominal_mv: int) -> Iterable[Finding]:
    shares = [None if each.voltage_mv is None else each.voltage_mv / nominal_mv for each in seen]
    known = [share for share in shares if share is not None]
    if len(known) == 3 and max(known) > NEUTRAL_HIGH and min(known) < NEUTRAL_LOW and min(known) > 0.1 and max(known) < LINE_SHARE[0]:
        yield Finding("neutral_missing", ("N",), LIKELY, {"voltages": _volts(seen)})
        return
    for phase, share in enumerate(shares):
        where, evidence = (PHASES[phase].upper(),), {"voltages": _volts(seen)}
        if share is not None and share < TAP_SHARE:
            yield Finding("tap_missing", where, CERTAIN if share < TAP_SHARE / 2 else LIKELY, evidence)
        elif share is not None and LINE_SHARE[0] < share < LINE_SHARE[1]:
            yield Finding("line_voltage", where, CERTAIN, evidence)


def _volts(seen: tuple[Phasor, ...]) -> str:
    return ", ".join("-" if each.voltage_mv is None else f"{each.voltage_mv / 1000:.0f} V" for each in seen)


def _angles(seen: tuple[Phasor, ...], usable: tuple[bool, ...], role: str) -> Iterable[Finding]:
    judged = [phase for phase, carries in enumerate(usable) if carries]
    if not judged:
        return
    best, second = _ranked(seen, judged, role)[:2]
    score, mistake, undone = best
    evidence = {"angles": _degrees(judged, [seen[phase].angle or 0.0 for phase in judged]), "undone": _degrees(judged, undone)}
    where = tuple(PHASES[phase].upper() for phase in mistake.where)
    if mistake.kind in ("cts_swapped", "taps_swapped") and not any(seen[phase].signed for phase in judged):
        # The two are mirror images: without lead and lag nothing tells them apart.
        yield Finding("pair_exchanged", where, LIKELY, evidence)
        return
    sure = len(judged) > 1 and second[0] - score > MARGIN and score - mistake.cost < MARGIN and ARCS.get(role) is not EITHER_ARC
    yield Finding(mistake.kind, where, CERTAIN if sure else LIKELY, evidence)
    if mistake.kind == "wiring_right" and ARCS.get(role) is EITHER_ARC and all(_outside(angle, FEED_IN_ARC) == 0 for angle in undone):
        yield Finding("direction_untold", tuple(PHASES[phase].upper() for phase in judged), UNTOLD, evidence)


def _ranked(seen: tuple[Phasor, ...], judged: list[int], role: str) -> list[tuple[float, Mistake, list[float]]]:
    """(score, mistake, angles with it undone), the least far-fetched first; mistakes that no judged phase shows are left out."""
    told: list[tuple[float, Mistake, list[float]]] = []
    for mistake in MISTAKES:
        if mistake.where and len(seen) < 3 and len(mistake.where) > 1:
            continue
        if mistake.where and not any(mistake.turns[phase] for phase in judged):
            continue
        undone = [_undone(seen[phase], mistake.turns[phase]) for phase in judged]
        told.append(min(((_score(mistake, angles, role), mistake, list(angles)) for angles in product(*undone)), key=lambda each: each[0]))
    return sorted(told, key=lambda each: each[0])


def _undone(phasor: Phasor, turn: float) -> tuple[float, ...]:
    """The angle without the mistake; two where the meter does not tell lead from lag."""
    angle = phasor.angle or 0.0
    return (angle - turn,) if phasor.signed else (angle - turn, -angle - turn)


def _score(mistake: Mistake, angles: tuple[float, ...], role: str) -> float:
    arc = ARCS.get(role, LOAD_ARC)
    spread = max(abs(_turned(left - right)) for left in angles for right in angles)
    score = mistake.cost + SPREAD_WEIGHT * spread + OUTSIDE_WEIGHT * sum(_outside(angle, arc) for angle in angles)
    if arc is EITHER_ARC:
        score += DIRECTIONS_WEIGHT * (spread > SPREAD_MAX) + sum(map(_unusual, angles))
    return score


def _unusual(angle: float) -> float:
    """How far from what main meters mostly show; without it every exchange of two phases explains every other one."""
    drawing, feeding_in = UNUSUAL_WEIGHT * _outside(angle, USUAL_LOAD), UNUSUAL_WEIGHT * _outside(angle, USUAL_FEED_IN)
    return min(drawing, feeding_in + FEED_IN_WEIGHT)


def _outside(angle: float, arc: tuple[float, float]) -> float:
    """Degrees from the nearer end of the arc, 0 inside."""
    beyond = (angle - arc[0]) % 360
    length = arc[1] - arc[0]
    return 0.0 if beyond <= length else min(beyond - length, 360 - beyond)


def _turned(angle: float) -> float:
    return (angle + 180) % 360 - 180


def _degrees(judged: list[int], angles: list[float]) -> str:
    return ", ".join(f"{PHASES[phase].upper()} {_turned(angle):.0f}°" for phase, angle in zip(judged, angles, strict=True))
