"""`shiftwatt hub`: the receiving end, and what a person does to its store."""

from pathlib import Path
from typing import Annotated

import typer

from tools.commands.options import JsonOption, console, print_json, table
from tools.exits import fail
from tools.hub import manage, server
from tools.hub.quota import Quota

NAME = "hub"
DbOption = Annotated[
    str,
    typer.Option(
        "--db",
        help="Where it stores: sqlite:///hub.db (sqlite:////var/lib/hub.db for an absolute path), or postgresql://USER@HOST/DATABASE.",
    ),
]
DEFAULT_DB = "sqlite:///hub.db"

app = typer.Typer(help="The receiving end for many gateways.", invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def hub(
    context: typer.Context,
    db: DbOption = DEFAULT_DB,
    listen: Annotated[str, typer.Option(help="HOST:PORT to listen on.")] = "127.0.0.1:8090",
    public_read: Annotated[bool, typer.Option("--public-read", help="Reads need no token.")] = False,  # noqa: FBT002 - a command's option
    certificate: Annotated[str, typer.Option(help="TLS certificate (PEM); with --key.")] = "",
    key: Annotated[str, typer.Option(help="TLS key (PEM).")] = "",
    records_per_day: Annotated[int, typer.Option(min=1, help="Quota of one gateway.")] = Quota().records_per_day,
    requests_per_minute: Annotated[int, typer.Option(min=1, help="Quota of one gateway.")] = Quota().requests_per_minute,
) -> None:
    """Receive batches, prove completeness, serve the read API."""
    if context.invoked_subcommand is None:
        quota = Quota(records_per_day, requests_per_minute)
        raise typer.Exit(server.run_hub(db, listen, public_read=public_read, certificate=certificate, key=key, quota=quota))
    context.obj = db


@app.command()
def enrol(context: typer.Context, name: str) -> None:
    """Print a one-time token with which the gateway NAME introduces itself."""
    try:
        print(manage.enrol(context.obj, name))
    except server.HubMistake as mistake:
        fail(str(mistake), mistake.status)


@app.command()
def replace(context: typer.Context, gateway: str) -> None:
    """Print a one-time token with which a new device takes the place of GATEWAY (id or name): `shiftwatt identity adopt` there."""
    try:
        print(manage.replace(context.obj, gateway))
    except ValueError as error:
        fail(str(error), server.WRONG_USE)
    except server.HubMistake as mistake:
        fail(str(mistake), mistake.status)


@app.command()
def settle(
    context: typer.Context,
    gateway: str,
    save: Annotated[
        Path | None, typer.Option(help="A new file for batches of the other device that were taken in before it was noticed.")
    ] = None,
) -> None:
    """Forget the batches of another device with the identity of GATEWAY (its id), once that device has been put right."""
    try:
        count, saved = manage.settle(context.obj, gateway, save)
    except ValueError as error:
        fail(str(error), server.WRONG_USE)
    except server.HubMistake as mistake:
        fail(str(mistake), mistake.status)
    kept = f", {saved} of them saved in {save}" if saved else ""
    print(f"{count} batches of another device with the identity {gateway} are forgotten{kept}.")


@app.command()
def gateways(context: typer.Context, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """List the gateways with what is there and what is missing."""
    try:
        found = manage.list_gateways(context.obj)
    except server.HubMistake as mistake:
        fail(str(mistake), mistake.status)
    if as_json:
        print_json(found)
        return
    shown = table("gateway", "name", "highest", "records", "missing", numbers=("highest", "records"))
    for gateway in found:
        shown.add_row(*(str(gateway.get(key, "-")) for key in ("gateway", "name", "highest", "records", "missing")))
    console().print(shown)


@app.command()
def reader(context: typer.Context, name: str) -> None:
    """Print a bearer token with which the central system NAME reads."""
    try:
        print(manage.add_reader(context.obj, name))
    except server.HubMistake as mistake:
        fail(str(mistake), mistake.status)
    except ValueError as mistake:
        fail(f"{mistake}: shiftwatt hub --db ... revoke {name}")


@app.command()
def revoke(context: typer.Context, name: str) -> None:
    """End every token of this name."""
    try:
        ended = manage.revoke(context.obj, name)
    except server.HubMistake as mistake:
        fail(str(mistake), mistake.status)
    if not ended:
        fail(f"there is no token named {name!r} at this hub; nothing was ended")
    print(f"{ended} {'token' if ended == 1 else 'tokens'} of {name} ended.")
