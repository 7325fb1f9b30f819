"""`shiftwatt set-address`: gives the one new meter on a wire its address, and its baud rate if wished."""

import logging
import sys
from typing import Annotated, Any

import typer

from gateway import field_work
from gateway.acquire.wire import Wire
from tools.commands.line_choice import BaudOption, LineOption, ParityOption, PortOption, TcpOption, choose, here, parity_of, there
from tools.commands.options import JsonOption, SiteOption, print_json
from tools.exits import WRONG_USE, fail

NAME = "set-address"


def command(
    address: Annotated[int, typer.Argument(min=1, max=247, help="The new address.")],
    port: PortOption = "",
    line: LineOption = "",
    from_address: Annotated[
        int | None, typer.Option("--from", min=1, max=247, help="Where it answers now; default: the only meter.")
    ] = None,
    new_baud: Annotated[int | None, typer.Option("--new-baud", help="Its new baud rate.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Its model, where it does not name itself.")] = None,
    baud: BaudOption = None,
    parity: ParityOption = None,
    site: SiteOption = None,
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Set the address of the one new meter; refused when two answer. Run it again after a power cut: it finishes."""
    logging.getLogger().setLevel(logging.WARNING)
    tcp: TcpOption = ""
    choice = choose(port, tcp, line, site)
    if choice.target.tcp:
        fail("addresses of Modbus TCP meters are set in the meter or its gateway, not over the line", WRONG_USE)
    if model is not None and model not in choice.models:
        fail(f"there is no meter file for the model {model!r}; `shiftwatt models` lists the known ones", WRONG_USE)
    wishes: dict[str, Any] = {
        "address": address, "from_address": from_address, "new_baud": new_baud, "model": model, "baud": baud, "parity": parity_of(parity),
    }  # fmt: skip
    said: list[str] = []

    def say(sentence: str) -> None:
        if sentence not in said:
            said.append(sentence)
            print(sentence, file=sys.stderr, flush=True)

    def told(progress: dict[str, Any]) -> None:
        for sentence in progress["sentences"]:
            say(sentence)

    async def work(wire: Wire) -> dict[str, Any]:
        return await field_work.set_address(wire, choice.target, choice.models, wishes, say)

    document = there(choice, "set_address", told, **wishes) if choice.owned else here(work, choice.target)
    if as_json:
        print_json(document)
    else:
        print(f"{document['sentence']}.")
