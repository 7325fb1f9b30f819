"""Invitations, enrolment and tokens at the hub."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from gateway.deliver.key import GatewayKey
from gateway.deliver.tests.fakes import chain
from tools.tests.hub_bench import Hub, fresh_key, hub


@pytest.fixture(scope="module")
def running(new_store: Callable[[], str]) -> Iterator[Hub]:
    """One hub for all tests; each test brings gateways of its own."""
    with hub(new_store(), public_read=False) as found:
        yield found


def enrol(running: Hub, invitation: str, key: GatewayKey, **changes: Any) -> requests.Response:
    request = {"token": invitation, "gateway": key.gateway, "public_key": key.public_key, **changes}
    return requests.post(f"{running.url}/v1/enrol", json=request, timeout=10)


def test_invitation_becomes_a_token(running: Hub, key: GatewayKey) -> None:
    """A one-time token is exchanged for a bearer token with which batches are taken."""
    answer = enrol(running, running.registry.invite("works"), key)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert running.push(chain(key, 1)[0], answer.json()["token"]).status_code == 201


def test_lost_answer_may_be_asked_for_again(running: Hub, key: GatewayKey) -> None:
    """Until its first batch the same gateway may repeat its enrolment; from then on only the token in use is good."""
    invitation = running.registry.invite("works")
    lost, used = (enrol(running, invitation, key).json()["token"] for _ in range(2))
    batches = chain(key, 3)
    first = running.push(batches[0], used).status_code

    assert (first, running.push(batches[1], lost).status_code, running.push(batches[1], used).status_code) == (201, 401, 201)
    assert (enrol(running, invitation, key).status_code, "already" in enrol(running, invitation, key).text) == (403, True)


def test_invitation_is_for_one_gateway(running: Hub, key: GatewayKey, tmp_path: Path) -> None:
    """Whoever finds a used one-time token cannot enrol with it, neither as himself nor in that gateway's name."""
    other = fresh_key(tmp_path / "other")
    invitation = running.registry.invite("works")
    enrol(running, invitation, key)

    assert enrol(running, invitation, other).status_code == 403
    assert enrol(running, invitation, other, gateway=key.gateway).status_code == 403


def test_id_is_not_taken_over(running: Hub, key: GatewayKey, tmp_path: Path) -> None:
    """A fresh invitation does not let another key take the id of a gateway that is enrolled."""
    other = fresh_key(tmp_path / "other")
    enrol(running, running.registry.invite("works"), key)
    answer = enrol(running, running.registry.invite("thief"), other, gateway=key.gateway)

    assert (answer.status_code, "another key" in answer.json()["error"]) == (409, True)


def test_only_the_last_unused_invitation_counts(running: Hub, key: GatewayKey) -> None:
    """Making a new one-time token for a name voids the unused one of before."""
    first, second = running.registry.invite("works"), running.registry.invite("works")

    assert (enrol(running, first, key).status_code, enrol(running, second, key).status_code) == (403, 201)


@pytest.mark.parametrize(
    "changes",
    [
        {"token": 7},
        {"gateway": None},
        {"gateway": ""},
        {"gateway": "a/b"},
        {"gateway": "x" * 65},
        {"public_key": "zz"},
        {"public_key": "00"},
    ],
)
def test_odd_enrolment(running: Hub, key: GatewayKey, changes: dict[str, Any]) -> None:
    """An enrolment that makes no sense is refused with a sentence."""
    answer = enrol(running, running.registry.invite("works"), key, **changes)

    assert (answer.status_code, bool(answer.json()["error"])) == (400, True)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
def test_enrolment_that_is_no_object(running: Hub, content: bytes) -> None:
    """Other bodies than a JSON object are refused."""
    assert requests.post(f"{running.url}/v1/enrol", data=content, timeout=10).status_code == 400


def test_readers(running: Hub, key: GatewayKey) -> None:
    """Reading needs a reader's token; a gateway's own does not read other gateways' data, and a revoked one reads nothing."""
    writer = enrol(running, running.registry.invite("works"), key).json()["token"]
    reader = running.registry.add_reader("erp")

    def status(token: str) -> int:
        return requests.get(f"{running.url}/v1/readings", headers={"Authorization": f"Bearer {token}"}, timeout=10).status_code

    before = [status(token) for token in (reader, writer, "")]
    with pytest.raises(ValueError, match="already"):
        running.registry.add_reader("erp")
    assert running.registry.revoke("erp") == 1
    assert (before, status(reader)) == ([200, 403, 401], 401)


def test_store_holds_no_token(running: Hub, key: GatewayKey) -> None:
    """Neither one-time nor bearer tokens are found anywhere in the store."""
    invitation = running.registry.invite("works")
    tokens = [invitation, enrol(running, invitation, key).json()["token"], running.registry.add_reader("warehouse")]
    tables = ("gateways", "keys", "tokens", "invitations", "batches", "bodies", "records", "forks", "meters")
    content = repr([running.rows(f"select * from {table}") for table in tables])

    assert [token in content for token in tokens] == [False] * 3
    assert key.public_key in content


def test_page_lists_gateways(running: Hub, key: GatewayKey) -> None:
    """The page names each gateway with its contact, numbers, gaps and records; names are text, never markup."""
    token = running.enrolled(key, "<works>")
    for number in (1, 2, 5):
        running.push(chain(key, 5)[number - 1], token)
    reader = running.registry.add_reader("person")
    answer = requests.get(running.url, auth=("", reader), timeout=10)

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "&lt;works&gt;" in answer.text
    assert "<works>" not in answer.text
    shown = (key.gateway, "not everything is here", '<td class="number">2</td>', ">15</td>")
    assert [text for text in shown if text not in answer.text] == []
    assert requests.get(running.url, timeout=10).status_code == 401


def test_unknown_path_is_a_sentence(running: Hub) -> None:
    """A wrong path or method is JSON with a hint, as every other error."""
    answers = [requests.get(f"{running.url}/v2/readings", timeout=10), requests.delete(f"{running.url}/v1/batches", timeout=10)]

    assert [answer.status_code for answer in answers] == [404, 405]
    assert all("/openapi.json" in answer.json()["error"] for answer in answers)


def test_description_names_the_hubs_own(running: Hub) -> None:
    """The hub's description has what it takes as well as what it gives."""
    paths = json.loads(requests.get(f"{running.url}/openapi.json", timeout=10).text)["paths"]

    assert {"/v1/batches", "/v1/enrol", "/v1/readings", "/v1/completeness"} <= set(paths)
    assert paths["/v1/batches"]["post"]["security"] == [{"token": ["write"]}]
