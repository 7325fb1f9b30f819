"""What comes out of the hub again: the same records, dated where that became possible, filtered as asked."""

from typing import Any

import pytest

from gateway.deliver.key import GatewayKey
from gateway.deliver.tests.fakes import START_MS, chain, figure_document
from protocols.batch import SealedBatch, seal
from protocols.reading import ClockSet, Figure, Reading, SiteDescription
from tools.tests.hub_bench import Hub


def undated(first: int, count: int) -> list[Any]:
    return [Reading("main", 7, sequence * 1000, None, {"active_power": 5}, {}, None, sequence) for sequence in range(first, first + count)]


def test_undated_readings_are_dated_by_the_first_clock_record_of_their_boot(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A reading taken with an unset clock has no time until the first clock record of its boot comes; the record itself stays as it was."""
    first = seal(key.gateway, 1, "0" * 64, START_MS, undated(1, 2), key.sign)
    clocks = [ClockSet(6, 0, START_MS, 3), ClockSet(7, START_MS, START_MS, 4), *undated(5, 1), ClockSet(7, START_MS + 500, START_MS, 6)]
    second = seal(key.gateway, 2, first.hash, START_MS, clocks, key.sign)
    path = f"/v1/readings?gateway={key.gateway}&"
    running.push(first, bearer)
    before = running.get(path)["readings"]
    filtered_before = running.get(path + "from=2026-01-01T00:00:00Z")["readings"]
    running.push(second, bearer)
    after = running.get(path + "from=2026-03-28T22:00:02Z")["readings"]

    assert ([each["time"] for each in before], filtered_before) == ([None, None], [])
    assert [each["time"] for each in after] == ["2026-03-28T22:00:02Z", "2026-03-28T22:00:05Z"]
    assert running.rows("select sum(undated) from batches where gateway = ?", key.gateway) == [(3,)]


def test_a_value_older_than_the_boot_is_taken(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A submeter says how old its counter is: just after the gateway's start that is before it, dated at once or later."""
    readings = [
        Reading("main", 7, -205, time_ms, {"active_energy_import": 5}, {}, None, at) for at, time_ms in enumerate((START_MS, None), 1)
    ]
    running.push(seal(key.gateway, 1, "0" * 64, START_MS, [*readings, ClockSet(7, START_MS + 205, START_MS, 3)], key.sign), bearer)

    found = running.get(f"/v1/readings?gateway={key.gateway}")["readings"]
    assert [(each["monotonic_ms"], each["time"]) for each in found] == 2 * [(-205, "2026-03-28T22:00:00Z")]


def test_all_of_a_batch_comes_out_again(running: Hub, key: GatewayKey, bearer: str) -> None:
    """Readings, events and figures are served as they were sealed, each with its gateway and sequence."""
    batch: SealedBatch = chain(key, 1, 60)[0]
    running.push(batch, bearer)
    mine = f"?gateway={key.gateway}"
    found = {kind: running.get(f"/v1/{kind}{mine}")[kind] for kind in ("readings", "events", "figures")}

    assert sorted(each["sequence"] for kind in found.values() for each in kind) == [n for n in range(1, 61) if n not in (1, 2, 51, 52)]
    assert found["events"] == [{"gateway": key.gateway, **event} for event in batch.body["events"]]
    figures = zip((3, 53), batch.body["figures"], strict=True)
    assert found["figures"] == [{"gateway": key.gateway, "sequence": sequence, **each["figure"]} for sequence, each in figures]
    first = found["readings"][0]
    assert (first["sequence"], first["meter"], first["values"]["active_power"], first["missing"]) == (
        4,
        "press-1",
        "0.004000",
        {"frequency": "exception_2"},
    )
    assert [meter for meter in running.get("/v1/meters")["meters"] if meter["gateway"] == key.gateway] == [
        {"gateway": key.gateway, "meter": "main", "role": "import"},
        {"gateway": key.gateway, "meter": "press-1"},
    ]


def test_meters_come_page_by_page(running: Hub, key: GatewayKey, bearer: str) -> None:
    """Meters are paged and filtered like records, each once; those that are declared anew come again."""
    first = seal(key.gateway, 1, "0" * 64, START_MS, [declared(START_MS, ["main", "press-1", "press-2"], 1), *undated(2, 1)], key.sign)
    second = seal(key.gateway, 2, first.hash, START_MS, [declared(START_MS + 5000, ["main", "press-2"], 3)], key.sign)
    path = f"/v1/meters?gateway={key.gateway}"
    running.push(first, bearer)
    page = running.get(f"{path}&limit=2")
    rest = running.get(f"{path}&limit=2&after={page['cursor']}")
    running.push(second, bearer)
    later = running.get(f"{path}&after={rest['cursor']}")
    dated = running.get(f"{path}&from=2026-03-28T22:00:05Z&meter=main")["meters"]

    assert [[each["meter"] for each in one["meters"]] for one in (page, rest, later)] == [
        ["main", "press-1"],
        ["press-2"],
        ["main", "press-2"],
    ]
    assert [one["more"] for one in (page, rest, later)] == [True, False, False]
    assert [each["meter"] for each in dated] == ["main"]
    assert running.get(f"{path}&to=2026-03-28T22:00:00Z")["meters"] == []


def declared(time_ms: int, meters: list[str], sequence: int) -> SiteDescription:
    return SiteDescription(time_ms, {"meters": [{"meter": each, "role": "load"} for each in meters]}, sequence)


def test_figures_of_a_meter(running: Hub, key: GatewayKey, bearer: str) -> None:
    """Asked for one meter the hub gives the figures that book it, and no other."""
    document = {**figure_document(START_MS, START_MS + 5000), "meters": [{"meter": "main"}]}
    figure = Figure("night", START_MS, START_MS + 5000, 1, START_MS, document, 1)
    running.push(seal(key.gateway, 1, "0" * 64, START_MS, [figure], key.sign), bearer)
    path = f"/v1/figures?gateway={key.gateway}&meter="

    assert [len(running.get(path + meter)["figures"]) for meter in ("main", "press-1")] == [1, 0]


def test_filters(running: Hub, key: GatewayKey, bearer: str) -> None:
    """Meter and half-open times select; a figure is in every period that it touches."""
    running.push(chain(key, 1, 60)[0], bearer)
    mine = f"?gateway={key.gateway}"

    def found(kind: str, query: str) -> list[int]:
        return [each["sequence"] for each in running.get(f"/v1/{kind}{mine}{query}")[kind]]

    assert found("readings", "&meter=main&to=2026-03-28T22:02:00Z") == [5, 9, 11]
    assert found("readings", "&from=2026-03-28T22:01:00Z&to=2026-03-28T22:01:30Z") == [6, 8]
    assert found("events", "&meter=press-1&from=2026-03-28T22:08:00Z") == [57]
    assert found("figures", "&from=2026-03-28T22:00:00Z&to=2026-03-28T22:00:10Z") == [3, 53]
    assert found("figures", "&from=2026-03-28T22:00:30Z") == [53]
    assert found("figures", "&to=2026-03-28T14:00:30Z") == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_and_paths_are_sentences(running: Hub, method: str) -> None:
    """What a path does not take is said with what it takes; a path that is none says where to look."""
    wrong = running.session.request(method, running.url + "/v1/readings", timeout=20)
    nowhere = running.session.request(method, running.url + "/v1/nothing", timeout=20)

    assert (wrong.status_code, wrong.headers["Allow"].split(", "), method in wrong.json()["error"]) == (405, ["GET", "HEAD"], True)
    assert (nowhere.status_code, "/openapi.json" in nowhere.json()["error"]) == (404, True)
