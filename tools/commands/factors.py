"""`shiftwatt factors`: which emission factors would apply to the site, and why."""

from typing import Annotated

import typer

from gateway.clock import SystemClock
from gateway.factors_in_use import in_use
from gateway.site_inputs import inputs_of
from gateway.zone import zone
from protocols.reading import iso
from tools.commands.options import JsonOption, SiteOption, console, load, print_json, table
from tools.commands.shifts import instant_of

NAME = "factors"


def command(
    site: SiteOption = None,
    at: Annotated[str, typer.Option("--at", help="For energy used on this date or at this instant; default now.")] = "",
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Print the factor of every line, how it was chosen, and where it comes from."""
    found, models = load(site)
    inputs = inputs_of(found, models)
    at_ms = instant_of(at, "--at", zone(found.site.timezone)) if at else SystemClock().now_ms()
    uses = in_use(inputs, at_ms)
    if as_json:
        chain = list(inputs.region_chain)
        print_json({"site": found.site.name, "at": iso(at_ms), "policy": inputs.factor_policy, "region": chain, "factors": uses})
        return
    shown = table("line", "activity", "factor", "value", "unit", "gases", "sha256", numbers=("value",))
    for use in uses:
        chosen = use["chosen"]
        if chosen is not None:
            cells = (chosen["id"], chosen["value"], f"kg/{chosen['unit']}", chosen["gases"], chosen["sha256"][:8])
            shown.add_row(use["line"], use["activity"], *cells)
        elif use["required"]:
            shown.add_row(use["line"], use["activity"], "none", "-", "", "", "")
    console().print(shown)
    print(f"Policy {inputs.factor_policy}, regions {', '.join(inputs.region_chain) or 'none'}, for {iso(at_ms)}.")
    for use in uses:
        chosen = use["chosen"]
        if chosen is None and use["required"]:
            print(f"{use['line']} {use['activity']}: {use['reason']}")
        if chosen is not None and (chosen["provisional"] or chosen["fallbacks"]):
            state = "provisional; " if chosen["provisional"] else ""
            print(f"{use['line']} {use['activity']}: {state}{'; '.join(chosen['fallbacks'])}")
        if chosen is not None and use["required"]:
            print(f"{chosen['id']}: {chosen['title']} ({chosen['status']})")
