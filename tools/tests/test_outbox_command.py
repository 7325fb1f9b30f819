"""`shiftwatt outbox` and `shiftwatt token` as a person types them, with a running gateway and without."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from starlette.applications import Starlette
from typer.testing import CliRunner, Result

from gateway import control
from gateway.buffer.store import Store
from gateway.deliver.api import routes
from gateway.deliver.key import gateway_key
from gateway.deliver.tests.fakes import FakeSource, served
from gateway.deliver.tokens import TokenFile, authoriser
from gateway.folder import FolderLock
from protocols.reading import Event
from tools.command import app


@pytest.fixture
def site(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    path.write_text('[site]\nname = "works"\ntimezone = "Asia/Shanghai"\n')
    (tmp_path / "data").mkdir()
    return path


def typed(site: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--site", str(site)])


@pytest.fixture
def refused(site: Path) -> Iterator[Store]:
    """A store whose first batch was refused for good."""
    key = gateway_key(site.parent / "data")
    store = Store(site.parent / "data", key.gateway, key.sign)
    store.add([Event("swap", "main", "", 1, 0, 1)])
    store.commit(1)
    store.outbox.seal(1)
    store.outbox.refuse(1, "The hub answers: too old")
    yield store
    store.close()


def test_refused_batches_are_shown_and_replayed(site: Path, refused: Store) -> None:
    """The reason is shown with status 1; after the replay there is nothing to show, and a second replay says so."""
    shown = typed(site, "outbox", "refused")
    document = json.loads(typed(site, "outbox", "refused", "--json").stdout)
    replayed = [typed(site, "outbox", "replay", "1").exit_code for _ in range(2)]
    after = typed(site, "outbox", "refused")

    assert (shown.exit_code, "too old" in shown.output) == (1, True)
    assert [each["number"] for each in document["refused"]] == [1]
    assert replayed == [0, 1]
    assert (after.exit_code, after.output.strip()) == (0, "No batch was refused.")


def test_running_gateway_is_asked(site: Path, refused: Store) -> None:
    """While `run` owns the folder its own store does it."""
    asks: dict[str, control.Ask] = {
        "refused": lambda _: {"refused": [each._asdict() for each in refused.outbox.refused()]},
        "replay": lambda request: {"replayed": refused.outbox.replay(request["number"])},
    }
    with FolderLock(site.parent / "data"):
        server = control.ControlServer(site.parent / "data", asks)
        server.start()
        try:
            shown, replayed = typed(site, "outbox", "refused"), typed(site, "outbox", "replay", "1")
        finally:
            server.stop()

    assert "too old" in shown.output
    assert (replayed.exit_code, replayed.output.strip()) == (0, "Batch 1 is in the queue again.")


def test_token_reads_until_it_is_revoked(site: Path) -> None:
    """A token is printed once and works at once; the list shows names and scopes only; revoked, it ends at once."""
    token = typed(site, "token", "add", "erp").stdout.strip()
    again = typed(site, "token", "add", "erp")
    listed = typed(site, "token", "list")
    table = routes(FakeSource(), authoriser(TokenFile(site.parent / "data").grants))
    with served(Starlette(routes=table)) as url:
        headers = {"Authorization": f"Bearer {token}"}
        reads = [requests.get(f"{url}/v1/meters", headers=headers, timeout=10).status_code]
        revoked = [typed(site, "token", "revoke", "erp").exit_code for _ in range(2)]
        reads.append(requests.get(f"{url}/v1/meters", headers=headers, timeout=10).status_code)

    assert (again.exit_code, "already" in again.output) == (2, True)
    assert "erp" in listed.stdout
    assert "read" in listed.stdout
    assert token not in listed.stdout + again.output + (site.parent / "data" / "tokens.json").read_text()
    assert reads == [200, 401]
    assert revoked == [0, 2]


def test_wrong_scope_and_broken_file_are_sentences(site: Path) -> None:
    """A scope that does not exist is wrong use; a file that cannot be read says what to do."""
    wrong = typed(site, "token", "add", "erp", "--scope", "everything")
    (site.parent / "data" / "tokens.json").write_text("{")
    broken = typed(site, "token", "list")

    assert (wrong.exit_code, "read and write" in wrong.output) == (2, True)
    assert (broken.exit_code, "backup" in broken.output) == (1, True)
