"""Every sub-command, one per file in this folder, put together: what `shiftwatt` and its help show."""

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
    install,
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
    *(install, submeter, update, flash, label),
)
for module in COMMANDS:
    app.command(module.NAME)(module.command)
for group in (account, declare, hub, identity, outbox, token, bundle):
    app.add_typer(group.app, name=group.NAME)
