"""Makes docs/reference/meters.md from the meter files.

`python -m tools.meter_reference` writes it; a test holds it current. What a file may say is `protocols.meter`'s matter.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from gateway import catalogue
from protocols.amount import UNITS
from protocols.meter import Limits, Meter, Probe, Serial, Source
from protocols.meter_settings import ADDRESS, Settings
from protocols.quantity import QUANTITIES

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "meters.md"
HEAD = """# Supported meters

Made from the meter files in `protocols/meters/` by `python -m tools.meter_reference`; `shiftwatt models` lists them on a gateway.
A meter that is not here is [added with a file of one's own](../how_to/add-a-meter.md).

How a file was proven:

| proof | what stands behind it |
|---|---|
| `bench` | read on the real meter and compared with a reference |
| `capture` | recorded traffic of the real meter |
| `datasheet` | the maker's document, and mostly an implementation that agrees |
| `two_sources` | two independent implementations or documents that agree |
| `unproven` | one source, or sources that leave a gap: compare every value with the display before it is used |

Within a file single values may be less sure than the rest: **medium** is two sources or the maker's document alone,
**unproven** is one source, or sources that disagree; compare these with the display, a clamp or the sum of the phases.
What no source gives is not filled in: it stands here as "not sourced".
"""
_SUFFIXES = ("_l1_n", "_l2_n", "_l3_n", "_l1_l2", "_l2_l3", "_l3_l1", "_l1", "_l2", "_l3", "_n")


def page_text() -> str:
    meters = sorted(catalogue.meters().values(), key=lambda meter: (meter.manufacturer.casefold(), meter.name))
    parts = [HEAD, "\n| model | maker | covers | proof | unproven values |\n|---|---|---|---|---|\n"]
    parts += [f"{_summary(meter)}\n" for meter in meters]
    for maker, each in groupby(meters, key=lambda meter: meter.manufacturer):
        parts.append(f"\n## {maker}\n")
        parts += ["\n" + "\n".join(_described(meter)) + "\n" for meter in each]
    parts.append("\n## Quantities\n\n| quantity | shown in | a file may say |\n|---|---|---|\n")
    return "".join(parts) + "".join(map(_measurable, _stems(tuple(QUANTITIES)).items()))


def _summary(meter: Meter) -> str:
    unproven = len(_of_confidence(meter, "low"))
    covers = ", ".join(meter.covers)
    return f"| [`{meter.name}`](#{meter.name}) | {meter.manufacturer} | {covers} | `{meter.proof}` | {unproven or 'none'} |"


def _described(meter: Meter) -> Iterator[str]:
    yield f"### `{meter.name}`\n"
    yield f"- covers: {', '.join(meter.covers)}"
    yield f"- proof: `{meter.proof}`"
    yield f"- from the factory: {_serial(meter.serial)}"
    yield f"- requests: {_limits(meter.limits)}"
    yield f"- identified by: {_identified(meter.identification)}"
    yield f"- set over the line: {_set(meter.settings)}"
    yield f"- measures: {_grouped(meter.quantities)}"
    for confidence, word in (("medium", "medium"), ("low", "**unproven**")):
        if found := _of_confidence(meter, confidence):
            yield f"- {word}: {'every value' if len(found) == len(meter.quantities) else _grouped(found)}"
    yield f"- sources: {'; '.join(map(_source, meter.sources))}"
    if meter.notes:
        yield "\n" + "\n".join(meter.notes)


def _of_confidence(meter: Meter, confidence: str) -> tuple[str, ...]:
    return tuple(quantity for quantity in meter.quantities if meter.confidence.get(quantity) == confidence)


def _serial(serial: Serial) -> str:
    framing = f"8{serial.parity or '?'}{serial.stop_bits or '?'}" if serial.parity or serial.stop_bits else ""
    known = [f"{serial.baud} baud" if serial.baud else "", framing, f"address {serial.address}" if serial.address else ""]
    return ", ".join(each for each in known if each) or "not sourced"


def _limits(limits: Limits) -> str:
    gaps = ((limits.gap_ms, "before each"), (limits.change_gap_ms, "after a change of address"))
    return ", ".join([f"at most {limits.registers_max} registers", *(f"{ms} ms {when}" for ms, when in gaps if ms)])


def _identified(probes: Sequence[Probe]) -> str:
    return "; ".join(map(_probe, probes)) or "nothing that is sourced"


def _probe(probe: Probe) -> str:
    wanted = ", ".join([*(f"`{begin}`" for begin in probe.begins), *map(_number, probe.equals)])
    registers = "register" if probe.count == 1 else "registers"
    note = f" ({probe.note})" if probe.note else ""
    return f"function {probe.function}, {probe.count} {registers} from 0x{probe.address:04X}: {wanted}{note}"


def _number(number: int) -> str:
    return str(number) if number < 0x10000 else f"0x{number:X}"


def _set(settings: Settings | None) -> str:
    if settings is None:
        return "not sourced"
    parts = []
    for setting in settings.registers:
        values = f" ({', '.join(setting.codes)})" if setting.codes and setting.sets != ADDRESS else ""
        parts.append(f"{setting.sets.replace('_', ' ')}{values} at 0x{setting.row.address:04X}")
    by_hand = f"; first: {settings.by_hand.rstrip('.')}" if settings.by_hand else ""
    power_cycle = "; holds after the supply was switched off and on" if settings.power_cycle else ""
    return "; ".join(parts) + by_hand + power_cycle


def _measurable(family: tuple[str, list[str]]) -> str:
    stem, suffixes = family
    unit = QUANTITIES[stem + suffixes[0]].unit
    accepted = ", ".join(each or "none" for each in UNITS[unit])
    return f"| `{stem}{' '.join(suffixes)}` | {unit or 'none'} | {accepted} |\n"


def _grouped(quantities: Sequence[str]) -> str:
    """`voltage_l1_n _l2_n _l3_n`: each stem once, with its suffixes."""
    return ", ".join(f"`{stem}{' '.join(suffixes)}`" for stem, suffixes in _stems(quantities).items())


def _stems(quantities: Sequence[str]) -> dict[str, list[str]]:
    stems: dict[str, list[str]] = {}
    for quantity in (each for each in QUANTITIES if each in quantities):
        suffix = next((each for each in _SUFFIXES if quantity.endswith(each)), "")
        stems.setdefault(quantity.removesuffix(suffix), []).append(suffix)
    return stems


def _source(source: Source) -> str:
    return ", ".join(each for each in (source.document, source.revision and f"revision {source.revision}", source.date) if each)


def main() -> None:
    PAGE.write_text(page_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
