"""Emission factors as values, and the choice among them (C19).

A factor without a data year is a default that holds until a dated one exists. Where factors are kept and
whether they may be trusted is not known here; what they are multiplied with stands in `emission`.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from protocols.batch import canonical

POLICIES = ("data_year", "edition_year", "latest_published_at", "majority_of_period", "day_weighted")
WORLD = "WORLD"  # IPCC defaults: the last of every region chain, for fuels only
ELECTRICITY = "electricity"
HEAT = "heat"

SCOPE1 = "scope1"
LOCATION = "scope2_location"
RESIDUAL = "scope2_market"
LOSSES = "transmission_losses"
UPSTREAM = "upstream"
BIOGENIC = "biogenic"
OUTSIDE_LINES = (LOSSES, UPSTREAM, BIOGENIC)
INFORMATION = "information"  # never chosen: parts, fossil averages, comparisons, warming potentials
LINES = (SCOPE1, LOCATION, RESIDUAL, *OUTSIDE_LINES, INFORMATION)


@dataclass(frozen=True)
class Factor:
    """kg of `gases` per `unit`; `basis` is net or gross calorific value where the unit is energy of a fuel."""

    id: str
    region: str
    year: int | None
    edition: int | None
    line: str
    activity: str
    unit: str
    basis: str
    value: Decimal
    gases: str
    gwp: str
    title: str
    published: date | None
    source: str
    status: str  # verified, derived, unverified or local

    @cached_property
    def sha256(self) -> str:
        """Over the canonical row: a changed factor is another factor, whatever its id."""
        row = {name: value if isinstance(value, int | None) else str(value) for name, value in self._fields().items()}
        return hashlib.sha256(canonical(row)).hexdigest()

    def _fields(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Choice:
    """`fallbacks` are sentences: every step away from the first region and the activity's own year."""

    factor: Factor
    provisional: bool
    fallbacks: tuple[str, ...]


class FactorBook:
    """Factors by line, activity and region; `choose` walks the region chain."""

    def __init__(self, factors: Iterable[Factor], region_chain: Sequence[str], policy: str) -> None:
        if policy not in POLICIES:
            raise ValueError(f"the factor policy {policy!r} is not known; use one of {', '.join(POLICIES)}")
        self.policy = policy
        self._chain = tuple(each for each in region_chain if each != WORLD)
        self._rows: dict[tuple[str, str, str], list[Factor]] = {}
        for factor in factors:
            if factor.line != INFORMATION:
                self._rows.setdefault((factor.line, factor.activity, factor.region), []).append(factor)

    def choose(self, line: str, activity: str, day: date) -> list[Choice]:
        """The candidates in order of preference: nearest region first, within it one per unit and basis."""
        fallbacks: list[str] = []
        choices: list[Choice] = []
        for region in self._regions(activity):
            found = self._in_region(self._rows.get((line, activity, region), []), day)
            if not found:
                fallbacks.append(f"{region}: no {line} factor for {activity} {day.year}")
            for factor in found:
                # A default has no year of its own that could still be published.
                provisional = factor.year is not None and factor.year != day.year
                stand_in = (f"{day.year} is not published for {region}: {factor.year} stands in",) if provisional else ()
                choices.append(Choice(factor, provisional, (*fallbacks, *stand_in)))
        return choices

    def describe_chain(self, activity: str) -> str:
        return ", ".join(self._regions(activity)) or "no region"

    @cached_property
    def publication_dates(self) -> list[date]:
        """The days on which `latest_published_at` may change its mind."""
        if self.policy != "latest_published_at":
            return []
        return sorted({row.published for rows in self._rows.values() for row in rows if row.published})

    def _regions(self, activity: str) -> tuple[str, ...]:
        return self._chain if activity in (ELECTRICITY, HEAT) else (*self._chain, WORLD)

    def _in_region(self, rows: Sequence[Factor], day: date) -> list[Factor]:
        groups: dict[tuple[str, str], list[Factor]] = {}
        for row in rows:
            groups.setdefault((row.unit, row.basis), []).append(row)
        best = (self._newest(group, day) for _, group in sorted(groups.items()))
        return [factor for factor in best if factor is not None]

    def _newest(self, rows: Sequence[Factor], day: date) -> Factor | None:
        dated = [(rank, row.id, row) for row in rows if (rank := self._rank(row, day)) is not None]
        return max(dated, key=lambda each: each[:2])[2] if dated else None

    def _rank(self, row: Factor, day: date) -> int | None:
        """Higher is preferred; None is not eligible. Dated rows stand before defaults."""
        if row.year is None:
            return -1
        if self.policy == "latest_published_at":
            return row.published.toordinal() if row.published and row.published <= day else None
        year = row.edition if self.policy == "edition_year" and row.edition is not None else row.year
        return year if year <= day.year else None
