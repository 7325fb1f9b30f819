"""C29: how sure an amount and the carbon made from it are, from what was declared of meters, factors and estimates.

A class limit is the half-width of a rectangular distribution: its standard uncertainty is limit / sqrt(3).
Meter, current and voltage transformers are independent of one another; so are different meters, different
factors and the estimates of different counters. What shares a meter or a factor is added before it is squared.
The worst case adds every limit. Everything is an exact ratio until the one root at the end.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache

from gateway.carbon.emission import Line
from gateway.carbon.exact import root, rounded, text
from gateway.carbon.factor import LOCATION, SCOPE1, Factor
from gateway.carbon.inputs import CounterKey, CounterSpec
from gateway.carbon.split import Portion

# 95 % of a normal distribution lie within 1.96 standard deviations.
COVERAGE = Fraction(196, 100)
_NAMES = "uncertainty_95_pct, worst_case_pct"
# The classes of the measuring instruments directive, in percent.
_LETTERS = {"A": "2", "B": "1", "C": "0.5"}


def class_limit_pct(written: str) -> Decimal:
    """ "1", "0.5S", "B" -> percent; ValueError says how to write it."""
    digits = _LETTERS.get(written.strip().upper(), written.strip().upper().removesuffix("S"))
    if not digits.replace(".", "", 1).isdecimal() or not 0 < Decimal(digits) <= 100:
        raise ValueError(f"{written!r} is no accuracy class such as '1', '0.5S' or 'B'")
    return Decimal(digits)


def limits_of(spec: CounterSpec) -> tuple[Fraction, ...] | None:
    """The class limits of a meter and its transformers as shares; None if the meter's class is not declared."""
    return None if spec.class_pct is None else _shares((spec.class_pct, spec.ct_class_pct, spec.vt_class_pct))


@cache
def _shares(declared: tuple[Decimal | None, ...]) -> tuple[Fraction, ...]:
    return tuple(Fraction(limit) * Fraction(1, 100) for limit in declared if limit is not None)


@dataclass(frozen=True)
class Doubt:
    """`variance` in the square of the amount's unit, `limit` in its unit."""

    variance: Fraction = Fraction(0)
    limit: Fraction = Fraction(0)

    def __add__(self, other: "Doubt") -> "Doubt":
        return Doubt(self.variance + other.variance, self.limit + other.limit)

    @property
    def half_width(self) -> Decimal:
        """Of the 95 % interval."""
        return root(COVERAGE**2 * self.variance)


def by_class(amount: Fraction, limits: Iterable[Fraction]) -> Doubt:
    """Of one meter's amount, or of an estimate with its declared limit."""
    widths = [abs(amount) * limit for limit in limits]
    return Doubt(sum((width**2 for width in widths), Fraction(0)) * Fraction(1, 3), sum(widths, Fraction(0)))


def meters_doubt(amounts: Iterable[tuple[CounterSpec, Portion]], estimate_limit: Decimal) -> Doubt | None:
    """Of a sum of counters; None if a class is not declared. The registers of one meter are added first."""
    by_meter: dict[str, tuple[CounterSpec, int]] = {}
    groups: dict[tuple[Fraction, ...], list[int]] = {}
    for spec, portion in amounts:
        by_meter[spec.meter] = (spec, by_meter.get(spec.meter, (spec, 0))[1] + portion.amount)
        if portion.estimated:
            groups.setdefault((Fraction(estimate_limit),), []).append(portion.estimated)
    for spec, amount in by_meter.values():
        limits = limits_of(spec)
        if limits is None:
            return None
        groups.setdefault(limits, []).append(amount)
    return sum((_by_same_class(parts, limits) for limits, parts in groups.items()), Doubt())


def _by_same_class(amounts: Sequence[int], limits: Sequence[Fraction]) -> Doubt:
    """As the sum of `by_class` over independent amounts, with one ratio for all of them: a site has few classes."""
    squares = sum((limit**2 for limit in limits), Fraction(0)) * Fraction(1, 3)
    return Doubt(sum(each**2 for each in amounts) * squares, sum(abs(each) for each in amounts) * sum(limits, Fraction(0)))


def carbon_uncertainty(
    lines: Sequence[Line],
    specs: Sequence[CounterSpec],
    portion_of: Callable[[CounterSpec], Portion],
    estimate_limit: Decimal,
    reasons: list[str],
) -> dict[str, str | None]:
    """Of gross scope 1 and location-based scope 2 together, in percent of it."""
    gross = [line for line in lines if line.name in (SCOPE1, LOCATION)]
    known = {spec.key: spec for spec in specs}
    obstacle = _obstacle(gross, known)
    if obstacle:
        reasons.append(f"{_NAMES}: not known, {obstacle}")
        return dict.fromkeys(("uncertainty_95_pct", "worst_case_pct"))
    doubt = _of_counters(gross, known, portion_of, estimate_limit) + _of_factors(gross, reasons)
    whole = sum((Fraction(line.kg or 0) for line in gross), Fraction(0))
    percent = Fraction(100, whole) if whole else Fraction(0)
    return {
        "uncertainty_95_pct": text(root(COVERAGE**2 * doubt.variance * percent**2)),
        "worst_case_pct": text(rounded(doubt.limit * percent)),
    }


def _obstacle(gross: Sequence[Line], known: Mapping[CounterKey, CounterSpec]) -> str:
    if not gross:
        return "nothing is known here that they could be of"
    if any(line.kg is None for line in gross):
        return "not every line of scope 1 and scope 2 is known"
    if len({line.gases for line in gross}) > 1:
        return "CO2 and CO2e are not added, so there is no whole that they could be of"
    undeclared = {key[0] for line in gross for key, _ in line.shares if known[key].class_pct is None}
    return f"no accuracy class is declared for {', '.join(sorted(undeclared))}" if undeclared else ""


def _of_counters(
    gross: Sequence[Line], known: Mapping[CounterKey, CounterSpec], portion_of: Callable[[CounterSpec], Portion], estimate_limit: Decimal
) -> Doubt:
    by_meter: dict[str, Fraction] = {}
    by_counter: dict[CounterKey, Fraction] = {}
    for line in gross:
        for key, kg in _kg_by_counter(line):
            by_meter[key[0]] = by_meter.get(key[0], Fraction(0)) + kg
            by_counter[key] = by_counter.get(key, Fraction(0)) + kg
    limits = {key[0]: limits_of(known[key]) or () for key in by_counter}
    doubt = sum((by_class(kg, limits[meter]) for meter, kg in by_meter.items()), Doubt())
    for key, kg in by_counter.items():
        portion = portion_of(known[key])
        if portion.amount:
            doubt += by_class(kg * Fraction(portion.estimated, portion.amount), [Fraction(estimate_limit)])
    return doubt


def _kg_by_counter(line: Line) -> Iterable[tuple[CounterKey, Fraction]]:
    whole = sum(share for _, share in line.shares)
    return [(key, Fraction(line.kg or 0) * Fraction(share, whole)) for key, share in line.shares if whole]


def _of_factors(gross: Sequence[Line], reasons: list[str]) -> Doubt:
    """A published factor's interval is one of 95 %: its standard uncertainty is half of it / 1.96."""
    by_factor: dict[str, tuple[Factor, Fraction]] = {}
    for line in gross:
        if line.factor is not None:
            _, before = by_factor.get(line.factor.sha256, (line.factor, Fraction(0)))
            by_factor[line.factor.sha256] = (line.factor, before + Fraction(line.kg or 0))
    doubt = Doubt()
    for factor, kg in by_factor.values():
        if factor.uncertainty_pct is None:
            reasons.append(f"{_NAMES}: no uncertainty is published for the factor {factor.id}, so they hold the meters' part only")
        else:
            width = abs(kg) * Fraction(factor.uncertainty_pct) * Fraction(1, 100)
            doubt += Doubt(Fraction(width, COVERAGE) ** 2, width)
    return doubt
