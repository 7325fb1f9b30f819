"""The tables of the store and how they came to be: one function per step, each applied once, in a transaction.

Two kinds of rows: *power* rows (one per meter and poll, a column per level quantity, thinned with age) and
*counter* rows (kept for ever). Every record of any kind has a `sequence` of its own, without gaps.

The power rows of all meters lie in one table in the order of arrival: a commit then fills a few pages instead of
starting one per meter. For people there is a view per meter, `power_` and its name, with the time in words.
"""

import gzip
import json
from typing import Any

from sqlite_utils import Database, Migrations

from protocols.quantity import COUNTER, LEVEL, QUANTITIES

COUNTERS = tuple(name for name, row in QUANTITIES.items() if row.kind == COUNTER)
LEVELS = tuple(name for name, row in QUANTITIES.items() if row.kind == LEVEL)

# What every reading row begins with, whichever table it lies in.
READING_COLUMNS: dict[str, Any] = {
    "sequence": int,
    "boot": int,
    "monotonic_ms": int,
    "time_ms": int,
    "turnaround_ms": int,
    "missing": str,
}
POWER_COLUMNS: dict[str, Any] = {
    "sequence": int,
    "meter": int,
    "boot": int,
    "drift_ms": int,
    "time_ms": int,
    "turnaround_ms": int,
    "missing": str,
}
POWER = "power_"  # + the meter's name: the view of its rows

migrations = Migrations("shiftwatt")


@migrations()
def records(db: Database) -> None:
    """Readings of counters, readings without a date, events, clocks, site descriptions and figures."""
    db.table("meter").create({"id": int, "name": str}, pk="id", not_null={"name"})
    db.table("meter").create_index(["name"], unique=True)
    counter = {**READING_COLUMNS, "meter": int, **dict.fromkeys(COUNTERS, int)}
    db.table("counter").create(counter, pk="sequence", not_null={"meter", "time_ms"}, foreign_keys=[("meter", "meter", "id")])
    db.table("counter").create_index(["meter", "time_ms"])
    db.table("undated").create({**READING_COLUMNS, "meter": str, "values": str}, pk="sequence")
    db.table("event").create(
        {"sequence": int, "kind": str, "subject": str, "detail": str, "boot": int, "monotonic_ms": int, "time_ms": int}, pk="sequence"
    )
    db.table("clock").create({"sequence": int, "boot": int, "offset_ms": int, "known_at_ms": int}, pk="sequence")
    db.table("site").create({"sequence": int, "known_at_ms": int, "document": str}, pk="sequence")


@migrations()
def figures(db: Database) -> None:
    """Each state and version of a figure is a row of its own; the running shift's is replaced and is no record."""
    figure = {"sequence": int, "key": str, "start_ms": int, "end_ms": int, "version": int, "known_at_ms": int, "document": str}
    db.table("figure").create(figure, pk="sequence")
    db.table("figure").create_index(["key"])
    db.table("figure").create_index(["start_ms"])
    db.table("running").create({"key": str, "start_ms": int, "end_ms": int, "document": str}, pk="key")


@migrations()
def outbox(db: Database) -> None:
    """Sealed batches; the body (gzip) is dropped once the hub has it, the digest stays for the chain."""
    batch = {
        "number": int,
        "first_sequence": int,
        "last_sequence": int,
        "previous": str,
        "hash": str,
        "sealed_ms": int,
        "acknowledged_ms": int,
        "refused": str,
        "body": bytes,
        "refused_body": bytes,
    }
    db.table("batch").create(batch, pk="number")
    db.execute("create index batch_waiting on batch (number) where acknowledged_ms is null")


@migrations()
def numbers(db: Database) -> None:
    """Small facts of the store itself: boot number, next sequence."""
    db.table("number").create({"name": str, "value": int}, pk="name")
    db.table("number").insert_all([{"name": "boot", "value": 0}, {"name": "next_sequence", "value": 1}])


@migrations()
def unbooked(db: Database) -> None:
    """Since when counters have changed that no figure knows of; null while all figures are up to date."""
    db.table("number").insert({"name": "unbooked_from_ms", "value": None})


@migrations()
def learnt(db: Database) -> None:
    """What the line owner found out about the registers of a meter; `fingerprint` is of its meter file."""
    db.table("learnt").create({"meter": str, "fingerprint": str, "known_at_ms": int, "document": str}, pk="meter")


@migrations()
def declarations(db: Database) -> None:
    """What persons declared, and up to which record a figure knew everything."""
    db.table("declaration").create({"sequence": int, "id": str, "known_at_ms": int, "from_ms": int, "document": str}, pk="sequence")
    db.table("declaration").create_index(["id"], unique=True)
    db.table("figure").add_column("known_sequence", int, not_null_default=0)


@migrations()
def clocks_by_boot(db: Database) -> None:
    """Intervals ask of every counter row when its boot knew the time."""
    db.execute("create index clock_boot on clock (boot, sequence)")


@migrations()
def proofs(db: Database) -> None:
    """What of a batch outlives its body: the signature, and two bytes a record by which the changed one is found."""
    db.table("batch").add_column("signature", str)
    db.table("batch").add_column("marks", bytes)
    sealed = list(db.execute("select number, coalesce(refused_body, body) from batch where body is not null or refused_body is not null"))
    signatures = [(json.loads(gzip.decompress(body))["signature"], number) for number, body in sealed]
    db.conn.executemany("update batch set signature = ? where number = ?", signatures)


@migrations()
def one_power_table(db: Database) -> None:
    """Power rows of all meters in one table. `drift_ms` is how far the clock has moved since the boot's `offset_ms`."""
    db.table("boot").create({"number": int, "offset_ms": int}, pk="number")
    db.table("power").create(POWER_COLUMNS, pk="sequence", not_null={"meter", "boot", "drift_ms", "time_ms"})
    db.execute("create index power_imported on power (meter, time_ms) where boot = 0")  # an import asks what is there
    for name in _tables_of_old(db):
        meter = name.removeprefix(POWER)
        measured = [each for each in LEVELS if each in db.table(name).columns_dict]
        add_quantities(db, frozenset(measured))
        columns = "".join(f', "{each}"' for each in measured)
        db.execute(f'insert or ignore into boot select boot, min(time_ms - monotonic_ms) from "{name}" group by boot')  # noqa: S608 - names of the schema
        db.execute("insert or ignore into meter (name) values (?)", (meter,))
        db.execute(
            f"""insert into power (sequence, meter, boot, drift_ms, time_ms, turnaround_ms, missing{columns})
            select sequence, (select id from meter where name = ?), old.boot, time_ms - monotonic_ms - offset_ms, time_ms, turnaround_ms,
            missing{columns} from "{name}" as old join boot on boot.number = old.boot""",  # noqa: S608 - names of the schema
            (meter,),
        )
        db.table(name).drop()
        ensure_view(db, meter)


@migrations()
def thinning(db: Database) -> None:
    """What was thinned on purpose, signed: of a batch, the grain, and the digest of the power rows that were left."""
    record = {"number": int, "grain_s": int, "thinned_ms": int, "kept": int, "dropped": int, "contents": str, "signature": str}
    db.table("thinning").create(record, pk="number", not_null=set(record))
    db.execute("drop index batch_waiting")  # the oldest waiting batch is remembered: an index would be written with every batch


@migrations()
def dates(db: Database) -> None:
    """The numbers of readings that were once without a date: so they were sealed, whatever date they have now."""
    db.table("dated_later").create({"sequence": int}, pk="sequence")
    first = "join (select boot, offset_ms, min(sequence) as known from clock group by boot) clock on clock.boot = old.boot"
    db.execute(
        f"""insert into dated_later
        select old.sequence from counter old {first} where old.sequence < known and old.time_ms = old.monotonic_ms + clock.offset_ms
        union select old.sequence from power old join boot on boot.number = old.boot {first}
        where old.sequence < known and old.drift_ms + boot.offset_ms = clock.offset_ms"""  # noqa: S608 - a constant
    )


def _tables_of_old(db: Database) -> list[str]:
    found = db.execute("select name from sqlite_master where type = 'table' and substr(name, 1, ?) = ? order by name", (len(POWER), POWER))
    return [name for (name,) in found.fetchall()]


def add_quantities(db: Database, quantities: frozenset[str]) -> None:
    """A column for each of `quantities`, in the power table; columns come when first measured."""
    table = db.table("power")
    for quantity in LEVELS:
        if quantity in quantities and quantity not in table.columns_dict:
            table.add_column(quantity, int)


def ensure_view(db: Database, meter: str) -> None:
    """Read by people only: the power rows of one meter under its name."""
    (identity,) = db.execute("select id from meter where name = ?", (meter,)).fetchone()
    name = (POWER + meter).replace('"', '""')
    db.execute(
        f"""create view if not exists "{name}" as
        select strftime('%Y-%m-%dT%H:%M:%fZ', time_ms / 1000.0, 'unixepoch') as time, * from power where meter = {identity}"""  # noqa: S608 - a number
    )
