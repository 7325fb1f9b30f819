"""The way to the hub through a proxy of the site: plain requests, tunnels with TLS checked to the end, and a proxy that is in the way."""

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway.deliver.answer import Verdict
from gateway.deliver.client import HubClient
from gateway.deliver.tests.fakes import Reply, Request, a_key, chain, scripted_hub
from gateway.deliver.tests.sending import confirmed
from gateway.deliver.tests.test_client import encrypted_hub as encrypted_hub  # noqa: PLC0414 - a fixture
from gateway.deliver.upstream import Upstream, open_session
from protocols.batch import pack


class Proxy:
    """A forward proxy for one connection after the other: CONNECT, and requests with a whole address."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _run(self) -> None:
        with suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                with caller:
                    self._serve(caller)

    def _serve(self, caller: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += caller.recv(65536)
        line, rest = head.split(b"\r\n", 1)
        method, target, version = line.decode().split(" ")
        self.asked.append(f"{method} {target}")
        host = target if method == "CONNECT" else target.removeprefix("http://").partition("/")[0]
        name, _, port = host.partition(":")
        with socket.create_connection((name, int(port))) as hub:
            if method == "CONNECT":
                caller.sendall(b"HTTP/1.1 200 tunnel\r\n\r\n")
            else:
                path = target.removeprefix(f"http://{host}")
                hub.sendall(f"{method} {path} {version}\r\n".encode() + rest)
            back = threading.Thread(target=_pump, args=(hub, caller), daemon=True)
            back.start()
            _pump(caller, hub)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    found = Proxy()
    yield found
    found.close()


@contextmanager
def client(upstream: Upstream) -> Iterator[HubClient]:
    with open_session(upstream) as session:
        yield HubClient(session, upstream.url)


def test_plain_request_goes_through_the_proxy(tmp_path: Path, proxy: Proxy) -> None:
    """A hub on the proxy's side is reached, and the proxy is asked for it by its whole address."""
    with scripted_hub(lambda _: confirmed(1)) as url, client(Upstream(url, proxy=f"http://{proxy.address}")) as found:
        answer = found.push(pack(chain(a_key(tmp_path), 1)[0]), "bearer")

    assert answer.verdict is Verdict.ACCEPTED
    assert proxy.asked == [f"POST {url}/v1/batches"]


@pytest.mark.parametrize("trusted", [True, False])
def test_tls_is_checked_through_the_tunnel(
    tmp_path: Path,
    proxy: Proxy,
    encrypted_hub: tuple[str, Path],
    trusted: bool,
) -> None:
    """The certificate at the far end of the proxy's tunnel counts: with the private authority it is taken, without it nothing is sent."""
    url, certificate = encrypted_hub
    with client(Upstream(url, ca_file=str(certificate) if trusted else "", proxy=f"http://{proxy.address}")) as found:
        answer = found.push(pack(chain(a_key(tmp_path), 1)[0]), "bearer")

    assert answer.verdict is (Verdict.ACCEPTED if trusted else Verdict.AGAIN)
    assert trusted or "not trusted" in answer.sentence
    assert proxy.asked == [f"CONNECT {url.removeprefix('https://')}"]


def test_proxy_that_wants_a_password(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Its refusal is retried and said; the password in [upstream] proxy stands in no sentence and in no log."""

    def wants_password(_: Request) -> Reply:
        return Reply(407, b"<html>sign in</html>", {"Content-Type": "text/html"})

    caplog.set_level(logging.DEBUG)
    with scripted_hub(wants_password) as url:
        proxied = Upstream("http://127.0.0.1:9", proxy=url.replace("http://", "http://works:proxy-secret@"))
        with client(proxied) as found:
            answer = found.push(pack(chain(a_key(tmp_path), 1)[0]), "bearer-secret")

    assert answer.verdict is Verdict.AGAIN
    assert "proxy" in answer.sentence
    assert "secret" not in answer.sentence + caplog.text
