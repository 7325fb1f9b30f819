"""What one key of the site file may hold: names, times, dates, shares, and the words for what does not fit.

Tables of keys stand in `site` and `site_calendar`; what keys must be to one another stands in `site_relations`.
"""

import re
from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from gateway import zone

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


def identifier(text: str) -> str:
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
    if type(value) is date:  # a date with a time is one, too, to Python
        return value
    try:
        return date.fromisoformat(value)
    except (ValueError, TypeError):
        raise ValueError("must be a date such as '2026-01-01'") from None


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


# A text or a float is never taken for a whole number, nor 1 for true.
Whole = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Name = Annotated[str, AfterValidator(identifier)]
ClockTime = Annotated[str, BeforeValidator(_clock_time)]
OptionalTime = Annotated[str, BeforeValidator(lambda value: _clock_time(value) if value else "")]
Date = Annotated[date, BeforeValidator(_date)]
Share = Annotated[str, AfterValidator(_share)]
HostPort = Annotated[str, AfterValidator(_host_port)]
Zone = Annotated[str, AfterValidator(_zone)]
OptionalAddress = Annotated[str, AfterValidator(lambda text: _host_port(text) if text else text)]


class Table(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def share_of(text: str) -> Decimal:
    """ "5%" -> Decimal("0.05")."""
    return Decimal(text.removesuffix("%")) / 100
