"""Time zones come from the pinned package and from nowhere else."""

from datetime import UTC, datetime
from importlib.metadata import version

import pytest

from gateway import zone


def test_a_zone_knows_its_summer_time() -> None:
    """Two offsets in one year."""
    berlin = zone.zone("Europe/Berlin")
    offsets = [datetime(2026, month, 1, tzinfo=UTC).astimezone(berlin).utcoffset() for month in (1, 7)]

    assert [str(offset) for offset in offsets] == ["1:00:00", "2:00:00"]
    assert str(berlin) == "Europe/Berlin"


@pytest.mark.parametrize("name", ["Mars/Base", "", "../zones", "Asia", "asia/shanghai", "/etc/localtime"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    """A path, a folder or another spelling is none; the sentence gives an example."""
    with pytest.raises(ValueError, match="is not an IANA time zone such as 'Asia/Shanghai'"):
        zone.zone(name)


def test_the_system_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with zone files of its own gets the same."""
    monkeypatch.setenv("PYTHONTZPATH", "/usr/share/zoneinfo")
    zone.zone.cache_clear()

    assert zone.zone("Asia/Shanghai").utcoffset(datetime(2026, 1, 1)) is not None  # noqa: DTZ001 - a wall time is meant


def test_the_version_of_the_data_is_known() -> None:
    """It stands in every figure."""
    assert zone.time_zone_data() == version("tzdata")


def test_the_common_zones_are_there() -> None:
    """UTC among them."""
    assert {"UTC", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe"} <= zone.names()
