"""Who may send and who may read: invitations, enrolled gateways, their keys, tokens. Tokens are seen once and kept as hashes."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from gateway.deliver.key import rotation_statement, verifier, verify_from
from gateway.deliver.refusal import Refused
from gateway.deliver.tokens import READ, WRITE, Grant, fingerprint, new_token
from protocols.batch import GENESIS, Verify
from tools.hub.database import HubDatabase, Session
from tools.hub.quota import Quota, counted, require_within

_GATEWAY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")


class Keys(NamedTuple):
    """The public keys of one gateway, by the number of the first batch that each may sign."""

    by_number: tuple[tuple[int, Verify], ...]

    def of(self, number: int) -> Verify:
        return verify_from(number, self.by_number)


class Registry:
    def __init__(
        self, database: HubDatabase, now_ms: Callable[[], int], token: Callable[[], str] = new_token, quota: Quota | None = None
    ) -> None:
        self._database = database
        self._now_ms = now_ms
        self._new_token = token
        self._quota = quota or Quota()

    def invite(self, name: str, replaces: str = "") -> str:
        """A new one-time token for the gateway that people call `name`; an unused one of before is void.

        `replaces` is the id of an enrolled gateway whose place the new one takes.
        """
        token = self._new_token()
        with self._database.writing() as session:
            session.run("delete from invitations where name = ? and gateway is null", name)
            session.run(
                "insert into invitations (sha256, name, created_ms, replaces) values (?, ?, ?, ?)",
                fingerprint(token), name, self._now_ms(), replaces,
            )  # fmt: skip
        return token

    def replace(self, wanted: str) -> str:
        """A one-time token with which another device takes the place of the gateway of this id or name; ValueError if it is not one."""
        with self._database.reading() as session:
            found = session.rows("select gateway, name from gateways where gateway = ? or name = ? order by gateway", wanted, wanted)
        if len(found) != 1:
            listed = ", ".join(row["gateway"] for row in found)
            raise ValueError(
                f"{wanted!r} names {len(found)} gateways{f' ({listed})' if found else ''}; `shiftwatt hub gateways` lists them"
            )
        return self.invite(found[0]["name"], found[0]["gateway"])

    def enrol(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Bearer token, id and head of the chain for the gateway that shows a one-time token; Refused if it is not good for it.

        Until the gateway has sent its first batch the same gateway may ask again: the answer may have been lost.
        """
        invitation, gateway, public_key = _enrolment(request)
        bearer = self._new_token()
        with self._database.writing() as session:
            invited = session.row_to_change("select * from invitations where sha256 = ?", fingerprint(invitation))
            if invited is None:
                raise Refused(403, "the one-time token is not known to this hub; `shiftwatt hub enrol NAME` makes a new one")
            if invited["spent"] or invited["gateway"] not in (None, gateway) or invited["public_key"] not in (None, public_key):
                raise Refused(403, "the one-time token was used already; `shiftwatt hub enrol NAME` makes a new one")
            session.run("update invitations set gateway = ?, public_key = ? where sha256 = ?", gateway, public_key, fingerprint(invitation))
            admitted = invited["replaces"] or gateway
            head = _head(session, admitted)
            if invited["replaces"]:
                self._succeed(session, admitted, public_key, head["number"] + 1)
            else:
                self._admit(session, invited["name"], gateway, public_key)
            session.run(
                "insert into tokens (sha256, name, scope, gateway) values (?, ?, ?, ?)",
                fingerprint(bearer),
                invited["name"],
                WRITE,
                admitted,
            )
        return {"token": bearer, "gateway": admitted, "head": head}

    def _admit(self, session: Session, name: str, gateway: str, public_key: str) -> None:
        known = session.rows("select public_key from keys where gateway = ? order by from_number", gateway)
        if known and known[-1]["public_key"] != public_key:
            raise Refused(409, f"gateway {gateway} is enrolled here with another key")
        session.run(
            "insert into gateways (gateway, name, enrolled_ms) values (?, ?, ?) on conflict (gateway) do update set name = excluded.name",
            gateway, name, self._now_ms(),
        )  # fmt: skip
        if not known:
            session.run("insert into keys values (?, ?, ?, ?)", gateway, 1, public_key, self._now_ms())

    def _succeed(self, session: Session, gateway: str, public_key: str, from_number: int) -> None:
        """The device of before is out from this moment: its token is void, and its key signs nothing new."""
        session.run("delete from tokens where gateway = ?", gateway)
        self._add_key(session, gateway, from_number, public_key)

    def _add_key(self, session: Session, gateway: str, from_number: int, public_key: str) -> None:
        session.run(
            "insert into keys values (?, ?, ?, ?) on conflict (gateway, from_number) do update set public_key = excluded.public_key",
            gateway, from_number, public_key, self._now_ms(),
        )  # fmt: skip

    def rotate(self, request: Mapping[str, Any], grant: Grant) -> dict[str, Any]:
        """Take a new key that the old one vouches for; the same again changes nothing."""
        gateway, from_number, public_key, signature = (request.get(key) for key in ("gateway", "from_number", "public_key", "signature"))
        if not (isinstance(signature, str) and _SIGNATURE.fullmatch(signature) and type(from_number) is int and from_number >= 1):
            raise Refused(400, "a change of key has gateway, from_number, public_key and signature (Ed25519, hex)")
        if gateway != grant.gateway:
            raise Refused(403, f"this token is for {grant.gateway}")
        public_key = _public_key(public_key)
        with self._database.writing() as session:
            session.row_to_change("select gateway from gateways where gateway = ?", gateway)
            known = session.rows("select from_number, public_key from keys where gateway = ? order by from_number", gateway)
            if (known[-1]["from_number"], known[-1]["public_key"]) == (from_number, public_key):
                return {"from_number": from_number}
            statement = rotation_statement(grant.gateway, from_number, public_key)
            if not verifier(known[-1]["public_key"])(statement, bytes.fromhex(signature)):
                raise Refused(403, "the new key is not signed by this gateway's key; nothing was changed")
            if from_number <= max(_head(session, grant.gateway)["number"], known[-1]["from_number"]):
                raise Refused(409, f"batches from number {from_number} on are here already, or another key is valid for them")
            self._add_key(session, grant.gateway, from_number, public_key)
        return {"from_number": from_number}

    def keys(self, gateway: str) -> Keys:
        """For the check of signatures; 403 if it is not enrolled, 429 if it has brought too much."""
        query = "select g.*, k.from_number, k.public_key from gateways g join keys k on k.gateway = g.gateway where g.gateway = ?"
        with self._database.looking() as session:
            keys = session.rows(f"{query} order by k.from_number", gateway)
        if not keys:
            raise Refused(403, f"gateway {gateway} is not enrolled here")
        require_within(self._quota, keys[0], self._now_ms())
        return Keys(tuple((row["from_number"], verifier(row["public_key"])) for row in keys))

    def count_refused(self, gateway: str) -> None:
        """A request that was refused counts, too: a gateway that sends nonsense must not keep the hub busy."""
        with self._database.writing() as session:
            found = session.row_to_change("select * from gateways where gateway = ?", gateway)
            if found is not None:
                new = counted(found, self._now_ms(), 0)
                session.run(
                    "update gateways set minute = ?, minute_requests = ? where gateway = ?", new["minute"], new["minute_requests"], gateway
                )

    def find(self, sha256: str) -> Grant | None:
        with self._database.looking() as session:
            row = session.row("select name, scope, sha256, gateway from tokens where sha256 = ?", sha256)
        return Grant(row["name"], (row["scope"],), row["sha256"], row["gateway"]) if row else None

    def add_reader(self, name: str) -> str:
        """A token that may read everything here, to be shown once; ValueError if the name is taken."""
        token = self._new_token()
        with self._database.writing() as session:
            if session.row("select 1 as taken from tokens where name = ? and gateway = ''", name):
                raise ValueError(f"there is a token named {name!r} already; revoke it first or choose another name")
            session.run("insert into tokens (sha256, name, scope) values (?, ?, ?)", fingerprint(token), name, READ)
        return token

    def revoke(self, name: str) -> int:
        """End every token of this name, of readers and of gateways; how many there were."""
        with self._database.writing() as session:
            return session.run("delete from tokens where name = ?", name)


def spend(session: Session, grant: Grant) -> None:
    """The gateway has its token and uses it: its invitation is done with, and so are tokens whose answers were lost."""
    if session.run(
        "update invitations set spent = 1 where spent = 0 and (gateway = ? or (replaces = ? and gateway is not null))",
        grant.gateway, grant.gateway,
    ):  # fmt: skip
        session.run("delete from tokens where gateway = ? and sha256 <> ?", grant.gateway, grant.sha256)


def _head(session: Session, gateway: str) -> dict[str, Any]:
    """Where the chain of this gateway goes on: behind the highest number held, gaps or not."""
    row = session.row("select number, link, last_sequence from batches where gateway = ? order by number desc limit 1", gateway)
    found = row or {"number": 0, "link": GENESIS, "last_sequence": 0}
    return {"number": found["number"], "hash": found["link"], "last_sequence": found["last_sequence"]}


def _enrolment(request: Mapping[str, Any]) -> tuple[str, str, str]:
    token, gateway, public_key = (request.get(key) for key in ("token", "gateway", "public_key"))
    if not (isinstance(token, str) and isinstance(gateway, str) and isinstance(public_key, str)):
        raise Refused(400, "an enrolment has the texts token, gateway and public_key")
    if not _GATEWAY.fullmatch(gateway):
        raise Refused(400, "the gateway's id may have up to 64 letters, digits, dots, hyphens and underscores")
    return token, gateway, _public_key(public_key)


def _public_key(text: object) -> str:
    try:
        verifier(str(text))
    except ValueError:
        raise Refused(400, "public_key is no Ed25519 public key in hex (64 digits)") from None
    return str(text).lower()
