"""`shiftwatt account`: who may sign in at the pages of this gateway. Passwords are typed, never given in the command."""

from collections.abc import Callable
from typing import Annotated

import typer

from gateway.accounts import ROLES, AccountError, AccountFile
from gateway.language import language_of
from gateway.site import Site
from tools.commands.options import JsonOption, SiteOption, console, load, print_json, table
from tools.exits import WRONG_USE, fail

NAME = "account"
app = typer.Typer(name=NAME, help="The people who may sign in at the pages.", no_args_is_help=True)
NameArgument = Annotated[str, typer.Argument(help="The person's name, as typed when signing in.")]
RoleOption = Annotated[str, typer.Option("--role", help=f"One of {', '.join(ROLES)}; each may do what those before it may.")]


@app.command("add")
def add(name: NameArgument, role: RoleOption, site: SiteOption = None) -> None:
    """Add a person; the password is asked for."""
    found = _site(site)
    _change(found, lambda accounts: accounts.add(name, role, _password()))


@app.command("password")
def password(name: NameArgument, site: SiteOption = None) -> None:
    """Give a person a new password, for instance a forgotten one."""
    found = _site(site)
    _known(found, name)
    _change(found, lambda accounts: accounts.change(name, password=_password()))


@app.command("role")
def role(name: NameArgument, role: RoleOption, site: SiteOption = None) -> None:
    """Give a person another role."""
    found = _site(site)
    _known(found, name)
    if role not in ROLES:
        fail(language_of("en").say("refused.account_role"), WRONG_USE)
    _change(found, lambda accounts: accounts.change(name, role=role))


@app.command("remove")
def remove(name: NameArgument, site: SiteOption = None) -> None:
    """Remove a person; a session that is open ends at once."""
    found = _site(site)
    _known(found, name)
    _change(found, lambda accounts: accounts.remove(name))


@app.command("list")
def list_(site: SiteOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """Show names and roles."""
    accounts = AccountFile(_site(site).data_folder).accounts()
    if as_json:
        print_json([{"name": each.name, "role": each.role} for each in accounts])
        return
    shown = table("name", "role")
    for each in accounts:
        shown.add_row(each.name, each.role)
    console().print(shown if accounts else "Nobody yet: `shiftwatt run` prints the code with which the first administrator enrols.")


def _site(given: SiteOption) -> Site:
    return load(given)[0]


def _known(site: Site, name: str) -> None:
    if AccountFile(site.data_folder).role_of(name) is None:
        fail(f"there is no account named {name!r}; `shiftwatt account list` shows all", WRONG_USE)


def _change(site: Site, change: Callable[[AccountFile], object]) -> None:
    try:
        change(AccountFile(site.data_folder))
    except AccountError as error:
        fail(language_of("en").say(f"refused.{error.key}"), WRONG_USE)


def _password() -> str:
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return typed
