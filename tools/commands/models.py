"""`shiftwatt models`: the meter files known here."""

from gateway import catalogue
from gateway.site import Site
from tools.commands.options import JsonOption, SiteOption, console, load, print_json, site_path, table

NAME = "models"


def command(site: SiteOption = None, as_json: JsonOption = False) -> None:  # noqa: FBT002 - a command's option
    """List the known meter files with maker, proof and quantities; with a site, its own files too."""
    found: Site | None = load(site)[0] if site is not None or site_path(None).exists() else None
    meters = catalogue.meters(found.data_folder if found else None).values()
    if as_json:
        print_json(
            [
                {
                    "model": meter.name,
                    "manufacturer": meter.manufacturer,
                    "covers": list(meter.covers),
                    "proof": meter.proof,
                    "quantities": list(meter.quantities),
                }
                for meter in meters
            ]
        )
        return
    shown = table("model", "maker", "covers", "proof", "quantities", numbers=("quantities",))
    for meter in meters:
        proof = f"[yellow]{meter.proof}[/yellow]" if meter.proof == "unproven" else meter.proof
        shown.add_row(meter.name, meter.manufacturer, ", ".join(meter.covers), proof, str(len(meter.quantities)))
    console().print(shown)
