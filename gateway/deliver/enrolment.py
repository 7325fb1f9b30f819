"""Who the hub takes us for: a one-time token given by a person, exchanged for a bearer token that we keep.

Only files live here; asking the hub is the client's, when to ask is the sender's.
"""

import hashlib
import json
import logging
from pathlib import Path
from typing import NamedTuple

from gateway.deliver.key import GatewayKey
from gateway.private_file import write_private

log = logging.getLogger(__name__)

FILE = "hub.json"
_TOKEN_BYTES_MAX = 4096  # a token has some 50; a larger file is a mistake, not a token


class _Kept(NamedTuple):
    """`invitation` is the hash of the one-time token that gave `bearer`, which is good at `url` only."""

    url: str
    invitation: str
    bearer: str


class Enrolment:
    def __init__(self, folder: Path, url: str, invitation_file: Path | None, key: GatewayKey) -> None:
        self.invitation_file = invitation_file
        self._path = folder / FILE
        self._url = url
        self._key = key
        self._kept = self._load()

    def bearer(self) -> str | None:
        """The bearer token for this hub; one of another hub is never sent to this one."""
        return self._kept.bearer if self._kept and self._kept.url == self._url else None

    def invitation(self) -> str | None:
        """The one-time token, if a person has put one there that was not exchanged yet."""
        if self.invitation_file is None:
            return None
        try:
            token = self.invitation_file.read_bytes()[:_TOKEN_BYTES_MAX].decode("ascii").strip()
        except (OSError, UnicodeDecodeError):
            return None
        used = self.bearer() is not None and self._kept is not None and self._kept.invitation == _fingerprint(token)
        return token if token and not used else None

    def request(self, invitation: str) -> dict[str, str]:
        return {"token": invitation, "gateway": self._key.gateway, "public_key": self._key.public_key}

    def keep(self, invitation: str, bearer: str) -> None:
        self._kept = _Kept(self._url, _fingerprint(invitation), bearer)
        write_private(self._path, json.dumps(self._kept._asdict(), indent=1).encode())

    def _load(self) -> _Kept | None:
        try:
            return _Kept(**json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            log.warning("%s cannot be read; the gateway must be enrolled again with a new one-time token", self._path)
            return None


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
