"""The acceptance sheet: what it holds, and that its hash shows a change."""

from gateway.commissioning.acceptance import digest, sheet
from gateway.commissioning.finding import CERTAIN, Finding


def _sheet() -> dict[str, object]:
    return sheet(
        site="works",
        meter={"name": "press-1", "address": 7},
        identity={"serial_number": "123"},
        values={"current_l1": 40_400, "voltage_l1_n": 230_100},
        findings=[Finding("wiring_right", (), CERTAIN)],
        reference_ma={"l1": 40_000, "l2": 39_000},
        person="Li Wei",
        time_ms=1_774_000_000_000,
    )


def test_reference_is_compared_exactly() -> None:
    """The deviation is in per cent of the reference; a phase the meter does not show has none."""
    assert _sheet()["reference"] == [
        {"phase": "l1", "reference": "40.000", "deviation_pct": "1.000"},
        {"phase": "l2", "reference": "39.000", "deviation_pct": None},
    ]


def test_hash_shows_a_change() -> None:
    """A sheet whose reading was edited no longer fits its hash."""
    found = _sheet()

    assert digest(found) == found["sha256"]
    assert digest({**found, "person": "somebody else"}) != found["sha256"]
