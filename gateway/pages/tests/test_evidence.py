"""The evidence of one figure: exact numbers, what is missing said so, and what each version changed."""

from decimal import Decimal

import pytest

from gateway.pages.evidence import evidence, exact
from gateway.pages.tests.fakes import figure
from gateway.pages.viewer import Viewer

ROLES = {"main": "import"}


@pytest.mark.parametrize(("text", "shown"), [("1234.500000", "1,234.5"), ("1000.000000", "1,000"), ("-0.000001", "−0.000001"), (None, "–")])
def test_exact_keeps_every_decimal_that_is_one(viewer: Viewer, text: str | None, shown: str) -> None:
    """Closing zeros go, nothing is rounded."""
    assert exact(text, viewer) == shown


def test_counters_stand_with_their_readings(viewer: Viewer) -> None:
    """First and last reading, what was added, what is missing and what happened."""
    document = figure(kwh=Decimal("1950.5"), interpolated=Decimal("0.5"), missing_s=4_980)
    document["meters"][0]["events"] = [{"kind": "gap", "time": "2026-03-28T01:00:00Z", "adjustment": "0", "detail": "no reading"}]

    main = evidence([document], ROLES, viewer).counters[0]

    assert main.amounts == ("1,950.5", "975.25", "975.25", "0", "0")
    assert (main.first, main.last) == (("06:00", "1,000"), ("14:00", "2,000"))
    assert (main.missing, main.events) == ("1 h 23 min", ("gap 09:00: no reading",))


def test_factor_is_named_whole(viewer: Viewer) -> None:
    """Value and unit, where it is from, its hash, and that it is of an earlier year."""
    (location, _) = evidence([figure()], ROLES, viewer).carbon

    assert (location.line, location.factor, location.source) == ("scope 2, location-based", "0.5617 kg/kWh", "cn-grid · CN-EAST · 2022")
    assert (location.sha256, location.notes) == ("0" * 64, ("provisional factor of an earlier year",))


def test_figure_without_a_factor_or_a_reading_stands(viewer: Viewer) -> None:
    """What is not known is a dash, and no page breaks by it."""
    document = figure(kwh=None)
    document["carbon"]["lines"] = [{"line": "scope1", "gases": None, "kg": None, "factor": None, "provisional": False}]
    document["meters"][0] |= {"first": None, "last": None, "missing_s": 0}

    found = evidence([document], ROLES, viewer)

    assert (found.carbon[0].kg, found.carbon[0].factor, found.carbon[0].source) == ("–", "–", "")
    assert (found.counters[0].first, found.counters[0].amounts[0], found.versions[0].energy) == (("–", "–"), "–", "–")


def test_versions_say_what_changed(viewer: Viewer) -> None:
    """The newest stands first and gives its reasons; the page is of that one."""
    newer = {**figure(), "version": 2, "state": "restated", "reasons": ["restated: calendar: end"]}

    found = evidence([newer, figure()], ROLES, viewer)

    assert [(version.number, version.state) for version in found.versions] == [(2, "restated"), (1, "final")]
    assert found.reasons == found.versions[0].reasons == ("restated: calendar: end",)
