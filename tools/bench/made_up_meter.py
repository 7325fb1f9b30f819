"""A meter that nobody makes, for lines whose wires and not whose meters are measured."""

from collections.abc import Sequence
from typing import Any

from protocols.meter import Meter, meter_from_document

MODEL = "made-up"


def made_up(
    rows: Sequence[dict[str, Any]], registers_max: int, turnaround_ms: int, slow_ms: int, timeout_ms_max: int, name: str = MODEL
) -> Meter:
    """`rows` as in a meter file, of 32 bits each."""
    limits = {
        "registers_max": registers_max,
        "turnaround_ms": turnaround_ms,
        "turnaround_slow_ms": slow_ms,
        "timeout_ms_max": timeout_ms_max,
    }
    document: dict[str, Any] = {
        "name": name,
        "manufacturer": "none",
        "covers": ["none"],
        "proof": "unproven",
        "sources": [{"document": "made up for this measurement"}],
        "serial": {},
        "limits": limits,
        "registers": {"function": 3, "type": "uint32", "rows": list(rows)},
    }
    return meter_from_document(document, "made up")
