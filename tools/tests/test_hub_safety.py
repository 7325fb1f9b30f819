"""What no log, error or page may show, quotas, and the page in two languages."""

import logging
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from gateway.deliver import tokens
from gateway.deliver.client import HubClient
from gateway.deliver.enrolment import Enrolment
from gateway.deliver.sender import Sender
from gateway.deliver.tests.fakes import START_MS, FakeOutbox, chain, records
from gateway.deliver.upstream import Upstream, open_session
from gateway.language import CODES
from protocols.batch import seal
from tools.hub import page as hub_page
from tools.hub.quota import Quota
from tools.tests.hub_bench import NOW_MS, fresh_key, hub, signed


def test_no_secret_is_shown_anywhere(tmp_path: Path, new_store: Callable[[], str], caplog: pytest.LogCaptureFixture) -> None:
    """Tokens and private keys of a whole life (enrolment, refusals, failures, forks) are in no log, no answer and no page."""
    key = fresh_key(tmp_path)
    shown: list[str] = []
    with caplog.at_level(logging.DEBUG), hub(new_store(), public_read=False) as running:
        invitation, reader = running.registry.invite("works"), running.registry.add_reader("erp")
        (tmp_path / "hub.token").write_text(invitation)
        client = HubClient(open_session(Upstream(running.url)), running.url)
        enrolment = Enrolment(tmp_path, running.url, tmp_path / "hub.token", key)
        sender = Sender(FakeOutbox(key, chain(key, 3)), client, enrolment, now_ms=lambda: NOW_MS, random=lambda: 1.0)
        sender.work()
        bearer = enrolment.bearer() or ""
        batch = chain(key, 1)[0]
        answers = [
            running.push(signed(batch.body, key, sealed_at="2026-03-28T23:00:00Z"), bearer),
            running.push({**batch.body, "hash": "0" * 64}, bearer),
            running.push(batch, bearer[:-1]),
            running.post(b"no gzip", bearer),
            *(
                running.session.post(
                    f"{running.url}{path}", json={"token": token, "signature": token, "gateway": token}, headers=head, timeout=10
                )
                for path, token, head in (
                    ("/v1/enrol", invitation, {}),
                    ("/v1/enrol", bearer, {}),
                    ("/v1/keys", bearer, {"Authorization": f"Bearer {bearer}"}),
                )
            ),
            *(
                requests.get(f"{running.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=10)
                for path in ("/", "/v1/completeness", "/v1/health", "/v1/readings", "/metrics", "/openapi.json", "/nowhere")
                for token in (reader, bearer)
            ),
        ]
        client.close()
        shown = [answer.text + str(answer.headers) for answer in answers] + [caplog.text, str(sender.status())]
    private = (tmp_path / "gateway.key").read_text().splitlines()[1]

    assert len(bearer) > 20
    assert [
        secret for secret in (invitation, reader, bearer, private, tokens.fingerprint(bearer)) if any(secret in text for text in shown)
    ] == []


def test_requests_of_a_minute_are_bounded(tmp_path: Path, new_store: Callable[[], str]) -> None:
    """Beyond its quota a gateway is asked to wait, refused requests counting too; the next minute it goes on."""
    key, now = fresh_key(tmp_path), [NOW_MS // 60_000 * 60_000 + 15_000]
    with hub(new_store(), now_ms=lambda: now[0], quota=Quota(requests_per_minute=3)) as running:
        token = running.enrolled(key)
        batches = chain(key, 4)
        statuses = [running.push(batches[0], token).status_code, running.post(b"nonsense", token).status_code]
        statuses += [running.push(batch, token).status_code for batch in batches[1:3]]
        refused = running.push(batches[3], token)
        now[0] += 45_000
        later = running.push(batches[3], token).status_code

    assert statuses == [201, 400, 201, 429]
    assert (refused.status_code, refused.headers["Retry-After"], "--requests-per-minute" in refused.json()["error"]) == (429, "46", True)
    assert later == 201


def test_records_of_a_day_are_bounded(tmp_path: Path, new_store: Callable[[], str]) -> None:
    """Beyond its records of a day a gateway waits for the next one, and others are not touched."""
    key, other, now = fresh_key(tmp_path), fresh_key(tmp_path / "other"), [NOW_MS]
    with hub(new_store(), now_ms=lambda: now[0], quota=Quota(records_per_day=8)) as running:
        token, neighbour = running.enrolled(key), running.enrolled(other, "neighbour")
        statuses = [running.push(batch, token).status_code for batch in chain(key, 3)]
        of_other = running.push(chain(other, 1)[0], neighbour).status_code
        now[0] += 86_400_000
        later = running.push(chain(key, 3)[2], token).status_code

    assert (statuses, of_other, later) == ([201, 201, 429], 201, 201)


@pytest.mark.parametrize(
    ("header", "path", "word"),
    [("zh-CN,zh;q=0.9", "/", "数据不完整"), ("de", "/", "not everything is here"), ("de", "/?lang=zh", "另一台设备")],
)
def test_page_in_the_readers_language(tmp_path: Path, new_store: Callable[[], str], header: str, path: str, word: str) -> None:
    """The page speaks English or Chinese, and says what to do about two devices with one identity."""
    key = fresh_key(tmp_path)
    with hub(new_store()) as running:
        token = running.enrolled(key)
        first = chain(key, 1)[0]
        running.push(first, token)
        running.push(seal(key.gateway, 1, first.previous, START_MS + 5, records(1, 5), key.sign), token)
        answer = requests.get(running.url + path, headers={"Accept-Language": header}, timeout=10)

    assert (answer.status_code, word in answer.text, f"shiftwatt hub settle {key.gateway}" in answer.text) == (200, True, True)


def test_both_languages_have_all_texts() -> None:
    """A text that one language lacks would stop its page; singulars are English only."""
    tables = [tomllib.loads((Path(hub_page.__file__).parent / "strings" / f"{code}.toml").read_text(encoding="utf-8")) for code in CODES]
    keys = [{key for key in table if not key.endswith("_one")} for table in tables]

    assert keys[0] == keys[1]


def test_odd_language_is_refused(new_store: Callable[[], str]) -> None:
    """An unknown parameter of the page is a sentence, an unknown language falls back."""
    with hub(new_store()) as running:
        statuses = [requests.get(f"{running.url}/?{query}", timeout=10).status_code for query in ("lang=xx", "language=zh")]

    assert statuses == [200, 400]
