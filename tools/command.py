"""The `shiftwatt` command: one sub-command per file in `tools.commands`, put together here."""

import logging
import sys

import typer

from tools.commands import (
    account,
    backup,
    bundle,
    check,
    declare,
    demo,
    doctor,
    evidence,
    factors,
    flash,
    hub,
    identity,
    import_readings,
    label,
    models,
    outbox,
    plan,
    read,
    run,
    scan,
    set_address,
    shifts,
    submeter,
    token,
    update,
    verify,
)
from tools.exits import guarded
from tools.factory import protocol_virtual

app = typer.Typer(
    name="shiftwatt",
    help="On-site energy metering: from the meter on the wire to the carbon of a shift.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
COMMANDS = (
    *(demo, run, check, read, scan, set_address, doctor, plan, models, import_readings, shifts, verify, evidence, factors, backup),
    *(submeter, update, flash, label),
)
for module in COMMANDS:
    app.command(module.NAME)(module.command)
for group in (account, declare, hub, identity, outbox, token, bundle):
    app.add_typer(group.app, name=group.NAME)


def main() -> int:
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    protocol_virtual.register()
    return guarded(app)


if __name__ == "__main__":
    raise SystemExit(main())
