"""What physics says of the values a register map yields: which relations hold, which do not. Pure, integers in thousandths.

A wrong word order, scale or map does not give a voltage near nominal, nor a power that is U x I x PF.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

# Voltages a meter may be wired to; the site's own comes first where it is known.
NOMINALS_V = (230, 120, 400, 277, 240, 220, 110, 100, 127, 690, 58)
VOLTAGE_PERCENT = 15  # supply standards allow 10; a weak line sags further
FREQUENCIES_MHZ = ((47_000, 53_000), (57_000, 63_000))
POWER_PERCENT = 6  # U, I, PF and P of one meter are read within a second of each other, and the load moves
# Below this the last digits of the current decide: no relation is judged.
POWER_MW_MIN = 20_000
_PHASES = ("_l1", "_l2", "_l3")
_FULL = 1_000  # a power factor of 1

Values = Mapping[str, int]


class Verdict(NamedTuple):
    """Sentences of what holds and what does not; `strong` if more was tested than a single level."""

    holds: tuple[str, ...]
    fails: tuple[str, ...]
    strong: bool

    @property
    def score(self) -> int:
        """More than 0 where the values may be real."""
        return 0 if self.fails or not self.holds else len(self.holds) + 2 * self.strong


def judged(values: Values, nominal_v: int | None = None) -> Verdict:
    tests = [*_voltages(values, nominal_v), *_frequency(values), *_factors(values), *_powers(values), *_sums(values)]
    fails = tuple(sentence for good, sentence, _ in tests if not good)
    holds = tuple(dict.fromkeys(sentence.partition(" on L")[0] if not fails else sentence for good, sentence, _ in tests if good))
    return Verdict(holds, fails, any(strong and good for good, _, strong in tests))


def near_nominal(millivolts: int, nominal_v: int | None = None) -> int | None:
    """The nominal voltage that a value is near to."""
    nominals = NOMINALS_V if nominal_v is None else (nominal_v, *NOMINALS_V)
    return next((each for each in nominals if abs(millivolts - 1_000 * each) * 100 <= 1_000 * each * VOLTAGE_PERCENT), None)


_Test = tuple[bool, str, bool]  # holds, sentence, strong


def _voltages(values: Values, nominal_v: int | None) -> Iterator[_Test]:
    phases = [values[name] for name in (f"voltage{each}_n" for each in _PHASES) if values.get(name)]
    for millivolts in phases[:1]:
        near = near_nominal(millivolts, nominal_v)
        volts = f"the voltage {millivolts // 1_000}.{millivolts % 1_000 // 100} V"
        told = f"{volts} is near {near} V" if near else f"{volts} is none of a supply" if millivolts >= 0 else "the voltage is negative"
        yield near is not None, told, False


def _frequency(values: Values) -> Iterator[_Test]:
    if "frequency" in values:
        hertz = values["frequency"]
        yield any(low <= hertz <= high for low, high in FREQUENCIES_MHZ), f"the frequency is {hertz / 1_000:.2f} Hz", False


def _factors(values: Values) -> Iterator[_Test]:
    for name in ("power_factor", *(f"power_factor{each}" for each in _PHASES)):
        if abs(values.get(name, 0)) > _FULL:
            yield False, f"the {_words(name)} is beyond 1", False


def _powers(values: Values) -> Iterator[_Test]:
    """P = U x I x PF on each phase, or P <= U x I where no power factor is read."""
    for phase in _PHASES:
        single = phase == "_l1" and "voltage_l2_n" not in values
        volts, amps = values.get(f"voltage{phase}_n"), values.get(f"current{phase}")
        watts = values.get(f"active_power{phase}", values.get("active_power") if single else None)
        factor = values.get(f"power_factor{phase}", values.get("power_factor") if single else None)
        if volts is None or amps is None or watts is None or abs(volts * amps) // 1_000 < POWER_MW_MIN:
            continue
        apparent = abs(volts * amps) // 1_000
        if factor is None:
            good = abs(watts) * 100 <= apparent * (100 + POWER_PERCENT)
            yield good, f"P is {'at most' if good else 'more than'} U x I{_on(phase)}", True
        else:
            due = apparent * abs(factor) // _FULL
            good = abs(abs(watts) - due) * 100 <= apparent * POWER_PERCENT
            yield good, f"P {'=' if good else 'is not'} U x I x PF{_on(phase)}", True


def _words(quantity: str) -> str:
    """power_factor_l1 -> "power factor L1"."""
    name, joint, phase = quantity.partition("_l")
    return name.replace("_", " ") + (f" L{phase}" if joint else "")


def _on(phase: str) -> str:
    return f" on {phase.removeprefix('_').upper()}"


def _sums(values: Values) -> Iterator[_Test]:
    for stem in ("active_power", "apparent_power"):
        parts = [values[stem + phase] for phase in _PHASES if stem + phase in values]
        total = values.get(stem)
        if len(parts) == len(_PHASES) and total is not None and abs(total) >= POWER_MW_MIN:
            good = abs(sum(parts) - total) * 100 <= max(abs(total), *map(abs, parts)) * POWER_PERCENT
            yield good, f"the phases of the {stem.replace('_', ' ')} {'add' if good else 'do not add'} up to its total", True
