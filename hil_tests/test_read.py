"""`read` while nobody runs: it opens the lines itself, and says of every meter whether and what it answered."""

from hil_tests.chain import Chain, document_of
from hil_tests.contract import READ_ENTRY
from protocols.quantity import QUANTITIES


def test_a_dead_meter_has_its_entry_beside_the_others(chain: Chain) -> None:
    """Without a gateway `read --json` polls every meter once; one that is dead is not ok, with its reason, and the status is 1."""
    with chain.bench.with_a_dead_meter(chain.places) as dead:
        ended = chain.command("read", "--json")
    entries = {entry["meter"]: entry for entry in document_of(ended)["meters"]}

    assert ended.returncode == 1
    assert set(entries) == {dead.name, *(meter.name for meter in chain.bench.meters)}
    assert all(set(entry) == READ_ENTRY for entry in entries.values())
    silent = entries[dead.name]
    assert (silent["ok"], silent["reason"], silent["values"]) == (False, "no_answer", {})
    for name, entry in entries.items():
        assert name == dead.name or (entry["ok"] and entry["values"] and set(entry["values"]) <= set(QUANTITIES)), entry
    assert not list(chain.data.glob("*.db"))  # it stores nothing


def test_read_of_one_meter_and_of_an_unknown_one(chain: Chain) -> None:
    """`--meter` reads only that one; a name that is not in the site file ends with 2 and names those that are."""
    name = chain.bench.meters[0].name
    with chain.bench.powered(chain.places):
        one = chain.command("read", "--json", "--meter", name)
        unknown = chain.command("read", "--json", "--meter", "nobody")

    assert one.returncode == 0
    assert [entry["meter"] for entry in document_of(one)["meters"]] == [name]
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert "'nobody'" in unknown.stderr
    assert name in unknown.stderr
