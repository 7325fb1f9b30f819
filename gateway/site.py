"""The site file as frozen, typed values. Here stand the tables and keys; what one key alone may hold stands in
`site_key`, the tables of its time in `site_calendar`, what keys must be to one another in `site_check`.
Nothing is read from meters or the clock.
"""

import re
import tomllib
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from gateway.retention import Retention
from gateway.site_calendar import DemandTable, ExceptionTable, HolidaysTable, RotationTable, ShiftTable, TariffTable
from gateway.site_key import ClockTime, Date, Flag, HostPort, Name, OptionalAddress, Share, Table, Whole, Zone, share_of
from gateway.site_sinks import InfluxTable, MqttTable, WebhookTable
from gateway.site_target import TargetTable
from protocols.amount import UNITS, thousandths_of
from protocols.dlt645 import ADDRESS_DIGITS
from protocols.errors import OurMistake
from protocols.quantity import COUNTER, QUANTITIES

BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
ADDRESS_MAX = 247  # the standard's

Role = Literal["import", "export", "load", "generation", "charge", "discharge", "fuel", "heat", "water", "pieces"]
Policy = Literal["data_year", "edition_year", "latest_published_at", "majority_of_period", "day_weighted"]


def _bus_address(value: Any) -> Any:
    """1 to 247, or the 12 digits of a DL/T 645 meter as text."""
    if isinstance(value, str) and re.fullmatch(rf"\d{{{ADDRESS_DIGITS}}}", value):
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        digits = f", or the {ADDRESS_DIGITS} digits of a DL/T 645 meter in quotes" if isinstance(value, str) else ""
        raise ValueError(f"must be a whole number{digits}, not {value!r}")  # noqa: TRY004 - what pydantic collects
    if not 1 <= value <= ADDRESS_MAX:
        raise ValueError(f"must be at {'least 1' if value < 1 else f'most {ADDRESS_MAX}'}, not {value!r}")
    return value


BusAddress = Annotated[
    int | str,
    BeforeValidator(_bus_address),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 247}, {"type": "string", "pattern": "^[0-9]{12}$"}]}),
]


class SiteTable(Table):
    name: Name
    timezone: Zone
    region: tuple[str, ...] = ()
    data: str = "data"
    production_day_start: ClockTime = "00:00"
    voltage_nominal: Annotated[Whole, Field(ge=50, le=1000)] = 230


class PollTable(Table):
    interval_s: Annotated[Whole, Field(ge=1, le=3600)] = 10
    energy_interval_min: Literal[1, 2, 3, 5, 6, 10, 12, 15, 20, 30, 60] = 15


class PagesTable(Table):
    listen: HostPort = "0.0.0.0:8080"  # every phone on the LAN
    public_read: Flag = True
    tls: Literal["", "self-signed"] = ""
    tls_certificate: str = ""
    tls_key: str = ""
    language: Literal["en", "zh"] = "en"
    sign_in_over_http: Flag = False  # a password over plain http can be read on the LAN


class LineTable(Table):
    """A wire; exactly one of `port`, `tcp`, `rtu_over_tcp` is set."""

    name: Name
    port: str = ""
    tcp: OptionalAddress = ""
    rtu_over_tcp: OptionalAddress = ""
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Literal[1, 2] = 1

    @property
    def kind(self) -> str:
        return "rs485" if self.port else "tcp" if self.tcp else "rtu_over_tcp"

    @property
    def target(self) -> str:
        return self.port or self.tcp or self.rtu_over_tcp


class MeterTable(Table):
    name: Name
    was: tuple[Name, ...] = ()
    line: str = ""
    address: BusAddress | None = None
    model: str = ""
    role: Role
    counts: tuple[str, ...] = ()
    reversed: Flag = False
    fuel: str = ""
    calorific_value: str = ""
    parent: str = ""
    production_line: str = ""
    rating: str = ""
    modulus: str = ""
    class_: str = Field(default="", alias="class")
    ct_class: str = ""
    vt_class: str = ""


class CarbonTable(Table):
    """`certificates` and `factor_series` are files beside the site file. `storage`: whether charging is load, or its
    carbon waits in stock until it is discharged."""

    factor_policy: Policy = "data_year"
    estimated_share_max: Share = "5%"
    estimate_uncertainty: Share = "100%"
    grace_min: Annotated[Whole, Field(ge=0, le=10_080)] = 15  # a week: later data restate, they do not delay
    storage: Literal["load", "stock"] = "load"
    certificates: str = ""
    factor_series: tuple[str, ...] = ()

    @property
    def estimated_share(self) -> Decimal:
        return share_of(self.estimated_share_max)


class FactorTable(Table):
    """A factor of the site's own: a supplier's, or one that no public pack has. `evidence` is the document that states it."""

    name: Name
    region: str
    year: Whole | None = None
    line: str
    activity: str
    unit: str
    basis: Literal["", "net", "gross"] = ""
    value: str
    gases: Literal["CO2", "CO2e"]
    gwp: str = ""
    uncertainty: str = ""
    source: str
    published: Date | None = None
    evidence: str


class ProductTable(Table):
    name: Name
    units_from: str = ""
    node: str = ""


class UpstreamTable(Table):
    url: str
    enrol_token_file: str = ""
    ca_file: str = ""
    proxy: str = ""
    allow_plain_http: Flag = False


class RetentionTable(Table):
    """How long power rows are kept, and at which grain; counters, events, figures and declarations stay for ever.

    32 meters of 30 quantities at 10 s fill 41 MB a day. Every poll is kept for a month: 1.3 GB. Then one row a minute, for a
    year and the month that is compared with it: 2.8 GB. Then one a quarter of an hour, for ever: 170 MB a year.
    Below `free_mb_min` rows are thinned before their age; 0 never does that.
    """

    every_poll_days: Annotated[Whole, Field(ge=1, le=36_500)] = 31
    minute_days: Annotated[Whole, Field(ge=1, le=36_500)] = 400
    free_mb_min: Annotated[Whole, Field(ge=0, le=1_000_000)] = 300


class Site(Table):
    """The whole file. `folder` is where it lies: relative paths in it start there; `file` is its own path."""

    site: SiteTable
    poll: PollTable = PollTable()
    pages: PagesTable = PagesTable()
    line: tuple[LineTable, ...] = ()
    meter: tuple[MeterTable, ...] = ()
    shift: tuple[ShiftTable, ...] = ()
    rotation: tuple[RotationTable, ...] = ()
    holidays: HolidaysTable = HolidaysTable()
    exception: tuple[ExceptionTable, ...] = ()
    demand: DemandTable | None = None
    tariff: tuple[TariffTable, ...] = ()
    target: tuple[TargetTable, ...] = ()
    carbon: CarbonTable = CarbonTable()
    factor: tuple[FactorTable, ...] = ()
    product: tuple[ProductTable, ...] = ()
    upstream: UpstreamTable | None = None
    mqtt: MqttTable | None = None
    webhook: WebhookTable | None = None
    influx: InfluxTable | None = None
    retention: RetentionTable = RetentionTable()
    folder: Path = Field(default=Path(), exclude=True)
    file: Path = Field(default=Path(), exclude=True)

    @property
    def kept(self) -> Retention:
        table = self.retention
        return Retention(table.every_poll_days, table.minute_days, table.free_mb_min * 10**6, self.upstream is not None)

    @property
    def data_folder(self) -> Path:
        return self.folder / self.site.data

    def meter_named(self, name: str) -> MeterTable:
        return next(meter for meter in self.meter if meter.name == name)

    def production_line(self, meter: MeterTable) -> str:
        """Inherited from the nearest meter above that names one."""
        while not meter.production_line and meter.parent:
            meter = self.meter_named(meter.parent)
        return meter.production_line


_BY_ROLE: dict[str, tuple[str, ...]] = {
    "load": ("active_energy_import",),
    "charge": ("active_energy_import",),
    "generation": ("active_energy_export", "active_energy_import"),
    "discharge": ("active_energy_export", "active_energy_import"),
    "export": ("active_energy_export", "active_energy_import"),
    "fuel": ("volume", "mass"),
    "water": ("volume", "mass"),
    "heat": ("heat",),
    "pieces": ("pieces",),
}


def counted_quantities(meter: MeterTable, available: frozenset[str] | None) -> tuple[str, ...]:
    """The counters of a meter that are booked: as declared, else by role, the first the model has.

    `available` is what the model measures; None (fed by import only) takes the first of the role.
    """
    if meter.counts:
        return meter.counts
    if meter.role == "import":
        both = ("active_energy_import", "active_energy_export")
        return both if available is None else tuple(each for each in both if each in available)
    choices = _BY_ROLE[meter.role]
    return next(((each,) for each in choices if available is None or each in available), ())


def rate_thousandths(text: str, quantity: str) -> int:
    """ "400 kW" or "50 m3/h" -> thousandths of the quantity's inner unit per hour; OurMistake with the reason."""
    number, _, unit = text.strip().partition(" ")
    unit = unit.strip()
    per_hour = unit.removesuffix("/h") if unit.endswith("/h") else unit + "h"
    return _sized(number, per_hour, quantity, f"{text!r} is no rating such as '400 kW' or '50 m3/h'")


def amount_thousandths(text: str, quantity: str) -> int:
    """ "1000000 kWh" -> thousandths of the quantity's inner unit; OurMistake with the reason."""
    number, _, unit = text.strip().partition(" ")
    return _sized(number, unit.strip(), quantity, f"{text!r} is no amount such as '1000000 kWh'")


def _sized(number: str, unit: str, quantity: str, sentence: str) -> int:
    sizes = UNITS[QUANTITIES[quantity].unit]
    if unit not in sizes:
        raise OurMistake(f"{sentence} that fits {quantity}")
    value = thousandths_of(number, sizes[unit])
    if value <= 0:
        raise OurMistake(f"{sentence}: it must be above zero")
    return value


def is_loopback(host: str) -> bool:
    """Whether what is sent to `host` stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_counter(quantity: str) -> bool:
    return quantity in QUANTITIES and QUANTITIES[quantity].kind == COUNTER


def parse(text: str) -> dict[str, Any]:
    """The TOML document; tomllib.TOMLDecodeError where it is none."""
    return tomllib.loads(text)
