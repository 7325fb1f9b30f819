"""One pymodbus client, made safe: it is shown only bytes that are the answer to its request.

pymodbus keeps the port, encodes requests and waits. It would take any frame of the right meter for the
answer, also one to an older request; so every byte passes `_heard` first, where our own framing finds
the frames and only the one that fits address, function and length goes on. All others are strays and
are reported with the address they carry. Who asks whom, and when, is not known here.
"""

import asyncio
import logging
import termios
from collections.abc import Awaitable, Callable
from typing import Any

from pymodbus.client.base import ModbusBaseClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, ReadInputRegistersRequest

from gateway.acquire.answer import Answer
from gateway.acquire.client import Trace
from gateway.acquire.dlt_listener import DltListener
from gateway.acquire.framing import Framing, Stray
from protocols import dlt645
from protocols.errors import LineNoise, MeterRefused, NoAnswer, ProtocolError, WrongAnswer
from protocols.pdu import READ_HOLDING, READ_INPUT, ReadRequest, reply_words

log = logging.getLogger(__name__)
# pymodbus logs an error for every time-out; the line owner counts and reports them itself.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

# A port that does not open within this is held by something; the owner says so and tries again.
OPEN_S_MAX = 5.0
# pymodbus drops what is handed over in one piece if it is longer than a frame: a late answer and the awaited one may be.
PIECE_BYTES_MAX = 4_096
# pymodbus closes the port after this many silent requests; silence of one meter is no reason to.
NO_RESPONSES_MAX = 2**31

_REQUESTS = {READ_HOLDING: ReadHoldingRegistersRequest, READ_INPUT: ReadInputRegistersRequest}


class WireClosed(Exception):
    """The wire is not there; the sentence says why and what to do."""


OnStray = Callable[[Stray], None]
# What opens the connection in place of pymodbus: given the protocol factory, as asyncio's create_connection.
Connector = Callable[[Callable[[], asyncio.BaseProtocol]], Awaitable[tuple[Any, Any]]]


class Master:
    """Read registers, one request at a time. `open` before the first, and again after WireClosed."""

    def __init__(self, make_client: Callable[[Trace], ModbusBaseClient], on_stray: OnStray, connector: Connector | None = None) -> None:
        self._make_client = make_client
        self._on_stray = on_stray
        self._connector = connector
        self._client: ModbusBaseClient | None = None
        self._framing: Framing | None = None
        self._request: ReadRequest | None = None
        self._outcome: tuple[int, ...] | ProtocolError | None = None
        self._dlt: DltListener | None = None
        self._heard_at = self._sent_at = 0.0

    @property
    def is_open(self) -> bool:
        return self._client is not None and self._client.connected

    @property
    def heard_at(self) -> float:
        """Loop time at which the last byte was heard."""
        return self._heard_at

    @property
    def noise(self) -> int:
        """Bytes heard since the last request that belong to no frame."""
        return 0 if self._framing is None else self._framing.noise

    def heard_head_of(self, address: int, request: ReadRequest) -> bool:
        """Whether since the last request something was heard that begins like that unit's answer to `request`."""
        return self._framing is not None and self._framing.heard_head_of(address, request)

    async def open(self) -> None:
        """WireClosed with the system's own words if it cannot be opened."""
        self.close()
        client = self._make_client(self._trace)
        client.set_max_no_responses(NO_RESPONSES_MAX)
        client.ctx.count_until_disconnect = NO_RESPONSES_MAX
        reason: list[str] = []
        client.ctx.call_create = self._recording(client, reason)
        client.ctx.max_buffer_size = PIECE_BYTES_MAX
        client.ctx.comm_params.timeout_connect = OPEN_S_MAX
        if not await client.connect():
            client.close()
            raise WireClosed(reason[0] if reason else f"it did not open within {OPEN_S_MAX:g} s")
        self._client = client

    def _recording(self, client: ModbusBaseClient, reason: list[str]) -> Callable[[], Any]:
        """pymodbus keeps the reason of a failed connection to its log; a person needs it."""
        create = client.ctx.call_create
        if self._connector is not None:
            connector, factory = self._connector, client.ctx.handle_new_connection

            async def create() -> Any:
                return await connector(factory)

        async def recorded() -> Any:
            try:
                return await create()
            except OSError as error:
                reason.append(str(error))
                raise
            except termios.error as error:
                # pyserial lets it through: the port exists, but cannot be set so (a pseudo-terminal has no parity).
                reason.append(f"it cannot be set to these baud rate, parity and stop bits ({error.args[-1]})")
                raise OSError(*error.args) from error

        return recorded

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def exchange(self, address: int, request: ReadRequest, framing: type[Framing], timeout_s: float) -> Answer:
        """The words of the answer. NoAnswer, LineNoise, WrongAnswer, MeterRefused, or WireClosed."""
        client = self._client
        if client is None or not client.connected:
            raise WireClosed("it is not open")
        self._framing = framing(address, request)
        self._request, self._outcome = request, None
        client.ctx.comm_params.timeout_connect = timeout_s
        wanted = _REQUESTS[request.function]
        try:
            await client.execute(False, wanted(address=request.address, count=request.count, dev_id=address))  # noqa: FBT003 - pymodbus
        except ModbusException as error:
            if self._outcome is None and not client.connected:
                raise WireClosed("the connection was lost") from error
        finally:
            self._request = None
        return self._concluded()

    async def ask_dlt(self, frame: dlt645.Frame, fits: Callable[[dlt645.Frame], Answer], timeout_s: float) -> Answer:
        """A DL/T 645 question past pymodbus, which does not know the language; `fits` raises WrongAnswer where a frame does not."""
        client = self._client
        if client is None or not client.connected or client.ctx.transport is None:
            raise WireClosed("it is not open")
        self._framing = None
        self._dlt = listener = DltListener(fits)
        try:
            data = dlt645.encoded(frame)
            self._sent_at = asyncio.get_running_loop().time()
            client.ctx.send(data)
            answer = await listener.answer(timeout_s)
        except NoAnswer:
            if not client.connected:
                raise WireClosed("the connection was lost") from None
            raise
        finally:
            self._dlt = None
        return answer._replace(took_us=round((self._heard_at - self._sent_at) * 1e6))

    def _concluded(self) -> Answer:
        """What `_heard` found out about the request, or what its silence means."""
        if isinstance(self._outcome, tuple):
            return Answer(self._outcome, round((self._heard_at - self._sent_at) * 1e6))
        if self._outcome is not None:
            raise self._outcome
        if self._framing is not None and self._framing.noise:
            raise LineNoise("bytes that are no answer")
        raise NoAnswer("silence until the time-out")

    def _trace(self, sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        now = asyncio.get_running_loop().time()
        if sending:
            self._sent_at = now
            if self._framing is not None:
                self._framing.sent(data)
            return data
        self._heard_at = now
        if self._client is not None:
            # pymodbus shows the whole of its buffer each time; emptied, it shows what is new.
            self._client.ctx.recv_buffer = b""
        return self._heard(data)

    def _heard(self, data: bytes) -> bytes:
        """What pymodbus may see of `data`: the one frame that answers the request, else nothing."""
        if self._dlt is not None:
            self._dlt.heard(data)
        if self._framing is None:
            return b""
        shown = b""
        for is_ours, frame, packet in self._framing.feed(data):
            if is_ours and self._request is not None and self._outcome is None and self._answers(self._request, frame.pdu):
                shown = packet
            else:
                self._on_stray(frame)
        return shown

    def _answers(self, request: ReadRequest, pdu: bytes) -> bool:
        try:
            self._outcome = reply_words(request, pdu)
        except MeterRefused as refusal:
            self._outcome = refusal
        except WrongAnswer as wrong:
            log.debug("a frame of the right meter that is no answer: %s", wrong)
            return False
        return True
