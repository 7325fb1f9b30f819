"""`shiftwatt plan`: the block reads per meter, and whether each line keeps up with the interval."""

from typing import Any

from gateway.acquire.station import Station
from gateway.acquire.wants import ENERGY, POWER
from gateway.acquisition import station_specs
from gateway.site import LineTable, Site
from protocols.meter import Meter
from protocols.plan import Block, wire_us
from tools.commands.options import JsonOption, SiteOption, console, load, print_json, table

NAME = "plan"


def command(site: SiteOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """Show block reads per meter, the worst-case cycle and the utilisation of each line."""
    found, models = load(site)
    lines = [line_plan(found, models, line) for line in found.line]
    if as_json:
        print_json({"lines": lines})
        return
    for line in lines:
        _show(line)


def line_plan(site: Site, models: dict[str, Meter], line: LineTable) -> dict[str, Any]:
    """One line of `plan --json`; `energy_blocks` are read only at interval ends and shift changes."""
    stations = [Station(spec) for spec in station_specs(site, models, line)]
    meters = [_meter_plan(station) for station in stations]
    interval_ms = site.poll.interval_s * 1000
    least_ms = sum(_least_us(station, POWER) for station in stations) / 1000
    slow_ms = sum(_slow_us(station, POWER) for station in stations) / 1000
    energy_ms = sum(_slow_us(station, ENERGY) for station in stations) / 1000
    return {
        "line": line.name,
        "bits_per_second": stations[0].costs.bits_per_second if stations else line.baud,
        "meters": meters,
        "cycle_ms": round(slow_ms, 3),
        "least_cycle_ms": round(least_ms, 3),
        "energy_ms": round(energy_ms, 3),
        "interval_ms": interval_ms,
        "utilisation": round(least_ms / interval_ms, 6),
        "fits": slow_ms + energy_ms <= interval_ms,
    }


def _meter_plan(station: Station) -> dict[str, Any]:
    return {
        "meter": station.name,
        "blocks": [_block(block) for block in station.blocks(POWER)],
        "energy_blocks": [_block(block) for block in station.blocks(ENERGY)],
        "wire_ms": round(_least_us(station, POWER) / 1000, 3),
    }


def _block(block: Block) -> dict[str, int]:
    return {"function": block.function, "address": block.address, "count": block.count}


def _least_us(station: Station, pace: str) -> int:
    return sum(wire_us(block, station.costs) for block in station.blocks(pace))


def _slow_us(station: Station, pace: str) -> int:
    costs = station.costs._replace(turnaround_us=station.spec.meter.limits.turnaround_slow_ms * 1000)
    return sum(wire_us(block, costs) for block in station.blocks(pace))


def _show(line: dict[str, Any]) -> None:
    shown = table("meter", "power reads", "energy reads", "wire ms", numbers=("wire ms",), title=f"line {line['line']}")
    for meter in line["meters"]:
        shown.add_row(meter["meter"], _blocks_text(meter["blocks"]), _blocks_text(meter["energy_blocks"]), f"{meter['wire_ms']:.1f}")
    console().print(shown)
    verdict = "fits" if line["fits"] else "does not fit: raise the baud rate, lengthen the interval or move meters to another line"
    print(
        f"cycle {line['least_cycle_ms'] / 1000:.2f} s, at worst {line['cycle_ms'] / 1000:.2f} s and {line['energy_ms'] / 1000:.2f} s "
        f"more at interval ends, of {line['interval_ms'] / 1000:g} s: {verdict}."
    )


def _blocks_text(blocks: list[dict[str, int]]) -> str:
    return ", ".join(f"{block['function']}:{block['address']}x{block['count']}" for block in blocks) or "-"
