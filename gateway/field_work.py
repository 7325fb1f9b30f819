"""Looking for meters, setting one and reading registers on a wire of the site or on one that stands in no file.

The one way for commands, pages and the control socket: each function takes a wire and a wish in plain values,
and gives a plain document. Who lends the wire (the running gateway, or a port opened here) is the caller's.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gateway.acquire.channel import RtuChannel, TcpChannel, read
from gateway.acquire.scan import BUDGET_S, Scan
from gateway.acquire.scan_result import Expected, Progress, ScanResult
from gateway.acquire.set_address import AddressSetter, Order
from gateway.acquire.wire import OpenedWire, Settings, Wire, serial_wire, tcp_wire
from gateway.site import LineTable, Site
from protocols.meter import Meter
from protocols.pdu import ReadRequest

# A slow meter behind a slow gateway; a person waits.
RAW_PATIENCE_S = 2.0


class Target(NamedTuple):
    """Exactly one of `port`, `tcp` and `rtu_over_tcp` is set; `line` is its name in the site file, "" if it stands in none."""

    port: str = ""
    tcp: str = ""
    rtu_over_tcp: str = ""
    line: str = ""
    settings: Settings | None = None

    @property
    def name(self) -> str:
        return self.port or self.tcp or self.rtu_over_tcp

    def wire(self) -> OpenedWire:
        return serial_wire(self.port) if self.port else tcp_wire(self.name)


def target_of(line: LineTable) -> Target:
    settings = None if line.tcp else Settings(line.baud, line.parity, line.stop_bits)
    return Target(line.port, line.tcp, line.rtu_over_tcp, line.name, settings)


def expected_on(site: Site, line: str) -> tuple[Expected, ...]:
    return tuple(Expected(each.name, each.address, each.model) for each in site.meter if each.line == line and each.address is not None)


async def scan(
    wire: Wire, target: Target, models: Mapping[str, Meter], site: Site | None, wishes: Mapping[str, Any], say: Callable[[Progress], None]
) -> dict[str, Any]:
    """`scan --json`. `wishes`: baud, parity, budget_s, each or None."""
    search = Scan(
        wire,
        target.name,
        models,
        is_tcp=bool(target.tcp),
        # A device server keeps its own serial settings: the site's are all that can be asked at.
        baud=target.settings.baud if target.rtu_over_tcp and target.settings else wishes.get("baud"),
        parity=target.settings.parity if target.rtu_over_tcp and target.settings else wishes.get("parity"),
        site_settings=target.settings if target.line else None,
        expected=() if site is None else expected_on(site, target.line),
        nominal_v=None if site is None else site.site.voltage_nominal,
        budget_s=wishes.get("budget_s") or BUDGET_S,
    )
    async for step in search.run():
        if isinstance(step, ScanResult):
            return step.document()
        say(step)
    raise AssertionError("a scan ends with its result")


async def set_address(
    wire: Wire, target: Target, models: Mapping[str, Meter], wishes: Mapping[str, Any], say: Callable[[str], None]
) -> dict[str, Any]:
    """`wishes`: address, and from_address, new_baud, model, baud, parity, each or None. SettingRefused with the reason."""
    settings = target.settings
    if wishes.get("baud") is not None:
        settings = Settings(wishes["baud"], wishes.get("parity") or "N")
    order = Order(wishes["address"], wishes.get("from_address"), wishes.get("new_baud"), wishes.get("model"), settings)
    outcome = await AddressSetter(wire, models, order, say).run()
    return {
        "model": outcome.model,
        "before": {"address": outcome.before.address, **outcome.before.settings._asdict()},
        "after": {"address": outcome.after.address, **outcome.after.settings._asdict()},
        "sentence": outcome.sentence,
    }


async def read_raw(wire: Wire, target: Target, address: int, request: ReadRequest) -> tuple[int, ...]:
    """The words as they stand in the meter; ProtocolError where it gives none."""
    settings = target.settings or Settings(9600, "N")
    await wire.open(settings)
    channel = TcpChannel(wire) if target.tcp else RtuChannel(wire, settings)
    return await read(channel, address, request, RAW_PATIENCE_S)
