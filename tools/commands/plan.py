"""`shiftwatt plan`: the block reads per meter, and whether each line keeps up with the interval."""

from collections.abc import Sequence
from typing import Any

import typer

from gateway.acquire.station import Station, change_us
from gateway.acquire.wants import ENERGY, POWER
from gateway.acquisition import station_specs
from gateway.admission import Verdict, admission, least_us
from gateway.site import LineTable, Site
from protocols.meter import Meter
from protocols.plan import Block
from tools.commands.options import JsonOption, SiteOption, console, load, print_json, table
from tools.exits import FAILED

NAME = "plan"


def command(site: SiteOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """Show block reads per meter, the worst-case cycle and the utilisation of each line. Exit status 1 if one cannot keep up."""
    found, models = load(site)
    verdicts = admission(found, models)
    lines = [line_plan(found, models, line, verdict) for line, verdict in zip(found.line, verdicts, strict=True)]
    if as_json:
        print_json({"lines": lines})
    elif not lines:
        print("This site has no line: there is nothing to plan.")
    else:
        for line, verdict in zip(lines, verdicts, strict=True):
            _show(line, verdict)
    if not all(verdict.keeps_up for verdict in verdicts):
        raise typer.Exit(FAILED)


def line_plan(site: Site, models: dict[str, Meter], line: LineTable, verdict: Verdict) -> dict[str, Any]:
    """One line of `plan --json`; `energy_blocks` are read only at interval ends and shift changes."""
    stations = [Station(spec) for spec in station_specs(site, models, line)]
    return {
        "line": line.name,
        "bits_per_second": verdict.bits_per_second,
        "meters": [_meter_plan(station, stations) for station in stations],
        "cycle_ms": round(verdict.cycle_ms, 3),
        "least_cycle_ms": round(verdict.least_cycle_ms, 3),
        "energy_ms": round(verdict.energy_ms, 3),
        "interval_ms": verdict.interval_ms,
        "utilisation": round(verdict.least_cycle_ms / verdict.interval_ms, 6),
        "fits": verdict.fits,
        "remedy": verdict.sentence or None,
    }


def _meter_plan(station: Station, stations: Sequence[Station]) -> dict[str, Any]:
    return {
        "meter": station.name,
        "blocks": [_block(block) for block in station.blocks(POWER)],
        "energy_blocks": [_block(block) for block in station.blocks(ENERGY)],
        "wire_ms": round((least_us(station, POWER) + change_us(station, stations)) / 1000, 3),
    }


def _block(block: Block) -> dict[str, int]:
    return {"function": block.function, "address": block.address, "count": block.count}


def _show(line: dict[str, Any], verdict: Verdict) -> None:
    shown = table("meter", "power reads", "energy reads", "wire ms", numbers=("wire ms",), title=f"line {line['line']}")
    for meter in line["meters"]:
        shown.add_row(meter["meter"], _blocks_text(meter["blocks"]), _blocks_text(meter["energy_blocks"]), f"{meter['wire_ms']:.1f}")
    console().print(shown)
    print(
        f"cycle {line['least_cycle_ms'] / 1000:.2f} s, at worst {line['cycle_ms'] / 1000:.2f} s and {line['energy_ms'] / 1000:.2f} s "
        f"more at interval ends, of {line['interval_ms'] / 1000:g} s: {'fits' if verdict.fits else 'does not fit'}."
    )
    if verdict.sentence:
        print(verdict.sentence)


def _blocks_text(blocks: list[dict[str, int]]) -> str:
    return ", ".join(f"{block['function']}:{block['address']}x{block['count']}" for block in blocks) or "-"
