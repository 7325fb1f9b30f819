"""The virtual line behind a serial device server."""

import asyncio

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.framer import FramerType

from tools.factory.rtu_over_tcp import RtuOverTcp
from tools.factory.serial_settings import LineSettings
from tools.tests.factory_bench import line, reply, request, station

PATIENCE_S = 10.0
FAST = LineSettings(115_200, "N", 1)


async def test_pymodbus_reads_rtu_frames_over_tcp() -> None:
    """A master that frames RTU on a socket reads both meters of the line."""
    server = RtuOverTcp(line([station(5), station(6)], FAST))
    await server.start()
    host, port = server.address
    client = AsyncModbusTcpClient(host, port=port, framer=FramerType.RTU, timeout=PATIENCE_S)
    await client.connect()
    read = []
    for address in (5, 6):
        read.append((await client.read_input_registers(30, count=4, device_id=address)).registers)
        await asyncio.sleep(0.01)  # more than t3.5, which this client does not keep on a socket
    client.close()
    await server.stop()

    assert read == [[30, 31, 32, 33], [30, 31, 32, 33]]


async def test_a_second_master_is_hung_up_on() -> None:
    """The first one goes on undisturbed, and when it leaves another may come."""
    server = RtuOverTcp(line([station(5)], FAST))
    await server.start()
    answers = []
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*server.address)
            second_reader, second_writer = await asyncio.open_connection(*server.address)
            hung_up = await second_reader.read() == b""
            writer.write(request(5))
            answers.append((hung_up, await reader.readexactly(len(reply(5)))))
            for each in (writer, second_writer):
                each.close()
                await each.wait_closed()
            while server._master is not None:  # noqa: ASYNC110 - the server sees the end a moment later
                await asyncio.sleep(0)
    await server.stop()

    assert answers == [(True, reply(5))] * 2
