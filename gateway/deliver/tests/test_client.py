"""TLS on the way to the hub: checked against the authority named, and never without."""

import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.deliver.answer import Verdict
from gateway.deliver.client import HubClient
from gateway.deliver.tests.fakes import a_key, chain
from gateway.deliver.upstream import Upstream, open_session
from protocols.batch import pack


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that is its own authority, and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hub")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(private, hashes.SHA256())
    )
    paths = folder / "hub.pem", folder / "hub-key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    paths[1].write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return paths


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"highest": 1, "beyond": []}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Quiet."""


@pytest.fixture
def encrypted_hub(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """An https hub with its own authority: its address and the authority's file."""
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}", certificate
    server.shutdown()
    thread.join()
    server.server_close()


def pushed(folder: Path, upstream: Upstream) -> tuple[Verdict, str]:
    with open_session(upstream) as session:
        answer = HubClient(session, upstream.url).push(pack(chain(a_key(folder), 1)[0]), "bearer")
    return answer.verdict, answer.sentence


def test_named_authority_is_trusted(tmp_path: Path, encrypted_hub: tuple[str, Path]) -> None:
    """With its authority in ca_file the hub is reached over TLS."""
    url, certificate = encrypted_hub

    assert pushed(tmp_path, Upstream(url, ca_file=str(certificate))) == (Verdict.ACCEPTED, "")


def test_unknown_authority_is_not(tmp_path: Path, encrypted_hub: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nothing is sent, even if the surroundings would trust it, and the sentence says what to do."""
    url, certificate = encrypted_hub
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    verdict, sentence = pushed(tmp_path, Upstream(url, allow_plain_http=True))

    assert verdict is Verdict.AGAIN
    assert "not trusted" in sentence
    assert "ca_file" in sentence


@pytest.mark.parametrize(
    ("upstream", "sentence"),
    [
        (Upstream("https://127.0.0.1:1", ca_file="/nowhere.pem"), "ca_file"),
        (Upstream("https://hub.example", proxy="http://127.0.0.1:1"), "proxy"),
        (Upstream("http://127.0.0.1:1"), "Connection refused"),
    ],
)
def test_failure_on_the_way_is_a_sentence(tmp_path: Path, upstream: Upstream, sentence: str) -> None:
    """A missing authority file, a dead proxy and a dead hub each say what to look at."""
    verdict, said = pushed(tmp_path, upstream)

    assert verdict is Verdict.AGAIN
    assert sentence in said
