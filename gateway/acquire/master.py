"""One pymodbus client, made safe: it keeps the port or connection, and what is heard there is read by our own framing.

pymodbus would take any frame of the right meter for the answer, also one to an older request; so every byte
passes `_heard`, where only the frame that fits address, function and length is the answer. All others are
strays and are reported with the address they carry. Who asks whom, and when, is not known here.
"""

import asyncio
import logging
import termios
from collections.abc import Awaitable, Callable
from typing import Any

from pymodbus.client.base import ModbusBaseClient

from gateway.acquire.answer import Answer
from gateway.acquire.client import Lost, Trace
from gateway.acquire.dlt_listener import DltListener
from gateway.acquire.framing import Framing, Stray
from gateway.acquire.open_failure import why
from protocols import dlt645
from protocols.errors import LineNoise, MeterRefused, NoAnswer, ProtocolError, WrongAnswer
from protocols.frame import BROADCAST
from protocols.pdu import Identify, Request, reply_objects, reply_words

log = logging.getLogger(__name__)
# pymodbus logs an error for every time-out; the line owner counts and reports them itself.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)

# A port that does not open within this is held by something; the owner says so and tries again.
OPEN_S_MAX = 5.0
# pymodbus drops what is handed over in one piece if it is longer than a frame: a late answer and the awaited one may be.
PIECE_BYTES_MAX = 4_096
# The longest frame is 260 bytes; what babbles beyond two of them shows nothing more.
SHOWN_BYTES_MAX = 520


class WireClosed(Exception):
    """The wire is not there; the sentence says why and what to do."""


MakeClient = Callable[[Trace, Lost], ModbusBaseClient]
OnStray = Callable[[Stray], None]
# What opens the connection in place of pymodbus: given the protocol factory, as asyncio's create_connection.
Connector = Callable[[Callable[[], asyncio.BaseProtocol]], Awaitable[tuple[Any, Any]]]


class Master:
    """One request at a time. `open` before the first, and again after WireClosed."""

    def __init__(self, make_client: MakeClient, on_stray: OnStray, connector: Connector | None = None) -> None:
        self._make_client = make_client
        self._on_stray = on_stray
        self._connector = connector
        self._client: ModbusBaseClient | None = None
        self._framing: Framing | None = None
        self._request: Request | None = None
        self._waiting: asyncio.Future[Answer | None] | None = None
        self._dlt: DltListener | None = None
        self._heard_at = self._sent_at = 0.0
        self._sent = self._heard_bytes = b""

    @property
    def is_open(self) -> bool:
        return self._client is not None and self._client.connected

    @property
    def heard_at(self) -> float:
        """Loop time at which the last byte was heard."""
        return self._heard_at

    @property
    def sent(self) -> bytes:
        """The last request as it went out."""
        return self._sent

    @property
    def heard(self) -> bytes:
        """All that was heard since the last request, as far as a person would look at it."""
        return self._heard_bytes

    @property
    def noise(self) -> int:
        """Bytes heard since the last request that belong to no frame."""
        return 0 if self._framing is None else self._framing.noise

    def heard_head_of(self, address: int, request: Request) -> bool:
        """Whether since the last request something was heard that begins like that unit's answer to `request`."""
        return self._framing is not None and self._framing.heard_head_of(address, request)

    async def open(self) -> None:
        """WireClosed with the system's own words if it cannot be opened."""
        self.close()
        client = self._make_client(self._trace, self._lost)
        reason: list[str] = []
        client.ctx.call_create = self._recording(client, reason)
        client.ctx.max_buffer_size = PIECE_BYTES_MAX
        # pymodbus would use wait_for, which in Python 3.11 forgets a cancellation in the moment of success: a stop would never end.
        client.ctx.comm_params.timeout_connect = None  # type: ignore[assignment] # wait_for takes it so
        try:
            async with asyncio.timeout(OPEN_S_MAX):
                connected = await client.connect()
        except TimeoutError:
            connected = False
        if not connected:
            client.close()
            raise WireClosed(reason[0] if reason else f"it did not open within {OPEN_S_MAX:g} s")
        self._client, self._framing = client, None

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
                reason.append(why(error))
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

    async def exchange(self, address: int, request: Request, framing: type[Framing], timeout_s: float) -> Answer:
        """The answer. NoAnswer, LineNoise, WrongAnswer, MeterRefused, or WireClosed."""
        loop = asyncio.get_running_loop()
        self._sent = self._heard_bytes = b""
        self._waiting = loop.create_future()
        self._send(address, request, framing)
        timer = loop.call_later(timeout_s, self._end, None)
        try:
            answer = await self._waiting
        finally:
            timer.cancel()
            self._request = self._waiting = None
        if answer is not None:
            return answer
        if not self.is_open:
            raise WireClosed("the connection was lost")
        if self._framing is not None and self._framing.noise:
            raise LineNoise("bytes that are no answer")
        raise NoAnswer("silence until the time-out")

    async def ask_dlt(self, frame: dlt645.Frame, fits: Callable[[dlt645.Frame], Answer], timeout_s: float) -> Answer:
        """A DL/T 645 question past the Modbus framing; `fits` raises WrongAnswer where a frame does not."""
        if self._client is None or not self._client.connected:
            raise WireClosed("it is not open")
        self._framing = None
        self._dlt = listener = DltListener(fits)
        self._put(dlt645.encoded(frame))
        try:
            answer = await listener.answer(timeout_s)
        except NoAnswer:
            if not self.is_open:
                raise WireClosed("the connection was lost") from None
            raise
        finally:
            self._dlt = None
        return answer._replace(took_us=round((self._heard_at - self._sent_at) * 1e6))

    def broadcast(self, request: Request, framing: type[Framing]) -> None:
        """To all units at once; none of them answers."""
        self._send(BROADCAST, request, framing)
        self._request = None

    def _send(self, address: int, request: Request, framing: type[Framing]) -> None:
        if self._client is None or not self._client.connected:
            raise WireClosed("it is not open")
        self._framing = framing(address, request, self._framing)
        self._request = request
        self._put(self._framing.packet)

    def _put(self, packet: bytes) -> None:
        assert self._client is not None
        self._sent_at = asyncio.get_running_loop().time()
        self._sent, self._heard_bytes = packet, b""
        self._client.ctx.send(packet)

    def _trace(self, _sending: bool, data: bytes) -> bytes:  # noqa: FBT001 - pymodbus calls it so
        """All that pymodbus hears; it is left nothing to read itself."""
        self._heard_at = asyncio.get_running_loop().time()
        self._heard_bytes = (self._heard_bytes + data)[:SHOWN_BYTES_MAX]
        if self._client is not None:
            # pymodbus shows the whole of its buffer each time; emptied, it shows what is new.
            self._client.ctx.recv_buffer = b""
        if self._dlt is not None:
            self._dlt.heard(data)
        if self._framing is not None:
            for is_ours, frame in self._framing.feed(data):
                if not (is_ours and self._request is not None and self._answers(self._request, frame.pdu)):
                    self._on_stray(frame)
        return b""

    def _lost(self, connected: bool) -> None:  # noqa: FBT001 - pymodbus calls it so
        if not connected:
            self._end(None)

    def _end(self, answer: Answer | ProtocolError | None) -> None:
        if self._waiting is None or self._waiting.done():
            return
        self._request = None
        if isinstance(answer, ProtocolError):
            self._waiting.set_exception(answer)
        else:
            self._waiting.set_result(answer)

    def _answers(self, request: Request, pdu: bytes) -> bool:
        try:
            words = () if isinstance(request, Identify) and reply_objects(request, pdu) else reply_words(request, pdu)
        except MeterRefused as refusal:
            self._end(refusal)
        except WrongAnswer as wrong:
            log.debug("a frame of the right meter that is no answer: %s", wrong)
            return False
        else:
            self._end(Answer(words, round((self._heard_at - self._sent_at) * 1e6), pdu))
        return True
