"""The one new meter gets its address: as its meter file says, refused where two are meant, and finished after a power cut."""

import asyncio

import pytest

from gateway import catalogue
from gateway.acquire.set_address import AddressSetter, Order, Outcome, SettingRefused
from gateway.acquire.wire import Settings
from tools.factory.serial_settings import LineSettings
from tools.factory.settable_meter import SettableMeter
from tools.factory.station import Station
from tools.tests.simulated_line import LOAD, line, riddle, serve, simulate, station, wire_onto

SETTABLE = sorted(name for name, meter in catalogue.meters().items() if meter.settings is not None)
BAUDS = {
    name: tuple(setting.codes)
    for name, meter in catalogue.meters().items()
    if meter.settings is not None
    for setting in meter.settings.registers
    if setting.sets == "baud"
}
FACTORY = LineSettings(9600, "N", 1)
NEW = 42


def new_meter(model: str, **more: bool) -> SettableMeter:
    return SettableMeter(catalogue.model(model), lambda _time_ms: LOAD, FACTORY, **more)  # type: ignore[arg-type]


def told(order: Order, *stations: Station, hands: SettableMeter | None = None, cut_after: int | None = None) -> tuple[Outcome, list[str]]:
    """`hands` follow what the command says; after `cut_after` writes the supply fails for a moment."""
    said: list[str] = []
    for each in stations:
        each._disturbed_until_us = 0  # each command has a line of its own, whose time begins anew

    def say(sentence: str) -> None:
        said.append(sentence)
        if hands is not None and "supply" in sentence:
            hands.power_cycle()
        elif hands is not None:
            hands.pressed = True

    async def failing_supply() -> None:
        while hands is not None and cut_after is not None and hands.writes < cut_after:  # noqa: ASYNC110 - a meter's writes are no event
            await asyncio.sleep(0.002)
        if hands is not None:
            hands.power_cycle()

    async def main() -> Outcome:
        failing = asyncio.create_task(failing_supply()) if cut_after is not None else None
        try:
            return await AddressSetter(wire_onto(line(stations, FACTORY)), catalogue.meters(), order, say).run()
        finally:
            if failing is not None:
                failing.cancel()

    return simulate(main)[0], said


@pytest.mark.parametrize("model", SETTABLE)
def test_every_model_whose_file_says_how_gets_its_address(model: str) -> None:
    """Afterwards it answers at the new address and nowhere else."""
    meter = new_meter(model)

    outcome, said = told(Order(NEW, model=model, settings=Settings(9600, "N")), meter, hands=meter)

    assert (outcome.after.address, meter.address) == (NEW, NEW)
    settings = catalogue.model(model).settings
    assert settings is not None
    assert ("supply" in " ".join(said)) == settings.power_cycle


@pytest.mark.parametrize("model", sorted(BAUDS))
def test_the_baud_rate_is_changed_with_it(model: str) -> None:
    """The meter ends at both, whether each setting holds at once or after its supply was off."""
    wished = next(int(each) for each in BAUDS[model] if int(each) != 9600)
    meter = new_meter(model)

    outcome, _ = told(Order(NEW, baud=wished, model=model, settings=Settings(9600, "N")), meter, hands=meter)

    assert (meter.address, meter.settings) == (NEW, FACTORY._replace(baud=wished))
    assert outcome.after.settings.baud == wished


def test_a_meter_that_names_itself_needs_no_model() -> None:
    """The identification registers are enough, and the setting is looked for."""
    meter = new_meter("eastron-sdm72dm")

    outcome, _ = told(Order(NEW), meter, hands=meter)

    assert (outcome.model, meter.address) == ("eastron-sdm72dm", NEW)


def test_two_meters_at_one_address_are_refused() -> None:
    """Nothing is written while two would hear it."""
    meter = new_meter("eastron-sdm72dm")

    with pytest.raises(SettingRefused, match="two meters answer at address 1"):
        told(Order(NEW), meter, station(1, riddle))

    assert meter.writes == 0


def test_with_two_meters_on_the_line_one_must_be_named() -> None:
    """Named, it is set; the other is left alone."""
    meter = new_meter("eastron-sdm72dm")
    other = station(7, serve("schneider-iem3155"))

    with pytest.raises(SettingRefused, match="1, 7; say which one"):
        told(Order(NEW), meter, other)
    told(Order(NEW, from_address=1), meter, other, hands=meter)

    assert (meter.address, other.address) == (NEW, 7)


def test_an_address_that_is_taken_is_refused() -> None:
    """Two meters never get one address this way."""
    meter = new_meter("eastron-sdm72dm")

    with pytest.raises(SettingRefused, match="already answers at address 7"):
        told(Order(7, from_address=1), meter, station(7, riddle))

    assert meter.writes == 0


def test_a_model_that_is_not_certain_must_be_named() -> None:
    """A map that merely fits is no reason to write."""
    meter = new_meter("eastron-sdm630")
    meter._virtual._identity = ()  # it does not tell what it is

    with pytest.raises(SettingRefused, match="say which it is"):
        told(Order(NEW), meter)

    assert meter.writes == 0


def test_a_meter_nobody_says_how_to_set_is_refused() -> None:
    """The sentence sends the person to the meter."""
    with pytest.raises(SettingRefused, match="set it at the meter itself"):
        told(Order(NEW), station(1, serve("schneider-iem3155")))


def test_the_button_is_asked_for_and_waited_for() -> None:
    """A meter that refuses until a hand has been at it is set once it has."""
    meter = new_meter("eastron-sdm120", pressed=False)

    _, said = told(Order(NEW, model="eastron-sdm120"), meter, hands=meter)

    assert meter.address == NEW
    assert any("-SET-" in sentence for sentence in said)


@pytest.mark.parametrize(("model", "cut_after"), [*((model, 1) for model in SETTABLE), ("eastron-sdm120", 2), ("siemens-pac3200", 2)])
def test_a_power_cut_in_the_middle_leaves_it_at_an_old_or_new_place(model: str, cut_after: int) -> None:
    """And the same order again finishes."""
    meter = new_meter(model)
    order = Order(NEW, from_address=1, model=model)

    said = "again"
    try:
        told(order, meter, hands=meter, cut_after=cut_after)
    except SettingRefused as refused:
        said = str(refused)
    assert meter.address in (1, NEW)
    assert "again" in said
    told(order, meter, hands=meter)

    assert meter.address == NEW
