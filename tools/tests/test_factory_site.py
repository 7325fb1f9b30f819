"""The three-shift factory as a whole: site file, history, live meters and the process."""

import csv
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import serial  # type: ignore[import-untyped]

from gateway import catalogue, site_check
from protocols.pdu import ReadRequest, encode_request
from tools.factory.equipment import MAIN, PIECES, PLACES
from tools.factory.factory import SETTINGS, Factory, HistoryRow, UnknownMeterError, opened_before
from tools.factory.faults import DeadMeter, parse_fault
from tools.factory.loads import SLOT_MS
from tools.factory.protocol_virtual import register
from tools.factory.site_file import write_site
from tools.tests.factory_bench import request

START_MS = 1_793_000_123_456
OPENED_MS = opened_before(START_MS, days=7)
FACTORY = Factory(2, OPENED_MS)
ROOT = Path(__file__).parents[2]
# Two registers of seven digits (float32) can each be wrong by half a step: 2 Wh at 36 000 kWh.
_RESOLUTION_KWH = Decimal("0.01")


@pytest.fixture(scope="module")
def history() -> list[HistoryRow]:
    return list(FACTORY.history(START_MS))


def series(history: list[HistoryRow], quantity: str) -> dict[str, list[Decimal]]:
    found: defaultdict[str, list[Decimal]] = defaultdict(list)
    for row in history:
        if row.quantity == quantity:
            found[row.meter].append(Decimal(row.value))
    return found


def test_the_site_file_has_no_mistake(tmp_path: Path) -> None:
    """The gateway's own check accepts it, with every meter, line and shift."""
    path = write_site(
        tmp_path,
        rs485_port="virtual:///tmp/bus",
        settings=SETTINGS,
        tcp="127.0.0.1:5020",
        hub_url="http://127.0.0.1:9000",
        hub_token_file="hub.token",
    )
    site = site_check.load(path, lambda folder: {name: frozenset(each.quantities) for name, each in catalogue.meters(folder).items()})

    assert [(meter.name, meter.model, meter.address) for meter in site.meter] == [(each.name, each.model, each.address) for each in PLACES]
    assert [(line.name, line.kind, line.baud) for line in site.line] == [("rs485-1", "rs485", 19_200), ("tcp-1", "tcp", 9_600)]
    assert [shift.name for shift in site.shift] == ["early", "late", "night"]
    assert (site.product[0].units_from, site.product[0].node) == (PIECES, "press-1")


def test_history_covers_every_quarter_of_an_hour(history: list[HistoryRow]) -> None:
    """Each meter has one row per counter on each grid point from the opening to the start, in the import file's form."""
    points = (START_MS - OPENED_MS) // SLOT_MS + 1
    imported = series(history, "active_energy_import")

    assert set(imported) == {place.name for place in PLACES} - {PIECES}
    assert {len(each) for each in imported.values()} == {points}
    assert history[0]._fields == ("time", "meter", "quantity", "value", "unit")
    assert len({(row.time, row.meter, row.quantity) for row in history}) == len(history)


def test_no_counter_of_the_history_goes_back(history: list[HistoryRow]) -> None:
    """Also after rounding to registers."""
    for quantity in ("active_energy_import", "active_energy_export", "reactive_energy_import", "pieces"):
        for values in series(history, quantity).values():
            assert values == sorted(values)


def test_submeters_and_offices_add_up_to_the_main_meter(history: list[HistoryRow]) -> None:
    """Import - export + generation = all loads, the offices being the unmetered rest, within the meters' resolution."""
    imported, exported = series(history, "active_energy_import"), series(history, "active_energy_export")

    def used(values: list[Decimal]) -> Decimal:
        return values[-1] - values[0]

    load = used(imported[MAIN]) - used(exported[MAIN]) + used(exported["pv"])
    metered = sum(used(values) for name, values in imported.items() if name not in (MAIN, "pv"))
    ends_ms = OPENED_MS + (len(imported[MAIN]) - 1) * SLOT_MS
    offices = Decimal(FACTORY.sources["offices"].energy_uj(ends_ms)) / 3_600_000_000_000
    assert offices > 50
    assert abs(load - metered - offices) <= _RESOLUTION_KWH * len(imported)


def test_history_and_live_meters_join_without_a_seam(history: list[HistoryRow]) -> None:
    """At the last point of the history a live read shows the same words, and a read after it never less."""
    last_ms = OPENED_MS + (START_MS - OPENED_MS) // SLOT_MS * SLOT_MS
    live = Factory(2, OPENED_MS)
    last = {row.meter: Decimal(row.value) for row in history if row.quantity == "active_energy_import"}

    def shown_kwh(name: str, time_ms: int) -> Decimal:
        value = live.meters[name].shown("active_energy_import", live.meters[name].measure(time_ms))
        assert value is not None
        return Decimal(value) / 1_000_000

    assert {name: shown_kwh(name, last_ms) for name in last} == last
    assert all(shown_kwh(name, START_MS) >= value for name, value in last.items())


def test_pieces_are_whole_and_follow_the_press(history: list[HistoryRow]) -> None:
    """The counter counts strokes: hundreds an hour while pressing, none on Sunday."""
    pieces = series(history, "pieces")[PIECES]

    assert all(value == value.to_integral_value() for value in pieces)
    assert 15_000 < pieces[-1] - pieces[0] < 45_000


def test_the_same_seed_is_the_same_factory() -> None:
    """Two factories of one seed tell the same history; another seed tells another."""
    until_ms = OPENED_MS + 40 * SLOT_MS
    first, again, other = (list(Factory(seed, OPENED_MS).history(until_ms)) for seed in (2, 2, 3))

    assert first == again
    assert first != other


def test_a_fault_of_a_meter_that_is_not_there_is_refused() -> None:
    """The sentence names the meters there are."""
    with pytest.raises(UnknownMeterError, match="known are cnc, compressor"):
        FACTORY.line(START_MS, {"press-9": [DeadMeter()]})


@contextmanager
def process(folder: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    command = [
        sys.executable,
        "-m",
        "tools.factory.process",
        "--folder",
        str(folder),
        "--start-ms",
        str(START_MS),
        "--opened-ms",
        str(START_MS // SLOT_MS * SLOT_MS),
        *arguments,
    ]
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin
    assert child.stdout
    try:
        yield child, json.loads(child.stdout.readline())
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()


def ask(url: str, address: int, answer_bytes: int) -> bytes:
    register()
    with serial.serial_for_url(url, baudrate=SETTINGS.baud, timeout=1.0) as port:
        port.write(request(address, 0, 2))
        return bytes(port.read(answer_bytes))


def test_the_process_serves_both_lines_and_its_faults(tmp_path: Path) -> None:
    """A healthy meter answers on the pseudo-terminal, a dead one does not, the counter answers over TCP; SIGTERM ends it."""
    with process(tmp_path, "--fault", "dead_meter@compressor", "--speed", "5") as (child, ready):
        url = ready["lines"]["rs485-1"]["port"]
        main, dead = ask(url, 1, 9), ask(url, 5, 9)
        host, port = ready["lines"]["tcp-1"]["tcp"].split(":")
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(b"\0\1\0\0\0\6\2" + encode_request(ReadRequest(3, 0, 2)))
            pieces = connection.recv(100)
        child.send_signal(signal.SIGTERM)
        status = child.wait(timeout=10)

    assert main[:3] == b"\x01\x04\x04"
    assert dead == b""
    assert pieces[:9] == b"\0\1\0\0\0\7\2\3\4"
    assert status == 0
    assert not os.path.lexists(tmp_path / "rs485-1")


def test_the_process_ends_with_its_parent_s_pipe(tmp_path: Path) -> None:
    """When nobody holds its input any more, the factory closes."""
    with process(tmp_path) as (child, _):
        assert child.stdin
        child.stdin.close()
        status = child.wait(timeout=10)

    assert status == 0


@pytest.mark.parametrize("text", ["late_replies=0.1@main", "dead_meter@press-9"])
def test_the_process_refuses_a_wrong_fault_in_words(tmp_path: Path, text: str) -> None:
    """Status 2 and one sentence, no traceback."""
    command = [sys.executable, "-m", "tools.factory.process", "--folder", str(tmp_path), "--fault", text]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert result.returncode == 2
    assert "known are" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_word_and_the_table_agree() -> None:
    """What the command line takes is what the factory gets."""
    assert parse_fault("dead_meter@compressor") == ("compressor", DeadMeter())


def test_history_can_be_written_as_an_import_file(history: list[HistoryRow]) -> None:
    """The rows are text as the import wants it: ISO times with offset, plain decimals, the outer units."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HistoryRow._fields)
    writer.writerows(history[:20])

    assert text.getvalue().splitlines()[0] == "time,meter,quantity,value,unit"
    assert history[0].time.endswith("Z")
    assert {row.unit for row in history} == {"kWh", "kvarh", "kW", "pieces"}
