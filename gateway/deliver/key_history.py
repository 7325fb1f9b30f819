"""The public keys with which a gateway signed before its present one, each vouched for by the one before it.

Without them the batches of before a change of key could not be checked here. The file holds nothing secret, and nothing
in it is believed: the first key must give the gateway's id, and each further one must be signed by its predecessor.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gateway.deliver.key import GatewayKey, KeyFileError, gateway_id, rotation_statement, verifier, verify_from
from gateway.private_file import write_private
from protocols.batch import Verify

FILE = "gateway.keys"


class Signer(NamedTuple):
    """Signs from that batch on until the next one takes over."""

    from_number: int
    public_key: str


def note(folder: Path, before: str, rotation: Mapping[str, Any]) -> None:
    """`rotation` is what the hub was told; the same one again changes nothing."""
    line = {name: rotation[name] for name in ("from_number", "public_key", "signature")} | {"before": before}
    lines = _lines(folder)
    if line not in lines:
        write_private(folder / FILE, "".join(f"{json.dumps(each)}\n" for each in (*lines, line)).encode())


def _lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / FILE
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()] if path.exists() else []


def signers(folder: Path, gateway: str, public_key: str) -> list[Signer]:
    """Who signed from when on, the present key last; KeyFileError if the changes of key do not vouch for one another."""
    try:
        lines = _lines(folder)
        found = [Signer(0, lines[0]["before"] if lines else public_key)]
        for line in lines:
            statement = rotation_statement(gateway, line["from_number"], line["public_key"])
            vouched = line["before"] == found[-1].public_key and verifier(line["before"])(statement, bytes.fromhex(line["signature"]))
            if not vouched:
                raise KeyFileError(f"{folder / FILE}: the key from batch {line['from_number']} on is not vouched for by the one before it")
            found.append(Signer(line["from_number"], line["public_key"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeyFileError(f"{folder / FILE} cannot be read ({error}); put it back from a backup") from error
    if found[-1].public_key != public_key:
        raise KeyFileError(f"{folder / FILE}: its last key is not the one that signs now")
    return found


def verifier_of(found: list[Signer]) -> Callable[[int], Verify]:
    """The check of signatures that holds for a batch's number."""
    checks = [(signer.from_number, verifier(signer.public_key)) for signer in found]
    return lambda number: verify_from(number, checks)


def is_own_id(key: GatewayKey, found: list[Signer]) -> bool:
    """Whether the id is that of the first key: not so where a device took over the place of another one."""
    return key.gateway == gateway_id(found[0].public_key)
