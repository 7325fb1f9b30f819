"""Makes a bundle for submeters: files, what they are for, and a signature. Where the key lies is not known here."""

from collections.abc import Callable, Mapping
from hashlib import sha256

from protocols.bundle import (
    PATH_BYTES_MAX,
    SIGNATURE_BYTES,
    VERSION_NUMBERS,
    Entry,
    NotABundle,
    opened,
    packed_header,
    signed_text,
    version_numbers,
)

TEXT_BYTES_MAX = 16  # as in the registers


def sealed(files: Mapping[str, bytes], version: str, hardware: str, sign: Callable[[bytes], bytes]) -> bytes:
    """`files` by their path in the slot ("firmware/main.mpy"); `hardware` as in the board's configuration; `sign` is Ed25519."""
    if len(version_numbers(version)) != VERSION_NUMBERS or len(version) > TEXT_BYTES_MAX:
        raise NotABundle(f"the version {version!r} is not three numbers with dots between them")
    if not hardware or not hardware.isascii() or len(hardware) > TEXT_BYTES_MAX:
        raise NotABundle(f"the hardware {hardware!r} is not 1 to {TEXT_BYTES_MAX} ASCII characters")
    long = next((path for path in files if len(path.encode()) > PATH_BYTES_MAX), None)
    if long is not None:
        raise NotABundle(f"the path {long} is longer than {PATH_BYTES_MAX} bytes")
    entries = [Entry(path, len(files[path]), sha256(files[path]).digest()) for path in sorted(files)]
    header = packed_header(version, hardware, entries)
    body = b"".join(files[entry.path] for entry in entries)
    opened(header + body + bytes(SIGNATURE_BYTES))  # what a meter would refuse is not made
    return header + body + sign(signed_text(sha256(header).digest()))
