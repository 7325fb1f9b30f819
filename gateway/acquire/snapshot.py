"""The values of one meter read once through a channel, by a map that may not be its own. It keeps what was read."""

from collections.abc import Iterator

from gateway.acquire.channel import Channel, read
from gateway.acquire.plausibility import near_nominal
from protocols.errors import OurMistake, ProtocolError
from protocols.meter import Meter
from protocols.pdu import ReadRequest
from protocols.plan import Block, Costs, plan
from protocols.quantity import COUNTER, QUANTITIES
from protocols.register import Image, Row, decode_from, span

# What a person compares with the display, and what physics can judge.
_LEVELS = ("voltage_", "current_l", "active_power", "apparent_power", "power_factor", "frequency")
_COUNTERS = ("active_energy_import", "active_energy_export")
_NOT = ("voltage_l1_l2", "voltage_l2_l3", "voltage_l3_l1")
# Wire costs only weigh one block against two here: those of 9600 baud serve for all.
_COSTS = Costs(10, 9_600, 4_000, 40_000, 0, 3, 125)


def wanted(meter: Meter) -> Iterator[Row]:
    for row in meter.rows:
        if (
            row.quantity in _COUNTERS
            or (row.quantity.startswith(_LEVELS) and row.quantity not in _NOT)
            or (QUANTITIES[row.quantity].kind == COUNTER and not any(each.quantity in _COUNTERS for each in meter.rows))
        ):
            yield row


class Snapshot:
    def __init__(self, channel: Channel, address: int, patience_s: float) -> None:
        self._channel = channel
        self._address = address
        self._patience_s = patience_s
        self._image: Image = {}
        self._refused: set[tuple[int, int, int]] = set()

    async def begins_well(self, meter: Meter, nominal_v: int | None) -> bool:
        """Whether the map's first voltage is one: a cheap look before the whole map is read."""
        row = next((row for row in meter.rows if row.quantity == "voltage_l1_n"), None)
        if row is None or not await self._read(meter, (row, *row.ratios)):
            return False
        value = decode_from(row, self._image)
        return value is not None and near_nominal(value, nominal_v) is not None

    async def values(self, meter: Meter) -> dict[str, int]:
        rows = tuple(wanted(meter))
        await self._read(meter, (*rows, *meter.ratios))
        decoded = {row.quantity: decode_from(row, self._image) for row in rows}
        return {quantity: value for quantity, value in decoded.items() if value is not None}

    async def _read(self, meter: Meter, rows: tuple[Row, ...]) -> bool:
        """False if one of the blocks was not given."""
        try:
            blocks = plan(rows, _COSTS._replace(registers_max=meter.limits.registers_max), meter.holes)
        except OurMistake:
            return False
        given = [await self._block(block) for block in blocks]
        for block, good in zip(blocks, given, strict=True):
            if not good and len(block.rows) > 1:  # perhaps only for a hole between its rows
                for row in block.rows:
                    first, end = span(row)
                    await self._block(Block(row.function, first, end - first, (row,)))
        return all(given)

    async def _block(self, block: Block) -> bool:
        key = (block.function, block.address, block.count)
        places = [(block.function, block.address + index) for index in range(block.count)]
        alone = any(row.alone for row in block.rows)
        if not alone and all(place in self._image for place in places):
            return True
        if key in self._refused:
            return False
        try:
            words = await read(self._channel, self._address, ReadRequest(*key), self._patience_s)
        except ProtocolError:
            self._refused.add(key)
            return False
        self._image.update(zip(places, words, strict=True))
        return True
