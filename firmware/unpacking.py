"""A received bundle is checked, then laid into a slot, in slices between which metering and Modbus go on.

Both are generators: None after each slice, at last the reason why not, or 0. Where a slice may erase flash it is to be
taken while the line is quiet. Which slot, and what follows, is not known here.
"""
# ruff: noqa: PTH102, PTH107, PTH116, PTH123, PTH208 - the board has no pathlib

import os
from hashlib import sha256

from firmware.ed25519 import verifying
from protocols.bundle import (
    HEAD_BYTES,
    SIGNATURE_BYTES,
    STARTS_WITH,
    NotABundle,
    bundle_bytes,
    entries,
    head_of,
    signed_text,
    version_numbers,
)

SIZE, DIGEST, SIGNATURE, HARDWARE, OLDER, FLASH = 1, 2, 3, 4, 5, 6  # as in the register map
PIECE_BYTES = 512
_FOLDER = 0x4000  # of a stat's mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from protocols.bundle import Entry, Head


def checking(file: "BinaryIO", digest: bytes, key: bytes, hardware: str, least_version: str) -> "Iterator[int | None]":
    whole = sha256()
    size = 0
    while True:
        piece = file.read(PIECE_BYTES)
        if not piece:
            break
        size += len(piece)
        whole.update(piece)
        yield None
    if whole.digest() != digest:
        yield DIGEST
        return
    try:
        head, length = _read_header(file)
    except NotABundle:
        yield SIGNATURE
        return
    if length != size:
        yield SIZE
        return
    header = sha256()
    file.seek(0)
    for at in range(0, head.header_bytes, PIECE_BYTES):
        header.update(file.read(min(PIECE_BYTES, head.header_bytes - at)))
    file.seek(size - SIGNATURE_BYTES)
    verdict: bool | None = None
    for verdict in verifying(key, file.read(SIGNATURE_BYTES), signed_text(header.digest())):  # noqa: B007 - the last one counts
        yield None
    if not verdict:
        yield SIGNATURE
    elif head.hardware != hardware:
        yield HARDWARE
    elif not version_numbers(head.version) or version_numbers(head.version) < version_numbers(least_version):
        yield OLDER
    else:
        yield 0


def _read_header(file: "BinaryIO") -> "tuple[Head, int]":
    file.seek(0)
    head = head_of(file.read(HEAD_BYTES))
    return head, bundle_bytes(head, entries(head, file.read))


def unpacking(file: "BinaryIO", slot: str) -> "Iterator[int | None]":
    """A bundle that was checked; at any moment the slot holds what can start whole, or what cannot start at all."""
    try:
        for _ in _clearing(slot):
            yield None
        file.seek(0)
        head = head_of(file.read(HEAD_BYTES))
        listed = list(entries(head, file.read))
        places, at = [], head.header_bytes
        for entry in listed:
            places.append((entry.path.startswith(STARTS_WITH), at, entry))
            at += entry.length
        for last in (False, True):
            for is_last, at, entry in places:
                if is_last == last:
                    file.seek(at)
                    for _ in _writing(file.read, entry, slot + "/" + entry.path):
                        yield None
    except (OSError, NotABundle):  # full, worn out, or changed since it was checked
        for _ in _clearing_again(slot):
            yield None
        yield FLASH
        return
    yield 0


def _clearing_again(slot: str) -> "Iterator[None]":
    """What lies there will not start, and the counters may need the room."""
    try:
        for _ in _clearing(slot):
            yield None
    except OSError:  # worn out
        pass


def _writing(read: "Callable[[int], bytes]", entry: "Entry", path: str) -> "Iterator[None]":
    """OSError if flash does not give back what was written."""
    _make_folders(path)
    with open(path, "wb") as file:
        left = entry.length
        while left:
            left -= file.write(read(min(PIECE_BYTES, left)))
            yield None
    found = sha256()
    with open(path, "rb") as file:
        piece = file.read(PIECE_BYTES)
        while piece:
            found.update(piece)
            piece = file.read(PIECE_BYTES)
    if found.digest() != entry.digest:
        raise OSError
    yield None


def _make_folders(path: str) -> None:
    at = path.find("/")
    while at > 0:
        try:
            os.stat(path[:at])
        except OSError:
            os.mkdir(path[:at])
        at = path.find("/", at + 1)


def _clearing(slot: str) -> "Iterator[None]":
    """First what it starts with."""
    for path in [path for path in _files(slot) if path.startswith(slot + "/" + STARTS_WITH)]:
        os.remove(path)
        yield None
    for path in _files(slot):
        os.remove(path)
        yield None


def _files(folder: str) -> "list[str]":
    """Folders stay, for the next version."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = []
    for name in names:
        path = folder + "/" + name
        if os.stat(path)[0] & _FOLDER:
            found += _files(path)
        else:
            found.append(path)
    return found
