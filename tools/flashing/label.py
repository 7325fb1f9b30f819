"""What is stuck on a meter: who it is, where it answers, and the key to its settings. As text, and as a QR code of the same."""

import io
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tools.flashing.compiled import FlashError
from tools.flashing.provision import PARITIES

SCHEME = "shiftwatt"


def text(document: dict[str, Any]) -> str:
    line = document["line"]
    framing = f"8{PARITIES[line['parity']][0].upper()}{line['stop_bits']}"
    rows = [
        ("Shiftwatt submeter", document["name"] or "(no name yet)"),
        ("unit address", str(line["unit_address"])),
        ("line", f"{line['baud']} {framing}"),
        ("serial number", document["serial_number"]),
        ("key to settings", str(document["key"])),
    ]
    return "\n".join(f"{name:<20}{value}" for name, value in rows)


def address(document: dict[str, Any]) -> str:
    """What the QR code holds."""
    line = document["line"]
    told = {
        "name": document["name"],
        "address": line["unit_address"],
        "baud": line["baud"],
        "parity": PARITIES[line["parity"]],
        "stop_bits": line["stop_bits"],
        "key": document["key"],
    }
    return f"{SCHEME}:{document['serial_number']}?{urlencode(told)}"


def qr(document: dict[str, Any]) -> str | None:
    """For a terminal; None where the library is missing."""
    if find_spec("segno") is None:
        return None
    import segno  # noqa: PLC0415 - optional

    drawn = io.StringIO()
    segno.make(address(document), micro=False).terminal(out=drawn, compact=True)
    return drawn.getvalue()


def save_qr(document: dict[str, Any], path: Path) -> None:
    """SVG or PNG, by the name's ending."""
    if find_spec("segno") is None:
        raise FlashError('QR codes need segno, which is not installed here. Install it with `pip install "shiftwatt[flash]"`.')
    import segno  # noqa: PLC0415 - optional

    try:
        segno.make(address(document), micro=False).save(str(path), scale=8)
    except (OSError, ValueError) as error:
        raise FlashError(f"the QR code cannot be written to {path}: {error}. Name a file that ends with .svg or .png.") from error


def document_of(path: Path) -> dict[str, Any]:
    """A board's configuration, as `flash --export` leaves it."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        text(document)
    except (OSError, ValueError) as error:
        raise FlashError(f"{path} cannot be read: {error}.") from error
    except (KeyError, TypeError, IndexError) as error:
        raise FlashError(f"{path} is not the configuration of a submeter.") from error
    return dict(document)
