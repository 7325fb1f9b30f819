"""Makes the pymodbus client of each kind of line. The master decides what the client gets to see."""

from collections.abc import Callable

from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.client.base import ModbusBaseClient
from pymodbus.framer import FramerType

from gateway.site import LineTable

# Called with (sending, bytes); what it returns goes on.
Trace = Callable[[bool, bytes], bytes]
# Called with True when the connection is there, with False when it is lost.
Lost = Callable[[bool], None]


def make_client(line: LineTable, trace: Trace, lost: Lost | None = None) -> ModbusBaseClient:
    """Must be called in the loop that will own the port. Reconnecting and retrying are the line owner's."""
    if line.port:
        return AsyncModbusSerialClient(
            line.port,
            baudrate=line.baud,
            parity=line.parity,
            stopbits=line.stop_bits,
            reconnect_delay=0,
            retries=0,
            trace_packet=trace,
            trace_connect=lost,
        )
    host, _, port = line.target.rpartition(":")
    framer = FramerType.SOCKET if line.tcp else FramerType.RTU
    return AsyncModbusTcpClient(host, port=int(port), framer=framer, reconnect_delay=0, retries=0, trace_packet=trace, trace_connect=lost)
