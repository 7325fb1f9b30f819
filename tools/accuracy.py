"""`python -m tools.accuracy [--json]`: the table of limits and achieved errors, which docs/reference/accuracy.md keeps.

Exit status 1 if the sampled path keeps less than a third of a limit as margin; the on-chip converter is shown, not judged.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.progress import track

from firmware.front_ends.i2s_adc import RATE_HZ
from tools.accuracy_bench import (
    I2S_PHASES,
    ONCHIP_BEND,
    ONCHIP_NOISE_COUNTS,
    ONCHIP_PHASES,
    ONCHIP_READ_US,
    SEED,
    WINDOWS,
    I2sPath,
    OnchipPath,
    Path,
)
from tools.accuracy_points import NOMINAL_HZ, NOMINAL_V, POWER_FACTORS, MeterClass, Point, points
from tools.exits import DONE, FAILED

MARGIN_SHARE = 1 / 3  # a real sensor and resistor tolerances need room, too


@dataclass(frozen=True)
class Result:
    point: Point
    error_percent: float
    onchip_percent: float | None

    @property
    def margin_percent(self) -> float:
        return self.point.limit_percent - abs(self.error_percent)

    @property
    def holds(self) -> bool:
        return self.margin_percent >= self.point.limit_percent * MARGIN_SHARE


def run(chosen: tuple[Point, ...]) -> Iterator[Result]:
    measured, indicative = I2sPath(), OnchipPath()
    for point in chosen:
        yield Result(point, _error(measured, point), None if point.i2s_only else _error(indicative, point))


def _error(path: Path, point: Point) -> float:
    error = path.error_percent(point.meter_class, point.signal)
    return error if point.reference is None else error - path.error_percent(point.meter_class, point.reference)


def document(results: list[Result]) -> str:
    """Markdown that also reads well on a terminal."""
    return "\n".join([*_head(results), *(line for meter_class in _classes(results) for line in _table(meter_class, results))])


def _classes(results: list[Result]) -> list[MeterClass]:
    return list(dict.fromkeys(result.point.meter_class for result in results))


def _head(results: list[Result]) -> list[str]:
    failed = sum(not result.holds for result in results)
    beyond = sum(result.onchip_percent is not None and abs(result.onchip_percent) > result.point.limit_percent for result in results)
    verdict = f"{failed} points keep less than a third of their limit" if failed else "every point keeps at least a third of its limit"
    return [
        "# Accuracy of the sampled path (pre-compliance)",
        "",
        "Output of `python -m tools.accuracy`; run it again after any change to the metrology.",
        "This is a pre-compliance check by simulation: no hardware, sensor, temperature or laboratory took part, and it certifies nothing.",
        "",
        "Synthetic waveforms go through the firmware itself: front end, the kernels' model, windows, calibration, quantities.",
        f"`i2s_adc`: {I2S_PHASES} phases at {RATE_HZ // 1000} kS/s, ideal sensors, 16 bits with 1 count RMS of Gaussian noise.",
        f"`onchip_adc`: {ONCHIP_PHASES} phases, bursts of ten cycles, 12 bits with {ONCHIP_NOISE_COUNTS} counts RMS of noise,",
        f"a read every {ONCHIP_READ_US} us, {ONCHIP_BEND:.1%} bend at full scale, calibrated with one known load;",
        "indicative, so it is shown but not judged; at small currents its figure is one draw of its noise.",
        f"Reference: {NOMINAL_V} V, {NOMINAL_HZ} Hz, {WINDOWS} windows or bursts per point, seed {SEED}.",
        "Limits: the tables of percentage error limits and of influence quantities in the standards named.",
        "The text of the 2020 editions was not at hand: those of class 1 for influence quantities and for one loaded phase were compared",
        "with a published excerpt of the edition before, the others were not compared with any text; check them against your own copy.",
        "Looked for again in public sources on 2026-11-22: of the 2020 editions only scope and contents are open (62053-22: table 3",
        "has the error limits of balanced and single-phase loads together, table 4 the influence quantities), no figures.",
        "Directive 2014/32/EU, annex V, is open: its limits at 5 to 30 degrees for classes B (2 %) and C (0.7 %) are wider than these.",
        "For an influence quantity the error is the variation from the error at reference conditions.",
        "Margin is the limit less the error of `i2s_adc`.",
        "",
        f"Result: {verdict} with `i2s_adc`; `onchip_adc` is outside the limit at {beyond} points.",
    ]


def _table(meter_class: MeterClass, results: list[Result]) -> list[str]:
    name = meter_class.current_name
    head = "| test | current | power factor | limit % | i2s_adc % | margin % | onchip_adc % (indicative) |"
    return [
        "",
        f"## Class {meter_class.name}: {meter_class.standard}, {name} = {meter_class.current_a} A, Imax = {meter_class.current_max_a} A",
        "",
        head,
        "|---|---|---|---|---|---|---|",
        *(_row(result) for result in results if result.point.meter_class is meter_class),
    ]


def _row(result: Result) -> str:
    point = result.point
    onchip = "-" if result.onchip_percent is None else _signed(result.onchip_percent, 3)
    failure = "" if result.holds else " **too large**"
    current = f"{point.signal.current:g} {point.meter_class.current_name}"
    return (
        f"| {point.group} | {current} | {POWER_FACTORS[point.signal.lag]} | {point.limit_percent:.1f} "
        f"| {_signed(result.error_percent, 4)}{failure} | {result.margin_percent:.4f} | {onchip} |"
    )


def _signed(value: float, decimals: int) -> str:
    return f"{round(value, decimals) + 0.0:+.{decimals}f}"  # adding nothing turns -0 into 0


def as_json(results: list[Result]) -> str:
    rows = [
        {
            **asdict(result.point),
            "error_percent": round(result.error_percent, 4),
            "margin_percent": round(result.margin_percent, 4),
            "holds": result.holds,
            "onchip_percent": None if result.onchip_percent is None else round(result.onchip_percent, 3),
        }
        for result in results
    ]
    return json.dumps({"status": "pre-compliance", "holds": all(result.holds for result in results), "points": rows}, indent=1)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.accuracy", description="Pre-compliance accuracy of the sampled path.")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args(arguments)
    chosen = points()
    console = Console(stderr=True)
    results = list(track(run(chosen), "Measuring", total=len(chosen), console=console, disable=not sys.stderr.isatty()))
    print(as_json(results) if options.json else document(results))
    return DONE if all(result.holds for result in results) else FAILED


if __name__ == "__main__":
    raise SystemExit(main())
