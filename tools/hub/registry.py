"""Who may send and who may read: invitations, enrolled gateways, tokens. Tokens are seen once and kept as hashes."""

import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from gateway.deliver.key import verifier
from gateway.deliver.refusal import Refused
from gateway.deliver.tokens import READ, WRITE, Grant, fingerprint, new_token
from protocols.batch import Verify
from tools.hub.database import HubDatabase

_GATEWAY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Registry:
    def __init__(self, database: HubDatabase, now_ms: Callable[[], int], token: Callable[[], str] = new_token) -> None:
        self._database = database
        self._now_ms = now_ms
        self._new_token = token

    def invite(self, name: str) -> str:
        """A new one-time token for the gateway that people call `name`; an unused one of before is void."""
        token = self._new_token()
        with self._database.writing() as connection:
            connection.execute("delete from invitations where name = ? and gateway is null", (name,))
            connection.execute(
                "insert into invitations (sha256, name, created_ms) values (?, ?, ?)", (fingerprint(token), name, self._now_ms())
            )
        return token

    def enrol(self, request: Mapping[str, Any]) -> str:
        """The bearer token for the gateway that shows a one-time token; Refused if it is not good for it.

        Until the gateway has sent its first batch the same gateway may ask again: the answer may have been lost.
        """
        invitation, gateway, public_key = _enrolment(request)
        bearer = self._new_token()
        with self._database.writing() as connection:
            invited = connection.execute("select * from invitations where sha256 = ?", (fingerprint(invitation),)).fetchone()
            if invited is None:
                raise Refused(403, "the one-time token is not known to this hub; `shiftwatt hub enrol NAME` makes a new one")
            if invited["spent"] or invited["gateway"] not in (None, gateway) or invited["public_key"] not in (None, public_key):
                raise Refused(403, "the one-time token was used already; `shiftwatt hub enrol NAME` makes a new one")
            known = connection.execute("select public_key from gateways where gateway = ?", (gateway,)).fetchone()
            if known is not None and known["public_key"] != public_key:
                raise Refused(409, f"gateway {gateway} is enrolled here with another key")
            self._admit(connection, invited, gateway, public_key, fingerprint(bearer))
        return bearer

    def _admit(self, connection: sqlite3.Connection, invited: sqlite3.Row, gateway: str, public_key: str, sha256: str) -> None:
        connection.execute("update invitations set gateway = ?, public_key = ? where sha256 = ?", (gateway, public_key, invited["sha256"]))
        connection.execute(
            "insert into gateways (gateway, name, public_key, enrolled_ms) values (?, ?, ?, ?) "
            "on conflict (gateway) do update set name = excluded.name",
            (gateway, invited["name"], public_key, self._now_ms()),
        )
        connection.execute(
            "insert into tokens (sha256, name, scope, gateway) values (?, ?, ?, ?)", (sha256, invited["name"], WRITE, gateway)
        )

    def verify(self, gateway: str) -> Verify:
        """The check of signatures by this enrolled gateway."""
        with self._database.reading() as connection:
            row = connection.execute("select public_key from gateways where gateway = ?", (gateway,)).fetchone()
        if row is None:
            raise Refused(403, f"gateway {gateway} is not enrolled here")
        return verifier(row["public_key"])

    def grants(self) -> list[Grant]:
        with self._database.reading() as connection:
            rows = connection.execute("select name, scope, sha256, gateway from tokens").fetchall()
        return [Grant(row["name"], (row["scope"],), row["sha256"], row["gateway"]) for row in rows]

    def add_reader(self, name: str) -> str:
        """A token that may read everything here, to be shown once; ValueError if the name is taken."""
        token = self._new_token()
        with self._database.writing() as connection:
            if connection.execute("select 1 from tokens where name = ? and gateway = ''", (name,)).fetchone():
                raise ValueError(f"there is a token named {name!r} already; revoke it first or choose another name")
            connection.execute("insert into tokens (sha256, name, scope) values (?, ?, ?)", (fingerprint(token), name, READ))
        return token

    def revoke(self, name: str) -> int:
        """End every token of this name, of readers and of gateways; how many there were."""
        with self._database.writing() as connection:
            return connection.execute("delete from tokens where name = ?", (name,)).rowcount


def spend(connection: sqlite3.Connection, grant: Grant) -> None:
    """The gateway has its token and uses it: its invitation is done with, and so are tokens whose answers were lost."""
    if connection.execute("update invitations set spent = 1 where gateway = ? and spent = 0", (grant.gateway,)).rowcount:
        connection.execute("delete from tokens where gateway = ? and sha256 <> ?", (grant.gateway, grant.sha256))


def _enrolment(request: Mapping[str, Any]) -> tuple[str, str, str]:
    token, gateway, public_key = (request.get(key) for key in ("token", "gateway", "public_key"))
    if not (isinstance(token, str) and isinstance(gateway, str) and isinstance(public_key, str)):
        raise Refused(400, "an enrolment has the texts token, gateway and public_key")
    if not _GATEWAY.fullmatch(gateway):
        raise Refused(400, "the gateway's id may have up to 64 letters, digits, dots, hyphens and underscores")
    try:
        verifier(public_key)
    except ValueError:
        raise Refused(400, "public_key is no Ed25519 public key in hex (64 digits)") from None
    return token, gateway, public_key.lower()
