"""A bundle: a new version of the submeter's application in one file, signed.

    head       what it is, for which hardware, how many files, how long the header is
    entries    of each file: path, length, SHA-256
    files      one after the other, in the order of the entries
    signature  Ed25519 (64 bytes) over `signed_text` of the SHA-256 of head and entries

The signature covers the header, the header covers the files. Who signs, and where files go, is not known here.
Runs on MicroPython.
"""

import struct
from collections import namedtuple
from hashlib import sha256

TYPE_CHECKING = False  # the board has no typing module
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAGIC, FORMAT = b"SWBUNDLE", 1
_HEAD = ">8sHH16s16sI"  # magic, format, files, version, hardware, bytes of the header
HEAD_BYTES = 48
_ENTRY = ">I32s"
_ENTRY_BYTES = 36
SIGNATURE_BYTES = 64
PATH_BYTES_MAX = 64  # the longest of ours has half of that
# A header is hashed and kept by pieces, but a wrong length must not send the meter through the whole file.
HEADER_BYTES_MAX = 16_384
VERSION_NUMBERS = 3
# With this before it the hash that is signed fills one block of the signature's own hash, SHA-512.
_SIGNED = b"Shiftwatt code\0"
# The one file without which nothing starts: it is written last and removed first, so that half a version never runs.
STARTS_WITH = "firmware/main."


class NotABundle(Exception):
    """The sentence says what is wrong with the file."""


class Head(namedtuple("Head", ("files", "version", "hardware", "header_bytes"))):
    files: int
    version: str
    hardware: str
    header_bytes: int


class Entry(namedtuple("Entry", ("path", "length", "digest"))):
    path: str
    length: int
    digest: bytes


def packed_header(version: str, hardware: str, entries: "list[Entry]") -> bytes:
    body = b"".join([bytes((len(entry.path),)) + entry.path.encode() + struct.pack(_ENTRY, *entry[1:]) for entry in entries])
    return struct.pack(_HEAD, MAGIC, FORMAT, len(entries), version.encode(), hardware.encode(), HEAD_BYTES + len(body)) + body


def head_of(data: bytes) -> Head:
    if len(data) < HEAD_BYTES or data[: len(MAGIC)] != MAGIC:
        raise NotABundle("it does not begin like a bundle")
    _, form, files, version, hardware, header_bytes = struct.unpack(_HEAD, data[:HEAD_BYTES])
    if form != FORMAT:
        raise NotABundle("it is a bundle of format %d, only %d is known" % (form, FORMAT))
    if not HEAD_BYTES < header_bytes <= HEADER_BYTES_MAX:
        raise NotABundle("its header is said to have %d bytes" % header_bytes)
    return Head(files, _plain(version.rstrip(b"\0")), _plain(hardware.rstrip(b"\0")), header_bytes)


def _plain(octets: bytes) -> str:
    """As all versions, boards and files of ours are called: no spaces, nothing that only some of who read it can read."""
    if not octets or not 32 < min(octets) <= max(octets) < 127:
        raise NotABundle("where its version, its hardware or a file should be named there is %r" % octets)
    return octets.decode()


def entries(head: Head, read: "Callable[[int], bytes]") -> "Iterator[Entry]":
    """`read` gives the next bytes of the header, beginning behind its head."""
    left = head.header_bytes - HEAD_BYTES
    for _ in range(head.files):
        length = _exactly(read, 1)[0] if left else 0
        left -= 1 + length + _ENTRY_BYTES
        if left < 0 or not 0 < length <= PATH_BYTES_MAX:
            raise NotABundle("its list of files does not add up")
        path = _plain(_exactly(read, length))
        if path.startswith("/") or ".." in path:
            raise NotABundle("it names %s, which lies outside" % path)
        yield Entry(path, *struct.unpack(_ENTRY, _exactly(read, _ENTRY_BYTES)))
    if left:
        raise NotABundle("its list of files does not add up")


def _exactly(read: "Callable[[int], bytes]", count: int) -> bytes:
    data = read(count)
    if len(data) != count:
        raise NotABundle("it ends within its list of files")
    return data


def bundle_bytes(head: Head, files: "Iterable[Entry]") -> int:
    """Of the whole bundle."""
    return head.header_bytes + sum([entry.length for entry in files]) + SIGNATURE_BYTES


def signed_text(header_digest: bytes) -> bytes:
    return _SIGNED + header_digest


def version_numbers(version: str) -> "tuple[int, ...]":
    """To be compared; () for what is no version."""
    parts = version.split(".")
    return tuple([int(part) for part in parts]) if all(part.isdigit() for part in parts) else ()


def opened(data: bytes) -> "tuple[Head, list[Entry]]":
    """Of a whole bundle in memory; NotABundle if no meter could run it. Whether the signature is good is not asked here."""
    head = head_of(data)
    at = HEAD_BYTES

    def read(count: int) -> bytes:
        nonlocal at
        at += count
        return data[at - count : at]

    listed = list(entries(head, read))
    if bundle_bytes(head, listed) != len(data):
        raise NotABundle("it has %d bytes where %d belong to it" % (len(data), bundle_bytes(head, listed)))
    for entry in listed:
        if sha256(data[at : at + entry.length]).digest() != entry.digest:
            raise NotABundle("its file %s was changed or damaged after it was made" % entry.path)
        at += entry.length
    _require_one_application(head, [entry.path for entry in listed])
    return head, listed


def _require_one_application(head: Head, paths: "list[str]") -> None:
    """What signature and digests cannot say, and a meter would find out by three failed starts only."""
    if len(version_numbers(head.version)) != VERSION_NUMBERS:
        raise NotABundle("its version %s is not three numbers with dots between them" % head.version)
    if len(set(paths)) != len(paths):
        raise NotABundle("it names a file twice")
    if len([path for path in paths if path.startswith(STARTS_WITH)]) != 1:
        raise NotABundle("it has not exactly one %spy or .mpy, with which the application starts" % STARTS_WITH)
