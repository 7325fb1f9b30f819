"""The picture of the flow: everything that comes in goes out somewhere, and what is not known is not drawn as known."""

import re
from dataclasses import replace

from gateway.pages.flow import LOADS_MAX, METERED, OTHERS, REST, UNKNOWN_PART, Flow, Node, flow
from gateway.pages.tests.fakes import NOW_MS, healthy_status, meter, with_meter
from gateway.pages.viewer import Viewer
from gateway.status import GatewayStatus, MeterStatus


def _site(*meters: MeterStatus) -> GatewayStatus:
    return replace(healthy_status(), meters=meters)


def _drawn(status: GatewayStatus, viewer: Viewer) -> Flow:
    drawn = flow(status, viewer)
    assert drawn is not None
    return drawn


def _said(nodes: tuple[Node, ...]) -> list[tuple[str, str, str]]:
    return [(node.name, node.kind, node.amount) for node in nodes]


def _height(node: Node) -> float:
    """Of the band where it meets its name: from its upper edge to its lower one, which the path ends with."""
    first = float(re.findall(r"^M[\d.]+ (-?[\d.]+)", node.path)[0])
    last = float(re.findall(r" (-?[\d.]+)Z$", node.path)[0])
    return last - first


def test_what_comes_in_goes_out(viewer: Viewer) -> None:
    """Grid and PV at the left; loads, the largest first, and the unmetered rest at the right; the same height in all."""
    drawn = _drawn(healthy_status(), viewer)

    assert _said(drawn.sources) == [("main", METERED, "412 kW"), ("pv", METERED, "86.4 kW")]
    assert [node.name for node in drawn.loads] == ["press-1", "press-3", "press-2", "compressor", "oven", "lighting", "not metered"]
    assert _said(drawn.loads)[-1] == ("not metered", REST, "35.2 kW")
    assert abs(sum(map(_height, drawn.sources)) - sum(map(_height, drawn.loads))) < 0.2


def test_bands_are_as_wide_as_their_power(viewer: Viewer) -> None:
    """Twice the power, twice the band."""
    drawn = _drawn(
        _site(meter("main", "import", watts=30_000), meter("a", watts=20_000, parent="main"), meter("b", watts=10_000, parent="main")),
        viewer,
    )

    a, b = drawn.loads
    assert abs(_height(a) - 2 * _height(b)) < 0.05


def test_silent_load_has_no_band_and_hides_in_the_rest(viewer: Viewer) -> None:
    """Its power is somewhere in what is left, and that is said."""
    status = with_meter(healthy_status(), "press-2", state="absent", time_ms=NOW_MS - 10**6)

    loads = {node.name: node for node in _drawn(status, viewer).loads}

    assert (loads["press-2"].amount, loads["press-2"].path, loads["press-2"].kind) == ("–", "", UNKNOWN_PART)
    assert loads["silent or not metered"].amount == "132 kW"


def test_silent_source_leaves_the_rest_unknown(viewer: Viewer) -> None:
    """Without the PV meter nobody knows what is left."""
    status = with_meter(healthy_status(), "pv", state="absent", time_ms=NOW_MS - 10**6)

    assert _said(_drawn(status, viewer).loads)[-1] == ("not metered", UNKNOWN_PART, "–")


def test_feeding_in_is_a_load_of_the_picture(viewer: Viewer) -> None:
    """On a Sunday the roof feeds the grid: the grid meter stands at the right then."""
    drawn = _drawn(
        _site(meter("main", "import", watts=-60_000), meter("pv", "generation", watts=-80_000), meter("base", watts=15_000, parent="main")),
        viewer,
    )

    assert _said(drawn.sources) == [("pv", METERED, "80.0 kW")]
    assert _said(drawn.loads) == [("to the grid", METERED, "60.0 kW"), ("base", METERED, "15.0 kW"), ("not metered", REST, "5.00 kW")]


def test_meters_read_one_after_the_other_make_no_negative_rest(viewer: Viewer) -> None:
    """Loads may add up to a little more than the grid meter said seconds ago."""
    drawn = _drawn(_site(meter("main", "import", watts=10_000), meter("a", watts=10_100, parent="main")), viewer)

    assert [node.name for node in drawn.loads] == ["a"]


def test_many_loads_are_gathered(viewer: Viewer) -> None:
    """The least ones become one band, with their sum and their count."""
    loads = [meter(f"m{index}", watts=1_000 * (index + 1), parent="main") for index in range(12)]
    drawn = _drawn(_site(meter("main", "import", watts=100_000), *loads), viewer)

    assert len(drawn.loads) == LOADS_MAX
    assert _said(drawn.loads)[-1] == ("6 others", OTHERS, "21.0 kW")


def test_submeters_below_a_load_are_not_drawn_twice(viewer: Viewer) -> None:
    """What a press uses is in the press, also where a part of it has a meter of its own."""
    drawn = _drawn(
        _site(
            meter("main", "import", watts=9_000), meter("press", watts=9_000, parent="main"), meter("motor", watts=5_000, parent="press")
        ),
        viewer,
    )

    assert [node.name for node in drawn.loads] == ["press"]


def test_nothing_to_draw(viewer: Viewer) -> None:
    """A site without a grid meter, and one whose grid meter is silent."""
    assert flow(_site(meter("a", watts=1_000)), viewer) is None
    assert flow(_site(meter("main", "import", state="absent"), meter("a", watts=1_000, parent="main")), viewer) is None
