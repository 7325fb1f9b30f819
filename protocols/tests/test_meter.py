"""What a meter file may say, and that every mistake in one is told at its place."""

from typing import Any

import pytest

from protocols.errors import OurMistake
from protocols.meter import (
    REGISTERS_MAX,
    TIMEOUT_MS_MAX,
    TURNAROUND_MS,
    TURNAROUND_SLOW_MS,
    Limits,
    Probe,
    Serial,
    Source,
    matches,
    meter_from_document,
    rebased,
)
from protocols.plan import Hole, plan, rtu_costs
from protocols.register import new_row


def document(**changes: Any) -> dict[str, Any]:
    return {
        "name": "maker-one",
        "manufacturer": "Maker",
        "covers": ["One"],
        "proof": "datasheet",
        "sources": [{"document": "Manual", "revision": "2", "date": "2020-01-01"}],
        "registers": {"type": "float32", "rows": [{"address": 0, "quantity": "voltage_l1_n", "unit": "V"}]},
        **changes,
    }


def registers(*rows: dict[str, Any], **table: Any) -> dict[str, Any]:
    return document(registers={"rows": list(rows), **table})


def test_a_short_file_is_filled_with_the_defaults() -> None:
    """What no source gives is None, or a constant that has its reason."""
    meter = meter_from_document(document(), "one.toml")

    assert meter.sources == (Source("Manual", "2", "2020-01-01"),)
    assert meter.serial == Serial(None, None, None, None)
    assert meter.limits == Limits(REGISTERS_MAX, 0, 0, TURNAROUND_MS, TURNAROUND_SLOW_MS, TIMEOUT_MS_MAX)
    assert meter.rows == (new_row("voltage_l1_n", 3, 0, "float32", exponent=3),)
    assert (meter.language, meter.notes, meter.identification, meter.confidence, meter.ratios) == ("modbus", (), (), {}, ())
    assert meter.settings is None


def test_everything_a_file_can_say_about_a_meter() -> None:
    """Serial settings, limits and probes are taken as they stand."""
    meter = meter_from_document(
        document(
            language="sunspec",
            serial={"baud": 9600, "parity": "E", "stop_bits": 1, "address": 2},
            limits={
                "registers_max": 60,
                "gap_ms": 5,
                "change_gap_ms": 100,
                "turnaround_ms": 20,
                "turnaround_slow_ms": 90,
                "timeout_ms_max": 700,
            },
            identification=[
                {"function": 3, "address": 49, "count": 20, "begins": "iEM"},
                {"function": 4, "address": 11, "equals": [341, 345]},
            ],
        ),
        "one.toml",
    )

    assert meter.serial == Serial(9600, "E", 1, 2)
    assert meter.limits == Limits(60, 5, 100, 20, 90, 700)
    assert meter.identification == (Probe(3, 49, 20, (), ("iEM",), ""), Probe(4, 11, 1, (341, 345), (), ""))


@pytest.mark.parametrize(
    ("quantity", "unit", "scale", "mantissa", "exponent"),
    [
        ("voltage_l1_n", "V", "0.1", 1, 2),
        ("active_power", "kW", "1", 1, 6),
        ("active_power", "W", "0.01", 1, 1),
        ("active_energy_import", "kWh", "0.01", 1, 4),
        ("active_energy_import", "Wh", "0.0001", 1, -1),
        ("heat", "kWh", "0.1", 36, 1),
        ("power_factor", "", "0.01", 1, 1),
        ("frequency", "Hz", "0.025", 25, 0),
    ],
)
def test_unit_and_scale_are_folded_into_integers(quantity: str, unit: str, scale: str, mantissa: int, exponent: int) -> None:
    """The file's unit and scale become a mantissa and a power of ten of inner thousandths."""
    meter = meter_from_document(registers({"address": 1, "quantity": quantity, "unit": unit, "scale": scale, "type": "uint32"}), "f")

    assert (meter.rows[0].mantissa, meter.rows[0].exponent) == (mantissa, exponent)


def test_rows_lean_on_helpers_and_inherit_from_their_table() -> None:
    """Base, function, orders and missing patterns come from the table; helpers are found by name."""
    meter = meter_from_document(
        registers(
            {"address": 2, "quantity": "current_l1", "unit": "A", "power_of_ten": "sf", "times": ["ct"], "confidence": "medium"},
            {"address": 4, "quantity": "active_energy_import", "unit": "kWh", "type": "uint32", "plus": ["rest"], "alone": True},
            {"address": 9, "quantity": "power_factor", "function": 3, "missing": "7FFF", "coding": "four_quadrant"},
            base=100,
            function=4,
            type="int16",
            word_order="little",
            byte_order="little",
            missing={"int16": "8000"},
            helpers=[
                {"name": "sf", "address": 3},
                {"name": "ct", "address": 0, "type": "uint16"},
                {"name": "rest", "address": 6, "type": "uint16", "quantity": "active_energy_import", "unit": "kWh", "scale": "0.0001"},
            ],
        ),
        "f",
    )
    sf = new_row("sf", 4, 103, "int16", "little", byte_order="little", missing=(0x8000,))
    ct = new_row("ct", 4, 100, "uint16", "little", byte_order="little")
    rest = new_row("rest", 4, 106, "uint16", "little", exponent=2, byte_order="little")

    assert meter.rows == (
        new_row("current_l1", 4, 102, "int16", "little", exponent=3, byte_order="little", missing=(0x8000,), scale=sf, ratios=(ct,)),
        new_row("active_energy_import", 4, 104, "uint32", "little", exponent=6, byte_order="little", plus=(rest,), alone=True),
        new_row("power_factor", 3, 109, "int16", "little", exponent=3, byte_order="little", missing=(0x7FFF,), coding="four_quadrant"),
    )
    assert meter.confidence == {"current_l1": "medium"}
    assert (meter.ratios, meter.base) == ((ct,), 100)


@pytest.mark.parametrize(
    ("probe", "words", "same"),
    [
        (Probe(3, 0xFC02, 1, (0x20,), (), ""), [0x20], True),
        (Probe(3, 0xFC02, 1, (0x20,), (), ""), [0x21], False),
        (Probe(3, 11, 2, (65_536, 7), (), ""), [1, 0], True),
        (Probe(3, 0x8960, 6, (), ("B23 ",), ""), [0x4232, 0x3320, 0x3131, 0, 0, 0], True),
        (Probe(3, 0x8960, 6, (), ("B23 ",), ""), [0x4232, 0x3420, 0x3131, 0, 0, 0], False),
        (Probe(3, 0x8960, 1, (7,), (), ""), [0], False),
        (Probe(3, 50058, 5, (), ("diris a-10", "diris a10"), ""), [0x4449, 0x5249, 0x5320, 0x4131, 0x3000], True),
    ],
)
def test_a_probe_tells_the_model_by_number_or_text(probe: Probe, words: list[int], same: bool) -> None:
    """One of the numbers, or the beginning of the text, names the model; nothing else does."""
    assert matches(probe, words) is same


def test_known_holes_are_given_to_the_plan() -> None:
    """A hole names its first and last address; the plan does not reach across it."""
    model = meter_from_document(
        registers(
            {"address": 29, "quantity": "voltage_l1_n", "unit": "V"},
            {"address": 49, "quantity": "voltage_l2_n", "unit": "V"},
            base=1000,
            type="uint32",
            holes=[{"first": 31, "last": 48}],
        ),
        "f",
    )
    blocks = plan(model.rows, rtu_costs(9600, "N", 1, 40_000, 0, 60), model.holes)

    assert model.holes == (Hole(3, 1031, 1049),)
    assert [(block.address, block.count) for block in blocks] == [(1029, 2), (1049, 2)]
    assert rebased(model, 0).holes == (Hole(3, 31, 49),)


def test_a_sunspec_meter_moves_to_where_its_model_was_found() -> None:
    """Rows and the registers they lean on move together."""
    found = registers(
        {"address": 2, "quantity": "current_l1", "unit": "A", "power_of_ten": "sf"},
        base=40070,
        type="int16",
        helpers=[{"name": "sf", "address": 6}],
    )
    moved = rebased(meter_from_document(found, "f"), 40069)

    sf = new_row("sf", 3, 40075, "int16")
    assert moved.rows == (new_row("current_l1", 3, 40071, "int16", exponent=3, scale=sf),)
    assert moved.base == 40069


ROW = {"address": 0, "quantity": "voltage_l1_n", "unit": "V", "type": "uint16"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (document(name=5), "one.toml: name: must be text, not 5"),
        (document(proof="guess"), "one.toml: proof: 'guess' is not one of datasheet, two_sources"),
        (document(colour="red"), "one.toml: colour: is not a key known here"),
        (document(sources=[]), "one.toml: sources: name at least one source"),
        (document(sources=[{"revision": "1"}]), "one.toml: sources[1].document: is missing"),
        (document(serial=3), "one.toml: serial: must be a table, not 3"),
        (document(serial={"baud": True}), "one.toml: serial.baud: must be a whole number from 300 to 921600, not True"),
        (document(serial={"parity": "even"}), "one.toml: serial.parity: 'even' is not one of N, E, O"),
        (document(limits={"registers_max": 126}), "one.toml: limits.registers_max: must be a whole number from 1 to 125"),
        (document(identification=[{"function": 3, "address": 0}]), "one.toml: identification[1].equals: say what is read there"),
        (document(covers="One"), "one.toml: covers: must be a list of texts"),
        (document(notes=[1]), "one.toml: notes: must be a list of texts"),
        (document(registers={"rows": {}}), "one.toml: registers.rows: must be a list of tables"),
        (registers(), "one.toml: registers.rows: a meter has at least one row"),
        (registers({**ROW, "quantity": "volts"}), "one.toml: registers.rows[1].quantity: 'volts' is not a quantity"),
        (registers(ROW, {**ROW, "address": 2}), "one.toml: registers.rows[2].quantity: voltage_l1_n stands in the file twice"),
        (registers({**ROW, "unit": "A"}), "one.toml: registers.rows[1].unit: 'A' does not fit voltage_l1_n; accepted: 'V'"),
        (registers({**ROW, "scale": "much"}), "one.toml: registers.rows[1].scale: must be a number, not 'much'"),
        (registers({**ROW, "scale": 0}), "one.toml: registers.rows[1].scale: must be greater than 0"),
        (registers({**ROW, "scale": "-0.1"}), "one.toml: registers.rows[1].scale: must be greater than 0"),
        (registers({**ROW, "type": "uint48"}), "one.toml: registers.rows[1].type: 'uint48' is not one of uint16"),
        (registers({"address": 0, "quantity": "voltage_l1_n", "unit": "V"}), "one.toml: registers.rows[1].type: is missing, here and in"),
        (registers({**ROW, "address": 0xFFFF, "type": "uint32"}), "one.toml: registers.rows[1].address: the register leaves the map"),
        (registers({**ROW, "times": ["ct"]}), "one.toml: registers.rows[1].times: 'ct' is not among the helpers: there are none"),
        (registers({**ROW, "times": 7}), "one.toml: registers.rows[1].times: must be the name of a helper or a list of names"),
        (registers({**ROW, "missing": "FFFFF"}), "one.toml: registers.rows[1].missing: must be 4 hexadecimal digits for uint16"),
        (
            registers(ROW, helpers=[{"name": "ct", "address": 6, "type": "uint16", "unit": "A"}]),
            "helpers[1].unit: a register without a quantity",
        ),
        (registers(ROW, missing={"uint99": "F"}), "one.toml: registers.missing.uint99: is not a key known here"),
        (registers({**ROW, "alone": "yes"}), "one.toml: registers.rows[1].alone: must be true or false"),
        (registers({**ROW, "confidence": "sure"}), "one.toml: registers.rows[1].confidence: 'sure' is not one of high, medium, low"),
    ],
)
def test_a_mistake_is_told_with_file_place_and_reason(wrong: dict[str, Any], sentence: str) -> None:
    """One wrong key gives one sentence that names file, row and key."""
    with pytest.raises(OurMistake) as mistake:
        meter_from_document(wrong, "one.toml")

    assert sentence in str(mistake.value)
    assert len(str(mistake.value).splitlines()) == 1


def test_all_mistakes_are_told_at_once() -> None:
    """A file with four mistakes is corrected in one go."""
    wrong = document(proof="guess", limits={"gap_ms": -1}, colour="red", registers={"rows": [{**ROW, "unit": "A"}]})

    with pytest.raises(OurMistake) as mistake:
        meter_from_document(wrong, "one.toml")

    assert len(str(mistake.value).splitlines()) == 4


def test_a_document_that_is_no_table_is_a_mistake() -> None:
    """Whatever was read, the answer is sentences."""
    with pytest.raises(OurMistake, match="must be a table"):
        meter_from_document([], "one.toml")  # type: ignore[arg-type]


VOLTS = {"address": 0, "quantity": "voltage_l1_n", "unit": "V"}


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        (
            registers(VOLTS, {"address": 1, "quantity": "voltage_l2_n", "unit": "V"}, type="float32"),
            "registers.rows[2]: voltage_l2_n (from register 1) and voltage_l1_n share registers: one address is wrong",
        ),
        (
            registers(VOLTS, type="float32", holes=[{"first": 1, "last": 4}]),
            "registers.rows[1]: voltage_l1_n lies in one of the holes: it would never be read",
        ),
        (
            document(limits={"registers_max": 1}),
            "registers.rows[1]: voltage_l1_n takes 2 registers, and limits.registers_max is 1",
        ),
    ],
    ids=["shared registers", "in a hole", "wider than a read"],
)
def test_rows_that_make_no_sense_together_are_mistakes(file: dict[str, Any], sentence: str) -> None:
    """They would else end in a wrong value, in none, or in no plan at all."""
    with pytest.raises(OurMistake) as refused:
        meter_from_document(file, "one.toml")

    assert str(refused.value) == f"one.toml: {sentence}"


def test_what_is_added_to_a_row_may_be_a_row_too() -> None:
    """A total that is the sum of its phases, beside the phases."""
    rows = [{"address": 2 * index, "quantity": f"active_energy_import_l{index + 1}", "unit": "Wh"} for index in range(2)]
    total = {"address": 8, "quantity": "active_energy_import", "unit": "Wh", "plus": ["second"]}
    helper = {"name": "second", "address": 2, "quantity": "active_energy_import", "unit": "Wh"}

    meter = meter_from_document(registers(*rows, total, type="float32", helpers=[helper]), "one.toml")

    assert len(meter.rows) == 3
