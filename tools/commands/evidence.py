"""`shiftwatt evidence`: one figure with everything it was made from, in a file that a stranger's script recomputes. It only reads."""

import json
import sqlite3
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.deliver import key as key_file
from gateway.figure_evidence import EvidenceError, evidence_document, find
from tools.commands.options import SiteOption, load
from tools.commands.own_store import reading
from tools.exits import FAILED, WRONG_USE, fail, sentences

NAME = "evidence"


def command(
    out: Annotated[Path, typer.Option("--out", help="The file to write; - prints it.")],
    figure: Annotated[str, typer.Option("--figure", metavar="KEY", help="The figure's key: LINE|DATE|SHIFT|START.")] = "",
    date: Annotated[str, typer.Option("--date", help="The date of the shift, such as 2026-03-28.")] = "",
    shift: Annotated[str, typer.Option("--shift", help="The name of the shift.")] = "",
    line: Annotated[str, typer.Option("--line", help="The production line; default: the whole site.")] = "",
    version: Annotated[int | None, typer.Option("--version", min=1, help="Which version; default: the newest.")] = None,
    site: SiteOption = None,
) -> None:
    """Export one figure with all its evidence, to be recomputed without Shiftwatt."""
    if bool(figure) == bool(date and shift):
        fail("name the figure either with --figure KEY or with --date and --shift", WRONG_USE)
    found, _ = load(site)
    wanted = {"key": figure} if figure else {"date": date, "shift": shift, "production_line": line}
    with sentences({EvidenceError: FAILED, key_file.KeyFileError: FAILED}):
        if not (found.data_folder / key_file.FILE).exists():
            fail(f"there is no {key_file.FILE} in {found.data_folder}; the evidence must name the gateway's key", FAILED)
        key = key_file.key_in(found.data_folder, key_file.FILE)
        document = reading(found, lambda connection: _document(connection, key, wanted, version))
    text = json.dumps(document, ensure_ascii=False, indent=1)
    if str(out) == "-":
        print(text)
        return
    try:
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        fail(f"{out} cannot be written ({error.strerror}); name another file", WRONG_USE)
    told, records, batches = document["figure"], len(document["records"]), len(document["batches"])
    print(f"{out}: {told['date']} {told['shift']} version {told['version']}, {records} readings, {batches} batches.")
    if document["not_sealed_yet"]:
        print(f"{document['not_sealed_yet']} of its records are in no batch yet, so they cannot be proven; export it again in a minute.")
    print("Check it elsewhere with recompute_figure.py (the numbers) and recompute_proof.py (the records).")


def _document(connection: sqlite3.Connection, key: key_file.GatewayKey, wanted: dict[str, str], version: int | None) -> dict[str, Any]:
    connection.row_factory = sqlite3.Row
    connection.execute("begin")  # one moment of a gateway that runs
    found = find(connection, wanted, version)
    return evidence_document(connection, key.gateway, key.public_key, found)
