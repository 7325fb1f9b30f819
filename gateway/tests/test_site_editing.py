"""Changes of the site file from the pages: comments stay, mistakes change nothing, every version can be gone back to."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.commission_interface import RefusedError
from gateway.site import Site
from gateway.site_editing import Change, Edit, SiteEditor, add_row, change_row, remove_row

SITE = """# Our works.
[site]
name = "works"
timezone = "Asia/Shanghai"   # the clock on the wall

[[line]]
name = "l1"
port = "/dev/ttyUSB0"

[[meter]]
name = "main"                # in the cellar
line = "l1"
address = 1
model = "m"
role = "import"

[[shift]]
name = "day"
start = "06:00"
end = "18:00"
"""
MODELS = {"m": frozenset(("active_energy_import", "active_power"))}
PRESS = {"name": "press-1", "line": "l1", "address": 2, "model": "m", "role": "load", "parent": "main", "rating": ""}


class Bench:
    """An editor of a file in `folder` that notes what it applied and told; `fault` is raised by applying."""

    def __init__(self, folder: Path, text: str = SITE) -> None:
        self.path = folder / "site.toml"
        self.path.write_text(text)
        self.applied: list[Site] = []
        self.told: list[Change] = []
        self.fault: Exception | None = None
        self.editor = SiteEditor(self.path, folder / "data", MODELS, lambda: 1_000, self._apply, self.told.append)

    def _apply(self, site: Site) -> None:
        if self.fault is not None:
            raise self.fault
        self.applied.append(site)

    def change(self, edit: Edit, kind: str = "meter_added", approve: Callable[[Site], None] = lambda _site: None) -> None:
        self.editor.change(Change("Li Wei", kind, "press-1"), edit, approve)

    @property
    def text(self) -> str:
        return self.path.read_text()


def test_added_meter_stands_beside_the_others_and_comments_stay(tmp_path: Path) -> None:
    """The file reads as if a person had written it, and the gateway gets the new site."""
    bench = Bench(tmp_path)
    bench.change(add_row("meter", PRESS))

    added = '\n[[meter]]\nname = "press-1"\nline = "l1"\naddress = 2\nmodel = "m"\nrole = "load"\nparent = "main"\n\n'
    assert bench.text == SITE.replace("\n[[shift]]", added + "[[shift]]")
    assert [meter.name for meter in bench.applied[0].meter] == ["main", "press-1"]
    assert bench.told == [Change("Li Wei", "meter_added", "press-1")]


def test_first_meter_of_an_empty_site(tmp_path: Path) -> None:
    """A file with lines only gets its first table of meters at its end."""
    text = SITE.partition("[[meter]]")[0]
    bench = Bench(tmp_path, text)
    bench.change(add_row("meter", {**PRESS, "parent": ""}))

    assert bench.text.startswith(text)
    assert bench.applied[0].meter[0].address == 2


def test_mistake_is_a_sentence_and_nothing_is_written(tmp_path: Path) -> None:
    """An address that is taken, with its place; no version is kept."""
    bench = Bench(tmp_path)
    with pytest.raises(RefusedError) as caught:
        bench.change(add_row("meter", {**PRESS, "address": 1}))

    assert caught.value.details == ("[[meter]] 2 (press-1), key 'address': 1 on l1 is already the address of main",)
    assert (bench.text, bench.editor.versions(), bench.applied) == (SITE, [], [])


def test_refused_approval_writes_nothing(tmp_path: Path) -> None:
    """A line that would be too full keeps the file as it is."""
    bench = Bench(tmp_path)

    def refuse(_site: Site) -> None:
        raise RefusedError("commission_refused.full")

    with pytest.raises(RefusedError):
        bench.change(add_row("meter", PRESS), approve=refuse)

    assert (bench.text, bench.editor.versions()) == (SITE, [])


def test_failed_application_puts_the_file_back(tmp_path: Path) -> None:
    """File and gateway never differ because of a fault."""
    bench = Bench(tmp_path)
    bench.fault = RuntimeError("no such wire")
    with pytest.raises(RuntimeError):
        bench.change(add_row("meter", PRESS))

    assert (bench.text, bench.told) == (SITE, [])


def test_renamed_meter_keeps_its_history_and_its_place(tmp_path: Path) -> None:
    """The old name goes to `was`; children follow; the comment beside the name stays."""
    bench = Bench(tmp_path)
    bench.change(add_row("meter", PRESS))
    bench.change(change_row("meter", "main", {"name": "supply"}), "meter_changed")

    first, second = bench.applied[-1].meter
    assert (first.name, first.was, second.parent) == ("supply", ("main",), "supply")
    assert "# in the cellar" in bench.text


def test_removed_meter_is_gone_unless_others_hang_below(tmp_path: Path) -> None:
    """Taking away a parent is a mistake like any other."""
    bench = Bench(tmp_path)
    bench.change(add_row("meter", PRESS))
    with pytest.raises(RefusedError):
        bench.change(remove_row("meter", "main"), "meter_removed")
    bench.change(remove_row("meter", "press-1"), "meter_removed")

    assert [meter.name for meter in bench.applied[-1].meter] == ["main"]


def test_every_change_can_be_gone_back_to(tmp_path: Path) -> None:
    """Going back is a change itself, so it can be gone back to, too; what somebody wrote by hand in between is kept in it."""
    bench = Bench(tmp_path)
    bench.change(add_row("meter", PRESS))
    by_hand = bench.text.replace("# Our works.", "# Our works, hall 2.")
    bench.path.write_text(by_hand)
    bench.editor.restore("boss", 1, 1)
    undone = bench.text
    bench.editor.restore("boss", 2, 2)

    assert (undone, bench.text) == (SITE, by_hand)
    assert [(each.number, each.person, each.kind, each.stands) for each in bench.editor.versions()] == [
        (3, "boss", "restored", True),
        (2, "boss", "restored", False),
        (1, "Li Wei", "meter_added", False),
    ]
    assert '+name = "press-1"' in bench.editor.difference(1)


def test_newer_change_is_not_taken_back_unseen(tmp_path: Path) -> None:
    """Who looked at the list before somebody else's change is told of it first."""
    bench = Bench(tmp_path)
    bench.change(add_row("meter", PRESS))
    bench.change(change_row("meter", "press-1", {"rating": "200 kW"}), "meter_changed")
    text = bench.text
    with pytest.raises(RefusedError) as caught:
        bench.editor.restore("boss", 1, 1)

    assert (caught.value.key, caught.value.holes, bench.text) == ("commission_refused.newer", {"number": 2}, text)


def test_row_that_somebody_else_changed_is_not_overwritten(tmp_path: Path) -> None:
    """The mark is of one row: what happens elsewhere in the file is no conflict."""
    bench = Bench(tmp_path)
    bench.change(add_row("meter", PRESS))
    seen = bench.editor.mark("meter", "press-1")
    bench.change(change_row("meter", "main", {"rating": "400 kW"}), "meter_changed")
    bench.change(change_row("meter", "press-1", {"rating": "200 kW"}, seen), "meter_changed")
    with pytest.raises(RefusedError) as caught:
        bench.change(change_row("meter", "press-1", {"rating": "300 kW"}, seen), "meter_changed")

    assert caught.value.key == "commission_refused.meanwhile"
    assert 'rating = "200 kW"' in bench.text


def test_unchanged_file_is_no_version(tmp_path: Path) -> None:
    """Saving a form as it was leaves no trace and disturbs no line."""
    bench = Bench(tmp_path)
    bench.change(change_row("meter", "main", {"role": "import"}), "meter_changed")

    assert (bench.editor.versions(), bench.applied) == ([], [])


@pytest.mark.parametrize("text", ["[site\n", '[site]\nname = "x"\n'])
def test_unsound_file_is_refused(tmp_path: Path, text: str) -> None:
    """What was broken by hand is not built upon."""
    bench = Bench(tmp_path, text)
    with pytest.raises(RefusedError):
        bench.change(add_row("meter", PRESS))

    assert bench.text == text


def test_meter_that_is_gone_cannot_be_changed(tmp_path: Path) -> None:
    """Somebody removed it meanwhile: the person is told."""
    bench = Bench(tmp_path)
    with pytest.raises(RefusedError) as caught:
        bench.change(change_row("meter", "press-9", {"role": "load"}))

    assert caught.value.key == "commission_refused.gone"


def test_file_keeps_who_may_read_it(tmp_path: Path) -> None:
    """A site file of mode 0640 stays one."""
    bench = Bench(tmp_path)
    bench.path.chmod(0o640)
    bench.change(add_row("meter", PRESS))

    assert bench.path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("text", "where"), [("[site]\nname = \n", " in line 2"), ("[site]\n[[site]]\n", "")])
def test_file_broken_by_hand_says_where_and_is_no_fault(tmp_path: Path, text: str, where: str) -> None:
    """While somebody edits it, a page that only looks at a row refuses as one that changes it."""
    bench = Bench(tmp_path)
    bench.path.write_text(text)
    for asked in (lambda: bench.editor.mark("meter", "main"), lambda: bench.change(add_row("meter", PRESS))):
        with pytest.raises(RefusedError) as refused:
            asked()

        assert (refused.value.key, refused.value.details[0][: len("it is not valid TOML")]) == (
            "commission_refused.file",
            "it is not valid TOML",
        )
        assert refused.value.details[0].endswith(where)
