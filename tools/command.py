"""The `shiftwatt` command. `run` stays in memory for years, so it is loaded without its sisters."""

import logging
import sys

import typer

from tools.commands import run
from tools.exits import guarded
from tools.factory import protocol_virtual


def __getattr__(name: str) -> typer.Typer:
    """`app` is every command; it is put together when somebody asks for it."""
    if name != "app":
        raise AttributeError(name)
    from tools.commands.every import app  # noqa: PLC0415 - ten MB of modules that `run` has no use for

    return app


def _alone() -> typer.Typer:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.callback()(lambda: None)  # one command alone would be called without its name
    app.command(run.NAME)(run.command)
    return app


def main() -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    protocol_virtual.register()
    return guarded(_alone() if sys.argv[1:2] == [run.NAME] else __getattr__("app"))


if __name__ == "__main__":
    raise SystemExit(main())
