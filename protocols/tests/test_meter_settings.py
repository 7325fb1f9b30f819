"""How a meter file says to set a meter's address, baud rate and framing, and what is written for it."""

from typing import Any

import pytest

from protocols.errors import OurMistake
from protocols.meter import Meter, meter_from_document
from protocols.meter_settings import VALUES, Setting, Settings, Write, setting_value, setting_write
from protocols.register import new_row
from protocols.tests.test_meter import document
from protocols.tests.test_meter_files import FILES, meter

ADDRESS = {"sets": "address", "address": 20}


def with_settings(**settings: Any) -> Meter:
    return meter_from_document(document(settings={"function": 6, "registers": [ADDRESS], **settings}), "one.toml")


def settings(name: str) -> Settings:
    found = meter(name).settings
    assert found is not None
    return found


def setting(name: str, sets: str) -> Setting:
    return next(each for each in settings(name).registers if each.sets == sets)


def test_what_a_file_says_about_settings() -> None:
    """Registers, what is written before and after, and what a person does."""
    model = with_settings(
        registers=[ADDRESS, {"sets": "framing", "address": 18, "codes": {"N1": 3, "E1": 4}, "confidence": "medium"}],
        unlock=[{"address": 0x18, "value": 1000}],
        save=[{"address": 0xE200, "value": 0xA1}],
        by_hand="Press the button.",
        power_cycle=True,
    )

    assert model.settings == Settings(
        registers=(
            Setting("address", 6, new_row("address", 3, 20, "uint16"), {}, "high"),
            Setting("framing", 6, new_row("framing", 3, 18, "uint16"), {"N1": 3, "E1": 4}, "medium"),
        ),
        unlock=(Write(6, 0x18, (1000,)),),
        save=(Write(6, 0xE200, (0xA1,)),),
        by_hand="Press the button.",
        power_cycle=True,
    )


@pytest.mark.parametrize(
    ("name", "sets", "value", "write"),
    [
        ("eastron-sdm120.toml", "baud", "9600", Write(16, 28, (0x4000, 0))),
        ("eastron-sdm120.toml", "address", "7", Write(16, 20, (0x40E0, 0))),
        ("eastron-sdm72dm.toml", "framing", "N2", Write(16, 18, (0x4040, 0))),
        ("eastron-sdm630.toml", "address", "247", Write(16, 20, (0x4377, 0))),
        ("siemens-pac3200.toml", "baud", "38400", Write(16, 63021, (0, 3))),
        ("siemens-pac3200.toml", "framing", "N1", Write(16, 63023, (0, 3))),
        ("wago-879-3000.toml", "parity", "N", Write(6, 0x4011, (2,))),
        ("wago-879-3000.toml", "baud", "115200", Write(6, 0x4004, (10,))),
        ("carlo-gavazzi-em340.toml", "address", "12", Write(6, 0x2000, (12,))),
        ("janitza-umg96rm.toml", "baud", "115200", Write(6, 1, (4,))),
        ("peacefair-pzem004t.toml", "address", "3", Write(6, 2, (3,))),
    ],
)
def test_a_setting_is_written_as_the_documents_say(name: str, sets: str, value: str, write: Write) -> None:
    """Function, register and words; the SDM120's baud code is the frame printed in public: 2.0 at 0x001C."""
    assert setting_write(setting(name, sets), value) == write


@pytest.mark.parametrize("name", [name for name in FILES if meter(name).settings])
def test_every_value_is_read_back_as_it_was_written(name: str) -> None:
    """The register that takes a setting shows it again; every file with settings sets at least the address."""
    found = settings(name)
    written = [(each, value, setting_write(each, value)) for each in found.registers for value in each.codes or VALUES[each.sets]]

    assert [setting_value(each, write.words) for each, _, write in written] == [value for _, value, _ in written]
    assert "address" in [each.sets for each in found.registers]


def test_a_register_that_shows_something_else_is_told_as_unknown() -> None:
    """A code no source names, and a broken float, are no value."""
    baud = setting("eastron-sdm120.toml", "baud")

    assert setting_value(baud, (0x4110, 0)) is None
    assert setting_value(baud, (0x7FC0, 0)) is None


@pytest.mark.parametrize(
    ("sets", "value", "sentence"),
    [
        ("address", "248", "'248' is no address for this meter; it takes 1 to 247"),
        ("address", "0", "'0' is no address"),
        ("baud", "38400", "'38400' is no baud for this meter; it takes 300, 600"),
    ],
)
def test_a_value_the_meter_does_not_take_is_refused(sets: str, value: str, sentence: str) -> None:
    """Before anything is written, with the values it takes."""
    known = Setting(sets, 6, new_row(sets, 3, 1, "uint16"), {"300": 1, "600": 2} if sets == "baud" else {}, "high")

    with pytest.raises(OurMistake, match=sentence):
        setting_write(known, value)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"function": 5}, "one.toml: settings.function: must be a whole number from 6 to 16"),
        ({"function": 10}, "one.toml: settings.function: must be 6 or 16, not 10"),
        ({"type": "float32"}, "one.toml: settings.type: float32 cannot be written with function 6"),
        ({"registers": [{"sets": "colour", "address": 1}]}, "one.toml: settings.registers[1].sets: 'colour' is not one of address, baud"),
        (
            {"registers": [{"sets": "parity", "address": 1}]},
            "one.toml: settings.registers[1].codes: say which number stands for which parity",
        ),
        (
            {"registers": [{"sets": "baud", "address": 1, "codes": {"9601": 1}}]},
            "one.toml: settings.registers[1].codes.9601: is not a key known here",
        ),
        ({"registers": [{**ADDRESS, "confidence": "low"}]}, "one.toml: settings.registers[1].confidence: 'low' is not one of high, medium"),
        ({"save": [{"address": 1}]}, "one.toml: settings.save[1].value: is missing"),
        ({"password": 1}, "one.toml: settings.password: is not a key known here"),
    ],
)
def test_a_mistake_in_the_settings_is_told_at_its_place(wrong: dict[str, Any], sentence: str) -> None:
    """Like every other mistake of a meter file."""
    with pytest.raises(OurMistake) as mistake:
        with_settings(**wrong)

    assert sentence in str(mistake.value)
    assert len(str(mistake.value).splitlines()) == 1
