"""Two devices with one identity, or one that was set back: batches that a gateway's key signed and that exclude each other.

The branch that goes on from the gap-free chain is the gateway; a batch of another branch is named here,
refused, and never mixed with it. Which device is which, a person has to say.
"""

from typing import Any, NamedTuple

from protocols.batch import GENESIS
from protocols.reading import iso
from tools.hub import intervals
from tools.hub.database import Session
from tools.hub.receipt import Receipt

# So many refused batches of other branches are named; a copied device that tries again and again needs no more.
NAMED_MAX = 1000
SHOWN_MAX = 20  # in completeness, the newest ones; the count says how many there are

_ADVICE = (
    "either this gateway was set back (restored from an older backup), or two devices use one identity. Set back: stop it and run "
    "`shiftwatt identity adopt`. Two devices: on the copy run `shiftwatt identity new`. Then `shiftwatt hub settle {gateway}` at the hub"
)


class Branch(NamedTuple):
    """`contradiction` is a sentence if the batch is of another branch; `evicted` are held numbers that are, if it is not."""

    is_held: bool = False
    has_next: bool = False
    contradiction: str = ""
    evicted: tuple[int, ...] = ()
    risen: bool = False  # it comes in the place of its own tombstone


class Dropped(NamedTuple):
    batches: int
    records: int


def judge(session: Session, batch: Receipt, highest: int) -> Branch:
    found = session.rows(
        "select number, hash, previous, link, first_sequence, last_sequence from batches where gateway = ? and number between ? and ?",
        batch.gateway, batch.number - 1, batch.number + 1,
    )  # fmt: skip
    before, held, after = ({row["number"]: row for row in found}.get(batch.number + step) for step in (-1, 0, 1))
    if held is not None:
        return _beside(batch, held, has_next=after is not None)
    if before is not None and not _links(before["link"], before["last_sequence"], batch.previous, batch.first_sequence):
        return _other(batch, f"batch {batch.number} does not link with batch {before['number']}, which is here already")
    wrong = {row["number"]: "holds records that are here already in" for row in _overlapping(session, batch)}
    if after is not None and not _links(batch.link, batch.last_sequence, after["previous"], after["first_sequence"]):
        wrong |= dict.fromkeys(_island(session, batch), "does not link with")
    if not wrong:
        return Branch(has_next=after is not None)
    # A tombstone has nothing to show for itself: it never drives out what is here.
    trunk = batch.tombstone is None and batch.number == highest + 1 and (before is not None or batch.previous == GENESIS)
    if trunk and min(wrong) > batch.number:
        return Branch(evicted=tuple(sorted(wrong)))
    number, how = min(wrong.items())
    return _other(batch, f"batch {batch.number} {how} batch {number}, which is here already")


def _beside(batch: Receipt, held: dict[str, Any], *, has_next: bool) -> Branch:
    """What it is to the batch that is held under its number."""
    if held["hash"] == batch.hash:
        return Branch(is_held=True)
    # The tombstone names the hash of what it stands for, so the chain holds with either of them.
    if _is_tombstone_of(held, batch):
        return Branch(has_next=has_next, risen=True)
    return _other(batch, f"batch {batch.number} is here already with other contents")


def _other(batch: Receipt, what: str) -> Branch:
    return Branch(contradiction=f"{what}: {_ADVICE.format(gateway=batch.gateway)}")


def _is_tombstone_of(held: dict[str, Any], batch: Receipt) -> bool:
    same_range = (held["first_sequence"], held["last_sequence"]) == (batch.first_sequence, batch.last_sequence)
    return same_range and held["hash"] != held["link"] == batch.hash


def _links(link: str, last_sequence: int, previous: str, first_sequence: int) -> bool:
    return link == previous and first_sequence == last_sequence + 1


def _overlapping(session: Session, batch: Receipt) -> list[dict[str, Any]]:
    """Held batches with records of this one's range; ranges that are held do not overlap, so they end as they begin."""
    return session.rows(
        "select number from batches where gateway = ? and first_sequence <= ? and last_sequence >= ? and first_sequence >= "
        "coalesce((select max(first_sequence) from batches where gateway = ? and first_sequence <= ?), 0)",
        batch.gateway, batch.last_sequence, batch.first_sequence, batch.gateway, batch.first_sequence,
    )  # fmt: skip


def _island(session: Session, batch: Receipt) -> list[int]:
    """The held numbers that follow this one without a gap."""
    numbers: list[int] = []
    rows = session.rows("select number from batches where gateway = ? and number > ? order by number", batch.gateway, batch.number)
    for expected, row in enumerate(rows, start=batch.number + 1):
        if row["number"] != expected:
            break
        numbers.append(expected)
    return numbers


def note(session: Session, batch: Receipt, now_ms: int) -> None:
    """Its contents stay with the device that sent it, which goes on offering it."""
    named = session.row("select count(*) as count from forks where gateway = ?", batch.gateway)
    if named is not None and named["count"] < NAMED_MAX:
        session.run(
            "insert into forks values (?, ?, ?, ?, ?, ?, ?, ?, null) on conflict (gateway, hash) do nothing",
            batch.gateway, batch.number, batch.hash, batch.previous, batch.first_sequence, batch.last_sequence, batch.sealed_ms, now_ms,
        )  # fmt: skip


def unbury(session: Session, batch: Receipt) -> Dropped:
    """The tombstone goes where the batch itself has come."""
    for table in ("bodies", "batches"):
        session.run(f"delete from {table} where gateway = ? and number = ?", batch.gateway, batch.number)  # noqa: S608 - constants
    return Dropped(1, 0)


def evict(session: Session, gateway: str, numbers: tuple[int, ...], now_ms: int) -> Dropped:
    """Batches that came in beyond a gap and turn out to be another branch's leave what is served; their bodies are kept."""
    records = 0
    for number in numbers:
        one = (gateway, number)
        row = session.row("select position, first_sequence, last_sequence, tombstone from batches where gateway = ? and number = ?", *one)
        assert row is not None
        records += 0 if row["tombstone"] is not None else row["last_sequence"] - row["first_sequence"] + 1
        session.run(
            "insert into forks select b.gateway, b.number, b.hash, b.previous, b.first_sequence, b.last_sequence, b.sealed_ms, ?, x.body "
            "from batches b join bodies x on x.gateway = b.gateway and x.number = b.number where b.gateway = ? and b.number = ? "
            "on conflict (gateway, hash) do nothing",
            now_ms, *one,
        )  # fmt: skip
        session.run("delete from bodies where gateway = ? and number = ?", *one)
        session.run(
            "delete from records where gateway = ? and sequence between ? and ?", gateway, row["first_sequence"], row["last_sequence"]
        )
        intervals.evict(session, gateway, row["position"], row["first_sequence"], row["last_sequence"])
        session.run("delete from batches where gateway = ? and number = ?", *one)
    return Dropped(len(numbers), records)


def described(session: Session) -> dict[str, list[dict[str, Any]]]:
    """By gateway, the newest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in session.rows(
        "select gateway, number, hash, first_sequence, last_sequence, sealed_ms, received_ms "
        "from forks order by gateway, received_ms desc, number"
    ):
        found.setdefault(row["gateway"], []).append(
            {
                "number": row["number"],
                "first_sequence": row["first_sequence"],
                "last_sequence": row["last_sequence"],
                "hash": row["hash"],
                "sealed_at": iso(row["sealed_ms"]),
                "received_at": iso(row["received_ms"]),
            }
        )
    return found


def settle(session: Session, gateway: str) -> tuple[int, list[bytes]]:
    """Forget the other branches of this gateway: how many batches were named, and the bodies that were kept, for a person."""
    rows = session.rows("select body from forks where gateway = ? order by number", gateway)
    session.run("delete from forks where gateway = ?", gateway)
    return len(rows), [bytes(row["body"]) for row in rows if row["body"] is not None]
