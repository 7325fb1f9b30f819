"""C21, C28: reads certificates and contracts from a CSV file; which of them are used is decided in `carbon`.

Header: serial,kind,zone,start,end,quantity,unit,factor,gases,vintage,source. Times are ISO-8601 with offset, the
period is [start, end); factor (kg/kWh), gases, vintage and source may be empty.
"""

import csv
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path

from gateway.carbon.certificate import Certificate
from protocols.amount import inside
from protocols.errors import OurMistake
from protocols.reading import milliseconds_of

COLUMNS = ("serial", "kind", "zone", "start", "end", "quantity", "unit", "factor", "gases", "vintage", "source")
KINDS = ("certificate", "contract")


def load_certificates(file: Path) -> tuple[tuple[Certificate, ...], tuple[str, ...]]:
    """The certificates, and a sentence with its line number for each row that is refused."""
    reader = csv.DictReader(file.read_text(encoding="utf-8-sig").splitlines())
    if tuple(reader.fieldnames or ()) != COLUMNS:
        return (), (f"{file} line 1: the header must be {','.join(COLUMNS)}",)
    found, refused = [], []
    for row in reader:
        try:
            found.append(certificate_from(row))
        except (OurMistake, InvalidOperation, ValueError, TypeError) as error:
            refused.append(f"{file} line {reader.line_num}: {error if str(error) else row}")
    return tuple(found), tuple(refused)


def certificate_from(row: Mapping[str, str]) -> Certificate:
    """OurMistake, InvalidOperation, ValueError, TypeError or KeyError if the row is none."""
    start_ms, end_ms = milliseconds_of(row["start"]), milliseconds_of(row["end"])
    quantity = inside("active_energy_import", row["quantity"], row["unit"])
    factor = Decimal(row["factor"] or 0)
    if not row["serial"] or not row["zone"] or row["kind"] not in KINDS:
        raise ValueError(f"needs a serial number, a zone, and as kind one of {', '.join(KINDS)}")
    if start_ms >= end_ms or quantity <= 0:
        raise ValueError("the period must end after it starts, and the quantity be above zero")
    if not factor.is_finite() or factor < 0 or row["gases"] not in ("", "CO2", "CO2e") or (factor and not row["gases"]):
        raise ValueError("a factor is kg/kWh, 0 or above, and names its gases, CO2 or CO2e")
    return Certificate(
        serial=row["serial"],
        zone=row["zone"],
        start_ms=start_ms,
        end_ms=end_ms,
        quantity=quantity,
        kind=row["kind"],
        factor=factor,
        gases=row["gases"],
        vintage=int(row["vintage"]) if row["vintage"] else None,
        source=row["source"],
    )
