"""Who may read and write: bearer tokens, known here by their SHA-256 only, and the file that keeps them at a gateway.

A token has 256 random bits, so a plain hash is enough: there is nothing to guess. Knows no HTTP.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.deliver.refusal import Refused
from gateway.private_file import write_private

READ, WRITE = "read", "write"
SCOPES = (READ, WRITE)
FILE = "tokens.json"
_TOKEN_BYTES = 32


@dataclass(frozen=True)
class Grant:
    """`gateway` is the one whose batches this token may write, "" if it is not a gateway's."""

    name: str
    scopes: tuple[str, ...]
    sha256: str
    gateway: str = ""


PUBLIC = Grant("public", (READ,), "")

Authorise = Callable[[str | None, str], Grant]  # (bearer token, scope) -> whose it is; raises Refused


def new_token(random_text: Callable[[int], str] = secrets.token_urlsafe) -> str:
    return "sw_" + random_text(_TOKEN_BYTES)


def fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def authoriser(grants: Callable[[], Iterable[Grant]], *, public_read: bool = False) -> Authorise:
    """`grants` is asked at every request, so that a revoked token ends at once."""
    return authoriser_by(lambda sha256: _find(grants(), sha256), public_read=public_read)


def authoriser_by(find: Callable[[str], Grant | None], *, public_read: bool = False) -> Authorise:
    """`find` looks up the SHA-256 of a token: where there are thousands, an index does it."""

    def authorise(bearer: str | None, scope: str) -> Grant:
        if public_read and scope == READ:
            return PUBLIC
        grant = find(fingerprint(bearer)) if bearer else None
        if grant is None:
            said = "the token is not known here" if bearer else "no token was given"
            raise Refused(401, f"{said}; this needs a bearer token with scope {scope}", {"WWW-Authenticate": "Bearer"})
        if scope not in grant.scopes:
            raise Refused(403, f"this token has scope {', '.join(grant.scopes)}; this needs scope {scope}")
        return grant

    return authorise


def _find(grants: Iterable[Grant], wanted: str) -> Grant | None:
    """Every hash is compared, each in constant time: how long it takes tells nothing."""
    found = None
    for grant in grants:
        if hmac.compare_digest(grant.sha256, wanted):
            found = grant
    return found


class TokenFileError(Exception):
    """The file of tokens cannot be read or written; the sentence says what to do."""


class TokenFile:
    """The tokens of one gateway, in its data folder; read at every request, since `shiftwatt token` writes it meanwhile."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def grants(self) -> list[Grant]:
        try:
            rows = json.loads(self._path.read_bytes())
            return [Grant(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise TokenFileError(
                f"{self._path} cannot be read ({type(error).__name__}); put it back from a backup, or remove it and make new tokens"
            ) from error

    def add(self, name: str, scopes: Iterable[str]) -> str:
        """The new token, to be shown once; ValueError if the name is taken or a scope unknown."""
        wanted, grants = tuple(scopes), self.grants()
        if not wanted or not set(wanted) <= set(SCOPES):
            raise ValueError(f"scopes are {' and '.join(SCOPES)}, at least one")
        if any(grant.name == name for grant in grants):
            raise ValueError(f"there is a token named {name!r} already; revoke it first or choose another name")
        token = new_token()
        self._write([*grants, Grant(name, wanted, fingerprint(token))])
        return token

    def revoke(self, name: str) -> bool:
        grants = self.grants()
        left = [grant for grant in grants if grant.name != name]
        if len(left) < len(grants):
            self._write(left)
        return len(left) < len(grants)

    def _write(self, grants: list[Grant]) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_private(self._path, json.dumps([asdict(grant) for grant in grants], indent=1).encode())
        except OSError as error:
            raise TokenFileError(
                f"{self._path} cannot be written ({error.strerror}); check the data folder's owner and the disk"
            ) from error
