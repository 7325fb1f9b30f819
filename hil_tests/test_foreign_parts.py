"""Parts that are not ours at the other end: a foreign master on our virtual meters, a foreign meter server on our gateway."""

import asyncio
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from gateway import control
from hil_tests.bench import Meter, cannot, meter_of
from hil_tests.chain import Chain, document_of
from tools.bench import ledger, parts

MODEL = "eastron-sdm630"
VOLTAGE_L1, ENERGY_IMPORT = 0, 72  # input registers of that model, float32, most significant word first
PARITIES = {"N": "none", "E": "even", "O": "odd"}
START_S_MAX = 10.0
# What the foreign meter shows: (address, value as a float32 has it exactly, quantity, the contract's text).
SHOWN = (
    (0, 230.25, "voltage_l1_n", "230.250"),
    (6, 4.5, "current_l1", "4.500"),
    (12, -1036.125, "active_power", "-1.036125"),
    (30, -0.875, "power_factor", "-0.875"),
    (70, 50.0625, "frequency", "50.062"),  # 50.0625 Hz, half-even at the third decimal
    (72, 12345.625, "active_energy_import", "12345.625000"),
    (74, 0.5, "active_energy_export", "0.500000"),
)


def test_mbpoll_reads_our_meters(chain: Chain) -> None:
    """A foreign Modbus master on the plain serial port sees the same counter as our gateway: between what we read before and after."""
    if shutil.which("mbpoll") is None:
        cannot("mbpoll is not installed")
    meter = meter_of(chain.bench, MODEL)
    with chain.bench.powered(chain.places):
        before = _energy(chain, meter.name)
        energy, voltage = _mbpoll(chain, meter, ENERGY_IMPORT), _mbpoll(chain, meter, VOLTAGE_L1)
        after = _energy(chain, meter.name)

    assert 0 < before <= after
    # mbpoll prints six significant digits.
    assert float(f"{before:.6g}") <= energy <= float(f"{after:.6g}")
    assert 195 < voltage < 265


def _mbpoll(chain: Chain, meter: Meter, register: int) -> float:
    site, _ = ledger.loaded(chain.site)
    wire = next(line for line in site.line if line.name == meter.line)
    line = ("-m", "rtu", "-a", str(meter.address), "-b", str(wire.baud), "-P", PARITIES[wire.parity], "-s", str(wire.stop_bits))
    what = ("-t", "3:float", "-B", "-0", "-r", str(register), "-c", "1", "-1")
    port = chain.bench.plain_port(chain.places)
    ended = subprocess.run(["mbpoll", *line, *what, port], capture_output=True, text=True, timeout=30, check=False)
    found = re.search(rf"\[{register}\]:\s*(\S+)", ended.stdout)
    assert found, ended.stdout + ended.stderr
    return float(found[1])


def _energy(chain: Chain, meter: str) -> float:
    entry = document_of(chain.command("read", "--json", "--meter", meter))["meters"][0]
    return float(entry["values"]["active_energy_import"])


def test_a_foreign_server_is_read_to_the_last_digit(chain: Chain) -> None:
    """A meter served by another implementation of Modbus TCP is read by `read` and by `run` with exactly the values it shows."""
    with _foreign_meter() as port:
        chain.site.write_text(
            f'[site]\nname = "foreign"\ntimezone = "Asia/Shanghai"\n[poll]\ninterval_s = 1\n[pages]\nlisten = "{chain.places.listen}"\n'
            f'[[line]]\nname = "tcp-1"\ntcp = "{parts.HOST}:{port}"\n'
            '[[meter]]\nname = "foreign"\nline = "tcp-1"\naddress = 9\nmodel = "eastron-sdm120"\nrole = "load"\n'
        )
        alone = document_of(chain.command("read", "--json"))["meters"][0]
        gateway = chain.start_gateway()
        gateway.until((chain.data / control.SOCKET).exists, "the gateway is up")
        gateway.until(lambda: chain.readings() != [], "what it polled is stored")
        through_run = document_of(chain.command("read", "--json"))["meters"][0]
        assert gateway.stop() == 0
    stored = {name: value for reading in chain.readings() for name, value in reading.values.items()}
    expected = {quantity: text for _, _, quantity, text in SHOWN}

    for entry in (alone, through_run):
        assert entry["ok"], entry
        assert {name: entry["values"][name] for name in expected} == expected
    assert stored["voltage_l1_n"] == 230_250
    assert stored["active_energy_import"] == int(Decimal("12345.625") * 1_000_000)


@contextmanager
def _foreign_meter() -> Iterator[int]:
    """pymodbus' own server, unit 9, in a thread with a loop of its own; yields its port."""
    port = parts.free_port()
    ready = threading.Event()
    holder: list[tuple[asyncio.AbstractEventLoop, ModbusTcpServer]] = []

    async def serve() -> None:
        values = {address: value for address, value, _, _ in SHOWN}
        data = [SimData(address, values=values.get(address, 0.0), datatype=DataType.FLOAT32) for address in range(0, 80, 2)]
        server = ModbusTcpServer(SimDevice(9, simdata=data), address=(parts.HOST, port))
        holder.append((asyncio.get_running_loop(), server))
        await server.serve_forever(background=True)
        ready.set()
        await server.serving

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="foreign meter")
    thread.start()
    try:
        assert ready.wait(START_S_MAX), "the foreign server did not start"
        yield port
    finally:
        loop, server = holder[0]
        asyncio.run_coroutine_threadsafe(server.shutdown(), loop).result(START_S_MAX)  # type: ignore[no-untyped-call]
        thread.join()
