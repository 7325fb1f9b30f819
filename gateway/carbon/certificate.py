"""C21: certificates and contracts of electricity, and the ledger that uses each kilowatt-hour of them once.

A certificate fits a consumption that lies wholly in its period, in a zone of the site's region chain. What ends
first is used first. The ledger begins with what earlier figures used, so that a window of figures goes on from there.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.carbon.factor import ELECTRICITY, RESIDUAL, Factor
from protocols.amount import inside, outside

HOUR_MS = 3_600_000
_KWH = "active_energy_import"
Drawn = tuple["Certificate", int]


@dataclass(frozen=True)
class Certificate:
    """`quantity` in mWh; `factor` in kg/kWh. `gases` "" are those of the location-based factor beside it."""

    serial: str
    zone: str
    start_ms: int
    end_ms: int
    quantity: int
    kind: str = "certificate"
    factor: Decimal = Decimal(0)
    gases: str = ""
    gwp: str = ""
    vintage: int | None = None
    source: str = ""

    @property
    def is_hourly(self) -> bool:
        return self.end_ms - self.start_ms <= HOUR_MS

    def as_factor(self, gases: str) -> Factor:
        return Factor(
            id=self.serial,
            region=self.zone,
            year=self.vintage,
            edition=None,
            line=RESIDUAL,
            activity=ELECTRICITY,
            unit="kWh",
            basis="",
            value=self.factor,
            gases=self.gases or gases,
            gwp=self.gwp,
            title=self.kind,
            published=None,
            source=self.source,
            status="declared",
        )


class Ledger:
    """What is left of each certificate; two with one serial number are one claim too many, and neither is used."""

    def __init__(self, certificates: Sequence[Certificate], used: Mapping[str, int], zones: Sequence[str]) -> None:
        claims = Counter(each.serial for each in certificates)
        self.doubled = sorted(serial for serial, count in claims.items() if count > 1)
        fitting = (each for each in certificates if each.zone in zones and each.serial not in self.doubled)
        self.certificates = sorted(fitting, key=lambda each: (each.end_ms, each.start_ms, each.serial))
        self._left = {each.serial: each.quantity - used.get(each.serial, 0) for each in self.certificates}

    def cuts(self, start_ms: int, end_ms: int) -> set[int]:
        """Where a certificate's period begins or ends inside (start, end)."""
        return {cut for each in self.certificates for cut in (each.start_ms, each.end_ms) if start_ms < cut < end_ms}

    def draw(self, start_ms: int, end_ms: int, wanted: int, *, hourly: bool) -> list[Drawn]:
        """Uses up to `wanted` mWh; hourly certificates only where the consumption is known by the hour too."""
        drawn: list[Drawn] = []
        for each in self.certificates:
            fits = each.start_ms <= start_ms and end_ms <= each.end_ms and (hourly or not each.is_hourly)
            part = min(self._left[each.serial], wanted) if fits else 0
            if part > 0:
                self._left[each.serial] -= part
                wanted -= part
                drawn.append((each, part))
        return drawn


def used_by(documents: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """mWh by serial number that figures (newest version each) used: what a ledger of later figures begins with."""
    used: dict[str, int] = {}
    for document in documents:
        for entry in document.get("certificates", {}).get("used", ()):
            used[entry["serial"]] = used.get(entry["serial"], 0) + inside(_KWH, entry["kwh"], "kWh")
    return used


def statement(certificates: Sequence[Certificate], used: Mapping[str, int]) -> list[dict[str, Any]]:
    """The ledger as a person reads it: what each certificate was, and what is left of it."""
    return [
        {
            "serial": each.serial,
            "kind": each.kind,
            "zone": each.zone,
            "vintage": each.vintage,
            "kwh": outside(_KWH, each.quantity),
            "used_kwh": outside(_KWH, used.get(each.serial, 0)),
            "unused_kwh": outside(_KWH, each.quantity - used.get(each.serial, 0)),
        }
        for each in certificates
    ]
