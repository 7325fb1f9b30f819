"""Time zones from the pinned `tzdata` package only, never from the system: figures must come out alike on any machine."""

from functools import cache
from importlib.metadata import version
from importlib.resources import files
from zoneinfo import ZoneInfo


def time_zone_data() -> str:
    """The version of the time-zone data, an input recorded in every figure."""
    return version("tzdata")


@cache
def zone(name: str) -> ZoneInfo:
    """The IANA zone `name`; ValueError if the pinned data does not hold it."""
    if name not in names():
        raise ValueError(f"{name!r} is not an IANA time zone such as 'Asia/Shanghai'")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as source:
        return ZoneInfo.from_file(source, key=name)


@cache
def names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())
