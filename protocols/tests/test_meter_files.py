"""Every meter file: instantiated, written into registers, read through the plan, and read back."""

import struct
import tomllib
from decimal import Decimal
from importlib.resources import files

import pytest

from protocols.meter import Meter, Probe, meter_from_document
from protocols.plan import Block, plan, rtu_costs
from protocols.quantity import QUANTITIES
from protocols.register import HIGH_BYTE, LOW_BYTE, TYPES, UNSIGNED, Image, Row, count, decode_from, encode_into, missing_words, span

# Ours: its registers are held to the firmware's own, elsewhere.
OWN = "shiftwatt-submeter.toml"
FILES = sorted(each.name for each in files("protocols").joinpath("meters").iterdir() if each.name.endswith(".toml"))


def meter(name: str) -> Meter:
    text = files("protocols").joinpath("meters", name).read_text(encoding="utf-8")
    return meter_from_document(tomllib.loads(text, parse_float=Decimal), name)


def plausible(row: Row, number: int) -> int:
    """A value in thousandths that any sensible register for the quantity can hold."""
    if row.quantity.startswith("power_factor"):
        return (900 if TYPES[row.type][1] in (UNSIGNED, HIGH_BYTE, LOW_BYTE) else -900) + number
    if "energy" in row.quantity:
        return 1_234_560_000 + number * 10_000_000
    return {"voltage": 230_000, "current": 16_000, "frequency": 50_000, "phase": 30_000}.get(
        row.quantity.split("_")[0], 1_500_000
    ) + number * 100


def written(model: Meter) -> tuple[Image, dict[str, int]]:
    """The registers of a meter whose ratios are 1 and whose scale factors are those of a usual device."""
    image: Image = {}
    for ratio in model.ratios:
        encode_into(ratio, 1, image)
    for row in model.rows:
        if row.scale:
            encode_into(
                row.scale, 2 if "energy" in row.quantity else 0 if "power_" in row.quantity and "factor" not in row.quantity else -2, image
            )
    values = {row.quantity: plausible(row, number) for number, row in enumerate(model.rows)}
    for row in model.rows:
        encode_into(row, values[row.quantity], image)
    return image, values


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_named_after_its_meter(name: str) -> None:
    """The model's name is the file's name, and the file says where it comes from."""
    model = meter(name)

    assert model.name + ".toml" == name
    assert model.sources
    assert all(source.document for source in model.sources)


@pytest.mark.parametrize("name", FILES)
def test_registers_are_written_and_read_back(name: str) -> None:
    """What the simulator encodes, the reader decodes, as finely as the register can say it."""
    model = meter(name)
    image, values = written(model)

    for row in model.rows:
        value = decode_from(row, image)
        assert value is not None, row.quantity
        step = max(abs(values[row.quantity]) >> 23, 1 if "float" in row.type else abs(row.mantissa) * 10 ** max(row.exponent, 0))
        step *= 100 if row.scale and "energy" in row.quantity else 1
        assert abs(value - values[row.quantity]) <= step, row.quantity
        encode_into(row, value, image)
        assert decode_from(row, image) == value, row.quantity


@pytest.mark.parametrize("name", FILES)
def test_no_two_values_share_registers(name: str) -> None:
    """Rows and what is added to them do not overlap: a wrong address would make them."""
    taken: dict[tuple[int, int, str], str] = {}
    for row in meter(name).rows:
        for each in (row, *row.plus):
            halves = [each.type] if TYPES[each.type][1] in (HIGH_BYTE, LOW_BYTE) else ["high_byte", "low_byte"]
            for place in ((each.function, each.address + index, half) for index in range(count(each)) for half in halves):
                assert taken.setdefault(place, row.quantity) == row.quantity


@pytest.mark.parametrize("name", FILES)
def test_every_quantity_is_canonical(name: str) -> None:
    """What a file calls a value is what readings, figures and pages call it, once each."""
    model = meter(name)

    assert set(model.quantities) <= set(QUANTITIES)
    assert len(set(model.quantities)) == len(model.quantities)


def blocks_of(model: Meter) -> tuple[Block, ...]:
    costs = rtu_costs(9600, "N", 1, model.limits.turnaround_ms * 1000, 0, model.limits.registers_max)
    return plan(model.rows, costs, model.holes)


@pytest.mark.parametrize("name", FILES)
def test_every_row_is_planned_within_the_limits(name: str) -> None:
    """The block plan holds each row once, with the registers it must be read with."""
    model = meter(name)
    blocks = blocks_of(model)

    assert sorted(row.quantity for block in blocks for row in block.rows) == sorted(model.quantities)
    assert all(block.count <= model.limits.registers_max for block in blocks)
    assert all(block.address <= span(row)[0] and span(row)[1] <= block.address + block.count for block in blocks for row in block.rows)


@pytest.mark.parametrize("name", FILES)
def test_no_block_reaches_across_a_hole_or_merges_what_stands_alone(name: str) -> None:
    """Marks of a file hold in the plan: one block for a row that stands alone, none over a hole."""
    model = meter(name)
    blocks = blocks_of(model)

    assert all(len(block.rows) == 1 for block in blocks if any(row.alone for row in block.rows))
    for hole in model.holes:
        assert all(block.address + block.count <= hole.first or hole.end <= block.address for block in blocks)


def test_the_marks_are_there_where_the_notes_ask_for_them() -> None:
    """The EM24's export, which some variants refuse, stands alone; the PAC1600's two holes are known."""
    assert [row.quantity for row in meter("carlo-gavazzi-em24.toml").rows if row.alone] == ["active_energy_export"]
    assert [(hole.first, hole.end) for hole in meter("siemens-pac1600.toml").holes] == [(31, 49), (6715, 6727)]


def answers(probe: Probe) -> set[tuple[int, int, str]]:
    return {(probe.function, probe.address, str(value)) for value in (*probe.equals, *probe.begins)}


@pytest.mark.parametrize("name", FILES)
def test_an_identification_can_be_read_and_matched(name: str) -> None:
    """Its numbers and texts fit the registers it reads."""
    for probe in meter(name).identification:
        assert all(0 <= number < 1 << 16 * probe.count for number in probe.equals)
        assert all(0 < len(text) <= 2 * probe.count for text in probe.begins)


def test_no_answer_names_two_models() -> None:
    """The last probe of a file tells its model from every other's."""
    named: dict[tuple[int, int, str], str] = {}
    for name in FILES:
        for answer in answers(probes[-1]) if (probes := meter(name).identification) else ():
            assert named.setdefault(answer, name) == name


@pytest.mark.parametrize("name", FILES)
def test_the_proof_is_no_better_than_the_rows(name: str) -> None:
    """A file without one row above low confidence is unproven, and says so."""
    model = meter(name)
    better = [quantity for quantity in model.quantities if model.confidence.get(quantity) != "low"]

    assert better or model.proof == "unproven"


@pytest.mark.parametrize("name", FILES)
def test_missing_is_no_reading(name: str) -> None:
    """A row that can say "no reading" is read as none."""
    model = meter(name)
    image, _ = written(model)
    sayable = [(row, words) for row in model.rows if (words := missing_words(row)) is not None]
    for row, words in sayable:
        image.update({(row.function, row.address + index): word for index, word in enumerate(words)})

    assert [decode_from(row, image) for row, _ in sayable] == [None] * len(sayable)


def words(form: str, *numbers: float) -> list[int]:
    data = struct.pack(">" + form, *numbers)
    return list(struct.unpack(f">{len(data) // 2}H", data))


# What the documents say stands at an address, and what it means: file, function, address, words, quantity, thousandths.
FACTS = [
    ("eastron-sdm630.toml", 4, 0, [0x4366, 0x3334], "voltage_l1_n", 230_200),
    ("eastron-sdm630.toml", 4, 52, words("f", 1500.0), "active_power", 1_500_000),
    ("eastron-sdm630.toml", 4, 72, words("f", 12345.5), "active_energy_import", 12_345_500_000),
    ("eastron-sdm630.toml", 4, 234, words("f", 2.5), "thd_voltage_l1", 2_500),
    ("eastron-sdm120.toml", 4, 0, [0x4366, 0x3334], "voltage_l1_n", 230_200),
    ("eastron-sdm120.toml", 4, 12, words("f", -250.5), "active_power", -250_500),
    ("eastron-sdm120.toml", 4, 72, words("f", 1.0), "active_energy_import", 1_000_000),
    ("schneider-iem3155.toml", 3, 3059, words("f", 1.5), "active_power", 1_500_000),
    ("schneider-iem3155.toml", 3, 3203, words("q", 123456), "active_energy_import", 123_456_000),
    ("schneider-iem3155.toml", 3, 3083, words("f", 1.1), "power_factor", 900),
    ("schneider-iem3155.toml", 3, 3109, words("f", 50.0), "frequency", 50_000),
    ("abb-b23.toml", 3, 23296, words("I", 2301), "voltage_l1_n", 230_100),
    ("abb-b23.toml", 3, 23316, words("i", -150000), "active_power", -1_500_000),
    ("abb-b23.toml", 3, 20480, words("Q", 1234567), "active_energy_import", 12_345_670_000),
    ("abb-b23.toml", 3, 20492, words("Q", 100), "reactive_energy_import", 1_000_000),
    ("abb-b23.toml", 3, 23340, [5001], "frequency", 50_010),
    ("abb-b23.toml", 3, 23354, words("h", -950), "power_factor", -950),
    ("abb-b23.toml", 3, 20484, [0xFFFF] * 4, "active_energy_export", None),
    ("abb-b23.toml", 3, 23318, [0x7FFF, 0xFFFF], "active_power_l1", None),
    ("dlt645-2007.toml", 0x11, 0x02010100, [0, 1001], "voltage_l1_n", 100_100),
    ("dlt645-2007.toml", 0x11, 0x02030000, [0, 2512], "active_power", 251_200),
    ("sunspec-inverter-float.toml", 3, 40070 + 16, words("f", 230.0), "voltage_l1_n", 230_000),
    ("sunspec-inverter-float.toml", 3, 40070 + 32, words("f", 1500.0), "active_energy_export", 1_500_000),
    ("sunspec-inverter-int.toml", 3, 40070 + 10, [2300, 0, 0, 0xFFFF], "voltage_l1_n", 230_000),
    ("sunspec-inverter-int.toml", 3, 40070 + 24, [0, 1500, 0], "active_energy_export", 1_500_000),
    ("sunspec-meter-float.toml", 3, 40070 + 12, words("f", 230.0), "voltage_l1_n", 230_000),
    ("sunspec-meter-float.toml", 3, 40070 + 68, words("f", 1500.0), "active_energy_import", 1_500_000),
    ("sunspec-meter-float.toml", 3, 40070 + 28, [0x7FC0, 0], "active_power", None),
    ("sunspec-meter-int.toml", 3, 40070 + 8, [2300, 0, 0, 0, 0, 0, 0, 0xFFFF], "voltage_l1_n", 230_000),
    ("sunspec-meter-int.toml", 3, 40070 + 18, [150, 0, 0, 0, 1], "active_power", 1_500_000),
    ("chint-dtsu666.toml", 3, 8234, words("f", 950.0), "power_factor", 950),
    ("chint-dtsu666.toml", 3, 8260, words("f", 5001.0), "frequency", 50_010),
    ("eastron-sdm230.toml", 4, 36, words("f", 12.5), "phase_angle_l1", 12_500),
    ("eastron-sdm230.toml", 4, 72, words("f", 321.25), "active_energy_import", 321_250_000),
    ("eastron-sdm72dm.toml", 4, 52, words("f", -1500.0), "active_power", -1_500_000),
    ("eastron-sdm72dm.toml", 4, 74, words("f", 2.5), "active_energy_export", 2_500_000),
    ("schneider-iem3255.toml", 3, 3027, words("f", 230.5), "voltage_l1_n", 230_500),
    ("schneider-iem3255.toml", 3, 3207, words("q", 5000), "active_energy_export", 5_000_000),
    ("schneider-pm3250.toml", 3, 3083, words("f", -1.25), "power_factor", -750),
    ("schneider-pm3250.toml", 3, 3131, words("f", 41.5), "temperature", 41_500),
    ("schneider-pm3250.toml", 3, 3235, words("q", 77), "apparent_energy", 77_000),
    ("schneider-pm5110.toml", 3, 3059, words("f", 12.0), "active_power", 12_000_000),
    ("schneider-pm5110.toml", 3, 3219, words("q", 9), "reactive_energy_import", 9_000),
    ("schneider-pm5300.toml", 3, 3003, words("f", 5.5), "current_l3", 5_500),
    ("schneider-pm5300.toml", 3, 3203, words("q", 1), "active_energy_import", 1_000),
    ("abb-b21.toml", 3, 23308, words("I", 1234), "current_l1", 12_340),
    ("abb-b21.toml", 3, 20480, words("Q", 100), "active_energy_import", 1_000_000),
    ("abb-b24.toml", 3, 23314, words("I", 250), "current_n", 2_500),
    ("abb-b24.toml", 3, 21656, words("Q", 100), "reactive_energy_export_l3", 1_000_000),
    ("abb-b24.toml", 3, 23316, [0x7FFF, 0xFFFF], "active_power", None),
    ("abb-m4m20.toml", 3, 23298, words("I", 2301), "voltage_l1_n", 230_100),
    ("abb-m4m20.toml", 3, 23346, [5000], "frequency", 50_000),
    ("abb-m4m30.toml", 3, 23322, words("i", -100), "active_power", -1_000),
    ("abb-m4m30.toml", 3, 23360, words("h", -900), "power_factor", -900),
    ("carlo-gavazzi-em24.toml", 4, 62, [0xE240, 0x0001], "active_energy_import", 12_345_600_000),
    ("carlo-gavazzi-em24.toml", 4, 55, [500], "frequency", 50_000),
    ("carlo-gavazzi-em24-e1.toml", 4, 52, [0xE240, 0x0001], "active_energy_import", 12_345_600_000),
    ("carlo-gavazzi-em24-e1.toml", 4, 40, [0xFC18, 0xFFFF], "active_power", -100_000),
    ("carlo-gavazzi-em340.toml", 4, 10, [4005, 0], "voltage_l3_l1", 400_500),
    ("carlo-gavazzi-em340.toml", 4, 12, [0x86A0, 0x0001], "current_l1", 100_000),
    ("carlo-gavazzi-em340.toml", 4, 78, [0xFFFF, 0x7FFF], "active_energy_export", None),
    ("carlo-gavazzi-em540.toml", 4, 52, [0xE240, 0x0001], "active_energy_import", 12_345_600_000),
    ("carlo-gavazzi-em540.toml", 4, 49, [950], "power_factor", 950),
    ("carlo-gavazzi-em112.toml", 4, 4, [5000, 0], "active_power", 500_000),
    ("carlo-gavazzi-em112.toml", 4, 32, [10, 0], "active_energy_export", 1_000_000),
    ("janitza-umg96rm.toml", 3, 19026, words("f", 1500.0), "active_power", 1_500_000),
    ("janitza-umg96rm.toml", 3, 19062, words("fff", 1000.0, 2000.0, 3000.0), "active_energy_import", 6_000_000),
    ("janitza-umg604.toml", 3, 1317, words("f", 230.0), "voltage_l1_n", 230_000),
    ("janitza-umg604.toml", 3, 9851, words("f", 1234.0), "active_energy_import", 1_234_000),
    ("weidmueller-em525.toml", 3, 19062, words("fff", 1.0, 20.0, 300.0), "active_energy_import", 321_000),
    ("weidmueller-em525.toml", 3, 19076, words("f", 500.0), "active_energy_export", 500_000),
    ("siemens-pac2200.toml", 3, 55, words("f", 50.0), "frequency", 50_000),
    ("siemens-pac2200.toml", 3, 801, words("dd", 1000.0, 500.0), "active_energy_import", 1_500_000),
    ("siemens-pac3200.toml", 3, 65, words("f", -2000.0), "active_power", -2_000_000),
    ("siemens-pac3200.toml", 3, 809, words("dd", 10.0, 5.0), "active_energy_export", 15_000),
    ("siemens-pac1600.toml", 3, 1, words("I", 23012), "voltage_l1_n", 230_120),
    ("siemens-pac1600.toml", 3, 7, words("I", 12340), "current_l1", 1_234),
    ("siemens-pac1600.toml", 3, 6687, words("I", 5000), "active_energy_import", 5_000_000),
    ("socomec-diris-a10.toml", 3, 50536, words("i", -3), "active_power", -30_000),
    ("socomec-diris-a10.toml", 3, 50780, words("I", 42), "active_energy_import", 42_000_000),
    ("socomec-diris-a14.toml", 3, 50526, words("I", 5001), "frequency", 50_010),
    ("socomec-diris-a14.toml", 3, 50946, words("I", 42), "active_energy_import", 420_000),
    ("socomec-countis-e24.toml", 3, 50526, words("I", 50010), "frequency", 50_010),
    ("socomec-countis-e24.toml", 3, 50952, words("I", 42), "active_energy_export", 420_000),
    ("socomec-diris-b30.toml", 3, 18476, words("i", -1500), "active_power", -1_500_000),
    ("socomec-diris-b30.toml", 3, 19843, [0, 42, 5678], "active_energy_import", 42_567_800),
    ("wago-879-3000.toml", 3, 20498, words("f", 1.5), "active_power", 1_500_000),
    ("wago-879-3000.toml", 3, 24588, words("f", 12.5), "active_energy_import", 12_500_000),
    ("inepro-pro380.toml", 3, 20482, words("f", 231.0), "voltage_l1_n", 231_000),
    ("inepro-pro380.toml", 3, 24636, words("f", 2.0), "reactive_energy_export", 2_000_000),
    ("orno-or-we-516.toml", 3, 14, words("f", 230.0), "voltage_l1_n", 230_000),
    ("orno-or-we-516.toml", 3, 272, words("f", 3.5), "active_energy_export", 3_500_000),
    ("finder-7m38.toml", 4, 2500, words("f", 230.0), "voltage_l1_n", 230_000),
    ("finder-7m38.toml", 4, 2752, words("f", 1500.0), "active_energy_import", 1_500_000),
    ("chint-ddsu666.toml", 3, 8196, words("f", 0.25), "active_power", 250_000),
    ("chint-ddsu666.toml", 3, 16384, words("f", 7.5), "active_energy_import", 7_500_000),
    ("peacefair-pzem004t.toml", 4, 1, [0x86A0, 0x0001], "current_l1", 100_000),
    ("peacefair-pzem004t.toml", 4, 5, [1234, 0], "active_energy_import", 1_234_000),
    ("peacefair-pzem6l24.toml", 4, 0, [0xFC08], "voltage_l1_n", 230_000),
    ("peacefair-pzem6l24.toml", 4, 38, [0x505F], "power_factor_l1", 950),
    ("peacefair-pzem6l24.toml", 4, 38, [0x505F], "power_factor_l2", 800),
    ("peacefair-pzem6l24.toml", 4, 58, [0x3930, 0x0000], "active_energy_import", 1_234_500_000),
    ("acrel-dtsd1352.toml", 3, 97, [2300], "voltage_l1_n", 230_000),
    ("acrel-dtsd1352.toml", 3, 119, [5001], "frequency", 50_010),
    ("acrel-adw300.toml", 3, 20, [2301], "voltage_l1_n", 230_100),
    ("acrel-adw300.toml", 3, 62, words("i", 150), "active_energy_import", 1_500_000),
]


def test_every_file_is_checked_against_its_documents() -> None:
    """At least two registers of each file are held to what was written down by hand."""
    checked = [fact[0] for fact in FACTS]

    assert [name for name in FILES if checked.count(name) < 2] in ([], [OWN])


@pytest.mark.parametrize(("name", "function", "address", "words_", "quantity", "value"), FACTS)
def test_documented_registers_mean_what_they_should(
    name: str, function: int, address: int, words_: list[int], quantity: str, value: int | None
) -> None:
    """The words at a documented address give the documented quantity in thousandths."""
    image = {(function, address + index): word for index, word in enumerate(words_)}

    assert {row.quantity: decode_from(row, image) for row in meter(name).rows if row.quantity == quantity} == {quantity: value}


def test_the_secondary_side_of_a_dtsu666_is_multiplied() -> None:
    """With CT 40 and VT 1.0 a secondary kW is 40 kW, and so is the energy; voltage takes only VT."""
    rows = {row.quantity: row for row in meter("chint-dtsu666.toml").rows}
    image: Image = {(3, 6): 40, (3, 7): 10}
    for address, number in ((8198, 2300.0), (8204, 2500.0), (8210, 5000.0), (4126, 12.5)):
        image.update({(3, address + index): word for index, word in enumerate(words("f", number))})

    assert decode_from(rows["voltage_l1_n"], image) == 230_000
    assert decode_from(rows["current_l1"], image) == 100_000
    assert decode_from(rows["active_power"], image) == 20_000_000
    assert decode_from(rows["active_energy_import"], image) == 500_000_000


def test_a_sunspec_integer_takes_its_scale_factor() -> None:
    """Watts, watt-hours and per cent of power factor by their scale registers; an accumulator at 0 is no reading."""
    rows = {row.quantity: row for row in meter("sunspec-meter-int.toml").rows}
    base = 40070
    image: Image = {(3, base + 18): 150, (3, base + 22): 1, (3, base + 46): 0, (3, base + 47): 15, (3, base + 54): 2}
    image |= {(3, base + 33): 9500, (3, base + 37): 0xFFFE, (3, base + 38): 0, (3, base + 39): 0}

    assert decode_from(rows["active_power"], image) == 1_500_000
    assert decode_from(rows["active_energy_import"], image) == 1_500_000
    assert decode_from(rows["power_factor"], image) == 950
    assert decode_from(rows["active_energy_export"], image) is None


def test_the_secondary_side_of_a_dtsd1352_is_multiplied() -> None:
    """Behind 200/5 transformers a secondary kWh is 40; until the ratio was read there is no reading."""
    rows = {row.quantity: row for row in meter("acrel-dtsd1352.toml").rows}
    energy: Image = {(3, 10): 0, (3, 11): 100}

    assert decode_from(rows["active_energy_import"], energy) is None
    assert decode_from(rows["active_energy_import"], energy | {(3, 331): 0, (3, 332): 40}) == 40_000_000


def test_a_sum_over_tariffs_needs_both() -> None:
    """Half of a PAC2200's counter is no counter."""
    rows = {row.quantity: row for row in meter("siemens-pac2200.toml").rows}
    image: Image = {(3, 801 + index): word for index, word in enumerate(words("d", 1000.0))}

    assert decode_from(rows["active_energy_import"], image) is None
