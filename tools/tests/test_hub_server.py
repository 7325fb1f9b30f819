"""The hub as a process: starting, refusing to start, stopping, and what is done to it from the command line."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import requests
from typer.testing import CliRunner

from gateway.deliver.tests.test_client import self_signed
from tools.command import app
from tools.hub.app import application
from tools.hub.manage import add_reader, enrol, list_gateways, revoke
from tools.hub.server import HubMistake, listening, open_database, run_hub, serving

START = """
import sys
from tools.hub.server import run_hub
sys.exit(run_hub(*sys.argv[1:], public_read=True, say=lambda text: print(text, flush=True)))
"""


@contextmanager
def process(folder: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """A hub in a process of its own and its address."""
    arguments = [sys.executable, "-c", START, f"sqlite:///{folder}/hub.db", "127.0.0.1:0"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout is not None
            line = started.stdout.readline()
            yield started, line.split()[4] if line else ""
        finally:
            started.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_clean_stop(tmp_path: Path, number: signal.Signals) -> None:
    """A hub that is told to stop ends with 0 and without a traceback."""
    with process(tmp_path) as (started, url):
        health = requests.get(f"{url}/v1/health", timeout=10).json()
        started.send_signal(number)
        status = started.wait(20)
        assert started.stderr is not None
        said = started.stderr.read()

    assert (health["ok"], status, said) == (True, 0, "")


def test_taken_port_is_a_sentence(tmp_path: Path) -> None:
    """A port in use ends with 1 and says which, before any store is made."""
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        status = run_hub(f"sqlite:///{tmp_path}/hub.db", listen, say=said.append)

    assert status == 1
    assert (len(said), listen in said[0], "another" in said[0]) == (1, True, True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("listen", ["8800", "127.0.0.1", ":8800", "127.0.0.1:port", "127.0.0.1:99999", "nowhere.invalid:1"])
def test_odd_place_to_listen(listen: str) -> None:
    """A place that is none is a sentence."""
    with pytest.raises(HubMistake, match="listen"):
        listening(listen)


@pytest.mark.parametrize(
    ("db", "sentence"),
    [
        ("postgresql://hub:%zz@db/shiftwatt", "no address that PostgreSQL understands"),
        ("hub.db", "sqlite:///hub.db"),
        ("sqlite:///", "sqlite:///hub.db"),
        ("mysql://x", "sqlite:///hub.db"),
    ],
)
def test_store_that_this_build_does_not_have(db: str, sentence: str) -> None:
    """What is no address of a store is wrong use: 2, and an address that would work."""
    said: list[str] = []

    assert run_hub(db, "127.0.0.1:0", say=said.append) == 2
    assert sentence in said[0]


@pytest.mark.parametrize(
    "db",
    [
        "{scheme}://hub:{word}@127.0.0.1:1/db",
        "{scheme}://hub:%{word}@h/db",
        "mysql://hub:{word}@h/db",
        "{scheme}://h/?password={word}&port=1",
    ],
)
def test_password_in_an_address_is_not_repeated(db: str, caplog: pytest.LogCaptureFixture) -> None:
    """A store's address may hold a password; it goes to no message and no log."""
    pytest.importorskip("psycopg")
    with pytest.raises(HubMistake) as caught:
        open_database(db.format(scheme="postgresql", word="zzsecret"))

    assert "secret" not in str(caught.value) + caplog.text


def test_management_while_the_hub_runs(tmp_path: Path) -> None:
    """Enrolling, listing and tokens work on the store of a running hub."""
    db = f"sqlite:///{tmp_path}/hub.db"
    with process(tmp_path) as (_, url):
        token = enrol(db, "works")
        request = {"token": token, "gateway": "gw-1", "public_key": "00" * 32}
        status = requests.post(f"{url}/v1/enrol", json=request, timeout=10).status_code
        listed = [(each["name"], each["gateway"], each["highest"]) for each in list_gateways(db)]
        add_reader(db, "erp")
        revoked = revoke(db, "erp"), revoke(db, "erp")

    assert (status, listed, revoked) == (201, [("works", "gw-1", 0)], (1, 0))


def test_encrypted(tmp_path: Path) -> None:
    """With a certificate the hub speaks TLS; one that cannot be read ends with 1 and a sentence."""
    certificate, key = (str(path) for path in self_signed(tmp_path))
    said: list[str] = []
    with closing(open_database(f"sqlite:///{tmp_path}/hub.db")) as database:
        app = application(database, lambda: 0)
        with serving(app, certificate=certificate, key=key) as url:
            health = requests.get(f"{url}/v1/health", verify=certificate, timeout=10).json()
    status = run_hub(f"sqlite:///{tmp_path}/hub.db", "127.0.0.1:0", certificate=certificate, key="/nowhere.pem", say=said.append)

    assert (url.startswith("https://127.0.0.1:"), health["ok"]) == (True, True)
    assert (status, "/nowhere.pem" in said[0]) == (1, True)


def test_reader_names_are_checked(tmp_path: Path) -> None:
    """A name that is taken, and one that nobody has, are sentences and a failure, with what to do."""
    ask = ["hub", "--db", f"sqlite:///{tmp_path}/hub.db"]
    first, again, ended, nobody = (CliRunner().invoke(app, [*ask, *words]) for words in (
        ["reader", "erp"], ["reader", "erp"], ["revoke", "erp"], ["revoke", "erp"],
    ))  # fmt: skip

    assert [each.exit_code for each in (first, again, ended, nobody)] == [0, 1, 0, 1]
    assert "revoke erp" in again.output
    assert ("1 token of erp ended" in ended.output, "no token named 'erp'" in nobody.output) == (True, True)
