"""zstd between a gateway and a hub that both have it, and between sides of which one has not."""

import gzip
from pathlib import Path

import pytest

from gateway.deliver import compression
from gateway.deliver.answer import Verdict
from gateway.deliver.client import HubClient
from gateway.deliver.tests.fakes import chain
from gateway.deliver.upstream import Upstream, open_session
from protocols.batch import pack
from tools.hub import receipt
from tools.tests.hub_bench import fresh_key, hub

pytestmark = pytest.mark.skipif(compression.ZSTD not in compression.CODINGS, reason="zstandard is not installed (extra zstd)")


class Watched(HubClient):
    """Notes the coding of every batch that goes out."""

    def __init__(self, url: str) -> None:
        super().__init__(open_session(Upstream(url)), url)
        self.codings: list[str] = []
        self._session.hooks["response"].append(lambda response, **_: self.codings.append(response.request.headers["Content-Encoding"]))


def test_zstd_from_the_second_batch_on(tmp_path: Path) -> None:
    """The hub says with its answer what it takes; what it keeps and serves is the same whatever it came as."""
    key = fresh_key(tmp_path)
    batches = chain(key, 4, per_batch=50)
    with hub(tmp_path) as found:
        bearer = found.enrolled(key)
        client = Watched(found.url)
        answers = [client.push(pack(batch), bearer) for batch in batches]
        client.close()
        kept = [gzip.decompress(body) for (body,) in found.rows("select body from bodies order by number")]
        held = found.sequences(key)

    assert client.codings == ["gzip", "zstd", "zstd", "zstd"]
    assert [answer.verdict for answer in answers] == [Verdict.ACCEPTED] * 4
    assert kept == [gzip.decompress(pack(batch).content) for batch in batches]
    assert held == list(range(1, 201))


def test_hub_that_lost_it_gets_gzip_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub behind a balancer that does not take zstd says so; the same batch comes again as gzip and nothing is refused for good."""
    key = fresh_key(tmp_path)
    batches = [pack(batch) for batch in chain(key, 3)]
    with hub(tmp_path) as found:
        bearer = found.enrolled(key)
        client = Watched(found.url)
        client.push(batches[0], bearer)
        monkeypatch.setattr(compression, "CODINGS", (compression.GZIP,))
        monkeypatch.setitem(receipt.ACCEPT, "Accept-Encoding", compression.GZIP)
        verdicts = [client.push(batches[1], bearer).verdict for _ in range(2)]
        client.close()

    assert client.codings == ["gzip", "zstd", "gzip"]
    assert verdicts == [Verdict.AGAIN, Verdict.ACCEPTED]


def test_zstd_that_is_none(tmp_path: Path) -> None:
    """Garbage, a cut and a bomb in zstd are refused as they are in gzip."""
    packed = compression.compressed(bytes(10**6), compression.ZSTD)
    with hub(tmp_path) as found:
        bearer = found.enrolled(fresh_key(tmp_path))
        bomb = compression.compressed(bytes(receipt.PLAIN_BYTES_MAX + 1), compression.ZSTD)
        answers = [found.post(body, bearer, "zstd").status_code for body in (b"garbage", packed[:-1], packed + b"x", bomb)]

    assert answers == [400, 400, 400, 413]
