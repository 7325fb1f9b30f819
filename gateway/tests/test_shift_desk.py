"""Good units over a real store: declared by a person, in the figure with their intensity, taken back by their number."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from gateway.interfaces import DECLARED, KNOWN, NOT_KEPT, UNDONE, ShiftTarget
from gateway.metering import Metering
from gateway.shift_desk import ShiftDesk
from gateway.tests.test_declaring import PRODUCT, Office
from gateway.tests.works import TEXT, ms, works
from protocols.reading import iso

MADE_MS = ms("2026-03-02 13:59")
TARGET = '[[target]]\nshift = "early"\nenergy = "30 kWh"\n'


class Desk:
    def __init__(self, folder: Path) -> None:
        self.office = Office(folder, TEXT + PRODUCT + TARGET)
        self.changed = 0
        site = works(folder, TEXT + PRODUCT + TARGET)
        metering = cast("Metering", SimpleNamespace(site=site, declarations=self.office.declarations))
        self.desk = ShiftDesk(self.office.store, lambda: metering, self._note)

    def _note(self) -> None:
        self.changed += 1

    def product(self) -> dict[str, str | None]:
        self.office.update()
        (figure,) = [each for each in self.office.figures() if (each["date"], each["shift"]) == ("2026-03-02", "early")]
        found: dict[str, str | None] = figure["products"][0]
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    found = Desk(tmp_path)
    yield found
    found.office.store.close()


def test_units_come_into_the_figure_and_out_again(desk: Desk) -> None:
    """With the energy of each; who declared it and when stays readable, also once it was taken back."""
    desk.office.feed()
    before = desk.product()
    said = desk.desk.declare("housing", MADE_MS, "16", "Li Wei")
    with_units = desk.product()
    (row,) = desk.desk.declared(0, 10**15)
    undone = desk.desk.undo(row.id, "Chen Jie")
    (after,) = desk.desk.declared(0, 10**15)

    assert [each["units"] for each in (before, with_units, desk.product())] == [None, "16", None]
    assert with_units["kwh_per_unit"]
    assert (said, undone, desk.changed) == (DECLARED, UNDONE, 2)
    assert (row.product, iso(row.time_ms), row.units, row.person, row.holds, after.holds) == (
        "housing", "2026-03-02T13:59:00Z", "16", "Li Wei", True, False,
    )  # fmt: skip


def test_same_units_said_by_another_person_are_the_same(desk: Desk) -> None:
    """A shift leader and a planner who both type the number of the shift have not made it twice."""
    assert [desk.desk.declare("housing", MADE_MS, "16", person) for person in ("Li Wei", "Chen Jie")] == [DECLARED, KNOWN]
    assert len(desk.desk.declared(0, 10**15)) == 1


def test_only_units_are_taken_back_here(desk: Desk) -> None:
    """Not a swap, not twice, not what nobody declared."""
    swap = desk.office.declare(declare="reset", meter="main", time="2026-03-02T10:00:00Z")[0]
    desk.desk.declare("housing", MADE_MS, "16", "Li Wei")

    assert [desk.desk.undo(each, "Li Wei") for each in (swap, "d9", "d2", "d2")] == [NOT_KEPT, NOT_KEPT, UNDONE, NOT_KEPT]


def test_refused_by_the_site_file_is_not_kept(desk: Desk) -> None:
    """The product went out of the file while the form stood open."""
    assert (desk.desk.declare("gone", MADE_MS, "16", "Li Wei"), desk.changed) == (NOT_KEPT, 0)


def test_desk_tells_products_and_targets_of_the_file(desk: Desk) -> None:
    """As pages compare and offer them."""
    assert desk.desk.products() == {"housing": ""}
    (target,) = desk.desk.targets()
    assert isinstance(target, ShiftTarget)
    assert (target.shift, target.production_line, str(target.energy_kwh), target.carbon_kg) == ("early", "", "30", None)
