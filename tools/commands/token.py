"""`shiftwatt token`: who may read from this gateway's API, or write to it. Works beside a running gateway, which looks at every request."""

from typing import Annotated

import typer

from gateway.deliver.tokens import READ, SCOPES, TokenFile, TokenFileError
from tools.commands.options import JsonOption, SiteOption, console, load, print_json, table
from tools.exits import FAILED, WRONG_USE, fail, sentences

NAME = "token"
_ENDS: dict[type[Exception], int] = {TokenFileError: FAILED}

app = typer.Typer(help="Tokens with which other systems read from this gateway.", rich_markup_mode=None, no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="Whose it is, such as erp; shown in the list.")]


@app.command()
def add(
    name: NameArgument,
    scope: Annotated[list[str] | None, typer.Option("--scope", help=f"{' or '.join(SCOPES)}; may be repeated. Default: {READ}.")] = None,
    site: SiteOption = None,
) -> None:
    """Make a token and print it. It is shown this once; only its hash is kept."""
    folder = load(site)[0].data_folder
    try:
        with sentences(_ENDS):
            token = TokenFile(folder).add(name, scope or [READ])
    except ValueError as error:
        fail(str(error), WRONG_USE)
    print(token)


@app.command()
def revoke(name: NameArgument, site: SiteOption = None) -> None:
    """End a token at once."""
    with sentences(_ENDS):
        ended = TokenFile(load(site)[0].data_folder).revoke(name)
    if not ended:
        fail(f"there is no token named {name!r}; `shiftwatt token list` shows all", WRONG_USE)


@app.command("list")
def list_(site: SiteOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """Show names and scopes; the tokens themselves are known to nobody but their owners."""
    with sentences(_ENDS):
        grants = TokenFile(load(site)[0].data_folder).grants()
    if as_json:
        print_json([{"name": each.name, "scopes": list(each.scopes)} for each in grants])
        return
    shown = table("name", "scopes")
    for each in grants:
        shown.add_row(each.name, ", ".join(each.scopes))
    console().print(shown if grants else "No tokens yet: `shiftwatt token add NAME` makes one.")
