"""The read API over a real socket: paging, filters, formats, scopes, descriptions."""

import csv
import gzip
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import Response

from gateway.deliver.api import routes
from gateway.deliver.endpoint import Endpoint
from gateway.deliver.formats import media_type
from gateway.deliver.refusal import Refused
from gateway.deliver.tests.fakes import START_MS, FakeSource, reading, served
from gateway.deliver.tokens import READ, WRITE, TokenFile, authoriser
from gateway.interfaces import EVENTS, FIGURES, READINGS, Filter, Page
from protocols.batch import reading_document
from protocols.reading import iso

READING_COUNT = 2500


class Server:
    """The running API, its source and a caller with a token."""

    def __init__(self, url: str, source: FakeSource, token: str) -> None:
        self.url, self.source, self.token = url, source, token

    def get(self, path: str, *, accept: str = "", token: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token if token is None else token}", "Accept": accept or "application/json"}
        return requests.get(self.url + path, headers=headers, timeout=10)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Its tokens: `reader` in the server, `writer` to be refused."""
    source = FakeSource()
    source.documents[READINGS] = [{"gateway": "gw-1", **reading_document(reading(number))} for number in range(1, READING_COUNT + 1)]
    source.documents[EVENTS] = [
        {"time": "2026-03-28T22:00:00Z", "kind": "swap", "subject": "main", "detail": 'a "new" meter, äh', "sequence": 9}
    ]
    source.documents[FIGURES] = [
        {"date": "2026-03-28", "shift": "night", "balance": {"load_kwh": "1.000000"}, "carbon": None, "version": 2}
    ]
    tokens = TokenFile(tmp_path_factory.mktemp("tokens"))
    token = tokens.add("reader", [READ])
    table = routes(source, authoriser(tokens.grants))
    with served(Starlette(routes=table)) as url:
        yield Server(url, source, token)


def test_paging_sees_everything_once(server: Server) -> None:
    """Following the cursor from the beginning gives every document once, in order."""
    seen: list[int] = []
    cursor, more = "", True
    while more:
        page = server.get(f"/v1/readings?limit=999{cursor and '&after=' + cursor}").json()
        seen += [each["sequence"] for each in page["readings"]]
        cursor, more = page["cursor"], page["more"]

    assert seen == list(range(1, READING_COUNT + 1))
    assert server.get(f"/v1/readings?after={cursor}").json() == {"readings": [], "cursor": cursor, "more": False}


def test_limit_has_a_default(server: Server) -> None:
    """Without a limit a page has a thousand documents."""
    page = server.get("/v1/readings").json()

    assert (len(page["readings"]), page["more"]) == (1000, True)


def test_filters_reach_the_source(server: Server) -> None:
    """Meter, gateway and times arrive as a Filter; + in a time may be written as it is or encoded."""
    for plus in ("+", "%2B"):
        server.get(f"/v1/events?meter=press%201&gateway=gw-1&from=2026-03-29T06:00:00{plus}08:00&to=2026-03-28T23:00:00Z&limit=5")

        assert server.source.asked[-1] == (EVENTS, 0, 5, Filter("press 1", "gw-1", START_MS, START_MS + 3_600_000))


def test_time_finer_than_a_millisecond(server: Server) -> None:
    """Records have milliseconds, so a finer bound means the next one, whichever end it is; zeros add nothing."""
    server.get("/v1/events?from=2026-03-28T22:00:00.000001Z&to=2026-03-28T22:00:00.005000Z")

    assert server.source.asked[-1][3] == Filter(from_ms=START_MS + 1, to_ms=START_MS + 5)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"), ("limit=10001", "limit"), ("limit=x", "limit"), ("limit=-1", "limit"),
        ("limit=", "limit"), ("limit=%C2%B2", "limit"),
        ("after=x", "after"), ("after=%00", "after"), ("after=cmVhZGluZ3M6LTE", "after"), ("after=ZXZlbnRzOjE", "after"),
        ("after=cmVhZGluZ3M6OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "after"),
        ("from=2026-03-28", "from"), ("from=2026-03-28T22:00:00", "from"), ("to=yesterday", "to"),
        ("from=0001-01-01T00:00:00%2B14:00", "from"),
        ("from=2026-03-29T00:00:00Z&to=2026-03-28T00:00:00Z", "from"),
        ("form=2026-03-28T22:00:00Z", "form"), ("limit=1&limit=2", "twice"),
    ],
)  # fmt: skip
def test_wrong_parameter_is_named(server: Server, query: str, named: str) -> None:
    """A mistake in a parameter is a 400 whose sentence names it; it never means "no filter"."""
    response = server.get(f"/v1/readings?{query}")

    assert response.status_code == 400
    assert named in response.json()["error"]


def test_ndjson(server: Server) -> None:
    """One document per line; the cursor stands in the headers."""
    response = server.get("/v1/readings?limit=3", accept="application/x-ndjson")
    lines = [json.loads(line) for line in response.text.splitlines()]

    assert lines == server.source.documents[READINGS][:3]
    assert (response.headers["Shiftwatt-More"], response.headers["Content-Type"]) == ("true", "application/x-ndjson")
    following = server.get(f"/v1/readings?limit=1&after={response.headers['Shiftwatt-Cursor']}").json()
    assert following["readings"][0]["sequence"] == 4


def test_csv_of_readings_is_what_import_takes(server: Server) -> None:
    """One row per value in the columns of `shiftwatt import`; a missing value has its reason and no number."""
    response = server.get("/v1/readings?limit=1", accept="text/csv")
    rows = list(csv.DictReader(io.StringIO(response.text)))

    common = {"time": iso(START_MS + 10_000), "meter": "main", "gateway": "gw-1", "sequence": "1"}
    assert rows == [
        {**common, "quantity": "active_power", "value": "0.001000", "unit": "kW", "reason": ""},
        {**common, "quantity": "active_energy_import", "value": "1000.000001", "unit": "kWh", "reason": ""},
        {**common, "quantity": "frequency", "value": "", "unit": "Hz", "reason": "exception_2"},
    ]
    assert response.text.startswith("time,meter,quantity,value,unit,reason,")


def test_csv_of_events_and_figures(server: Server) -> None:
    """Text with quotes survives; what is null or absent in a figure is an empty cell."""
    event = next(csv.DictReader(io.StringIO(server.get("/v1/events", accept="text/csv").content.decode())))
    figure = next(csv.DictReader(io.StringIO(server.get("/v1/figures", accept="text/csv").text)))

    assert event["detail"] == 'a "new" meter, äh'
    assert (figure["shift"], figure["version"], figure["load_kwh"], figure["scope1_kg"]) == ("night", "2", "1.000000", "")


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("text/csv", "text/csv"),
        ("TEXT/CSV; charset=utf-8", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json;q=0.5, application/x-ndjson", "application/x-ndjson"),
        ("application/json;q=0, */*;q=0.1, text/csv;q=0.1", "text/csv"),
    ],
)
def test_accept(accept: str, media: str) -> None:
    """The type that the caller likes best is chosen, JSON if he does not care."""
    assert media_type(accept) == media


@pytest.mark.parametrize("accept", ["application/pdf", "text/csv;q=0", "text/csv;q=x"])
def test_accept_of_what_is_not_offered(accept: str) -> None:
    """A type that is not offered is a 406 that names those that are."""
    with pytest.raises(Refused, match="application/x-ndjson") as caught:
        media_type(accept)
    assert caught.value.status == 406


def test_gzip(server: Server) -> None:
    """Who takes gzip gets gzip."""
    with requests.get(
        f"{server.url}/v1/readings", headers={"Authorization": f"Bearer {server.token}", "Accept-Encoding": "gzip"}, stream=True, timeout=10
    ) as response:
        raw = response.raw.read(decode_content=False)

    assert response.headers["Content-Encoding"] == "gzip"
    assert len(json.loads(gzip.decompress(raw))["readings"]) == 1000


@pytest.mark.parametrize("path", ["/v1/meters", "/v1/readings", "/v1/figures", "/v1/events", "/v1/batches", "/v1/completeness", "/metrics"])
def test_reading_needs_a_token(server: Server, path: str) -> None:
    """Without a token, or with a wrong one, nothing is read and the token is not repeated."""
    response = server.get(path, token="sw_wrong")

    assert (response.status_code, response.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "sw_wrong" not in response.text
    assert server.get(path).status_code == 200


def test_write_scope_does_not_read(tmp_path: Path) -> None:
    """A token that may only write is forbidden to read."""
    tokens = TokenFile(tmp_path)
    token = tokens.add("writer", [WRITE])
    with served(Starlette(routes=routes(FakeSource(), authoriser(tokens.grants)))) as url:
        response = requests.get(f"{url}/v1/meters", headers={"Authorization": f"Bearer {token}"}, timeout=10)

    assert response.status_code == 403


def test_basic_password_is_a_token(server: Server) -> None:
    """A browser, which knows no bearer tokens, gives the token as a password."""
    assert requests.get(f"{server.url}/v1/meters", auth=("anybody", server.token), timeout=10).json()["meters"][0]["meter"] == "main"


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic /w==", "Bearer", "Bearer ", "Digest x", "x"])
def test_broken_credentials(server: Server, header: str) -> None:
    """Credentials that make no sense are none."""
    assert requests.get(f"{server.url}/v1/meters", headers={"Authorization": header}, timeout=10).status_code == 401


def test_completeness_says_its_period(server: Server) -> None:
    """The answer repeats what was asked, in UTC."""
    answer = server.get("/v1/completeness?from=2026-03-29T06:00:00+08:00").json()

    assert answer == {"from": "2026-03-28T22:00:00Z", "to": None, "complete": True, "gateways": []}


def test_health_is_open_and_honest(server: Server) -> None:
    """Health needs no token; a server that cannot work says 503."""
    answers = []
    for healthy in (True, False):
        server.source.healthy = healthy
        answers.append(requests.get(f"{server.url}/v1/health", timeout=10).status_code)
    server.source.healthy = True

    assert answers == [200, 503]


def test_metrics(server: Server) -> None:
    """Every number of health is a gauge, nothing else is."""
    lines = server.get("/metrics").text.splitlines()

    assert lines[::2] == ["# TYPE shiftwatt_up gauge", "# TYPE shiftwatt_ok gauge", "# TYPE shiftwatt_records gauge"]
    assert lines[1::2] == ["shiftwatt_up 1", "shiftwatt_ok 1", "shiftwatt_records 12"]


def test_description_matches_the_routes(server: Server) -> None:
    """/openapi.json is open, names what is offered and no more, and each path that it names answers."""
    document: dict[str, Any] = requests.get(f"{server.url}/openapi.json", timeout=10).json()

    assert sorted(document["paths"]) == [
        "/metrics", "/v1/batches", "/v1/completeness", "/v1/events", "/v1/figures", "/v1/health", "/v1/intervals", "/v1/meters",
        "/v1/readings",
    ]  # fmt: skip
    assert [server.get(path).status_code for path in document["paths"]] == [200] * 9
    readings = document["paths"]["/v1/readings"]["get"]
    assert [each["name"] for each in readings["parameters"]] == ["after", "limit", "meter", "gateway", "from", "to"]
    assert document["paths"]["/v1/health"]["get"]["security"] == []


class BrokenSource(FakeSource):
    def page(self, kind: str, after: int, limit: int, wanted: Filter) -> Page:
        raise RuntimeError("secret detail")


def test_failure_inside_is_a_sentence() -> None:
    """A bug shows a sentence to the caller; its details go to the log only."""
    table = routes(BrokenSource(), authoriser(list, public_read=True))
    with served(Starlette(routes=table)) as url:
        response = requests.get(f"{url}/v1/meters", timeout=10)

    assert (response.status_code, "log" in response.json()["error"], "secret" in response.text) == (500, True, False)


def test_body_is_bounded_and_read_to_its_end() -> None:
    """A body within the limit arrives whole; a larger one is refused with a sentence, not with a broken connection."""
    echo = Endpoint("/echo", "", lambda call: Response(call.body), method="POST", body_bytes_max=1000)
    table = routes(FakeSource(), authoriser(list, public_read=True), more=(echo,))
    with served(Starlette(routes=table)) as url:
        fitting = requests.post(f"{url}/echo", data=b"x" * 1000, timeout=10)
        larger = [requests.post(f"{url}/echo", data=b"x" * size, timeout=10) for size in (1001, 5_000_000)]

    assert fitting.content == b"x" * 1000
    assert [(answer.status_code, "1000" in answer.json()["error"]) for answer in larger] == [(413, True)] * 2
