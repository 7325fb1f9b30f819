"""Why a port or a connection could not be opened, in words for who stands before the cabinet. Pure: nothing is tried here."""

import errno
import os
import socket

_SENTENCES: tuple[tuple[tuple[int, ...], str], ...] = (
    ((errno.ENOENT, errno.ENODEV, errno.ENXIO), "there is no such port; is the adapter plugged in, and its name right?"),
    ((errno.EACCES, errno.EPERM), "this user may not open it; add the user to the group dialout"),
    ((errno.EBUSY, errno.EAGAIN), "another program has it open; end that one"),
    ((errno.ENOTTY, errno.EISDIR), "it is no serial port; is its name right?"),
    ((errno.ECONNREFUSED,), "the device is there, but nothing listens at that port number; is its Modbus switched on?"),
    ((errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ETIMEDOUT), "the device cannot be reached; check its supply, its cable and its address"),
)


def why(error: OSError) -> str:
    """A sentence without its full stop; the system's own words stand behind it, or alone where nothing is known of them."""
    if isinstance(error, socket.gaierror):
        return f"no device of that name is known in this network ({error.strerror})"
    number = error.errno if error.errno is not None else _cause(error)
    if number is None:
        return str(error)
    return next((f"{sentence} ({os.strerror(number)})" for numbers, sentence in _SENTENCES if number in numbers), str(error))


def _cause(error: OSError) -> int | None:
    """pyserial tells the number of a failed configuration only in what it was raised from."""
    before = error.__cause__ or error.__context__
    number = before.args[0] if before is not None and before.args else None
    return number if isinstance(number, int) else None
