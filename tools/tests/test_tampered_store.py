"""Tampering with stored records, one at a time: a seeded share of what `tools.bench.tampered_store` runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.bench.tampered_store import Bench, missed
from tools.bench.tampering import KINDS, Desk, Tampering

TRIALS, WHOLE = 150, 3_000


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("tampered"))


def test_c31_any_tampering_is_found_with_its_place(bench: Bench) -> None:
    """Edit, delete, insert, reorder, truncate and forge, in any table and column."""
    print(f"share of the whole proof: {TRIALS} of {WHOLE}")

    assert [fault for seed in range(TRIALS) if (fault := missed(*bench.trial(seed + 20_000)))] == []


@pytest.mark.parametrize("kind", dict.fromkeys(KINDS), ids=lambda kind: str(kind.__name__))
def test_c31_each_kind_of_tampering_is_found(bench: Bench, kind: Callable[[Desk], Tampering]) -> None:
    """Whatever the seed chooses among the others, each kind is tried."""
    done, proof = bench.trial(3, kind)

    assert missed(done, proof) is None
    assert proof.broken is not None
    assert proof.document()["broken"]["sentence"] == proof.broken.sentence


def test_the_proof_can_fail(tmp_path: Path) -> None:
    """Without the check of signatures a forged chain goes through, without a head from outside a cut-off end does."""
    blind = Bench(tmp_path)
    blind._verifier = lambda _number: lambda _message, _signature: True
    forged = blind.trial(5, Desk.forge_without_key)
    done, cut = blind.trial(5, Desk.cut_end)

    assert missed(*forged) is not None
    assert missed(done, cut) is None
    assert missed(done._replace(with_head=False), blind._prove(blind._original, ())) is not None
