"""The site file as frozen, typed values. Here stand the tables and keys and what one key alone may hold;
what keys must be to one another stands in `site_check`. Nothing is read from meters or the clock.
"""

import re
import tomllib
from datetime import date, time
from decimal import Decimal
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from gateway import zone
from protocols.amount import UNITS, thousandths_of
from protocols.dlt645 import ADDRESS_DIGITS
from protocols.errors import OurMistake
from protocols.quantity import COUNTER, QUANTITIES

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ROLES = ("import", "export", "load", "generation", "charge", "discharge", "fuel", "heat", "water", "pieces")
POLICIES = ("data_year", "edition_year", "latest_published_at", "majority_of_period", "day_weighted")
BAUDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200)
ADDRESS_MAX = 247  # the standard's
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

Role = Literal["import", "export", "load", "generation", "charge", "discharge", "fuel", "heat", "water", "pieces"]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Policy = Literal["data_year", "edition_year", "latest_published_at", "majority_of_period", "day_weighted"]


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("must be 1 to 40 of a-z, 0-9, '-' and '_', and begin with a letter or digit")
    return text


def _zone(text: str) -> str:
    zone.zone(text)
    return text


def _clock_time(value: Any) -> Any:
    """A text, so that "00:00" may also mean the end of a day; a TOML time is accepted too."""
    text = value.strftime("%H:%M") if isinstance(value, time) else value
    if not (isinstance(text, str) and re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text)):
        raise ValueError("must be a time such as '06:00'")
    return text


def _date(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise ValueError("must be a date such as '2026-01-01'") from None
    return value


def _host_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError("must be HOST:PORT such as '10.0.0.5:502'")
    return text


def _share(text: str) -> str:
    number = text.removesuffix("%")
    if not text.endswith("%") or not re.fullmatch(r"\d{1,3}(\.\d+)?", number) or Decimal(number) > 100:
        raise ValueError("must be a percentage such as '5%'")
    return text


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


# A text or a float is never taken for a whole number, nor 1 for true.
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, AfterValidator(_name)]
BusAddress = Annotated[
    int | str,
    BeforeValidator(_bus_address),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 247}, {"type": "string", "pattern": "^[0-9]{12}$"}]}),
]
ClockTime = Annotated[str, BeforeValidator(_clock_time)]
OptionalAddress = Annotated[str, AfterValidator(lambda text: _host_port(text) if text else text)]


class Table(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class SiteTable(Table):
    name: Name
    timezone: Annotated[str, AfterValidator(_zone)]
    region: tuple[str, ...] = ()
    data: str = "data"
    production_day_start: ClockTime = "00:00"
    voltage_nominal: Annotated[Whole, Field(ge=50, le=1000)] = 230


class PollTable(Table):
    interval_s: Annotated[Whole, Field(ge=1, le=3600)] = 10
    energy_interval_min: Literal[1, 2, 3, 5, 6, 10, 12, 15, 20, 30, 60] = 15


class PagesTable(Table):
    listen: Annotated[str, AfterValidator(_host_port)] = "0.0.0.0:8080"  # every phone on the LAN
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


class ShiftTable(Table):
    """`end` "00:00" is the end of the day; an end at or before the start lies on the next day."""

    name: Name
    start: ClockTime
    end: ClockTime
    days: tuple[Day, ...] = DAYS  # type: ignore[assignment]  # the literal type of a constant tuple of the same words
    production_line: str = ""
    handover: Flag = False
    valid_from: Annotated[date, BeforeValidator(_date)] | None = None


class CarbonTable(Table):
    factor_policy: Policy = "data_year"
    estimated_share_max: Annotated[str, AfterValidator(_share)] = "5%"
    grace_min: Annotated[Whole, Field(ge=0, le=10_080)] = 15  # a week: later data restate, they do not delay

    @property
    def estimated_share(self) -> Decimal:
        return Decimal(self.estimated_share_max.removesuffix("%")) / 100


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


class Site(Table):
    """The whole file. `folder` is where it lies: relative paths in it start there."""

    site: SiteTable
    poll: PollTable = PollTable()
    pages: PagesTable = PagesTable()
    line: tuple[LineTable, ...] = ()
    meter: tuple[MeterTable, ...] = ()
    shift: tuple[ShiftTable, ...] = ()
    carbon: CarbonTable = CarbonTable()
    product: tuple[ProductTable, ...] = ()
    upstream: UpstreamTable | None = None
    folder: Path = Field(default=Path(), exclude=True)

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
