"""Meters simulated from their files: what is measured comes back through the same rows, and through other masters."""

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest
from pymodbus.client import AsyncModbusTcpClient, ModbusSerialClient

from gateway import catalogue
from protocols import pdu
from protocols.errors import MeterRefused
from protocols.meter import DLT645, Meter, matches
from protocols.pdu import READ_HOLDING, READ_INPUT, Identify, ReadRequest, encode_request, reply_objects, reply_words
from protocols.register import Image, count, decode_from, span
from tools.factory.electrical import MeasuringPoint, Supply
from tools.factory.loads import SLOT_MS, Balance
from tools.factory.pty_line import PtyLine
from tools.factory.shop_floor import sources
from tools.factory.station import Station
from tools.factory.tcp_meters import TcpMeters, Unit
from tools.factory.virtual_meter import VirtualMeter
from tools.tests.factory_bench import line

MONDAY_MS = 1_774_195_200_000  # 2026-03-23 00:00 in Shanghai
FIRST_SLOT = MONDAY_MS // SLOT_MS
NOW_MS = MONDAY_MS + 9 * 3_600_000 + 13_345  # the press is at work
PRESS = sources(1, FIRST_SLOT)["press-1"]
POINT = MeasuringPoint(Supply(1), Balance((PRESS,)), counter_start_mwh=7_654_321_000)
VALUES = POINT.measure(NOW_MS)
# A DL/T 645 meter has no registers: its simulator is `dlt645_meter`.
MODELS = sorted(name for name, meter in catalogue.meters().items() if meter.language != DLT645)
# Registers hold seven digits at best (float32), three significant ones at worst (int16 scaled for a megawatt).
_RELATIVE = 0.01
_FACTORS = {"ct_ratio": 40, "vt_ratio": 1}


def virtual(name: str, values: Mapping[str, int] = VALUES) -> VirtualMeter:
    return VirtualMeter(catalogue.meters()[name], lambda _: values, _FACTORS)


def read(meter: VirtualMeter, function: int, address: int, length: int) -> tuple[int, ...]:
    request = ReadRequest(function, address, length)
    return reply_words(request, meter.serve(encode_request(request), NOW_MS))


def image_of(meter: VirtualMeter, function: int, first: int, end: int) -> Image:
    words = read(meter, function, first, end - first)
    return {(function, first + index): word for index, word in enumerate(words)}


def decoded(meter: VirtualMeter) -> dict[str, int | None]:
    """Every row read as the file says: its own registers, those it leans on, and the ratios."""
    values: dict[str, int | None] = {}
    for row in meter.meter.rows:
        image = image_of(meter, row.function, *span(row))
        for ratio in row.ratios:
            image |= image_of(meter, ratio.function, ratio.address, ratio.address + count(ratio))
        values[row.quantity] = decode_from(row, image)
    return values


@pytest.mark.parametrize("name", MODELS)
def test_every_model_shows_what_is_measured(name: str) -> None:
    """Every row of every meter file decodes to the value that was measured, within what its register holds."""
    meter = virtual(name)
    shown = decoded(meter)

    wanted = {quantity: VALUES[quantity] for quantity in meter.meter.quantities if VALUES.get(quantity)}
    assert wanted
    assert {quantity: shown[quantity] for quantity in wanted} == {
        quantity: pytest.approx(value, rel=_RELATIVE, abs=100) for quantity, value in wanted.items()
    }


@pytest.mark.parametrize("name", MODELS)
def test_shown_is_what_a_master_decodes(name: str) -> None:
    """History is rounded exactly as the live registers are."""
    meter = virtual(name)
    shown = decoded(meter)

    assert {quantity: meter.shown(quantity, VALUES) for quantity in shown if quantity in VALUES} == {
        quantity: value for quantity, value in shown.items() if quantity in VALUES
    }


@pytest.mark.parametrize("name", MODELS)
def test_what_is_not_measured_is_missing_or_zero(name: str) -> None:
    """A meter without current shows its pattern for "no reading"; without such a pattern 0, as the real one does."""
    meter = virtual(name, {})
    values = decoded(meter)

    with_pattern = {row.quantity for row in meter.meter.rows if row.missing or row.type.startswith("float")}
    assert {quantity for quantity, value in values.items() if value is None} == with_pattern
    assert {value for quantity, value in values.items() if quantity not in with_pattern} <= {0}


def test_two_values_in_one_register_do_not_wipe_each_other() -> None:
    """A PZEM-6L24 without a reading for L2 still shows the power factor of L1 in the other byte."""
    shown = decoded(virtual("peacefair-pzem6l24", {"power_factor_l1": 950}))

    assert (shown["power_factor_l1"], shown["power_factor_l2"]) == (950, 0)


def test_a_register_that_cannot_hold_the_value_shows_none() -> None:
    """A power beyond a signed 32-bit register in hundredths of a watt is no reading, never a small one."""
    meter = virtual("abb-b23", {"active_power": 30_000_000_000_000})

    assert decoded(meter)["active_power"] is None


@pytest.mark.parametrize("name", MODELS)
def test_a_read_longer_than_the_meter_allows_is_refused(name: str) -> None:
    """One register more than the file's limit is an illegal value, the limit itself is not."""
    meter = virtual(name)
    limit = meter.meter.limits.registers_max
    row = meter.meter.rows[0]
    refused = meter.serve(struct.pack(">BHH", row.function, row.address, limit + 1), NOW_MS)

    assert refused == bytes((row.function | 0x80, pdu.ILLEGAL_VALUE))


def test_a_hole_in_the_map_is_refused() -> None:
    """Between 0x50 and 0xC8 an SDM630 has nothing: a block across is an illegal address, the blocks beside are answered."""
    meter = virtual("eastron-sdm630")

    assert read(meter, READ_INPUT, 70, 10)
    assert read(meter, READ_INPUT, 200, 6)
    with pytest.raises(MeterRefused) as refused:
        read(meter, READ_INPUT, 190, 20)
    assert refused.value.code == pdu.ILLEGAL_ADDRESS


def test_values_we_leave_out_do_not_break_a_block() -> None:
    """The SDM630 answers its averages too, so that one read covers voltages to power factors."""
    assert len(read(virtual("eastron-sdm630"), READ_INPUT, 0, 60)) == 60


@pytest.mark.parametrize("name", MODELS)
def test_probes_find_what_they_look_for(name: str) -> None:
    """Every identification of the file fits the simulated meter."""
    meter = virtual(name)
    for probe in meter.meter.identification:
        words = read(meter, probe.function, probe.address, probe.count)

        assert matches(probe, words)


@pytest.mark.parametrize("name", ["sunspec-meter-float", "sunspec-meter-int"])
def test_a_sunspec_meter_has_its_chain(name: str) -> None:
    """Marker, common model, meter model and end follow one another by their lengths."""
    meter = virtual(name)
    at, chain = 40_002, []
    while (model := read(meter, READ_HOLDING, at, 2))[0] != 0xFFFF:
        chain.append(model)
        at += 2 + model[1]

    assert struct.pack(">2H", *read(meter, READ_HOLDING, 40_000, 2)) == b"SunS"
    assert [number for number, _ in chain] == [1, 213 if name.endswith("float") else 203]
    assert meter.meter.base == 40_002 + 2 + chain[0][1]


def test_half_a_value_can_be_read() -> None:
    """Like the real meter it does not stop a master from reading one word of a pair."""
    meter = virtual("abb-b23")

    assert read(meter, READ_HOLDING, 23_296, 2) == (0, read(meter, READ_HOLDING, 23_297, 1)[0])
    assert read(meter, READ_HOLDING, 23_297, 1)[0] > 2_000


def test_identification_43_names_the_maker() -> None:
    """FC 43/14 answers vendor and product."""
    request = Identify(pdu.BASIC, 0)
    objects = reply_objects(request, virtual("schneider-iem3155").serve(encode_request(request), NOW_MS))

    assert objects[0] == b"Schneider Electric"
    assert objects[1] == b"iEM3155"


def test_settings_cannot_be_written() -> None:
    """A write to a simulated meter is refused, not swallowed."""
    assert virtual("eastron-sdm630").serve(b"\x10\x00\x0a\x00\x02\x04\x40\x40\x00\x00", NOW_MS)[0] & 0x80


def test_secondary_registers_hold_the_primary_value_by_the_ratio() -> None:
    """The DTSU666 shows a fortieth behind 200/5 transformers, and its ratio register says 40."""
    meter = virtual("chint-dtsu666")
    secondary = struct.unpack(">f", struct.pack(">2H", *read(meter, READ_HOLDING, 8210, 2)))[0]

    assert read(meter, READ_HOLDING, 6, 2) == (40, 10)
    assert secondary / 10 * 40 == pytest.approx(VALUES["active_power"] / 1_000, rel=1e-6)


@pytest.mark.parametrize(("factor", "reactive", "raw"), [(800, 5, 0.8), (800, -5, 1.2), (-800, 5, -0.8), (-800, -5, -1.2)])
def test_schneider_codes_four_quadrants(factor: int, reactive: int, raw: float) -> None:
    """A leading power factor stands beyond one, and decodes to what it is."""
    meter = virtual("schneider-iem3155", {"power_factor": factor, "reactive_power": reactive})

    assert struct.unpack(">f", struct.pack(">2H", *read(meter, READ_HOLDING, 3083, 2)))[0] == pytest.approx(raw)
    assert decoded(meter)["power_factor"] == factor


def float_values(registers: Sequence[int]) -> list[float]:
    """pymodbus's own decoding, independent of ours."""
    values = ModbusSerialClient.convert_from_registers(list(registers), ModbusSerialClient.DATATYPE.FLOAT32)
    return [values] if isinstance(values, float) else list(values)  # type: ignore[arg-type]


def test_pymodbus_reads_an_sdm630_on_the_pseudo_terminal(tmp_path: Path) -> None:
    """A foreign master decodes voltages and powers to what the meter measures."""
    meter = virtual("eastron-sdm630")
    wire = line([Station("main", 1, lambda request, _: meter.serve(request, NOW_MS))])
    with PtyLine(wire, tmp_path / "bus") as shell:
        master = ModbusSerialClient(str(shell.link), baudrate=9600, timeout=5, retries=0)
        master.connect()
        registers = master.read_input_registers(0, count=18, device_id=1).registers
        master.close()  # type: ignore[no-untyped-call]

    names = [f"{stem}_l{phase}{tail}" for stem, tail in (("voltage", "_n"), ("current", ""), ("active_power", "")) for phase in (1, 2, 3)]
    assert float_values(registers) == pytest.approx([VALUES[name] / 1_000 for name in names], rel=1e-6)


async def test_pymodbus_reads_a_sunspec_meter_over_tcp() -> None:
    """The same through a socket, from the SunSpec map."""
    meter = virtual("sunspec-meter-float")
    server = TcpMeters({3: Unit("pv", lambda request, _: meter.serve(request, NOW_MS))}, random=Random(1))
    await server.start()
    host, port = server.address
    client = AsyncModbusTcpClient(host, port=port, timeout=5)
    await client.connect()
    registers = (await client.read_holding_registers(40_070 + 28, count=8, device_id=3)).registers
    client.close()
    await server.stop()

    names = ("active_power", "active_power_l1", "active_power_l2", "active_power_l3")
    assert float_values(registers) == pytest.approx([VALUES[name] / 1_000 for name in names], rel=1e-6)


def test_a_meter_file_without_rows_of_a_quantity_shows_nothing_for_it() -> None:
    """What the model cannot measure has no history either."""
    meter: Meter = catalogue.meters()["eastron-sdm120"]

    assert "current_l3" not in meter.quantities
    assert virtual("eastron-sdm120").shown("current_l3", VALUES) is None
