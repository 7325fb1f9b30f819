"""From the site file, and the files it names, to what the engine is given; and to the record of it in the store.

Nothing is computed here: every rule is `carbon`'s matter.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from gateway import factor_pack, holiday_source
from gateway.carbon.factor import INFORMATION, WORLD, Factor
from gateway.carbon.fuel import calorific_value
from gateway.carbon.inputs import CounterSpec, DemandRule, ProductRule, ShiftRule, SiteInputs
from gateway.carbon.inputs_document import document_of
from gateway.carbon.tariff_calendar import TariffRule
from gateway.carbon.uncertainty import class_limit_pct
from gateway.carbon.work_calendar import DayException, Rotation, WorkCalendar
from gateway.certificate_file import load_certificates
from gateway.factor_series_file import load_series
from gateway.site import FactorTable, MeterTable, Site, amount_thousandths, counted_quantities, rate_thousandths
from gateway.site_calendar import ShiftTable, TariffTable
from gateway.site_key import share_of
from gateway.zone import time_zone_data, zone
from protocols.meter import Meter

_ON_HOLIDAYS = {"": None, "only": True, "except": False}


@dataclass(frozen=True)
class Counted:
    """One booked counter and the names under which its readings may be stored."""

    spec: CounterSpec
    names: tuple[str, ...]


def counted(site: Site, models: Mapping[str, Meter]) -> list[Counted]:
    found: list[Counted] = []
    for meter in site.meter:
        available = frozenset(models[meter.model].quantities) if meter.model else None
        names = (meter.name, *meter.was)
        found += (Counted(_spec(site, meter, quantity), names) for quantity in counted_quantities(meter, available))
    return found


def _spec(site: Site, meter: MeterTable, quantity: str) -> CounterSpec:
    return CounterSpec(
        meter=meter.name,
        quantity=quantity,
        role=meter.role,
        rating_thousandths_per_hour=rate_thousandths(meter.rating, quantity) if meter.rating else None,
        modulus_thousandths=amount_thousandths(meter.modulus, quantity) if meter.modulus else None,
        pace_s=site.poll.energy_interval_min * 60,
        reversed=meter.reversed,
        fuel=meter.fuel,
        parent=meter.parent,
        production_line=site.production_line(meter),
        calorific=calorific_value(meter.calorific_value) if meter.calorific_value else None,
        class_pct=_class(meter.class_),
        ct_class_pct=_class(meter.ct_class),
        vt_class_pct=_class(meter.vt_class),
    )


def _class(written: str) -> Decimal | None:
    return class_limit_pct(written) if written else None


def inputs_of(site: Site, models: Mapping[str, Meter]) -> SiteInputs:
    """Of a site file that `check` found sound; the errors of the files it names are those of their readers."""
    carbon = site.carbon
    rotations = {each.name: Rotation(each.anchor, each.segments) for each in site.rotation}
    certificates = load_certificates(site.folder / carbon.certificates)[0] if carbon.certificates else ()
    return SiteInputs(
        site=site.site.name,
        zone=zone(site.site.timezone),
        time_zone_data=time_zone_data(),
        production_day_start=site.site.production_day_start,
        shifts=tuple(_shift(each, rotations) for each in site.shift),
        counters=tuple(each.spec for each in counted(site, models)),
        factors=factors_of(site),
        region_chain=site.site.region,
        factor_policy=carbon.factor_policy,
        estimated_share_max=carbon.estimated_share,
        products=tuple(ProductRule(each.name, each.units_from, each.node) for each in site.product),
        interval_s=site.poll.energy_interval_min * 60,
        work_calendar=_work_calendar(site),
        estimate_limit=share_of(carbon.estimate_uncertainty),
        demand=None if site.demand is None else DemandRule(site.demand.window_min * 60, site.demand.meters),
        tariffs=tuple(_tariff(each) for each in site.tariff),
        certificates=certificates,
        factor_series=tuple(load_series(site.folder / name) for name in carbon.factor_series),
        storage=carbon.storage,
    )


def _shift(row: ShiftTable, rotations: Mapping[str, Rotation]) -> ShiftRule:
    return ShiftRule(
        name=row.name,
        start=row.start,
        end=row.end,
        days=tuple(row.days),
        production_line=row.production_line or None,
        handover=row.handover,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        rotation=rotations[row.rotation] if row.rotation else None,
        day_offset=row.day_offset,
        crew=row.crew,
        on_holidays=row.on_holidays,
    )


def _tariff(row: TariffTable) -> TariffRule:
    return TariffRule(row.period, row.start, row.end, row.months, tuple(row.days), _ON_HOLIDAYS[row.holidays], row.valid_from)


def _work_calendar(site: Site) -> WorkCalendar:
    table = site.holidays
    found = holiday_source.of(table.file, table.country, table.subdivision, site.folder)
    exceptions = tuple(
        DayException(each.date, each.runs, each.shift, each.production_line or None, each.start, each.end, each.crew)
        for each in site.exception
    )
    return replace(found, exceptions=exceptions)


def factors_of(site: Site) -> tuple[Factor, ...]:
    """The shipped pack, the site's folder of factors and its own ones; of one id the site's own holds."""
    own = tuple(_own(each, site) for each in site.factor)
    replaced = {factor.id for factor in own}
    return (*(factor for factor in factor_pack.load(site.data_folder) if factor.id not in replaced), *own)


def _own(row: FactorTable, site: Site) -> Factor:
    """The hash of its evidence is part of its row, so another document makes another factor."""
    digest = hashlib.sha256((site.folder / row.evidence).read_bytes()).hexdigest()
    return Factor(
        id=row.name,
        region=row.region,
        year=row.year,
        edition=None,
        line=row.line,
        activity=row.activity,
        unit=row.unit,
        basis=row.basis,
        value=Decimal(row.value),
        gases=row.gases,
        gwp=row.gwp,
        title=row.source,
        published=row.published,
        source=f"{row.evidence} sha256:{digest}",
        status="own",
        uncertainty_pct=Decimal(row.uncertainty.removesuffix("%")) if row.uncertainty else None,
    )


def description(site: Site, models: Mapping[str, Meter], inputs: SiteInputs) -> dict[str, Any]:
    """The record of the site: its meters as central systems list them, and everything that figures are made from.

    Factors of other regions are left out: no figure of this site can be made with them.
    """
    meters = [
        {
            "meter": meter.name,
            "was": list(meter.was),
            "model": meter.model,
            "role": meter.role,
            "line": meter.line,
            "address": meter.address,
            "parent": meter.parent,
            "production_line": site.production_line(meter),
            "rating": meter.rating,
            "quantities": list(models[meter.model].quantities) if meter.model else [],
        }
        for meter in site.meter
    ]
    near = tuple(each for each in inputs.factors if each.region in (*inputs.region_chain, WORLD) and each.line != INFORMATION)
    made_from = document_of(replace(inputs, factors=near, work_calendar=replace(inputs.work_calendar, holiday_names=())))
    head = {"site": site.site.name, "timezone": site.site.timezone, "grace_min": site.carbon.grace_min}
    return {**head, "meters": meters, "inputs": made_from}
