"""The tables of the hub's store and how they came to be: one function per step, applied once, in a transaction."""

from sqlite_utils import Database, Migrations

migrations = Migrations("shiftwatt-hub")


@migrations()
def registry(db: Database) -> None:
    """Who may send and read. Tokens are kept as SHA-256 only."""
    db.execute("""
        create table gateways (
            gateway text primary key, name text not null, public_key text not null, enrolled_ms integer not null,
            contact_ms integer, highest integer not null default 0, batches integer not null default 0, records integer not null default 0
        )""")
    db.execute("create table tokens (sha256 text primary key, name text not null, scope text not null, gateway text not null default '')")
    db.execute("""
        create table invitations (
            sha256 text primary key, name text not null, created_ms integer not null,
            gateway text, public_key text, spent integer not null default 0
        )""")


@migrations()
def batches(db: Database) -> None:
    """What arrived, as it arrived: `body` is the compressed document, so that every proof can be repeated."""
    db.execute("""
        create table batches (
            gateway text not null references gateways, number integer not null, hash text not null, previous text not null,
            link text not null, first_sequence integer not null, last_sequence integer not null,
            sealed_ms integer not null, received_ms integer not null, tombstone text, body blob not null,
            primary key (gateway, number)
        )""")
    db.execute("create unique index batches_range on batches (gateway, first_sequence)")


@migrations()
def records(db: Database) -> None:
    """The contents, one row each, numbered by `arrival`. A row never changes; a later clock record dates an undated one."""
    db.execute("""
        create table records (
            arrival integer primary key autoincrement, gateway text not null, sequence integer not null, kind text not null,
            subject text, boot integer, monotonic_ms integer, time_ms integer, end_ms integer, document text not null,
            unique (gateway, sequence)
        )""")
    db.execute("create index records_kind on records (kind)")  # its rows lie in the order of arrival
    db.execute("create index records_clocks on records (gateway, boot, sequence) where kind = 'clocks'")
    db.execute("create table meters (gateway text not null, meter text not null, primary key (gateway, meter))")
