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
from typing import Protocol

from protocols.batch import canonical
from protocols.reading import iso

POLICIES = ("data_year", "edition_year", "latest_published_at", "majority_of_period", "day_weighted")
WORLD = "WORLD"  # IPCC defaults: the last of every region chain, for fuels only
ELECTRICITY = "electricity"
HEAT = "heat"

SCOPE1 = "scope1"
LOCATION = "scope2_location"
RESIDUAL = "scope2_market"
SUPPLIER = "scope2_supplier"  # stands before the residual mix in the market-based line (C21)
LOSSES = "transmission_losses"
UPSTREAM = "upstream"
BIOGENIC = "biogenic"
OUTSIDE_LINES = (LOSSES, UPSTREAM, BIOGENIC)
INFORMATION = "information"  # never chosen: parts, fossil averages, comparisons, warming potentials
LINES = (SCOPE1, LOCATION, RESIDUAL, SUPPLIER, *OUTSIDE_LINES, INFORMATION)


@dataclass(frozen=True)
class Factor:
    """kg of `gases` per `unit`; `basis` is net or gross calorific value where the unit is energy of a fuel.

    `uncertainty_pct` is half of the published 95 % interval; None: its publication states none.
    """

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
    uncertainty_pct: Decimal | None = None

    @cached_property
    def sha256(self) -> str:
        """Over the canonical row: a changed factor is another factor, whatever its id."""
        return hashlib.sha256(canonical(self.row())).hexdigest()

    def row(self) -> dict[str, str | int | None]:
        row = {name: value if isinstance(value, int | None) else str(value) for name, value in self._fields().items()}
        if self.uncertainty_pct is None:
            del row["uncertainty_pct"]  # a field that came later leaves the hashes of factors without it as they were
        return row

    def _fields(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Choice:
    """`fallbacks` are sentences: every step away from the first region and the activity's own year."""

    factor: Factor
    provisional: bool
    fallbacks: tuple[str, ...]


class Series(Protocol):
    """C24: a factor that changes faster than the calendar; see `factor_series`."""

    @property
    def id(self) -> str: ...
    @property
    def line(self) -> str: ...
    @property
    def activity(self) -> str: ...
    @property
    def region(self) -> str: ...
    def at(self, time_ms: int) -> Factor | None: ...
    def cuts(self, start_ms: int, end_ms: int) -> set[int]: ...


class FactorBook:
    """Factors by line, activity and region; `choose` walks the region chain."""

    def __init__(self, factors: Iterable[Factor], region_chain: Sequence[str], policy: str, series: Iterable[Series] = ()) -> None:
        if policy not in POLICIES:
            raise ValueError(f"the factor policy {policy!r} is not known; use one of {', '.join(POLICIES)}")
        self.policy = policy
        self._chain = tuple(each for each in region_chain if each != WORLD)
        self._rows: dict[tuple[str, str, str], list[Factor]] = {}
        self._series = tuple(series)
        for factor in factors:
            if factor.line != INFORMATION:
                self._rows.setdefault((factor.line, factor.activity, factor.region), []).append(factor)

    def choose(self, line: str, activity: str, day: date, at_ms: int | None = None) -> list[Choice]:
        """The candidates in order of preference: nearest region first, within it a series before one per unit and basis."""
        fallbacks: list[str] = []
        choices: list[Choice] = []
        for region in self._regions(activity):
            if at_ms is not None:
                choices += self._from_series((line, activity, region), at_ms, fallbacks)
            found = self._in_region(self._rows.get((line, activity, region), []), day)
            if not found:
                fallbacks.append(f"{region}: no {line} factor for {activity} {day.year}")
            for factor in found:
                # A default has no year of its own that could still be published.
                provisional = factor.year is not None and factor.year != day.year
                stand_in = (f"{day.year} is not published for {region}: {factor.year} stands in",) if provisional else ()
                choices.append(Choice(factor, provisional, (*fallbacks, *stand_in)))
        return choices

    def _from_series(self, use: tuple[str, str, str], at_ms: int, fallbacks: list[str]) -> list[Choice]:
        choices = []
        for series in self._series:
            if (series.line, series.activity, series.region) == use:
                factor = series.at(at_ms)
                if factor is None:
                    fallbacks.append(f"{series.id}: no value at {iso(at_ms)}")
                else:
                    choices.append(Choice(factor, provisional=False, fallbacks=tuple(fallbacks)))
        return choices

    def series_cuts(self, activity: str, start_ms: int, end_ms: int) -> set[int]:
        regions = self._regions(activity)
        found = (each.cuts(start_ms, end_ms) for each in self._series if each.activity == activity and each.region in regions)
        return set().union(*found)

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
