"""A good site file as values: what is there, what is left out, what is inherited."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from gateway import site_check
from gateway.site import (
    MeterTable,
    Site,
    amount_thousandths,
    counted_quantities,
    is_counter,
    is_loopback,
    rate_thousandths,
)
from protocols.errors import OurMistake

ENERGY = frozenset(("active_energy_import", "active_energy_export"))
MODELS = {"eastron-sdm630": ENERGY, "import-only": frozenset(("active_energy_import",)), "pulse": frozenset(("pieces", "volume"))}

# The whole of the contract's site file, with the meters that its tables point at.
GOOD = """
[site]
name = "hangzhou-works"
timezone = "Asia/Shanghai"
region = ["CN-EAST", "CN"]          # most specific first
data = "data"
production_day_start = "00:00"
voltage_nominal = 230

[poll]
interval_s = 10
energy_interval_min = 15

[pages]
listen = "0.0.0.0:8080"
public_read = true
tls_certificate = ""
tls_key = ""
language = "en"

[[line]]
name = "rs485-1"
port = "/dev/serial/by-id/usb-1"
baud = 9600
parity = "N"
stop_bits = 1

[[line]]
name = "net"
tcp = "10.0.0.5:502"

[[line]]
name = "far"
rtu_over_tcp = "10.0.0.6:4001"

[[meter]]
name = "main"
was = ["incoming"]
line = "rs485-1"
address = 1
model = "eastron-sdm630"
role = "import"
counts = []
reversed = false
fuel = ""
calorific_value = ""
parent = ""
production_line = ""
rating = "400 kW"
modulus = "1000000 kWh"
class = "1"
ct_class = "0.5"

[[meter]]
name = "press-1"
line = "net"
address = 1
model = "eastron-sdm630"
role = "load"
parent = "main"
production_line = "housings"
reversed = true

[[meter]]
name = "heater"
line = "far"
address = 1
model = "import-only"
role = "load"
parent = "press-1"

[[meter]]
name = "gas"
role = "fuel"
fuel = "natural_gas"
calorific_value = "38.9 MJ/m3 gross"
rating = "50 m3/h"

[[meter]]
name = "press-1-counter"
line = "rs485-1"
address = 3
model = "pulse"
role = "pieces"

[[shift]]
name = "early"
start = 06:00:00
end = "14:00"

[[shift]]
name = "late"
start = "14:00"
end = "22:00"

[[shift]]
name = "night"
start = "22:00"
end = "06:00"
days = ["mon", "tue", "wed", "thu", "fri"]
production_line = ""
handover = false
valid_from = "2026-01-01"

[carbon]
factor_policy = "data_year"
estimated_share_max = "5%"
grace_min = 15

[[product]]
name = "housing-a"
units_from = "press-1-counter"
node = "press-1"

[upstream]
url = "https://hub.example/"
enrol_token_file = "hub.token"
ca_file = ""
proxy = ""
allow_plain_http = false
"""
LEAST = '[site]\nname = "small"\ntimezone = "UTC"\n'


def loaded(folder: Path, text: str) -> Site:
    path = folder / "site.toml"
    path.write_text(text, encoding="utf-8")
    return site_check.load(path, MODELS)


def test_the_contracts_file_loads(tmp_path: Path) -> None:
    """Every key of it, into typed values."""
    site = loaded(tmp_path, GOOD)

    assert site.site.region == ("CN-EAST", "CN")
    assert [(line.kind, line.target) for line in site.line] == [
        ("rs485", "/dev/serial/by-id/usb-1"),
        ("tcp", "10.0.0.5:502"),
        ("rtu_over_tcp", "10.0.0.6:4001"),
    ]
    assert (site.meter[0].class_, site.meter[0].ct_class, site.meter[0].was) == ("1", "0.5", ("incoming",))
    assert [(shift.start, shift.end) for shift in site.shift] == [("06:00", "14:00"), ("14:00", "22:00"), ("22:00", "06:00")]
    assert site.shift[2].valid_from == date(2026, 1, 1)
    assert site.carbon.estimated_share == Decimal("0.05")
    assert site.upstream is not None
    assert site.upstream.url == "https://hub.example/"
    assert site.data_folder == tmp_path / "data"


def test_what_is_left_out_has_the_contracts_default(tmp_path: Path) -> None:
    """A name and a time zone make a site."""
    site = loaded(tmp_path, LEAST)

    assert (site.poll.interval_s, site.poll.energy_interval_min) == (10, 15)
    assert (site.pages.listen, site.pages.public_read, site.pages.language) == ("0.0.0.0:8080", True, "en")
    assert (site.carbon.factor_policy, site.carbon.estimated_share_max, site.carbon.grace_min) == ("data_year", "5%", 15)
    assert (site.site.production_day_start, site.site.voltage_nominal, site.site.region) == ("00:00", 230, ())
    assert (site.line, site.meter, site.shift, site.product, site.upstream) == ((), (), (), (), None)


def test_a_production_line_is_inherited_from_the_nearest_meter_above(tmp_path: Path) -> None:
    """The heater hangs below the press, and the main meter belongs to no line."""
    site = loaded(tmp_path, GOOD)

    assert [site.production_line(meter) for meter in site.meter[:3]] == ["", "housings", "housings"]


@pytest.mark.parametrize(
    ("role", "available", "counted"),
    [
        ("import", ENERGY, ("active_energy_import", "active_energy_export")),
        ("import", frozenset(("active_energy_import",)), ("active_energy_import",)),
        ("import", None, ("active_energy_import", "active_energy_export")),
        ("load", ENERGY, ("active_energy_import",)),
        ("charge", ENERGY, ("active_energy_import",)),
        ("generation", ENERGY, ("active_energy_export",)),
        ("generation", frozenset(("active_energy_import",)), ("active_energy_import",)),
        ("discharge", ENERGY, ("active_energy_export",)),
        ("export", ENERGY, ("active_energy_export",)),
        ("fuel", frozenset(("mass",)), ("mass",)),
        ("water", None, ("volume",)),
        ("heat", frozenset(("heat",)), ("heat",)),
        ("pieces", None, ("pieces",)),
        ("pieces", ENERGY, ()),
    ],
)
def test_what_is_booked_follows_from_the_role(role: str, available: frozenset[str] | None, counted: tuple[str, ...]) -> None:
    """As the contract has it; where the model lacks the first choice the second is taken."""
    meter = MeterTable.model_validate({"name": "m", "role": role})

    assert counted_quantities(meter, available) == counted


def test_what_is_declared_goes_before_the_role() -> None:
    """`counts` is taken as it stands."""
    meter = MeterTable.model_validate({"name": "m", "role": "load", "counts": ["reactive_energy_import"]})

    assert counted_quantities(meter, ENERGY) == ("reactive_energy_import",)


@pytest.mark.parametrize(
    ("text", "quantity", "thousandths"),
    [
        ("400 kW", "active_energy_import", 400 * 10**6),
        ("1.5 MW", "active_energy_import", 1_500 * 10**6),
        ("50 m3/h", "volume", 50_000),
        (" 20 l/h ", "volume", 20),
        ("3000 pieces/h", "pieces", 3_000_000),
        ("250 kW", "heat", 900_000),
    ],
)
def test_a_rating_is_an_amount_per_hour(text: str, quantity: str, thousandths: int) -> None:
    """Power is energy per hour; everything else says so."""
    assert rate_thousandths(text, quantity) == thousandths


@pytest.mark.parametrize("text", ["400", "400 m3/h", "kW", "-5 kW", "0 kW", "400 kWh", "many kW"])
def test_a_rating_that_makes_no_sense_is_refused(text: str) -> None:
    """With the reason."""
    with pytest.raises(OurMistake):
        rate_thousandths(text, "active_energy_import")


def test_an_amount_has_the_quantitys_unit() -> None:
    """Where the counter rolls over."""
    assert amount_thousandths("1000000 kWh", "active_energy_import") == 10**12
    with pytest.raises(OurMistake, match="is no amount such as"):
        amount_thousandths("1000 kg", "active_energy_import")


@pytest.mark.parametrize(
    ("host", "stays"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("hub.example", False)]
)
def test_what_stays_on_this_machine(host: str, stays: bool) -> None:
    """Loopback by any of its names."""
    assert is_loopback(host) == stays


def test_only_known_counters_are_counters() -> None:
    """Levels and strangers are none."""
    assert [is_counter(name) for name in ("pieces", "frequency", "nonsense")] == [True, False, False]
