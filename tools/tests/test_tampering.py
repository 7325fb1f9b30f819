"""What people do to meters of the factory is seen as a real mistake or a real exchange would be."""

from gateway.commissioning.wiring import wiring
from tools.factory.factory import HISTORY_DAYS, Factory, opened_before

NOW_MS = 1_774_669_572_000


def _factory() -> Factory:
    return Factory(1, opened_before(NOW_MS, HISTORY_DAYS))


def test_turned_transformer_is_what_the_wiring_doctor_finds() -> None:
    """Powers of that phase change sign, the sum follows; turned again, all is as it was."""
    factory = _factory()
    measure = factory.meters["press-1"].measure
    sound = measure(NOW_MS)
    factory.turn("press-1", "l2")
    wrong = measure(NOW_MS)
    factory.turn("press-1", "l2")

    assert [(each.kind, each.where) for each in wiring(wrong, "load", 230_000)] == [("ct_reversed", ("L2",))]
    assert wrong["active_power"] == sound["active_power"] - 2 * sound["active_power_l2"]
    assert measure(NOW_MS) == sound


def test_new_meter_begins_at_zero_and_counts_on() -> None:
    """What flows after the exchange is what the old one would have counted; levels are the same."""
    factory = _factory()
    measure = factory.meters["press-1"].measure
    before = measure(NOW_MS)
    later = measure(NOW_MS + 3_600_000)
    factory.exchange("press-1", NOW_MS)
    new = measure(NOW_MS + 3_600_000)

    assert measure(NOW_MS)["active_energy_import"] == 0
    assert new["active_energy_import"] == later["active_energy_import"] - before["active_energy_import"]
    assert new["voltage_l1_n"] == later["voltage_l1_n"]
