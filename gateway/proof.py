"""The whole proof of a store: the chain first, then the figures; and what it found, as a document and in words."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from gateway.broken import Broken, BrokenError, Step
from gateway.chain_proof import UNREADABLE, Chain, ChainProof, Head, VerifierOf
from gateway.figure_proof import FigureProof


@dataclass(frozen=True)
class Proof:
    """`broken` is the first thing that does not hold; what was not looked at because of it is None."""

    gateway: str
    chain: Chain | None
    figures: int | None
    recomputed: int
    notes: tuple[str, ...]
    broken: Broken | None

    def document(self) -> dict[str, Any]:
        chain = self.chain
        return {
            "holds": self.broken is None,
            "broken": None if self.broken is None else self.broken.document(),
            "gateway": self.gateway,
            "batches": None if chain is None else chain.batches,
            "records": None if chain is None else chain.records,
            "not_sealed_yet": None if chain is None else chain.unsealed,
            "figures": self.figures,
            "recomputed": self.recomputed,
            "head": None if chain is None or chain.head is None else {"number": chain.head.number, "hash": chain.head.hash},
            "notes": list(self.notes),
        }


def prove(connection: sqlite3.Connection, gateway: str, verifier_of: VerifierOf, heads: Sequence[Head], step: Step) -> Proof:
    """`connection` reads; all that is read is of one moment, also beside a running gateway."""
    connection.row_factory = sqlite3.Row
    connection.execute("begin")
    chain, figures, proof = None, None, FigureProof(connection, step)
    notes: list[str] = []
    try:
        chain = ChainProof(connection, gateway, verifier_of, step).check(heads)
        notes += chain.notes
        figures = proof.check()
        found = None
    except BrokenError as error:
        found = error.broken
    except (*UNREADABLE, sqlite3.DatabaseError) as error:
        # The chain has held: only a table that is no record can be at fault, or a file that is damaged.
        found = Broken(f"the store cannot be read any further ({type(error).__name__}: {error}); its file is damaged, or was changed")
    finally:
        connection.execute("rollback")
    return Proof(gateway, chain, figures, proof.recomputed, (*notes, *proof.notes), found)


def total(connection: sqlite3.Connection) -> int:
    """How far a step bar goes: all records, then the figures once more."""
    (records,) = connection.execute("select coalesce(max(value - 1), 0) from number where name = 'next_sequence'").fetchone()
    (figures,) = connection.execute("select count(*) from figure").fetchone()
    return int(records) + int(figures)
