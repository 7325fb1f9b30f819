"""How bodies are compressed on the way: gzip everywhere, zstd where both sides have it. Bytes in, bytes out.

The zstd library is an optional part; without it nothing here offers or takes zstd.
"""

import gzip
import zlib
from collections.abc import Callable

try:
    import zstandard
except ImportError:  # the extra "zstd" is not installed
    zstandard = None  # type: ignore[assignment]

GZIP, ZSTD, IDENTITY = "gzip", "zstd", "identity"
# The best first: what this side takes and gives.
CODINGS = (ZSTD, GZIP) if zstandard is not None else (GZIP,)

WORTH_BYTES_MIN = 500  # below this a compressed body is hardly smaller than its headers
_GZIP_LEVEL = 6  # 9 costs three times the time for a few percent
# An answer is made while somebody waits; a batch is made once and travels over a paid link (a tenth less than gzip).
_ZSTD_LEVEL, _ZSTD_BATCH_LEVEL = 3, 9
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
_WINDOW_BYTES_MAX = 2**23  # what RFC 9659 allows the coding "zstd" to ask of a receiver
# A block of some bytes may stand for 128 KiB: a bite of this size unpacks to some 40 MB at worst.
_BITE_BYTES = 1024


class NotCompressedError(ValueError):
    """The bytes are not what their coding says, or end too early or too late."""


class TooLargeError(ValueError):
    """They unpack to more than was allowed."""


def chosen(accept_encoding: str) -> str:
    """The coding for a caller with this Accept-Encoding."""
    liked: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameter = part.strip().partition(";")
        liked[name.strip()] = _quality(parameter)
    return max((coding for coding in CODINGS if liked.get(coding, 0.0) > 0), key=lambda coding: liked[coding], default=IDENTITY)


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0


def compressed(plain: bytes, coding: str) -> bytes:
    return _COMPRESSED[coding](plain)


def repacked_for_zstd(content: bytes) -> bytes:
    """A batch that lies here as gzip, for a hub that takes zstd."""
    return zstandard.ZstdCompressor(level=_ZSTD_BATCH_LEVEL).compress(gzip.decompress(content))


def unpacked(content: bytes, coding: str, bytes_max: int) -> bytes:
    return _UNPACKED[coding](content, bytes_max)


def _gzip(plain: bytes) -> bytes:
    return gzip.compress(plain, _GZIP_LEVEL, mtime=0)


def _zstd(plain: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(plain)


def _from_gzip(content: bytes, bytes_max: int) -> bytes:
    unpacker = zlib.decompressobj(_GZIP_WINDOW)
    try:
        plain = unpacker.decompress(content, bytes_max + 1)
    except zlib.error:
        raise NotCompressedError from None
    return _whole(plain, bytes_max, ended=unpacker.eof and not unpacker.unused_data)


def _from_zstd(content: bytes, bytes_max: int) -> bytes:
    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES_MAX).decompressobj()
    plain = bytearray()
    try:
        # A bomb is seen before it has unpacked to much more than the limit.
        for start in range(0, len(content), _BITE_BYTES):
            plain += unpacker.decompress(content[start : start + _BITE_BYTES])
            if len(plain) > bytes_max or unpacker.eof:
                break
    except zstandard.ZstdError:
        raise NotCompressedError from None
    return _whole(bytes(plain), bytes_max, ended=unpacker.eof and not unpacker.unused_data and start + _BITE_BYTES >= len(content))


def _whole(plain: bytes, bytes_max: int, *, ended: bool) -> bytes:
    if len(plain) > bytes_max:
        raise TooLargeError
    if not ended:
        raise NotCompressedError
    return plain


_COMPRESSED: dict[str, Callable[[bytes], bytes]] = {IDENTITY: bytes, GZIP: _gzip, ZSTD: _zstd}
_UNPACKED: dict[str, Callable[[bytes, int], bytes]] = {GZIP: _from_gzip, ZSTD: _from_zstd}
