"""The gateway's Ed25519 key: made at the first start, kept in the data folder, the root of its identity.

The gateway's id is made from its first public key, so nobody else can claim it. It goes on through a change
of key and, where the hub's operator allows it, through a change of device; only then it stands in a file.
A site name can change; a chain cannot.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, load_pem_private_key

from gateway.private_file import write_private
from protocols.batch import Sign, Verify

FILE = "gateway.key"
NEXT_FILE = "gateway.key.next"  # a change of key that the hub may or may not have heard of
ID_FILE = "gateway.id"  # only where the id is not the key's own: after a change of key or a change of device
SEED_BYTES = 32
_ID_DIGITS = 16  # 64 bits: no two of a billion gateways share an id, and a person can still compare it by eye


class KeyFileError(Exception):
    """The key cannot be read or kept; the sentence says what to do."""


class GatewayKey(NamedTuple):
    gateway: str
    public_key: str  # hex
    sign: Sign


def gateway_key(folder: Path, random_bytes: Callable[[int], bytes] = os.urandom) -> GatewayKey:
    """The key in `folder`, made now if there is none; KeyFileError if there is one that cannot be used."""
    if (folder / NEXT_FILE).exists():
        raise KeyFileError(f"a change of key was begun in {folder} and not finished; run `shiftwatt identity rotate` again")
    return key_in(folder, FILE, random_bytes)


def key_in(folder: Path, file: str, random_bytes: Callable[[int], bytes] = os.urandom) -> GatewayKey:
    """The key in `file`, with the id of the gateway in whose folder it is."""
    path = folder / file
    try:
        private = _load(path) if path.exists() else _make(path, random_bytes)
        kept = folder / ID_FILE
        kept_id = kept.read_text(encoding="ascii").strip() if kept.exists() else ""
    except OSError as error:
        raise KeyFileError(
            f"the gateway's key {path} cannot be read or written ({error.strerror}); check the data folder's owner"
        ) from error
    public_key = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    return GatewayKey(kept_id or gateway_id(public_key), public_key, private.sign)


def public_key_in(folder: Path, public_key: str) -> GatewayKey:
    """A key whose private half is elsewhere, with the id of the gateway in whose folder it is; it cannot sign."""
    kept = folder / ID_FILE
    kept_id = kept.read_text(encoding="ascii").strip() if kept.exists() else ""
    return GatewayKey(kept_id or gateway_id(public_key), public_key, _cannot_sign)


def _cannot_sign(_message: bytes) -> bytes:
    raise KeyFileError("there is no private key here")


def keep_id(folder: Path, gateway: str) -> None:
    write_private(folder / ID_FILE, f"{gateway}\n".encode())


def rotation_statement(gateway: str, from_number: int, public_key: str) -> bytes:
    """What the old key signs when a new one takes over; its first words keep it from being anything else that is signed."""
    return f"shiftwatt key rotation: {gateway} signs with {public_key} from batch {from_number} on".encode()


def gateway_id(public_key: str) -> str:
    return "gw-" + hashlib.sha256(bytes.fromhex(public_key)).hexdigest()[:_ID_DIGITS]


def verifier(public_key: str) -> Verify:
    """The check of signatures by the gateway with this public key (hex); ValueError if it is no such key."""
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))

    def verify(message: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return verify


def verify_from(number: int, keys: Sequence[tuple[int, Verify]]) -> Verify:
    """By the key of that batch number, or a later one; `keys` by the first number of each, rising.

    What stands in the place of an old batch (a tombstone, a thinning record) may be made after a change of key.
    A key of before signs nothing new.
    """
    since = max((first for first, _ in keys if first <= number), default=None)
    fitting = [verify for first, verify in keys if since is not None and first >= since]
    return lambda message, signature: any(verify(message, signature) for verify in fitting)


def _make(path: Path, random_bytes: Callable[[int], bytes]) -> Ed25519PrivateKey:
    private = Ed25519PrivateKey.from_private_bytes(random_bytes(SEED_BYTES))
    write_private(path, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return private


def _load(path: Path) -> Ed25519PrivateKey:
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        # Never replaced in silence: a new key is a new gateway for every hub.
        raise KeyFileError(
            f"{path} holds no Ed25519 key; put it back from a backup, "
            "or move the file away to begin as a new gateway that must be enrolled again"
        )
    return private
