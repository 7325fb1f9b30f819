"""Which wire a field command is about, and how it gets it: through the running gateway, or by opening it here.

`--port`, `--tcp` or `--line` of a site file. A port that a running gateway owns is asked of that gateway.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway import catalogue, control, field_work
from gateway.acquire.master import WireClosed
from gateway.acquire.set_address import SettingRefused
from gateway.acquire.wire import Wire
from gateway.field_work import Target
from gateway.folder import is_owned
from gateway.site import Site
from protocols.errors import OurMistake, ProtocolError
from protocols.meter import Meter
from tools.commands.options import SITE_VARIABLE, load, site_path
from tools.exits import FAILED, WRONG_USE, fail, sentences

PortOption = Annotated[str, typer.Option("--port", help="Serial port, such as /dev/ttyUSB0.")]
TcpOption = Annotated[str, typer.Option("--tcp", help="HOST:PORT of a Modbus TCP meter or gateway.")]
LineOption = Annotated[str, typer.Option("--line", help="A line of the site file, by its name.")]
BaudOption = Annotated[int | None, typer.Option("--baud", help="Only this baud rate.")]
ParityOption = Annotated[str | None, typer.Option("--parity", help="Only this parity: N, E or O.")]
# How often a command asks the running gateway how far it is.
ASK_EVERY_S = 0.4


@dataclass(frozen=True)
class Choice:
    target: Target
    site: Site | None
    models: dict[str, Meter]

    @property
    def owned(self) -> bool:
        """Whether a running gateway has the wire."""
        return self.site is not None and bool(self.target.line) and is_owned(self.site.data_folder)


def choose(port: str, tcp: str, line: str, site: Path | None) -> Choice:
    """Ends with status 2 and a sentence where nothing or too much was chosen."""
    if len([each for each in (port, tcp, line) if each]) > 1:
        fail("name one wire: --port, --tcp or --line", WRONG_USE)
    known = site is not None or site_path(None).exists()
    if not known and not (port or tcp):
        fail(f"name a wire with --port or --tcp, or a site file with --site or {SITE_VARIABLE}", WRONG_USE)
    if tcp and not tcp.rpartition(":")[2].isdigit():
        fail(f"--tcp is HOST:PORT such as 10.0.0.5:502, not {tcp!r}", WRONG_USE)
    if not known:
        return Choice(Target(port, tcp), None, catalogue.meters())
    found, models = load(site)
    with sentences({OurMistake: WRONG_USE}):
        return Choice(_target(found, port, tcp, line), found, models)


def _target(site: Site, port: str, tcp: str, line: str) -> Target:
    names = ", ".join(each.name for each in site.line) or "none"
    lines = [each for each in site.line if line in ("", each.name) and port in ("", each.port) and tcp in ("", each.tcp)]
    if len(lines) == 1:
        return field_work.target_of(lines[0])
    if line:
        raise OurMistake(f"there is no line {line!r} in the site file; known: {names}")
    if port or tcp:
        return Target(port, tcp)
    if not site.line:
        raise OurMistake("the site file has no line; say where to look with --port or --tcp")
    raise OurMistake(f"the site file has the lines {names}; say with --line which one")


def parity_of(text: str | None) -> str | None:
    if text is not None and text.upper() not in ("N", "E", "O"):
        fail(f"--parity is N, E or O, not {text!r}", WRONG_USE)
    return None if text is None else text.upper()


def here(work: Callable[[Wire], Coroutine[Any, Any, dict[str, Any]]], target: Target) -> dict[str, Any]:
    """Done on a port opened here; ends with status 1 and a sentence if that fails."""
    wire = target.wire()

    async def opened() -> dict[str, Any]:
        try:
            return await work(wire)
        finally:
            wire.close()

    try:
        return asyncio.run(opened())
    except WireClosed as closed:
        fail(f"{target.name} cannot be used: {closed}")
    except (SettingRefused, ProtocolError) as error:
        fail(str(error))


def there(choice: Choice, what: str, show: Callable[[dict[str, Any]], None], **wishes: Any) -> dict[str, Any]:
    """Asked of the running gateway, whose polling of the line pauses meanwhile; `show` gets how far it is."""
    assert choice.site is not None, "only a site's gateway runs"
    folder, answer = choice.site.data_folder, {}
    failure: list[control.ControlError] = []

    def ask() -> None:
        try:
            answer.update(control.ask(folder, what, line=choice.target.line, **wishes))
        except control.ControlError as error:
            failure.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    while asking.is_alive():
        asking.join(ASK_EVERY_S)
        if asking.is_alive():
            try:
                show(control.ask(folder, "progress", line=choice.target.line))
            except control.ControlError:
                continue  # what it was asked is told by the other answer
    if failure:
        fail(str(failure[0]), FAILED)
    return answer
