"""The web server of the gateway: pages and read API on one address, with TLS where the site says so.

What is shown comes from the rooms; here is only how it is served.
"""

import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette

from gateway import pages
from gateway.accounts import AccountFile, new_code
from gateway.commission_interface import Commissioning
from gateway.deliver import api
from gateway.deliver.endpoint import unknown
from gateway.deliver.metrics import samples_of
from gateway.deliver.tokens import TokenFile, authoriser
from gateway.inquiry import Inquiry
from gateway.interfaces import AlarmSource, FigureSource, RecordSource, ShiftBook, StatusSource
from gateway.pages import Ground
from gateway.private_file import write_private
from gateway.site import Site
from gateway.zone import zone

log = logging.getLogger(__name__)

CERTIFICATE, KEY = "pages.crt", "pages.key"
# Browsers ask again for a certificate they were told to trust when it ends; ten years outlive the box.
CERTIFICATE_DAYS = 3650
STOP_S = 3  # open event streams end by themselves within a tick; this is for those that do not


class PortTakenError(Exception):
    """The pages' address cannot be listened on; the sentence says which and what to do."""


def listening_socket(listen: str) -> socket.socket:
    """Bound before anything starts, so that a taken port is known at once."""
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With protocol 0 asyncio leaves Nagle's delay on: 40 ms an answer.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((host.strip("[]"), int(port)))
    except OSError as error:
        found.close()
        raise PortTakenError(
            f"the pages cannot listen on {listen} ({error.strerror}); stop the other program, or set [pages] listen to another port"
        ) from error
    return found


@dataclass(frozen=True)
class Sources:
    """What pages and API ask; `inquiry` answers whatever goes beyond status, figures and alarms."""

    records: RecordSource
    status: StatusSource
    figures: FigureSource
    alarms: AlarmSource
    inquiry: Inquiry
    commission: Commissioning
    shifts: ShiftBook


def application(site: Site, sources: Sources, now_ms: Callable[[], int], closing: Callable[[], bool]) -> Starlette:
    authorise = authoriser(TokenFile(site.data_folder).grants, public_read=site.pages.public_read)
    read_api = api.routes(
        sources.records,
        authorise,
        title=f"Shiftwatt gateway {site.site.name}",
        public_read=site.pages.public_read,
        samples=lambda: samples_of(sources.status.status()),
    )
    accounts = AccountFile(site.data_folder)
    ground = Ground(
        status=sources.status,
        figures=sources.figures,
        alarms=sources.alarms,
        history=sources.inquiry,
        doctor=sources.inquiry,
        meters=sources.inquiry,
        commission=sources.commission,
        shifts=sources.shifts,
        accounts=accounts,
        now_ms=now_ms,
        zone=zone(site.site.timezone),
        site_name=site.site.name,
        language=site.pages.language,
        public_read=site.pages.public_read,
        sign_in_over_http=site.pages.sign_in_over_http,
        code=_first_code(accounts),
        closing=closing,
    )
    shown = pages.pages(ground)

    @asynccontextmanager
    async def begun(_app: Starlette) -> AsyncIterator[None]:
        await shown.warm()
        yield

    return Starlette(routes=[*shown.routes, *read_api], exception_handlers={404: unknown, 405: unknown}, lifespan=begun)


def _first_code(accounts: AccountFile) -> str:
    """Printed, not kept: whoever reads the console of this start may become the administrator."""
    if accounts.accounts():
        return ""
    code = new_code()
    shown = "-".join((code[:5], code[5:]))
    log.warning('Nobody can sign in yet. Open the pages, choose "Sign in" and type this code to become administrator: %s', shown)
    return code


def server(app: Starlette, site: Site, now_ms: int) -> uvicorn.Server:
    """With the site's certificate, one made here, or plain http."""
    tls: dict[str, Any] = {}
    if site.pages.tls_certificate:
        tls = {"ssl_certfile": site.folder / site.pages.tls_certificate, "ssl_keyfile": site.folder / site.pages.tls_key}
    elif site.pages.tls == "self-signed":
        tls = {"ssl_certfile": site.data_folder / CERTIFICATE, "ssl_keyfile": site.data_folder / KEY}
        fingerprint = self_signed(site.data_folder, site.site.name, datetime.fromtimestamp(now_ms // 1000, UTC))
        log.info("the pages' certificate has the SHA-256 fingerprint %s", fingerprint)
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=STOP_S, **tls))


def self_signed(folder: Path, name: str, now: datetime) -> str:
    """The fingerprint of the certificate in `folder`, made now if there is none."""
    path = folder / CERTIFICATE
    if not path.exists():
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"shiftwatt {name}")])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(socket.gethostname()), x509.DNSName("localhost")]), critical=False)
            .sign(key, hashes.SHA256())
        )
        write_private(folder / KEY, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        write_private(path, certificate.public_bytes(Encoding.PEM))
    found = x509.load_pem_x509_certificate(path.read_bytes())
    return found.fingerprint(hashes.SHA256()).hex(":")
