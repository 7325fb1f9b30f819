"""The acceptance sheet of one meter: what was found on the day it was handed over, with a hash that shows later changes."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from gateway.commissioning.finding import Finding
from protocols.batch import canonical
from protocols.reading import iso, outside_values


def sheet(
    *,
    site: str,
    meter: Mapping[str, Any],
    identity: Mapping[str, str],
    values: Mapping[str, int],
    findings: Sequence[Finding],
    reference_ma: Mapping[str, int],
    person: str,
    time_ms: int,
    remark: str = "",
) -> dict[str, Any]:
    """`meter`: its table of the site file; `identity`: what it says of itself; `reference_ma`: phase -> what a clamp showed."""
    document = {
        "site": site,
        "meter": dict(meter),
        "identity": dict(identity),
        "readings": outside_values(values),
        "wiring": [
            {"kind": each.kind, "where": list(each.where), "confidence": each.confidence, "evidence": dict(each.evidence)}
            for each in findings
        ],
        "reference": [_compared(phase, clamp_ma, values) for phase, clamp_ma in sorted(reference_ma.items())],
        "person": person,
        "time": iso(time_ms),
        "remark": remark,
    }
    return {**document, "sha256": digest(document)}


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the RFC 8785 form of everything but the hash itself."""
    return sha256(canonical({key: value for key, value in document.items() if key != "sha256"})).hexdigest()


def _compared(phase: str, clamp_ma: int, values: Mapping[str, int]) -> dict[str, str | None]:
    shown = values.get(f"current_{phase}")
    reference = outside_values({f"current_{phase}": clamp_ma})[f"current_{phase}"]
    if shown is None or not clamp_ma:
        return {"phase": phase, "reference": reference, "deviation_pct": None}
    thousandths = (2 * 100_000 * (abs(shown) - clamp_ma) + clamp_ma) // (2 * clamp_ma)
    sign = "-" if thousandths < 0 else ""
    return {"phase": phase, "reference": reference, "deviation_pct": f"{sign}{abs(thousandths) // 1000}.{abs(thousandths) % 1000:03d}"}
