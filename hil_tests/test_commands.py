"""Commands that only tell: the shapes of `plan` and `models` as the contract has them."""

from hil_tests.chain import Chain, command, document_of
from protocols.quantity import QUANTITIES

PLAN_LINE = {"line", "bits_per_second", "meters", "cycle_ms", "least_cycle_ms", "interval_ms", "utilisation", "fits"}


def test_plan_tells_blocks_and_times_of_every_line(chain: Chain) -> None:
    """`plan --json` has every line with every meter's blocks, the least and the slow cycle, and whether it fits."""
    ended = chain.command("plan", "--json")
    lines = document_of(ended)["lines"]

    assert ended.returncode == 0
    assert [(line["line"], meter["meter"]) for line in lines for meter in line["meters"]] == [(m.line, m.name) for m in chain.bench.meters]
    for line in lines:
        assert set(line) >= PLAN_LINE
        assert 0 < line["least_cycle_ms"] <= line["cycle_ms"]
        assert abs(line["least_cycle_ms"] - sum(meter["wire_ms"] for meter in line["meters"])) < 0.01
        assert line["utilisation"] == round(line["least_cycle_ms"] / line["interval_ms"], 6)
        for block in (block for meter in line["meters"] for block in meter["blocks"]):
            assert set(block) == {"function", "address", "count"}
            assert 1 <= block["count"] <= 125


def test_models_tells_maker_proof_and_quantities() -> None:
    """`models --json` is a list of the meter files with what each covers, how it was proven and what it measures."""
    ended = command("models", "--json")
    models = document_of(ended)

    assert ended.returncode == 0
    assert "eastron-sdm630" in {each["model"] for each in models}
    for each in models:
        assert set(each) == {"model", "manufacturer", "covers", "proof", "quantities"}
        assert each["quantities"]
        assert set(each["quantities"]) <= set(QUANTITIES)
