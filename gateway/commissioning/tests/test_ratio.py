"""CT ratios against a clamp and against the meter above."""

from gateway.commissioning.ratio import against_clamp, against_parent


def _values(milliamperes: int) -> dict[str, int]:
    shown: dict[str, int] = {}
    for phase in ("l1", "l2", "l3"):
        shown |= {f"current_{phase}": milliamperes, f"active_power_{phase}": 230 * milliamperes, f"reactive_power_{phase}": 0}
    return shown


CLAMP = {"l1": 40_000, "l2": 40_000, "l3": 40_000}


def test_usual_factor_is_named() -> None:
    """A meter set to 400/5 over 200/5 transformers shows twice the current."""
    found = against_clamp(_values(80_400), CLAMP)

    assert [(each.kind, each.where, each.evidence["factor"]) for each in found] == [("ratio_wrong", ("L1", "L2", "L3"), "2")]


def test_one_wrong_transformer_is_found_among_three() -> None:
    """The phases are judged one by one."""
    found = against_clamp({**_values(40_000), "current_l2": 60_000}, CLAMP)

    assert [(each.kind, each.where) for each in found] == [("ratio_right", ("L1", "L3")), ("ratio_wrong", ("L2",))]


def test_other_deviation_is_another_mistake() -> None:
    """12 % is no factor of transformers."""
    assert [each.kind for each in against_clamp(_values(45_000), CLAMP)] == ["ratio_odd"]


def test_nothing_is_told_without_reference() -> None:
    """Neither right nor wrong."""
    assert [each.kind for each in against_clamp(_values(40_000), {})] == ["ratio_untold"]


def test_more_than_the_parent_leaves_is_a_wrong_ratio() -> None:
    """Five times what passes the meter above, beside a sibling, is a 1 A setting over 5 A transformers."""
    found = against_parent(_values(200_000), _values(100_000), [_values(60_000)])

    assert [(each.kind, each.evidence["factor"], each.confidence) for each in found] == [("ratio_wrong", "5", "likely")]


def test_unmetered_rest_is_no_mistake() -> None:
    """The parent also feeds what nobody measures: an odd difference accuses nobody."""
    assert against_parent(_values(20_000), _values(100_000), [_values(43_000)]) == []
