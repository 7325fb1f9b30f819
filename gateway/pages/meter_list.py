"""All meters as the tree they stand in: who measures below whom, with state and value. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.pages.meter_rows import MeterRow, meter_rows
from gateway.pages.viewer import Viewer
from gateway.status import GatewayStatus, MeterStatus

# A tree that points to itself is refused by the site file; the bound keeps a page from following one for ever.
DEPTH_MAX = 12


@dataclass(frozen=True)
class Branch:
    """`depth` 0 stands at the top; `model` is the name of its meter file."""

    row: MeterRow
    depth: int
    model: str
    production_line: str


def branches(status: GatewayStatus, viewer: Viewer) -> tuple[Branch, ...]:
    rows = {row.name: row for row in meter_rows(status, viewer)}
    return tuple(Branch(rows[meter.name], depth, meter.model, meter.production_line) for meter, depth in _walk("", status.meters, 0))


def _walk(parent: str, meters: Sequence[MeterStatus], depth: int) -> Iterator[tuple[MeterStatus, int]]:
    names = {meter.name for meter in meters}
    for meter in meters:
        is_here = meter.parent == parent if parent else meter.parent not in names
        if is_here and depth < DEPTH_MAX:
            yield meter, depth
            yield from _walk(meter.name, meters, depth + 1)
