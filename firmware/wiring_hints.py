"""What an electrician should look at, from the values of one moment: as words of the pages with their phases. Pure integers.

A phase without voltage, one current transformer the wrong way round, currents that belong to other phases' voltages.
The order in which the voltages themselves follow one another is not measured here, so nothing is said of it.
"""

PRESENT_MV = 100_000  # below it a phase of the mains counts as not connected
LOADED_MW = 20_000  # below it the angle of a phase says nothing
# Which phase's voltage really belongs to each current, and the word for it.
_ORDERS = (
    ((1, 0, 2), "swapped", (1, 2)),
    ((0, 2, 1), "swapped", (2, 3)),
    ((2, 1, 0), "swapped", (1, 3)),
    ((1, 2, 0), "shifted", ()),
    ((2, 0, 1), "shifted", ()),
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def hints(phases: int, values: "Mapping[str, int | None]") -> "list[tuple[str, tuple[int, ...]]]":
    """The gateway's wiring check sees more, as it sees for longer."""
    numbers = range(1, phases + 1)
    found: list[tuple[str, tuple[int, ...]]] = []
    for phase in numbers:
        voltage = values.get("voltage_l%d_n" % phase)
        if voltage is not None and voltage < PRESENT_MV:
            found.append(("no_voltage", (phase,)))
    mixed = _mixed(phases, values)
    if mixed is not None:
        found.append(mixed)
        return found
    powers = [values.get("active_power_l%d" % phase) or 0 for phase in numbers]
    if any(power > 0 for power in powers):
        found += [("reversed", (phase,)) for phase in numbers if powers[phase - 1] < 0]
    return found


def _mixed(phases: int, values: "Mapping[str, int | None]") -> "tuple[str, tuple[int, ...]] | None":
    """The one other order in which all three phases would look like loads, if they do not as they are."""
    if phases != 3:
        return None
    powers = []
    for phase in (1, 2, 3):
        active, reactive = values.get("active_power_l%d" % phase), values.get("reactive_power_l%d" % phase)
        if active is None or reactive is None or abs(active) + abs(reactive) < LOADED_MW:
            return None
        powers.append((active, reactive))
    if all(_like_a_load(*power) for power in powers):
        return None
    fitting = [
        (word, named)
        for order, word, named in _ORDERS
        if all(_like_a_load(*_turned(*powers[phase], order[phase] - phase)) for phase in range(3))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _like_a_load(active: int, reactive: int) -> bool:
    """Taking power, with a power factor of about 0.7 or better."""
    return active > 0 and abs(reactive) <= active


def _turned(active: int, reactive: int, thirds: int) -> "tuple[int, int]":
    """The power with a voltage so many thirds of a turn later in the order of phases."""
    thirds %= 3
    if thirds == 0:
        return active, reactive
    sign = 1 if thirds == 1 else -1
    # Half and the sine of 120 degrees, in thousandths.
    return (-500 * active + sign * 866 * reactive) // 1000, (-500 * reactive - sign * 866 * active) // 1000
