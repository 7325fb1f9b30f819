"""Targets in the site file: read with their units, refused with their place."""

from decimal import Decimal
from pathlib import Path

import pytest

from gateway.carbon.inputs_document import document_of
from gateway.site_inputs import inputs_of
from gateway.site_target import TargetTable
from gateway.tests.test_site import LEAST
from gateway.tests.test_site_check import EARLY, mistakes
from gateway.tests.works import TEXT, works

TARGET = '[[target]]\nshift = "early"\nenergy = "3.2 MWh"\ncarbon = "1.5 t"\n'
KINDS: dict[str, tuple[str, tuple[str, str, str]]] = {
    "no such shift": (EARLY + TARGET.replace("early", "eraly"), ("[[target]] 1", "shift", "did you mean 'early'")),
    "other line": (EARLY + TARGET + 'production_line = "p"\n', ("[[target]] 1", "shift", "the production line 'p' has no [[shift]]")),
    "nothing aimed at": (EARLY + '[[target]]\nshift = "early"\n', ("[[target]] 1", "energy", "needs at least one of them")),
    "no unit": (EARLY + TARGET.replace("3.2 MWh", "3200"), ("[[target]] 1", "energy", "must be an energy such as '3200 kWh'")),
    "not a number": (EARLY + TARGET.replace("1.5 t", "some kg"), ("[[target]] 1", "carbon", "must be a mass such as")),
    "below zero": (EARLY + TARGET.replace("1.5 t", "-2 kg"), ("[[target]] 1", "carbon", "must be a mass such as")),
    "unknown key": (EARLY + TARGET + "kwh = 3\n", ("[[target]] 1", "kwh", "not a known key")),
}


@pytest.mark.parametrize("name", KINDS)
def test_each_mistake_has_its_place(name: str, tmp_path: Path) -> None:
    """With what is wrong in words."""
    text, (table, key, said) = KINDS[name]

    assert [(each.table, each.key, said in each.sentence) for each in mistakes(tmp_path, LEAST + text)] == [(table, key, True)]


def test_target_is_read_in_outside_units() -> None:
    """Whatever unit it was written in; what is not said is not known."""
    full = TargetTable.model_validate({"shift": "early", "energy": "3.2 MWh", "carbon": "1.5 t", "days": ["sat", "sun"]})
    half = TargetTable.model_validate({"shift": "early", "energy": "900 kWh"})

    assert (full.energy_kwh, full.carbon_kg, full.weekdays) == (Decimal(3200), Decimal(1500), frozenset({5, 6}))
    assert (half.energy_kwh, half.carbon_kg, len(half.weekdays)) == (Decimal(900), None, 7)


def test_target_changes_no_figure(tmp_path: Path) -> None:
    """The inputs of the figures are the same with it and without."""
    plain, aimed = (document_of(inputs_of(works(tmp_path, text), {})) for text in (TEXT, TEXT + TARGET))

    assert plain == aimed
