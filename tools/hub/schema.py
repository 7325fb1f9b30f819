"""The tables of the hub's store and how they came to be: one step after another, each applied once, in a transaction.

Readings are not rows: they stay in the compressed bodies in which they arrived, and `batches` says what is
in each (docs/decisions/2026-11-22-readings-stay-in-bodies.md). Everything else is a row in `records`.
"""

from typing import NamedTuple

from tools.hub import intervals
from tools.hub.database import Session

INTERVALS = "intervals"
_STEPS: dict[str, str] = {
    # Who may send and read. Tokens are kept as SHA-256 only. `from_number`: the first batch that a key may sign.
    "registry": """
        create table gateways (
            gateway text primary key, name text not null, enrolled_ms bigint not null, contact_ms bigint,
            highest bigint not null default 0, batches bigint not null default 0, records bigint not null default 0,
            day bigint not null default 0, day_records bigint not null default 0,
            minute bigint not null default 0, minute_requests bigint not null default 0);
        create table keys (
            gateway text not null references gateways, from_number bigint not null, public_key text not null, known_ms bigint not null,
            primary key (gateway, from_number));
        create table tokens (sha256 text primary key, name text not null, scope text not null, gateway text not null default '');
        create index tokens_gateway on tokens (gateway);
        create table invitations (
            sha256 text primary key, name text not null, created_ms bigint not null, replaces text not null default '',
            gateway text, public_key text, spent bigint not null default 0);
        create index invitations_gateway on invitations (gateway)""",
    # What arrived. `position` is the order of arrival, given as the last act before the commit.
    "batches": """
        create table arrivals (one bigint primary key, position bigint not null);
        insert into arrivals values (1, 0);
        create table batches (
            gateway text not null references gateways, number bigint not null, hash text not null, previous text not null,
            link text not null, first_sequence bigint not null, last_sequence bigint not null, sealed_ms bigint not null,
            received_ms bigint not null, tombstone text, position bigint not null,
            readings bigint not null, undated bigint not null, first_ms bigint, last_ms bigint,
            primary key (gateway, number));
        create unique index batches_range on batches (gateway, first_sequence);
        create unique index batches_position on batches (position);
        create index batches_tombstones on batches (gateway, number) where tombstone is not null;
        create table bodies (
            gateway text not null, number bigint not null, received_ms bigint not null, body {bytes} not null,
            primary key (gateway, number, received_ms)) {partitioned};
        create table meters (gateway text not null, meter text not null, primary key (gateway, meter))""",
    # Events, clocks, figures and site descriptions, one row each. A row never changes.
    "records": """
        create table records (
            arrival bigint primary key, gateway text not null, sequence bigint not null, kind text not null, subject text,
            boot bigint, monotonic_ms bigint, time_ms bigint, end_ms bigint, document text not null);
        create index records_kind on records (kind, arrival);
        create index records_gateway on records (gateway, kind, sequence)""",
    # Batches of another gateway with the same key: named, kept apart, never served.
    "forks": """
        create table forks (
            gateway text not null, number bigint not null, hash text not null, previous text not null, first_sequence bigint not null,
            last_sequence bigint not null, sealed_ms bigint not null, received_ms bigint not null, body {bytes},
            primary key (gateway, hash))""",
    # What counters moved, as it became known; of the reads only those at interval boundaries, and those that wait for their clock.
    INTERVALS: """
        create table boundaries (
            gateway text not null, meter text not null, quantity text not null, time_ms bigint not null,
            value bigint not null, sequence bigint not null, primary key (gateway, meter, quantity, time_ms));
        create table undated_counters (
            gateway text not null, boot bigint not null, sequence bigint not null, meter text not null, quantity text not null,
            monotonic_ms bigint not null, value bigint not null, primary key (gateway, boot, sequence, quantity));
        create table intervals (
            arrival bigint primary key, gateway text not null, sequence bigint not null, meter text not null, quantity text not null,
            start_ms bigint not null, end_ms bigint not null, first_ms bigint not null, first_value bigint not null,
            first_sequence bigint not null, last_ms bigint not null, last_value bigint not null, last_sequence bigint not null,
            quality text not null);
        create index intervals_gateway on intervals (gateway, arrival)""",
}


class Dialect(NamedTuple):
    bytes: str
    partitioned: str


def migrate(session: Session, dialect: Dialect) -> None:
    """Bring the store to the newest form; whoever calls holds off other writers."""
    session.run("create table if not exists steps (name text primary key)")
    done = {row["name"] for row in session.rows("select name from steps")}
    for name, script in _STEPS.items():
        if name not in done:
            for statement in script.format(**dialect._asdict()).split(";"):
                session.run(statement)
            session.run("insert into steps values (?)", name)
    if INTERVALS not in done:
        intervals.tell_all(session)
