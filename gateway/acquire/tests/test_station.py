"""Which blocks are read of a meter, and what is learnt of it."""

from typing import Any

from gateway.acquire.station import NO_VALUE, Station, StationSpec
from gateway.acquire.tests.fakes import CT, LINE, RATIO_ROWS, ROWS, in_step, meter_file, station
from gateway.acquire.wants import ENERGY, FACTS, POWER, Wants, blocks, costs, wants
from gateway.site import LineTable
from protocols.errors import NoAnswer
from protocols.pdu import ReadRequest
from protocols.plan import Block

TCP = LineTable(name="net", tcp="10.0.0.5:502")
APPARENT = {"quantity": "apparent_power", "address": 6, "unit": "VA", "scale": "0.001"}
THD = {"quantity": "thd_voltage_l1", "address": 900, "unit": "%", "scale": "0.001"}


def places(found: tuple[Block, ...]) -> list[tuple[int, int]]:
    return [(block.address, block.count) for block in found]


def names(found: tuple[Block, ...]) -> list[list[str]]:
    return [[row.quantity for row in block.rows] for block in found]


def test_levels_are_power_and_counters_are_energy() -> None:
    """Each row belongs to one pace."""
    meter = meter_file()
    power, energy = wants(meter, POWER, ()), wants(meter, ENERGY, ())

    assert {row.quantity for row in power.essential} == {"voltage_l1_n", "current_l1", "active_power", "frequency"}
    assert {row.quantity for row in energy.essential} == {"active_energy_import", "active_energy_export"}
    assert wants(meter, FACTS, ()) == Wants((), ())


def test_what_is_booked_is_essential() -> None:
    """A counter that nobody would read for its own sake is read where the site counts it."""
    meter = meter_file(*ROWS, {"quantity": "apparent_energy", "address": 120, "unit": "VAh", "scale": "0.001"})

    assert "apparent_energy" not in {row.quantity for row in wants(meter, ENERGY, ()).essential}
    assert "apparent_energy" in {row.quantity for row in wants(meter, ENERGY, ("apparent_energy",)).essential}


def test_of_a_meter_of_other_things_everything_is_essential() -> None:
    """A water meter has no voltage; what it has is read."""
    meter = meter_file({"quantity": "volume", "address": 0, "unit": "m3"}, {"quantity": "temperature", "address": 2, "unit": "°C"})

    assert [row.quantity for row in wants(meter, POWER, ()).essential] == ["temperature"]
    assert [row.quantity for row in wants(meter, ENERGY, ()).essential] == ["volume"]


def test_riders_come_along_inside_a_block_only() -> None:
    """What lies between wanted registers costs nothing; what lies elsewhere is not worth a request."""
    rows = [{**row, "address": 7} if row["quantity"] == "frequency" else row for row in ROWS]
    meter = meter_file(*rows, {**APPARENT, "type": "uint16"}, THD)
    found = blocks(wants(meter, POWER, ()), costs(LINE, meter.limits))

    assert "apparent_power" in names(found)[0]
    assert "thd_voltage_l1" not in {name for block in names(found) for name in block}


def test_a_serial_line_costs_bits_and_tcp_costs_turnaround() -> None:
    """The planner gets the wire's own costs."""
    serial, network = costs(LINE, meter_file().limits), costs(TCP, meter_file(gap_ms=2).limits)

    assert (serial.bits_per_byte, serial.bits_per_second, serial.turnaround_us) == (10, 19_200, 5_000)
    assert (network.bits_per_byte, network.silence_us, network.gap_us) == (8, 0, 2_000)


def test_far_apart_rows_are_blocks_of_their_own() -> None:
    """The planner decides by wire time."""
    assert places(station().blocks(POWER)) == [(0, 6), (300, 2)]
    assert places(station().blocks(ENERGY)) == [(100, 2), (500, 2)]


def test_a_probe_is_as_long_as_no_block() -> None:
    """Nor as long as an earlier probe that was not answered: a meter may be deaf to odd lengths."""
    found = station()
    first = found.probe()
    found.condition.failed(first, NoAnswer(), 0.0)
    second = found.probe()
    used = {block.count for pace in (POWER, ENERGY) for block in found.blocks(pace)}

    assert first.count not in used
    assert second.count not in used | {first.count}
    assert found.condition.unknown_past


def test_a_probe_begins_where_something_can_be_read() -> None:
    """At the first block's own address."""
    probe = station().probe()

    assert (probe.function, probe.address) == (3, 0)


def test_the_block_without_doubt_is_read_first() -> None:
    """Its answer brings the meter in step, and a probe is saved."""
    found = in_step(station())
    before = places(found.ordered(POWER))
    found.condition.failed(ReadRequest(3, 0, 6), NoAnswer(), 0.0)

    assert (before, places(found.ordered(POWER))) == ([(0, 6), (300, 2)], [(300, 2), (0, 6)])


def test_values_and_what_has_none() -> None:
    """The meter's own pattern for no reading is no reading, and so is a counter below zero."""
    rows = [
        {"quantity": "voltage_l1_n", "address": 0, "unit": "V", "scale": "0.001", "missing": "FFFFFFFF"},
        {"quantity": "active_power", "address": 2, "unit": "W", "scale": "0.001", "type": "int32"},
    ]
    found = station(meter=meter_file(*rows))
    counter = station(meter=meter_file({"quantity": "active_energy_import", "address": 0, "unit": "Wh", "scale": "0.001", "type": "int32"}))

    assert found.decoded(found.blocks(POWER)[0], (0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE)) == ({"active_power": -2}, {"voltage_l1_n": NO_VALUE})
    assert counter.decoded(counter.blocks(ENERGY)[0], (0xFFFF, 0xFFFE)) == ({}, {"active_energy_import": NO_VALUE})


def with_ratios() -> Station:
    return station(meter=meter_file(*RATIO_ROWS, helpers=[CT]))


def test_ratios_are_facts_and_values_wait_for_them() -> None:
    """Without the ratio there is no current; with it, it is multiplied."""
    found = with_ratios()
    block = found.blocks(POWER)[0]
    words = (0, 230, 0, 5, 0, 7)
    before = found.decoded(block, words)
    needed = found.needs_facts
    changed = found.learn_facts(found.blocks(FACTS)[0], (40,))

    assert needed
    assert before[1] == {"current_l1": NO_VALUE}
    assert (changed, found.needs_facts) == (False, False)
    assert found.decoded(block, words)[0] == {"voltage_l1_n": 230, "current_l1": 200, "active_power": 7}


def test_a_changed_ratio_is_noticed_once() -> None:
    """The same again is no change."""
    found = with_ratios()
    block = found.blocks(FACTS)[0]
    changes = [found.learn_facts(block, words) for words in ((40,), (40,), (60,), (60,))]

    assert changes == [False, False, True, False]


GAPPED = (
    {"quantity": "voltage_l1_n", "address": 0, "unit": "V", "scale": "0.001"},
    {"quantity": "active_energy_import", "address": 2, "unit": "Wh", "scale": "0.001"},
    {"quantity": "current_l1", "address": 6, "unit": "A", "scale": "0.001"},
)


def test_a_refused_block_is_read_around_its_holes() -> None:
    """The addresses that no row needs are holes; a counter between two levels is none, or it would be lost."""
    found = station(meter=meter_file(*GAPPED))
    (whole,) = found.blocks(POWER)
    found.learn_refusal(whole, "exception_2", sure=True)

    assert places((whole,)) == [(0, 8)]
    assert places(found.blocks(POWER)) == [(0, 2), (6, 2)]
    assert places(found.blocks(ENERGY)) == [(2, 2)]


def test_a_refused_block_without_holes_is_tried_row_by_row() -> None:
    """Until the one that is refused is known; that one is not asked for any more, and says why."""
    found = station()
    (whole, other) = found.blocks(POWER)
    found.learn_refusal(whole, "exception_2", sure=True)
    single = found.blocks(POWER)
    found.learn_refusal(single[1], "exception_2", sure=True)

    assert places(single) == [(0, 2), (2, 2), (4, 2), (300, 2)]
    assert places(found.blocks(POWER)) == [(0, 2), (4, 2), (300, 2)]
    assert found.refused(POWER) == {"current_l1": "exception_2"}
    assert found.refused(ENERGY) == {}
    assert other.count == 2


def test_a_refusal_in_doubt_is_believed_the_second_time() -> None:
    """It may have been an older request's: a hole is learnt for good, so one such answer is not enough."""
    found = station(meter=meter_file(*GAPPED))
    (whole,) = found.blocks(POWER)
    found.learn_refusal(whole, "exception_2", sure=False)
    after_one = found.blocks(POWER)
    found.learn_refusal(whole, "exception_2", sure=False)

    assert after_one == (whole,)
    assert places(found.blocks(POWER)) == [(0, 2), (6, 2)]


def test_a_row_keeps_the_register_of_its_scale() -> None:
    """A SunSpec point is read together with its scale factor: that register is no hole."""
    rows = [
        {"quantity": "voltage_l1_n", "address": 0, "type": "uint16", "unit": "V", "power_of_ten": "sf"},
        {"quantity": "current_l1", "address": 2, "type": "uint16", "unit": "A"},
    ]
    found = station(meter=meter_file(*rows, helpers=[{"name": "sf", "address": 5, "type": "int16"}]))
    (whole,) = found.blocks(POWER)
    found.learn_refusal(whole, "exception_2", sure=True)

    assert "voltage_l1_n" in {name for block in names(found.blocks(POWER)) for name in block}


def test_the_time_out_is_wire_time_and_what_the_meter_may_take() -> None:
    """A longer answer is waited for longer."""
    found = station()
    short, long = found.timeout_s(ReadRequest(3, 0, 2)), found.timeout_s(ReadRequest(3, 0, 60))

    assert 0.150 < short < 0.170
    assert long - short == (58 * 2 * 10) / 19_200 or abs(long - short - 58 * 2 * 10 / 19_200) < 1e-5


def test_the_turnaround_is_the_meters_own_share() -> None:
    """What the wire took is not the meter's fault; it is never below zero."""
    found = station()
    wire_us = (8 + 9) * 10 * 1_000_000 // 19_200

    assert abs(found.turnaround_us(ReadRequest(3, 0, 2), wire_us + 7_000) - 7_000) <= 1
    assert found.turnaround_us(ReadRequest(3, 0, 2), 100) == 0


def test_its_status_is_what_is_known() -> None:
    """Turnarounds are shown when they are learnt, the next poll while it backs off."""
    found = in_step(station())
    fresh = found.status(None)
    for _ in range(30):
        found.condition.answered(ReadRequest(3, 0, 2), 5_000)
    found.note({"frequency": 50_000}, 5)
    found.note({"voltage_l1_n": 230_000}, 6)
    known = found.status(2.5)

    assert (fresh.state, fresh.turnaround_median_ms, fresh.next_poll_ms, fresh.time_ms) == ("waiting", None, None, None)
    assert known.turnaround_median_ms is not None
    assert (known.state, known.next_poll_ms, known.time_ms) == ("ok", 2_500, 6)
    assert known.values == {"frequency": 50_000, "voltage_l1_n": 230_000}


class KeptInMind:
    """A memory that outlives stations."""

    def __init__(self) -> None:
        self.documents: dict[tuple[str, str], dict[str, Any]] = {}

    def recall(self, meter: str, fingerprint: str, now_ms: int) -> dict[str, Any] | None:
        return self.documents.get((meter, fingerprint))

    def keep(self, meter: str, fingerprint: str, document: dict[str, Any]) -> None:
        self.documents[meter, fingerprint] = document


def test_learnt_holes_are_there_after_a_restart_but_not_for_another_file() -> None:
    """A station that begins anew plans around them at once; one with another meter file finds out for itself."""
    memory = KeptInMind()
    rows = (*ROWS[:2], {**ROWS[2], "address": 6})
    spec = StationSpec(station().spec.table, LINE, meter_file(*rows), ())
    first = Station(spec, memory)
    before = places(first.blocks(POWER))
    first.learn_refusal(first.blocks(POWER)[0], "exception_2", sure=True)

    assert places(Station(spec, memory).blocks(POWER)) == places(first.blocks(POWER)) != before
    changed = StationSpec(spec.table, LINE, meter_file(*rows, registers_max=59), ())
    assert places(Station(changed, memory).blocks(POWER)) == before
