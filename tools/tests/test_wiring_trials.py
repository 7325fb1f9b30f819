"""A tenth of the wiring trials, with the share of mistakes that were named."""

from tools.bench.wiring_trials import counted, summary

COUNT, WHOLE = 20, 200


def test_wiring_mistakes_are_named_and_healthy_cabinets_left_in_peace() -> None:
    """At least 95 % of the mistakes that can be told are named, and no healthy wiring is accused."""
    found = summary(counted(seed=7, count=COUNT))

    print(f"\n{COUNT} of {WHOLE} cabinets per load and role: {found}")
    assert found["false_alarms"] == 0
    assert found["named_share"] >= 0.95
    assert found["named_share_without_reactive_power"] >= 0.95
