"""Bodies that do not hold: tampered, badly formed, too large, of a later format."""

import gzip
import json
from typing import Any

import pytest

from gateway.deliver.key import GatewayKey
from gateway.deliver.tests.fakes import chain
from protocols.batch import canonical
from tools.hub.receipt import BODY_BYTES_MAX, PLAIN_BYTES_MAX
from tools.tests.hub_bench import Hub, signed


def tampered_value(body: dict[str, Any]) -> None:
    body["readings"][0]["values"]["active_power"][0] = "9.000000"


def tampered_hash(body: dict[str, Any]) -> None:
    body["hash"] = "0" * 64


def tampered_signature(body: dict[str, Any]) -> None:
    body["signature"] = "0" * 128


def renumbered(body: dict[str, Any]) -> None:
    body["number"] = 2


@pytest.mark.parametrize("tamper", [tampered_value, tampered_hash, tampered_signature, renumbered])
def test_tampered_body_is_refused(running: Hub, key: GatewayKey, bearer: str, tamper: Any) -> None:
    """Whatever is changed after sealing is found; nothing of it is stored."""
    body = json.loads(canonical(chain(key, 1)[0].body))
    tamper(body)
    response = running.push(body, bearer)

    assert response.status_code == 422
    assert "hash" in response.json()["error"] or "signature" in response.json()["error"]
    assert running.sequences(key) == []


def without_last(body: dict[str, Any]) -> dict[str, Any]:
    return {"last_sequence": body["last_sequence"] + 1}


def short_column(body: dict[str, Any]) -> dict[str, Any]:
    groups = json.loads(json.dumps(body["readings"]))
    groups[0]["time"].pop()
    return {"readings": groups}


def number_as_value(body: dict[str, Any]) -> dict[str, Any]:
    groups = json.loads(json.dumps(body["readings"]))
    groups[0]["values"]["active_power"][0] = 7
    return {"readings": groups}


def bad_time(body: dict[str, Any]) -> dict[str, Any]:
    groups = json.loads(json.dumps(body["readings"]))
    groups[0]["time"][0] = "0001-01-01T00:00:00Z"
    return {"readings": groups}


def contents_in_tombstone(_: dict[str, Any]) -> dict[str, Any]:
    return {"tombstone": {"hash": "2" * 64, "reason": "x"}}


@pytest.mark.parametrize(
    "faulty",
    [
        without_last,
        short_column,
        number_as_value,
        bad_time,
        contents_in_tombstone,
        lambda _: {"number": 0},
        lambda _: {"number": "1"},
        lambda _: {"number": True},
        lambda _: {"sealed_at": "yesterday"},
        lambda _: {"events": None},
        lambda _: {"readings": {}},
        lambda _: {"first_sequence": 6, "last_sequence": 5},
    ],
)
def test_badly_formed_body_is_refused(running: Hub, key: GatewayKey, bearer: str, faulty: Any) -> None:
    """A body of a faulty gateway, honestly signed, is refused with its place or reason and never a failure inside."""
    body = chain(key, 1)[0].body
    response = running.push(signed(body, key, **faulty(body)), bearer)

    assert response.status_code == 422
    assert "batch" in response.json()["error"]
    assert running.sequences(key) == []


@pytest.mark.parametrize("previous", ["zz", 7, "0" * 63, "٣" * 64])
def test_odd_head_is_refused(running: Hub, key: GatewayKey, bearer: str, previous: Any) -> None:
    """Heads that could not even be hashed are refused like others."""
    response = running.push({**chain(key, 1)[0].body, "previous": previous}, bearer)

    assert response.status_code == 422


def test_later_format_is_not_refused_for_good(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A gateway that is ahead of its hub keeps its batches until the hub is updated."""
    response = running.push(signed(chain(key, 1)[0].body, key, format=2), bearer)

    assert (response.status_code, "update the hub" in response.json()["error"]) == (501, True)


def test_unknown_fields_are_kept_in_the_body(running: Hub, key: GatewayKey, bearer: str) -> None:
    """What a later gateway adds is covered by the hash and stored, and does not hinder this hub."""
    body = signed(chain(key, 1)[0].body, key, extra={"new": 1})
    response = running.push(body, bearer)
    stored = running.rows("select body from bodies where gateway = ?", key.gateway)[0][0]

    assert response.status_code == 201
    assert json.loads(gzip.decompress(stored)) == body


@pytest.mark.parametrize(
    ("content", "encoding", "status"),
    [
        (b"not gzip", "gzip", 400),
        (gzip.compress(b"{}")[:-4], "gzip", 400),
        (gzip.compress(b"{}") + b"more", "gzip", 400),
        (gzip.compress(b"not json"), "gzip", 400),
        (gzip.compress(b"[]"), "gzip", 400),
        (gzip.compress(b"[" * 200_000), "gzip", 400),
        (gzip.compress(b'{"a": ' + b"9" * 10_000 + b"}"), "gzip", 400),
        (b"", "", 400),
        (b"{}", "br", 415),
        (b"{}", "", 403),
        (gzip.compress(bytes(PLAIN_BYTES_MAX + 1)), "gzip", 413),
        (bytes(BODY_BYTES_MAX + 1), "gzip", 413),
    ],
)
def test_unreadable_body(running: Hub, bearer: str, content: bytes, encoding: str, status: int) -> None:
    """What cannot be read, is too large or unpacks to too much is refused, each with its status and a sentence."""
    response = running.post(content, bearer, encoding)

    assert response.status_code == status
    assert response.json()["error"]


def test_uncompressed_body_is_taken(running: Hub, key: GatewayKey, bearer: str) -> None:
    """A simple client need not compress; the hub keeps the body compressed."""
    batch = chain(key, 1)[0]

    assert running.post(canonical(batch.body), bearer, "identity").status_code == 201
    assert json.loads(gzip.decompress(running.rows("select body from bodies where gateway = ?", key.gateway)[0][0])) == batch.body
