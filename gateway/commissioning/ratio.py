"""Whether the CT ratio is the right one: against a clamp that a person reads, or against the meter above.

Transformers come with few primaries, so a wrong ratio is wrong by one of few factors; another deviation is another mistake.
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from gateway.commissioning.finding import CERTAIN, LIKELY, UNTOLD, Finding
from gateway.commissioning.phasor import PHASES, loaded, phasors

# Standard primaries (IEC 61869-2, amperes) that lie side by side in a drawer; the 1 A secondary; turns through the window.
_PRIMARIES = (50, 60, 75, 100, 125, 150, 200, 250, 300, 400, 500, 600, 800, 1000)
_STEPS_APART_MAX = 4
FACTORS = tuple(
    sorted(
        {Fraction(left, right) for at, left in enumerate(_PRIMARIES) for right in _PRIMARIES[max(0, at - _STEPS_APART_MAX) : at + 5]}
        | {Fraction(1, 5), Fraction(5), Fraction(1, 10), Fraction(10), Fraction(1, 3), Fraction(3)}
    )
)
# A clamp is good for 2 to 3 %, transformer and meter for 1 %, and the load moves while a person reads.
TOLERANCE = 0.05
CLOSE = 0.03  # how near to a usual factor a deviation must be to be called one


def against_clamp(values: Mapping[str, int], clamp_ma: Mapping[str, int]) -> list[Finding]:
    """`clamp_ma`: phase ("l1") -> what the clamp shows in mA; phases without one are not judged."""
    return _judged(values, {phase: float(current) for phase, current in clamp_ma.items()}, CERTAIN)


def against_parent(values: Mapping[str, int], parent: Mapping[str, int], siblings: Sequence[Mapping[str, int]]) -> list[Finding]:
    """What the parent measures without the siblings passes this meter, or an unmetered load: more than that it cannot be."""
    expected = {}
    for phase in PHASES:
        left = parent.get(f"active_power_{phase}")
        here, current = values.get(f"active_power_{phase}"), values.get(f"current_{phase}")
        if left is None or here is None or not here or current is None:
            continue
        rest = left - sum(sibling.get(f"active_power_{phase}", 0) for sibling in siblings)
        expected[phase] = current * rest / here
    return [finding for finding in _judged(values, expected, LIKELY) if finding.kind != "ratio_odd"]


def _judged(values: Mapping[str, int], expected_ma: Mapping[str, float], confidence: str) -> list[Finding]:
    shares = {
        phase: abs(values[f"current_{phase}"]) / expected_ma[phase]
        for phase, carries in zip(PHASES, loaded(phasors(values)), strict=False)
        if carries and expected_ma.get(phase, 0.0) > 0
    }
    if not shares:
        return [Finding("ratio_untold", (), UNTOLD)]
    by_factor: dict[Fraction | None, list[str]] = {}
    for phase, share in shares.items():
        by_factor.setdefault(_factor(share), []).append(phase)
    return [_finding(factor, phases, shares, confidence) for factor, phases in by_factor.items()]


def _factor(share: float) -> Fraction | None:
    """1 within the tolerance, else the usual factor next to it, else None."""
    if abs(share - 1) <= TOLERANCE:
        return Fraction(1)
    nearest = min(FACTORS, key=lambda factor: abs(share / float(factor) - 1))
    return nearest if abs(share / float(nearest) - 1) <= CLOSE and nearest != 1 else None


def _finding(factor: Fraction | None, phases: list[str], shares: Mapping[str, float], confidence: str) -> Finding:
    where = tuple(phase.upper() for phase in phases)
    deviation = ", ".join(f"{phase.upper()} {100 * (shares[phase] - 1):+.1f} %" for phase in phases)
    if factor == 1:
        return Finding("ratio_right", where, confidence, {"deviation": deviation})
    if factor is None:
        return Finding("ratio_odd", where, LIKELY, {"deviation": deviation})
    return Finding("ratio_wrong", where, confidence, {"deviation": deviation, "factor": f"{float(factor):g}"})
