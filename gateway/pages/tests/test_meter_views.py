"""Phasors, tables, histogram, frames and the tree of meters as values."""

from dataclasses import replace

import pytest

from gateway.pages.histogram import histogram
from gateway.pages.meter_list import branches
from gateway.pages.meter_page import spaced
from gateway.pages.phase_table import CounterRow, PhaseRow, counter_rows, phase_rows
from gateway.pages.phasor_picture import angle_of, phasor_picture
from gateway.pages.submeter_facts import submeter_facts
from gateway.pages.sync_page import sync_page
from gateway.pages.tests.fakes import HOUR_MS, NOW_MS, healthy_status, meter
from gateway.pages.viewer import Viewer
from gateway.status import ForwardStatus, SubmeterStatus, WearStatus

VOLTS = {"voltage_l1_n": 230_000, "voltage_l2_n": 230_000, "voltage_l3_n": 115_000}


def test_voltages_stand_as_the_supply_turns(viewer: Viewer) -> None:
    """L1 up, L2 a third of a turn clockwise, L3 another; half the voltage is half the arrow."""
    picture = phasor_picture(VOLTS, viewer)

    assert picture is not None
    l1, l2, l3 = picture.arrows
    assert (l1.x, l1.y) == (0.0, -96.0)
    assert (l2.x, l2.y) == (83.1, 48.0)
    assert (l3.x, l3.y) == (-41.6, 24.0)


def test_current_lags_clockwise(viewer: Viewer) -> None:
    """90 degrees behind the voltage of L1, which stands up, is to the right; reversed by its transformer it hangs down."""
    lagging = phasor_picture({"voltage_l1_n": 230_000, "current_l1": 5_000, "active_power_l1": 0, "reactive_power_l1": 1_150_000}, viewer)
    reversed_ = phasor_picture(
        {"voltage_l1_n": 230_000, "current_l1": 5_000, "active_power_l1": -1_150_000, "reactive_power_l1": 0}, viewer
    )

    assert lagging is not None
    assert reversed_ is not None
    assert (lagging.arrows[1].x, lagging.arrows[1].y) == (70.0, 0.0)
    assert (abs(reversed_.arrows[1].x), reversed_.arrows[1].y) == (0.0, 70.0)
    assert lagging.summary == "L1: 230.0 V, L1: 5.00 A, 90° behind its voltage"


def test_angle_without_reactive_power_is_unsure() -> None:
    """Power and apparent power tell how much, not which way; no power at all tells nothing."""
    half = angle_of({"voltage_l1_n": 230_000, "current_l1": 10_000, "active_power_l1": 1_150_000}, "l1")

    assert half is not None
    assert (round(half[0]), half[1]) == (60, False)
    assert angle_of({"voltage_l1_n": 230_000}, "l1") is None
    assert angle_of({"active_power_l1": 0, "reactive_power_l1": 0}, "l1") is None


def test_meter_without_phases_has_no_picture(viewer: Viewer) -> None:
    """A gas meter is no motor."""
    assert (phasor_picture({"volume": 5}, viewer), phase_rows({"volume": 5}, viewer)) == (None, ())


def test_phase_table_leaves_open_what_nobody_measured(viewer: Viewer) -> None:
    """An empty cell is no zero."""
    rows = phase_rows({"voltage_l1_n": 230_100, "current_n": 1_250, "active_power": -2_500_000, "frequency": 50_010}, viewer)

    assert rows == (
        PhaseRow("Voltage to neutral", "V", ("230.1", "", "", "")),
        PhaseRow("Current in neutral", "A", ("", "", "", "1.25")),
        PhaseRow("Active power", "kW", ("", "", "", "−2.500")),
        PhaseRow("Frequency", "Hz", ("", "", "", "50.01")),
    )


def test_counters_stand_as_on_the_display(viewer: Viewer) -> None:
    """In kWh with three decimals; single phases are left to the export."""
    values = {"active_energy_import": 1_234_567_890, "active_energy_import_l1": 5, "active_power": 1, "pieces": 48_211_000}

    assert counter_rows(values, viewer) == (
        CounterRow("Active energy, import", "1,234.568", "kWh"),
        CounterRow("Pieces", "48,211.000", "pieces"),
    )


def test_histogram_leaves_room_for_what_did_not_happen(viewer: Viewer) -> None:
    """A straggler stands apart from the others; half and slowest are said."""
    drawn = histogram([(30_000, 10), (36_000, 80), (107_000, 10)], viewer)

    assert drawn is not None
    assert [bar.height for bar in drawn.bars] == [12.5, 100.0, 12.5]
    assert drawn.bars[2].x > drawn.bars[1].x + 4 * drawn.bars[1].width
    assert drawn.summary == "100 answers; half of them within 36 ms, the slowest within 107 ms."
    assert histogram([], viewer) is None


def test_frames_are_printed_as_manuals_do() -> None:
    """Two digits a byte."""
    assert spaced(bytes.fromhex("0104ff")) == "01 04 FF"


def test_tree_follows_the_parents(viewer: Viewer) -> None:
    """Each meter right below its parent; one whose parent is not there stands at the top."""
    meters = (meter("b", parent="a"), meter("a"), meter("c", parent="b"), meter("lost", parent="gone"))

    found = branches(replace(healthy_status(), meters=meters), viewer)

    assert [(branch.row.name, branch.depth) for branch in found] == [("a", 0), ("b", 1), ("c", 2), ("lost", 0)]


@pytest.mark.parametrize(
    ("wear", "look", "life"),
    [
        (WearStatus(10**9, NOW_MS - 24 * HOUR_MS, 32 * 10**9), "ok", "6.57 years"),
        (WearStatus(10**10, NOW_MS - 24 * HOUR_MS, 32 * 10**9), "slow", "0.66 years"),
        (WearStatus(10**6, NOW_MS - 24 * HOUR_MS, 32 * 10**9), "ok", "more than 50 years"),
        (WearStatus(0, NOW_MS - 24 * HOUR_MS, 32 * 10**9), "ok", "–"),
    ],
)
def test_card_life_is_what_its_size_bears(viewer: Viewer, wear: WearStatus, look: str, life: str) -> None:
    """300 rewrites of the card, four written for each one given: a gigabyte a day wears 32 GB out in six and a half years."""
    card = sync_page(replace(healthy_status(), wear=wear), viewer).parts[2]

    assert (card.look, card.facts[3].value) == (look, life)


def test_other_systems_stand_on_the_sync_page(viewer: Viewer) -> None:
    """Each that is set up has its state, its words and how far behind it is; what was set aside is said only where there is any."""
    forwards = (
        ForwardStatus("mqtt", "reachable", "", 12),
        ForwardStatus("influx", "unreachable", "away", 3, set_aside=1, behind=40),
    )
    mqtt, influx = sync_page(replace(healthy_status(), forwards=forwards), viewer).parts[4:]

    assert (mqtt.title, mqtt.look, mqtt.sentence) == ("Also to MQTT", "ok", "")
    assert (influx.word, influx.sentence) == ("unreachable", "away")
    assert [[fact.value for fact in part.facts] for part in (mqtt, influx)] == [["12", "0"], ["3", "40", "1"]]


def test_uncounted_wear_is_said(viewer: Viewer) -> None:
    """A system that does not count it shows no life."""
    assert sync_page(replace(healthy_status(), wear=None), viewer).parts[2].facts == ()


def test_our_own_submeter_s_account_of_itself_is_shown(viewer: Viewer) -> None:
    """Coverage as a share, times as spans, what it could not say left open; meters of others have none."""
    said = SubmeterStatus(9_876, 2_000, 0, None, 4_711, 8_000, 3, 7_200, 1, 0, 2, "set", NOW_MS - 60_000)
    shown = {fact.label: fact.value for fact in submeter_facts(said, viewer)}

    assert submeter_facts(None, viewer) == ()
    assert shown["Sampled, of the last minute"] == "98.8 %"
    assert (shown["Clock"], shown["Restarts of its front end"], shown["Starts"]) == ("set by the gateway", "–", "3")
    assert (shown["Not sampled since its start"], shown["Running for"], shown["Asked"]) == ("2 s", "2 h 00 min", "1 min ago")
