"""The factory's site.toml and its own meter file: text and where it goes."""

import json
from pathlib import Path

from tools.factory.equipment import MAIN, PIECES, PLACES, PULSE_COUNTER, RS485, TCP, Place
from tools.factory.serial_settings import LineSettings

PULSE_COUNTER_FILE = Path(__file__).with_name("meters") / f"{PULSE_COUNTER}.toml"
_SHIFTS = (("early", "06:00", "14:00"), ("late", "14:00", "22:00"), ("night", "22:00", "06:00"))


def write_site(
    folder: Path,
    *,
    rs485_port: str,
    settings: LineSettings,
    tcp: str,
    listen: str = "127.0.0.1:8080",
    hub_url: str = "",
    hub_token_file: str = "",
    interval_s: int = 10,
) -> Path:
    """site.toml in `folder`, its data folder beside it with the meter file the package does not have."""
    meters = folder / "data" / "meters"
    meters.mkdir(parents=True, exist_ok=True)
    (meters / PULSE_COUNTER_FILE.name).write_text(PULSE_COUNTER_FILE.read_text())
    tables = [
        _table("site", name="virtual-works", timezone="Asia/Shanghai", region=["CN-EAST", "CN"], data="data", voltage_nominal=230),
        _table("poll", interval_s=interval_s, energy_interval_min=15),
        _table("pages", listen=listen),
        _table("[line]", name=RS485, port=rs485_port, baud=settings.baud, parity=settings.parity, stop_bits=settings.stop_bits),
        _table("[line]", name=TCP, tcp=tcp),
        *[_meter(place) for place in PLACES],
        *[_table("[shift]", name=name, start=start, end=end, days=["mon", "tue", "wed", "thu", "fri"]) for name, start, end in _SHIFTS],
        _table("[product]", name="housing-a", units_from=PIECES, node="press-1"),
    ]
    if hub_url:
        tables.append(_table("upstream", url=hub_url, enrol_token_file=hub_token_file, allow_plain_http=hub_url.startswith("http://")))
    path = folder / "site.toml"
    path.write_text(f"# The offices have no meter: they are the unmetered rest below {MAIN}.\n\n" + "\n".join(tables))
    return path


def _meter(place: Place) -> str:
    return _table(
        "[meter]",
        name=place.name,
        line=place.line,
        address=place.address,
        model=place.model,
        role=place.role,
        parent=place.parent,
        rating=place.rating,
    )


def _table(heading: str, **values: object) -> str:
    """JSON's texts, numbers, lists and truth values are TOML's too."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value != ""]
    return "\n".join((f"[{heading}]", *lines, ""))
