"""The line owner polls meters of other languages like any other: DL/T 645 beside Modbus, and SunSpec wherever its map lies."""

import asyncio
from collections.abc import Sequence
from functools import partial
from math import inf
from random import Random
from typing import Any

import pytest

from gateway import catalogue
from gateway.acquire.client import make_client
from gateway.acquire.framing import RtuFraming
from gateway.acquire.line_log import LineLog
from gateway.acquire.master import Master
from gateway.acquire.owner import LineOwner
from gateway.acquire.poll import PollResult
from gateway.acquire.schedule import Schedule
from gateway.acquire.station import StationSpec
from gateway.acquire.station_of import station_of
from gateway.acquire.tests.fakes import LoopClock
from gateway.site import LineTable, MeterTable
from protocols.meter import Meter, rebased
from tools.factory.faults import LateReply
from tools.factory.memory_line import open_memory_line
from tools.factory.serial_settings import LineSettings
from tools.factory.station import Station
from tools.factory.virtual_meter import VirtualMeter
from tools.factory.wire import Line
from tools.tests.simulated_line import LOAD, dlt645, serve, simulate, station

SETTINGS = LineSettings(9600, "E", 1)
TABLE = LineTable(name="bus", port="/dev/none", baud=9600, parity="E")
NUMBER = "000000190101"


def polled(wired: Sequence[Station], meters: Sequence[tuple[int | str, str]], rounds: int = 1) -> list[dict[str, PollResult]]:
    """What a person who reads every meter gets, `rounds` times."""
    line = Line(wired, SETTINGS, random=Random(1))

    async def main() -> list[dict[str, PollResult]]:
        specs = [
            StationSpec(
                MeterTable(name=f"m{address}", line="bus", address=address, model=model, role="load"), TABLE, catalogue.model(model), ()
            )
            for address, model in meters
        ]
        stations = [station_of(spec) for spec in specs]

        async def connector(factory: Any) -> Any:
            return await open_memory_line(line, factory)

        clock = LoopClock(asyncio.get_running_loop())
        owners: list[LineOwner] = []
        master = Master(partial(make_client, TABLE), lambda stray: owners[0].stray(stray), connector)  # noqa: PLW0108 - the owner comes after its master
        schedule = Schedule(stations, 10.0, lambda _: 2**62, inf)
        owners.append(LineOwner(TABLE, stations, master, RtuFraming, schedule, clock, lambda _: None, LineLog(clock, lambda _: None, 0), 0))
        task = asyncio.create_task(owners[0].run())
        results = [{spec.table.name: await owners[0].read_now(spec.table.name) for spec in specs} for _ in range(rounds)]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return results

    return simulate(main)[0]


def test_a_dlt645_meter_is_read_beside_a_modbus_meter() -> None:
    """One owner, one wire, two languages."""
    wired = [dlt645(NUMBER, settings=None), station(5, serve("schneider-iem3155"))]

    (result,) = polled(wired, [(NUMBER, "dlt645-2007"), (5, "schneider-iem3155")])

    first, second = result[f"m{NUMBER}"], result["m5"]
    assert (first.ok, second.ok) == (True, True)
    assert first.values["voltage_l1_n"] == LOAD["voltage_l1_n"]
    assert first.values["active_power"] == LOAD["active_power"] - LOAD["active_power"] % 100
    assert first.values["active_energy_export"] == LOAD["active_energy_export"]


def test_what_a_dlt645_meter_does_not_have_is_missing_with_its_reason() -> None:
    """A single-phase meter answers with an error frame, and the rest is read all the same."""
    single = {name: value for name, value in LOAD.items() if "_l2" not in name and "_l3" not in name}

    (result,) = polled([dlt645(NUMBER, settings=None, values=single)], [(NUMBER, "dlt645-2007")])

    poll = result[f"m{NUMBER}"]
    assert poll.values["voltage_l1_n"] == LOAD["voltage_l1_n"]
    assert poll.missing["voltage_l2_n"] == "exception_2"


def test_a_silent_dlt645_meter_has_no_answer() -> None:
    """Nobody there is `no_answer`, and the line goes on."""
    (result,) = polled([station(5, serve("schneider-iem3155"))], [(NUMBER, "dlt645-2007"), (5, "schneider-iem3155")])

    assert (result[f"m{NUMBER}"].ok, result[f"m{NUMBER}"].reason) == (False, "no_answer")
    assert result["m5"].ok


def test_late_answers_in_dlt645_are_never_taken_for_others() -> None:
    """They name what they answer: every value that is read is the right one."""
    meter = dlt645(NUMBER, settings=None)
    meter.faults = (LateReply(0.3, 300_000, 2_500_000),)

    rounds = polled([meter], [(NUMBER, "dlt645-2007")], rounds=30)

    values = [poll.values for each in rounds for poll in each.values()]
    assert any(each for each in values)
    for each in values:
        assert all(abs(value - LOAD[name]) <= 100 for name, value in each.items() if name in LOAD and "energy" not in name)


def moved(meter: Meter, base: int) -> Meter:
    """The device with its whole map elsewhere, marker and model number included."""
    shift = base - meter.base
    probes = tuple(probe._replace(address=probe.address + shift) for probe in meter.identification)
    return rebased(meter, base)._replace(identification=probes)


@pytest.mark.parametrize("base", [40_070, 50_070, 70])
@pytest.mark.parametrize("model", ["sunspec-meter-int", "sunspec-meter-float"])
def test_a_sunspec_meter_is_read_where_its_map_lies(model: str, base: int) -> None:
    """The chain is walked first; no address is taken for granted."""
    meter = VirtualMeter(moved(catalogue.model(model), base), lambda _time_ms: LOAD)
    wired = [station(5, lambda pdu, now_us: meter.serve(pdu, now_us // 1_000))]

    (result,) = polled(wired, [(5, model)])

    assert result["m5"].ok
    assert abs(result["m5"].values["voltage_l1_n"] - LOAD["voltage_l1_n"]) <= 100
    assert result["m5"].values["frequency"] == LOAD["frequency"]


def test_a_device_without_the_model_says_why() -> None:
    """The walk ends, and the poll has a reason."""
    (result,) = polled([station(5, serve("eastron-sdm630"))], [(5, "sunspec-meter-int")])

    assert not result["m5"].ok
    assert result["m5"].reason == "exception_2"
