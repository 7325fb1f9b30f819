"""`shiftwatt label`: the label of a submeter, from its configuration."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tools.exits import FAILED, sentences
from tools.flashing import label
from tools.flashing.compiled import FlashError

NAME = "label"


def command(
    configuration: Annotated[Path, typer.Argument(help="The board's configuration.json, from `shiftwatt flash --export`.")],
    qr: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the QR code there, as .svg or .png.")] = None,
) -> None:
    """Print the label of a submeter: name, address, line, serial number and key, and all of it as a QR code."""
    with sentences({FlashError: FAILED}):
        document = label.document_of(configuration)
        if qr is not None:
            label.save_qr(document, qr)
        show(document)


def show(document: dict[str, object]) -> None:
    print(label.text(document))
    drawn = label.qr(document)
    if drawn is None:
        print('no QR code: segno is not installed here (`pip install "shiftwatt[flash]"`)', file=sys.stderr)
    else:
        print(drawn)
