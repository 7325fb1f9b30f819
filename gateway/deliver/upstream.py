"""The way to the hub: its address, and a session that is safe to send measurements and a token through."""

import logging
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests

from gateway.site import is_loopback
from protocols.errors import OurMistake


@dataclass(frozen=True)
class Upstream:
    """[upstream] of the site file, or another table with such keys; paths made absolute."""

    url: str
    ca_file: str = ""
    proxy: str = ""
    allow_plain_http: bool = False
    table: str = "[upstream]"


def open_session(upstream: Upstream) -> requests.Session:
    """A session with connections kept alive and certificates always checked; OurMistake if the address is not safe."""
    require_safe(upstream)
    session = requests.Session()
    # Surroundings do not decide here: a .netrc would replace our token, and a CA bundle named in the
    # environment would be taken instead of `ca_file`.
    session.trust_env = False
    session.verify = upstream.ca_file or True
    if upstream.proxy:
        session.proxies = {"http": upstream.proxy, "https": upstream.proxy}
    # At that level urllib3 writes whole addresses, and those of webhooks are secrets.
    logging.getLogger("urllib3").setLevel(logging.INFO)
    session.headers["User-Agent"] = "shiftwatt-gateway"
    return session


def require_safe(upstream: Upstream) -> None:
    """OurMistake with a sentence unless `url` is https, or plain http where that was allowed."""
    try:
        address = urlsplit(upstream.url)
        host, _ = address.hostname, address.port
    except ValueError:
        raise OurMistake(f"{upstream.table} url is no address such as https://hub.example/") from None
    if address.scheme not in ("http", "https") or not host:
        raise OurMistake(f"{upstream.table} url is no address such as https://hub.example/")
    if address.username is not None:
        raise OurMistake(f"{upstream.table} url holds a user name or password; those belong into the file that the table names for them")
    if address.scheme == "http" and not (upstream.allow_plain_http or is_loopback(host)):
        raise OurMistake(
            f"{upstream.table} url sends a token and readings to {host} unencrypted; use https, or set allow_plain_http = true knowingly"
        )
