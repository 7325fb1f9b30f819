"""`shiftwatt demo`: a whole site on this machine, with nothing wired to it."""

import logging
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gateway.clock import SystemClock
from gateway.control import ControlError
from tools.commands.options import JsonOption, print_json
from tools.demo import Demo, DemoError
from tools.exits import FAILED, fail
from tools.factory.equipment import OWN

NAME = "demo"
# With --speed and no --seconds the simulated time begins a day ago.
DAY_MS = 86_400_000


def command(
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port of the page on this machine.")] = 8080,
    seconds: Annotated[float | None, typer.Option(min=1, help="End by itself after so many seconds of live running.")] = None,
    speed: Annotated[
        float, typer.Option(min=1, max=100, help="Simulated time runs so many times as fast, and ends at the real one.")
    ] = 1.0,
    data: Annotated[Path | None, typer.Option(help="Folder to keep everything in; default: a new temporary one.")] = None,
    fault: Annotated[
        list[str] | None, typer.Option(metavar="NAME=RATE@METER", help="A fault on the virtual line; may be repeated.")
    ] = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Run a virtual factory, the gateway and a hub on this machine, with two weeks of history."""
    logging.getLogger().setLevel(logging.WARNING)
    folder = data or Path(tempfile.mkdtemp(prefix="shiftwatt-demo-"))
    demo = Demo(folder, port, speed=speed, faults=fault or [])
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    length_s = seconds if seconds is not None else (DAY_MS / 1000 / (speed - 1) if speed > 1 else None)
    try:
        document = _run(demo, stop, length_s, quiet=as_json)
    except DemoError as error:
        fail(str(error))
    finally:
        demo.stop()
    if as_json:
        print_json(document)
    else:
        _tell(document)
    if document["conservation"] != "exact":
        raise typer.Exit(FAILED)


def _run(demo: Demo, stop: threading.Event, length_s: float | None, *, quiet: bool) -> dict[str, Any]:
    clock = SystemClock()

    def start_ms() -> int:
        """So early that after `length_s` at this speed the simulated time is the real one."""
        return clock.now_ms() - round((length_s or 0.0) * (demo.speed - 1) * 1000)

    with _bar(quiet=quiet) as progress:
        demo.prepare(start_ms(), progress)
        demo.start(start_ms(), progress)
    if not quiet:
        console = Console()
        console.print(f"page  {demo.page}\nhub   {demo.hub}\ndata  {demo.folder}", highlight=False)
        console.print(_submeters(demo.simulated_because), highlight=False)
        console.print(
            "Stop with Ctrl-C." if length_s is None else f"Ends by itself after {length_s:g} s; or stop with Ctrl-C.", style="dim"
        )
    began = time.monotonic()
    while not stop.wait(0.2) and (length_s is None or time.monotonic() - began < length_s):
        broken = demo.broken()
        if broken:
            fail(broken)
    lived = time.monotonic() - began
    try:
        counts = demo.counts()
    except ControlError as error:
        fail(str(error))
    demo.stop()
    return demo.summary(counts, lived)


def _submeters(simulated_because: str) -> str:
    names = " and ".join(place.name for place in OWN)
    if simulated_because:
        return f"The submeters {names} are simulated from their meter file: {simulated_because}."
    return f"The submeters {names} are the real firmware on MicroPython."


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Any]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=quiet or not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def progress(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=1.0)
            bar.update(tasks[what], completed=share)

        yield progress


def _tell(document: dict[str, Any]) -> None:
    print(
        f"{document['polls']} polls, {document['answers']} answers, {document['timeouts']} time-outs; "
        f"{document['readings_stored']} readings stored, {document['figures']} figures; "
        f"{document['records_acknowledged']} records acknowledged, {document['records_at_hub']} at the hub; "
        f"conservation: {document['conservation']}."
    )
