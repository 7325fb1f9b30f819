"""The wiring doctor where the trials do not look: missing values, neutral, idle phases, and what it says."""

from gateway.commissioning.finding import CERTAIN, LIKELY, UNTOLD
from gateway.commissioning.wiring import wiring
from gateway.language import language_of

NOMINAL_MV = 230_000


def _values(**changes: int) -> dict[str, int]:
    """A balanced motor load of 6.9 kW."""
    healthy: dict[str, int] = {}
    for phase in ("l1", "l2", "l3"):
        healthy |= {
            f"voltage_{phase}_n": 230_000,
            f"current_{phase}": 12_500,
            f"active_power_{phase}": 2_300_000,
            f"reactive_power_{phase}": 1_725_000,
        }
    return {**healthy, **changes}


def test_reversed_transformer_is_named_with_its_numbers() -> None:
    """The sentence says which phase and what to do, the grounds show the angles."""
    found = wiring(_values(active_power_l2=-2_300_000, reactive_power_l2=-1_725_000), "load", NOMINAL_MV)

    assert [(each.kind, each.where, each.confidence) for each in found] == [("ct_reversed", ("L2",), CERTAIN)]
    assert "L2 is mounted backwards" in found[0].sentence(language_of("en"))
    assert "L1 37°, L2 -143°, L3 37°" in found[0].grounds(language_of("en"))


def test_chinese_sentence_names_the_same_phase() -> None:
    """The finding is said in the language of who looks."""
    found = wiring(_values(active_power_l2=-2_300_000, reactive_power_l2=-1_725_000), "load", NOMINAL_MV)

    assert "L2 的电流互感器装反了" in found[0].sentence(language_of("zh"))


def test_idle_phase_is_left_unjudged() -> None:
    """A phase without load says nothing of its transformer; the others are judged."""
    found = wiring(_values(current_l3=20, active_power_l3=0, reactive_power_l3=0), "load", NOMINAL_MV)

    assert [(each.kind, each.where) for each in found] == [("wiring_right", ()), ("no_load", ("L3",))]


def test_nothing_is_said_of_the_angles_of_a_dead_meter() -> None:
    """Without any load only that is said."""
    idle = {name: 0 for name in _values() if not name.startswith("voltage")}

    found = wiring(_values(**idle), "load", NOMINAL_MV)

    assert [(each.kind, each.confidence) for each in found] == [("no_load", UNTOLD)]


def test_wandering_star_point_is_the_neutral() -> None:
    """One phase high and one low is no missing tap."""
    found = wiring(_values(voltage_l1_n=275_000, voltage_l2_n=190_000), "load", NOMINAL_MV)

    assert found[0].kind == "neutral_missing"


def test_line_voltage_on_a_phase_input_is_named() -> None:
    """400 V where 230 V belong."""
    assert wiring(_values(voltage_l3_n=398_000), "load", NOMINAL_MV)[0].kind == "line_voltage"


def test_single_phase_meter_can_be_reversed() -> None:
    """With one phase there is nothing to exchange, but a direction."""
    values = {"voltage_l1_n": 230_000, "current_l1": 5_000, "active_power_l1": -1_150_000, "reactive_power_l1": 0}

    found = wiring(values, "load", NOMINAL_MV)

    assert [(each.kind, each.where, each.confidence) for each in found] == [("ct_reversed", ("L1",), LIKELY)]


def test_feeding_main_meter_asks_whether_that_can_be() -> None:
    """All transformers reversed and real export look alike: both are said."""
    export = {name: -value for name, value in _values().items() if "power" in name}

    found = wiring(_values(**export), "import", NOMINAL_MV)

    assert [(each.kind, each.confidence) for each in found] == [("wiring_right", LIKELY), ("direction_untold", UNTOLD)]


def test_unknown_voltage_is_no_missing_tap() -> None:
    """A meter that does not tell its voltages is judged by its powers."""
    values = {name: value for name, value in _values().items() if not name.startswith("voltage")}

    assert [each.kind for each in wiring(values, "load", NOMINAL_MV)] == ["wiring_right"]


def test_meter_without_reactive_power_names_the_pair() -> None:
    """Without lead and lag an exchange of taps is the mirror image of one of transformers."""
    values = {
        "voltage_l1_n": 230_000, "voltage_l2_n": 230_000, "voltage_l3_n": 230_000,
        "current_l1": 10_000, "current_l2": 10_000, "current_l3": 10_000,
        "active_power_l1": -1_150_000, "active_power_l2": -1_150_000, "active_power_l3": 2_300_000,
    }  # fmt: skip

    assert [(each.kind, each.where) for each in wiring(values, "load", NOMINAL_MV)] == [("pair_exchanged", ("L1", "L2"))]
