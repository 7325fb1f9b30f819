"""Finds DL/T 645 meters on a wire: calls everybody by the wildcard, and the ones it is told by their numbers.

The wildcard is only answered well with one meter on the pair; that several answered at once is told.
"""

from collections.abc import Sequence

from gateway.acquire.channel import DltChannel
from gateway.acquire.identify import HIGH, Identity
from gateway.acquire.plausibility import judged
from gateway.acquire.snapshot import wanted
from gateway.acquire.wire import Settings, Wire
from protocols import dlt645
from protocols.errors import ProtocolError
from protocols.meter import Meter
from protocols.register import Row, decode

# Half a second is often repeated as the limit for an answer; no source confirms it.
WAIT_S = 0.5
LINGER_S = 0.1


class DltSearch:
    def __init__(self, wire: Wire, settings: Settings, model: Meter, expected: Sequence[str] = ()) -> None:
        self._channel = DltChannel(wire, settings)
        self._model = model
        self._expected = tuple(expected)
        self.several = False

    async def run(self) -> list[tuple[str, Identity]]:
        addresses = await self._called()
        for address in self._expected:
            if address not in addresses and await self._read(address, self._model.rows[0]) is not None:
                addresses.append(address)
        return [(address, await self._identity(address)) for address in addresses]

    async def _called(self) -> list[str]:
        """Who answers the wildcard. Some meters do not know "what is your address?" and are asked for their energy."""
        for request in (dlt645.address_request(), dlt645.read_request(dlt645.WILDCARD, self._model.rows[0].address)):
            heard = await self._channel.ask(request, WAIT_S, linger_s=LINGER_S)
            addresses = list(dict.fromkeys(frame.address for frame in heard.frames))
            self.several |= bool(heard.noise) or len(addresses) > 1
            if addresses or heard.noise:
                return addresses
        return []

    async def _identity(self, address: str) -> Identity:
        values = {}
        for row in wanted(self._model):
            value = await self._read(address, row)
            if value is not None:
                values[row.quantity] = value
        verdict = judged(values)
        told = ", ".join(verdict.fails or verdict.holds)
        return Identity(self._model.name, f"it answers in DL/T 645{' and ' + told if told else ''}", HIGH, values)

    async def _read(self, address: str, row: Row) -> int | None:
        heard = await self._channel.ask(dlt645.read_request(address, row.address), WAIT_S)
        for frame in heard.frames:
            try:
                return decode(row, dlt645.reply_words(address, row, frame))
            except ProtocolError:
                continue
        return None
