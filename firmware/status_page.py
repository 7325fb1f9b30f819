"""What the meter's own page shows: values, how far to trust them, and what an electrician should look at. Text only.

How it is asked for is `http_port`'s matter.
"""

from firmware.front_ends.front_end import INDICATIVE, SYNTHETIC

PRESENT_MV = 100_000  # below it a phase of the mains counts as not connected
_WARNINGS = {INDICATIVE: "Indicative only: not for billing.", SYNTHETIC: "Test signal: these are no measured values."}
# Quantity, what stands for it, unit, thousandths of the inner unit in one shown step, decimals.
_ROWS = (
    ("active_power", "power", "kW", 1_000, 3),
    ("reactive_power", "reactive power", "kvar", 1_000, 3),
    ("power_factor", "power factor", "", 1, 3),
    ("frequency", "frequency", "Hz", 10, 2),
    ("active_energy_import", "energy taken", "kWh", 10_000, 2),
    ("active_energy_export", "energy given back", "kWh", 10_000, 2),
)
_PHASE_ROWS = (
    ("voltage_l%d_n", "voltage L%d", "V", 100, 1),
    ("current_l%d", "current L%d", "A", 10, 2),
    ("active_power_l%d", "power L%d", "kW", 1_000, 3),
)
_HEAD = (
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
    "<meta http-equiv=refresh content=5><title>%s</title>"
    "<style>body{font:16px sans-serif;margin:1em}td{padding:.1em .8em}td+td{text-align:right}b{color:#a30}</style><h1>%s</h1>"
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def page(title: str, trust: int, phases: int, values: "Mapping[str, int | None]", quality: "tuple[tuple[str, str], ...]") -> str:
    """`quality`: names and texts, ready to show."""
    parts = [_HEAD % (_safe(title), _safe(title))]
    if trust in _WARNINGS:
        parts.append("<p><b>%s</b>" % _WARNINGS[trust])
    parts += ["<p><b>%s</b>" % hint for hint in hints(phases, values)]
    parts.append("<table>")
    for name, label, unit, step, decimals in _ROWS:
        parts.append(_row(label, shown(values.get(name), step, decimals), unit))
    for phase in range(1, phases + 1):
        for name, label, unit, step, decimals in _PHASE_ROWS:
            parts.append(_row(label % phase, shown(values.get(name % phase), step, decimals), unit))
    for label, text in quality:
        parts.append(_row(label, text, ""))
    parts.append("</table>")
    return "".join(parts)


def hints(phases: int, values: "Mapping[str, int | None]") -> "list[str]":
    """Only what the values of one moment can tell; the gateway's wiring check sees more."""
    found = []
    powers = [values.get("active_power_l%d" % phase) or 0 for phase in range(1, phases + 1)]
    for phase, power in enumerate(powers, 1):
        voltage = values.get("voltage_l%d_n" % phase)
        if voltage is not None and voltage < PRESENT_MV:
            found.append("L%d has no voltage: check its fuse and its voltage tap." % phase)
        if power < 0 < sum([1 for other in powers if other > 0]):
            found.append("L%d gives power back while another phase takes it: is its current transformer the wrong way round?" % phase)
    return found


def shown(value: "int | None", step: int, decimals: int) -> str:
    """The value in steps of the last decimal; a dash where nothing was measured."""
    if value is None:
        return "-"
    steps = (abs(value) + step // 2) // step
    whole, rest = divmod(steps, 10**decimals)
    return "%s%d.%0*d" % ("-" if value < 0 and steps else "", whole, decimals, rest)


def _row(label: str, text: str, unit: str) -> str:
    return "<tr><td>%s<td>%s %s" % (label, text, unit)


def _safe(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")
