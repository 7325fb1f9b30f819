"""What somebody can do to a store who can write to its file: every table, every column, one thing at a time. Nothing is judged here."""

import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from gateway.buffer import chain
from gateway.carbon.version import NOT_HASHED
from protocols.batch import GENESIS, Sign, body_of, canonical, digest, marks

# What is no record: bookkeeping of the delivery, and the places at which a changed record is looked for.
NOT_RECORDS = {"acknowledged_ms", "marks", "number"}
RECORDS = ("counter", "undated", "event", "clock", "site", "declaration", "figure")


class Tampering(NamedTuple):
    """What was done, and the record or batch that must be named (None: any place will do)."""

    kind: str
    sequence: int | None = None
    batch: int | None = None
    with_head: bool = False


class Desk:
    """One copy of the store in the hands of somebody who can write to it but, unless `sign` is used, has no key."""

    def __init__(self, connection: sqlite3.Connection, random: Random, sign: Sign, gateway: str) -> None:
        self.db = connection
        self.random = random
        self.sign = sign
        self.gateway = gateway
        found = connection.execute("select name from sqlite_master where type = 'table' and substr(name, 1, 6) = 'power_'")
        self.tables = [*RECORDS, *sorted(name for (name,) in found)]

    def columns(self, table: str) -> list[str]:
        return [row[1] for row in self.db.execute(f'pragma table_info("{table}")')]

    def some_row(self, table: str, column: str = "sequence") -> int | None:
        found = [row[0] for row in self.db.execute(f'select "{column}" from "{table}"')]  # noqa: S608 - names of the schema
        return self.random.choice(found) if found else None

    def some_record(self) -> tuple[str, int]:
        while True:
            table = self.random.choice(self.tables)
            sequence = self.some_row(table)
            if sequence is not None:
                return table, sequence

    def other(self, value: Any) -> Any:
        """Another value of its kind; of a document one leaf is another."""
        if value is None:
            return self.random.choice([1, "no_answer"])
        if isinstance(value, int):
            return value + self.random.choice([-1, 1, 1000, 60_000])
        if isinstance(value, bytes):
            place = self.random.randrange(len(value))
            return value[:place] + bytes([value[place] ^ (1 << self.random.randrange(8))]) + value[place + 1 :]
        if isinstance(value, str) and value.startswith("{"):
            document = json.loads(value)
            self._leaf(document)
            return json.dumps(document)
        return value[:-1] + ("0" if value[-1:] != "0" else "1")

    def _leaf(self, value: Any) -> None:
        """Changes one leaf in place; an empty list or map gets one."""
        keys: Sequence[Any] = list(value) if isinstance(value, dict) else range(len(value))
        if not keys:
            value.update(x=1) if isinstance(value, dict) else value.append("x")
            return
        key = self.random.choice(keys)
        if isinstance(value[key], dict | list):
            self._leaf(value[key])
        else:
            value[key] = not value[key] if isinstance(value[key], bool) else self.other(value[key])

    # --- what can be done

    def edit(self) -> Tampering:
        table, sequence = self.some_record()
        column = self.random.choice([each for each in self.columns(table) if each != "sequence"])
        (value,) = self.db.execute(f'select "{column}" from "{table}" where sequence = ?', (sequence,)).fetchone()  # noqa: S608 - as above
        if value is None and column in ("missing", "values"):
            new = '{"frequency":"no_answer"}'
        elif column == "meter" and table == "counter":
            new = value % 3 + 1
        else:
            new = self.other(value)
        try:
            self.db.execute(f'update "{table}" set "{column}" = ? where sequence = ?', (new, sequence))  # noqa: S608 - as above
        except sqlite3.IntegrityError:  # a declaration's number that is taken: then it is none at all
            self.db.execute(f'update "{table}" set "{column}" = ? where sequence = ?', ("d999", sequence))  # noqa: S608 - as above
        # The columns of a figure beside its document are found with the figures, after the whole chain.
        return Tampering(f"edit {table.split('_')[0]}.{column if table in RECORDS[1:] else 'value'}", sequence)

    def delete(self) -> Tampering:
        table, sequence = self.some_record()
        self.db.execute(f'delete from "{table}" where sequence = ?', (sequence,))  # noqa: S608 - as above
        return Tampering(f"delete {table.split('_')[0]}", sequence)

    def insert(self) -> Tampering:
        """The number of another record again, one below all, or one above all."""
        taken = self.some_record()[1]
        (last,) = self.db.execute("select value from number where name = 'next_sequence'").fetchone()
        sequence = self.random.choice([taken, 0, -5, last, last + 3])
        used = self.db.execute("select 1 from event where sequence = ?", (sequence,)).fetchone()
        table = "clock" if used else "event"
        columns = "boot, offset_ms, known_at_ms" if used else "kind, subject, detail"
        self.db.execute(f"insert into {table} (sequence, {columns}) values (?, 1, 2, 3)", (sequence,))  # noqa: S608 - as above
        return Tampering("insert")

    def reorder(self) -> Tampering:
        """Two records of one table change places."""
        while True:
            table, one = self.some_record()
            two = self.some_row(table)
            if two is not None and two != one:
                break
        for old, new in ((one, -1), (two, one), (-1, two)):
            self.db.execute(f'update "{table}" set sequence = ? where sequence = ?', (new, old))  # noqa: S608 - as above
        return Tampering(f"reorder {table.split('_')[0]}", min(one, two))

    def edit_batch(self) -> Tampering:
        number = self.some_row("batch", "number")
        row = dict(zip(chain.Link._fields, self.db.execute(_BATCH, (number,)).fetchone(), strict=True))
        column = self.random.choice([name for name, value in row.items() if value is not None and name not in NOT_RECORDS])
        if column == "refused" and row["body"] is None:
            column = "hash"  # in place of the reason of a tombstone that the hub has: its body is gone, and with it what it was hashed in
        self.db.execute(f"update batch set {column} = ? where number = ?", (self.other(row[column]), number))  # noqa: S608 - as above
        return Tampering(f"edit batch.{column}", None, number)

    def delete_batch(self) -> Tampering:
        (last,) = self.db.execute("select max(number) from batch").fetchone()
        number = self.random.randrange(1, last)
        self.db.execute("delete from batch where number = ?", (number,))
        return Tampering("delete batch", None, number)

    def swap_batches(self) -> Tampering:
        numbers = self.random.sample([row[0] for row in self.db.execute("select number from batch")], 2)
        for old, new in ((numbers[0], -1), (numbers[1], numbers[0]), (-1, numbers[1])):
            self.db.execute("update batch set number = ? where number = ?", (new, old))
        return Tampering("reorder batches", None, min(numbers))

    def rename_meter(self) -> Tampering:
        name = self.random.choice([row[0] for row in self.db.execute("select name from meter")])
        self.db.execute("update meter set name = ? where name = ?", (name + "x", name))
        return Tampering("edit meter.name")

    def cut_records(self) -> Tampering:
        """The last records only: their batches still tell of them."""
        (last,) = self.db.execute("select max(last_sequence) from batch").fetchone()
        self._cut(last - self.random.randrange(1, 40))
        return Tampering("truncate records")

    def cut_end(self) -> Tampering:
        """Batches, records and the next number, so that nothing of the end is left: only a head noted elsewhere can tell."""
        (last,) = self.db.execute("select max(number) from batch").fetchone()
        number = self.random.randrange(1, last)
        (sequence,) = self.db.execute("select last_sequence from batch where number = ?", (number,)).fetchone()
        self.db.execute("delete from batch where number > ?", (number,))
        self._cut(sequence)
        self.db.execute("update number set value = ? where name = 'next_sequence'", (sequence + 1,))
        return Tampering("truncate everything behind a batch", None, last, with_head=True)

    def _cut(self, sequence: int) -> None:
        for table in self.tables:
            self.db.execute(f'delete from "{table}" where sequence > ?', (sequence,))  # noqa: S608 - as above

    def forge_without_key(self) -> Tampering:
        """An edit, and every hash after it made right: the signatures are not."""
        done = self.edit_reading()
        self._seal_again(lambda _digest: bytes(64))
        return Tampering("forge the chain without the key", None, self._batch_of(done))

    def forge_with_key(self) -> Tampering:
        """The same with the key: the head that was noted elsewhere is another one."""
        self.edit_reading()
        self._seal_again(self.sign)
        (last,) = self.db.execute("select max(number) from batch").fetchone()
        return Tampering("forge the chain with the key", None, last, with_head=True)

    def forge_figure(self) -> Tampering:
        """With the key, the figure's own hash made right, and no head noted anywhere: the readings tell."""
        sequence = self.some_row("figure")
        (text,) = self.db.execute("select document from figure where sequence = ?", (sequence,)).fetchone()
        document = json.loads(text)
        content = {
            name: value for name, value in document.items() if name not in (*NOT_HASHED, "start", "date", "shift", "production_line")
        }
        self._leaf(content)
        document.update(content)
        hashed = {name: value for name, value in document.items() if name not in NOT_HASHED}
        document["sha256"] = hashlib.sha256(canonical(hashed)).hexdigest()
        self.db.execute("update figure set document = ? where sequence = ?", (json.dumps(document), sequence))
        self._seal_again(self.sign)
        return Tampering("forge a figure with the key")

    def edit_reading(self) -> int:
        sequence = self.some_row("counter")
        assert sequence is not None
        self.db.execute("update counter set time_ms = time_ms + 1 where sequence = ?", (sequence,))
        return sequence

    def _batch_of(self, sequence: int) -> int:
        query = "select number from batch where first_sequence <= ? and last_sequence >= ?"
        return int(self.db.execute(query, (sequence, sequence)).fetchone()[0])

    def _seal_again(self, sign: Sign) -> None:
        previous = GENESIS
        records = chain.as_sealed(self.db, 0)
        for link in list(chain.links(self.db)):
            found = [next(records) for _ in range(link.last_sequence - link.first_sequence + 1)]
            body = body_of(self.gateway, link.number, previous, link.sealed_ms, found)
            hashed = digest(body)
            signature = link.signature if hashed == link.hash else sign(bytes.fromhex(hashed)).hex()
            row = (previous, hashed, signature, marks(found), link.number)
            self.db.execute(
                "update batch set previous = ?, hash = ?, signature = ?, marks = ?, refused = null, body = null, refused_body = null "
                "where number = ?",
                row,
            )
            previous = hashed


_BATCH = f"select {', '.join(chain.Link._fields)} from batch where number = ?"  # noqa: S608 - the columns of the schema
# Edits are many kinds in one: every column of every table.
KINDS: tuple[Callable[[Desk], Tampering], ...] = (
    *(Desk.edit,) * 8, *(Desk.delete,) * 3, *(Desk.insert,) * 2, *(Desk.reorder,) * 2, *(Desk.edit_batch,) * 3, Desk.delete_batch,
    Desk.swap_batches, Desk.rename_meter, Desk.cut_records, Desk.cut_end, Desk.forge_without_key, Desk.forge_with_key, Desk.forge_figure,
)  # fmt: skip
