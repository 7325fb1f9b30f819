"""The keys that the contract of the commands names, as paths; nothing here runs anything."""

from typing import Any

READ_ENTRY = {"meter", "model", "line", "address", "ok", "reason", "time", "turnaround_ms", "values", "missing"}

_METER = (
    "meter",
    "quantity",
    "unit",
    "amount",
    "measured",
    "interpolated",
    "estimated",
    "adjustment",
    "missing_s",
    "first.time",
    "first.value",
)
_BALANCE = ("load_kwh", "import_kwh", "export_kwh", "generation_kwh", "self_consumption_kwh", "unmetered_kwh")
_CARBON = ("scope1_kg", "scope2_location_kg", "scope2_market_kg", "outside_kg", "uncertainty_95_pct", "worst_case_pct")
_LINE = ("line", "gases", "kg", "provisional")
_FACTOR = ("id", "year", "region", "value", "unit", "sha256", "fallbacks")
_PRODUCT = ("product", "units", "kwh_per_unit", "kg_per_unit")
_HEAD = (
    "date", "shift", "production_line", "start", "end", "elapsed_s", "version", "state", "known_at", "reasons",
    "complete", "estimated_share_pct", "time_zone_data", "sha256", "meters", "balance", "carbon", "products",
)  # fmt: skip

# Of a shift in which everything was measured and something was made.
FIGURE = {
    *_HEAD,
    *(f"meters.{key}" for key in (*_METER, "first", "last", "last.time", "last.value", "events")),
    *(f"balance.{key}" for key in _BALANCE),
    *(f"carbon.{key}" for key in (*_CARBON, "lines")),
    *(f"carbon.lines.{key}" for key in (*_LINE, "factor")),
    *(f"carbon.lines.factor.{key}" for key in _FACTOR),
    *(f"products.{key}" for key in _PRODUCT),
}

CSV_HEAD = (
    "date", "shift", "production_line", "start", "end", "version", "state",
    "meter", "quantity", "unit", "amount", "measured", "interpolated", "estimated", "adjustment", "missing_s",
    "scope1_kg", "scope2_location_kg", "scope2_market_kg", "complete",
)  # fmt: skip


def keys_of(document: Any, path: str = "") -> set[str]:
    """Every key of a JSON document as a path of keys; lists are looked through."""
    if isinstance(document, list):
        return {key for each in document for key in keys_of(each, path)}
    if not isinstance(document, dict):
        return set()
    paths = {f"{path}{key}" for key in document}
    return paths | {inner for key, each in document.items() for inner in keys_of(each, f"{path}{key}.")}
