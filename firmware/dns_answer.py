"""What the meter's own access point says to every question for a name: its own address. Bytes in, bytes out. Runs on MicroPython.

So whatever a phone looks for there, it finds the meter's page.
"""

QUERY_BYTES_MAX = 512  # of a query over UDP
_HEADER = 12
_QUESTION_END = 4  # type and class behind the name
_ADDRESS_QUESTION = b"\0\1\0\1"
_POINTER_TO_NAME = b"\xc0\x0c"
# One answer, by authority; the number of seconds for which it holds is 0: outside, the name means something else.
_NO_TIME = b"\0\0\0\0"


def answer(query: bytes, address: str) -> bytes:
    """b"" for what is no plain question. Other questions than for an IPv4 address get an answer without an entry."""
    if len(query) < _HEADER or query[2] & 0xF8 or query[4:6] != b"\0\1":
        return b""
    end = _end_of_name(query)
    if end is None:
        return b""
    question = query[_HEADER : end + _QUESTION_END]
    wanted = question[-_QUESTION_END:] == _ADDRESS_QUESTION
    head = query[:2] + bytes((0x84 | query[2] & 1, 0)) + b"\0\1" + bytes((0, wanted)) + b"\0\0\0\0"
    if not wanted:
        return head + question
    return head + question + _POINTER_TO_NAME + _ADDRESS_QUESTION + _NO_TIME + b"\0\4" + packed(address)


def packed(address: str) -> bytes:
    return bytes([int(part) for part in address.split(".")])


def _end_of_name(query: bytes) -> "int | None":
    at = _HEADER
    while at < len(query) and query[at]:
        if query[at] & 0xC0:  # a pointer has no place in a question
            return None
        at += 1 + query[at]
    return at + 1 if at + 1 + _QUESTION_END <= len(query) else None
