"""`shiftwatt verify`: recomputes the chain and the figures of a store, and names the first thing that does not hold. It only reads."""

import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from gateway.broken import Step
from gateway.buffer import noted_head
from gateway.chain_proof import Head, VerifierOf
from gateway.deliver import key as key_file
from gateway.deliver.key_history import is_own_id, signers, verifier_of
from gateway.proof import Proof, prove, total
from tools.commands.options import JsonOption, SiteOption, load, print_json
from tools.commands.own_store import reading
from tools.exits import FAILED, WRONG_USE, fail, sentences

NAME = "verify"
_HEAD = re.compile(r"(\d+):([0-9a-f]{64})")
_KEY = re.compile(r"[0-9a-f]{64}")

HeadOption = Annotated[
    list[str] | None,
    typer.Option("--head", metavar="NUMBER:HASH", help="A batch as noted elsewhere, for example by the hub; may be repeated."),
]
KeyOption = Annotated[
    str, typer.Option("--public-key", metavar="HEX", help="The gateway's public key as noted elsewhere, by the hub or on paper.")
]


def command(
    site: SiteOption = None,
    head: HeadOption = None,
    public_key: KeyOption = "",
    as_json: JsonOption = False,  # noqa: FBT002 - a command's option
) -> None:
    """Recompute the chain and the figures; name the first thing that does not hold."""
    found, _ = load(site)
    beside = noted_head.noted(found.data_folder)
    heads = [*([Head(*beside)] if beside else []), *(_head(text) for text in head or ())]
    reading(found, total)  # where there is no store, or none that can be read, a key is not what is missing
    gateway, verify, notes = _signers(found.data_folder, public_key)
    proof = reading(found, lambda connection: _prove(connection, gateway, verify, heads))
    if as_json:
        print_json({**proof.document(), "notes": [*notes, *proof.notes]})
    else:
        _print(proof, (*notes, *proof.notes))
    if proof.broken is not None:
        raise typer.Exit(FAILED)


def _head(text: str) -> Head:
    found = _HEAD.fullmatch(text.strip().lower())
    if found is None:
        fail(f"--head {text!r} must be a batch number and its hash, such as 17:{'0' * 64}", WRONG_USE)
    return Head(int(found[1]), found[2])


def _signers(folder: Path, public_key: str) -> tuple[str, VerifierOf, list[str]]:
    """The gateway's id, its keys, and what is to be said about them."""
    if public_key and not _KEY.fullmatch(public_key):
        fail(f"--public-key {public_key!r} is not a public key of 64 hex digits", WRONG_USE)
    if not public_key and not (folder / key_file.FILE).exists():
        fail(f"there is no {key_file.FILE} in {folder}; give the gateway's public key with --public-key", WRONG_USE)
    with sentences({key_file.KeyFileError: FAILED}):
        key = key_file.public_key_in(folder, public_key) if public_key else key_file.key_in(folder, key_file.FILE)
        found = signers(folder, key.gateway, key.public_key)
    notes = []
    if not is_own_id(key, found):
        notes.append(f"the id {key.gateway} is not made from this key: the hub let this device take the place of another one")
    return key.gateway, verifier_of(found), notes


def _prove(connection: sqlite3.Connection, gateway: str, verify: VerifierOf, heads: list[Head]) -> Proof:
    with _progress(total(connection)) as step:
        return prove(connection, gateway, verify, heads, step)


@contextmanager
def _progress(whole: int) -> Iterator[Step]:
    """On a terminal only, and on stderr: what is printed stays clean."""
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as progress:
        task = progress.add_task("Verifying", total=max(whole, 1))
        yield lambda count: progress.advance(task, count)


def _print(proof: Proof, notes: tuple[str, ...]) -> None:
    chain = proof.chain
    if chain is not None:
        print(f"{chain.batches} batches with {chain.records} records hold: every hash, link and signature.")
        if chain.unsealed:
            print(f"{chain.unsealed} records are not sealed yet; the next batch will hold them.")
        if proof.figures is not None:
            print(f"{proof.figures} figures hold; {proof.recomputed} were made again from the readings, byte for byte.")
    for note in notes:
        print(f"Note: {note}.")
    if proof.broken is not None:
        print(f"Does not hold: {proof.broken.sentence}.")
    elif chain is not None and chain.head is not None:
        seen = f"with it (--head) a cut-off end is seen even where {noted_head.FILE} was changed too"
        print(f"Head: {chain.head.number}:{chain.head.hash} - note it elsewhere: {seen}.")
