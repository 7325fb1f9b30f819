"""`shiftwatt flash`: brings the submeter's firmware onto a board and gives it its name, address and key."""

import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from serial.tools import list_ports  # type: ignore[import-untyped]

from tools.commands import label
from tools.exits import FAILED, WRONG_USE, fail, sentences
from tools.flashing import provision, run, steps, tree
from tools.flashing.chips import CHIPS, EVERY_CHIP, PC, Chip
from tools.flashing.compiled import FlashError

NAME = "flash"
_PORT, _TREE, _TABLE = "PORT", Path("TREE"), Path("TABLE.bin")  # in what --dry-run shows
ChipName = Annotated[
    str, typer.Option("--chip", help=f"{', '.join(CHIPS)}; with --export also {PC.name}, to try the tree on this machine.")
]


def command(
    chip: ChipName,
    port: Annotated[str | None, typer.Option(help="Where the board is plugged in, such as /dev/ttyACM0.")] = None,
    micropython: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Erase the board and install MicroPython 1.29 from this .bin file first.")
    ] = None,
    name: Annotated[str, typer.Option(help="The meter's name, up to 32 letters.")] = "",
    address: Annotated[int, typer.Option(help="Its unit address, 1 to 247.")] = 1,
    baud: Annotated[int, typer.Option(help="Of its RS-485.")] = 9_600,
    parity: Annotated[str, typer.Option(help="none, even or odd.")] = "even",
    stop_bits: Annotated[int, typer.Option(help="1 or 2.")] = 1,
    key: Annotated[int | None, typer.Option(help="Opens its settings; default: eight random digits.")] = None,
    wifi: Annotated[str | None, typer.Option(metavar="SSID", help="The network it joins; default: none.")] = None,
    wifi_password: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds that network's password; none: an open network.")
    ] = None,
    access_point: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--access-point", help="Without --wifi: it opens its own network, where a phone tells it which to join.")
    ] = False,
    update_key: Annotated[str, typer.Option(metavar="HEX", help="Public key that signs its firmware; none: it takes no updates.")] = "",
    front_end: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON: what measures, and its wiring; default: a test signal.")
    ] = None,
    export: Annotated[Path | None, typer.Option(metavar="DIR", help="Write the board's files there and touch no board.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show every step as it would be typed, and do none.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Put the submeter's firmware on a board: compile, copy, name it, print its label."""
    target = (EVERY_CHIP if export is not None else CHIPS).get(chip)
    if target is None:
        fail(f"--chip {chip} is not known; {', '.join(CHIPS)} are.", WRONG_USE)
    if wifi is None and wifi_password is not None:
        fail("--wifi-password belongs to a network: give --wifi SSID, too", WRONG_USE)
    with sentences({provision.ProvisionError: WRONG_USE, FlashError: FAILED}):
        wanted = provision.Provision(
            name,
            provision.random_key() if key is None else key,
            provision.random_serial_number(),
            provision.Line(address, baud, parity, stop_bits),
            None if wifi is None else provision.Network(wifi, provision.password_of(wifi_password) if wifi_password else ""),
            None if front_end is None else provision.front_end_of(front_end),
            update_key,
            access_point,
        )
        document = provision.configuration(target, wanted)
        if dry_run:
            _show(target, port or _PORT, micropython)
            return
        if export is not None:
            tree.write(tree.tree(target, document), export)
            print(f"the files for {target.name} are in {export}: copy them into the root of the board's file system, main.py last.")
        else:
            _flash(target, _port(port), micropython, tree.tree(target, document))
    label.show(document)


def _show(chip: Chip, port: str, micropython: Path | None) -> None:
    listed = steps.copying(port, _TREE)
    if micropython is not None:
        steps.table_for(chip, micropython)
        listed = steps.installing(chip, port, micropython, _TABLE) + listed
    print(f"# {_TREE} is what --export writes; {_TABLE} is the table of MicroPython's file with a partition for the counters.")
    for step in listed:
        print(f"# {step.what}\n{run.shown(step)}")


def _flash(chip: Chip, port: str, micropython: Path | None, files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix="shiftwatt-flash-") as temporary:
        folder, table = Path(temporary, "tree"), Path(temporary, "table.bin")
        tree.write(files, folder)
        listed = steps.copying(port, folder)
        if micropython is not None:
            table.write_bytes(steps.table_for(chip, micropython))
            listed = steps.installing(chip, port, micropython, table) + listed
        run.carry_out(listed, chip, print, time.sleep)


def _port(given: str | None) -> str:
    here = [each.device for each in list_ports.comports() if each.vid is not None]
    listed = f"Ports of USB devices here: {', '.join(here) or 'none'}."
    if given is None:
        raise FlashError(f"which board? Plug it in and name its port with --port. {listed}")
    if not Path(given).exists():
        raise FlashError(f"there is no port {given}. Is the board plugged in, with a cable that carries data? {listed}")
    return given
