"""A site on which everything happens at once, and the evidence of its figures: what the recomputation is tested with."""

import json
from decimal import Decimal
from typing import Any

from gateway.carbon import CounterReading, Declaration, SiteInputs, Swap, calorific_value
from gateway.carbon.certificate import Certificate
from gateway.carbon.evidence import evidence
from gateway.carbon.factor_series import FactorSeries
from gateway.carbon.tests.builders import EXPORT, HOUR, IMPORT, KWH, MINUTE, Document, counter, documents, factor, ms, site

BEGIN = ms("2026-03-02 05:50")
SPECS = (
    counter(modulus_thousandths=1000 * KWH),
    counter("main", EXPORT),
    counter("pv", EXPORT, "generation", parent="main"),
    counter("hall", role="load", parent="main"),
    counter("press", role="load", parent="main"),
    counter("gas", "volume", "fuel", fuel="natural_gas", calorific=calorific_value("38.9 MJ/m3 gross"), rating_thousandths_per_hour=10**8),
)
DECLARED: tuple[Declaration, ...] = (Swap("hall", IMPORT, ms("2026-03-02 13:50"), 95 * KWH, 3 * KWH),)


def counted(per_step: int, steps: int = 80, begin: int = 0, step_ms: int = 20 * MINUTE + 1) -> list[CounterReading]:
    """Never at a change of shift, so that every boundary is straddled; with an uneven remainder."""
    return [CounterReading(BEGIN + number * step_ms, begin + number * per_step + number % 3) for number in range(steps)]


def readings() -> dict[tuple[str, str], list[CounterReading]]:
    main = [reading._replace(value=(reading.value or 0) % (1000 * KWH)) for reading in counted(7 * KWH + 1, begin=900 * KWH)]
    hall = [each for each in counted(3 * KWH + 1) if each.time_ms < ms("2026-03-02 13:50")]
    hall += [reading._replace(time_ms=reading.time_ms + 9 * HOUR, value=(reading.value or 0) + 3 * KWH) for reading in counted(KWH, 40)]
    press = counted(2 * KWH + 1)
    press[9] = press[9]._replace(value=10**12)
    press[30:] = [each._replace(value=(each.value or 0) - 50 * KWH) for each in press[30:]]
    pv = counted(KWH // 3)
    del pv[20:27]
    series = (main, counted(1), pv, hall, press, counted(777))
    return dict(zip((spec.key for spec in SPECS), series, strict=True))


def inputs(**changes: Any) -> SiteInputs:
    hours = tuple((ms("2026-03-02 06:00") + number * HOUR, Decimal(number + 40).scaleb(-2)) for number in range(6))
    factors = (
        factor("0.5306"),
        factor("0.6", id="mix", line="scope2_market"),
        factor("56.1", id="gas", line="scope1", activity="natural_gas", unit="GJ", basis="gross"),
    )
    hourly = FactorSeries("hourly", "CN", "scope2_location", "electricity", "kWh", "CO2", "", "Operator", "operator", 3600, hours)
    certificate = Certificate("GEC-1", "CN", ms("2026-01-01 00:00"), ms("2027-01-01 00:00"), 90 * KWH)
    return site(*SPECS, **{"factors": factors, "factor_series": (hourly,), "certificates": (certificate,), **changes})


def exports() -> list[Document]:
    """As they are read back from a file."""
    given = inputs()
    figures = documents(given, readings(), DECLARED)
    found: list[Document] = json.loads(json.dumps([evidence(given, readings(), DECLARED, figure) for figure in figures]))
    return found
