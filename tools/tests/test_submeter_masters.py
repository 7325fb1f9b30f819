"""The same registers of the real firmware through three foreign masters: pymodbus, mbpoll and libmodbus say the same words."""

import ctypes
import errno
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pymodbus.client import ModbusSerialClient

from tools.tests.test_submeter import needs_micropython, running

UNIT, BAUD = 9, 38_400
LIBRARY = "libmodbus.so.5"
# Identity and calibration: words that stand still. The last one has no register.
SPANS = ((0, 34), (600, 42))
NOWHERE = 99
ASKED_MAX = 3  # while its flash is erased a submeter may lose a request; masters in the field ask again, too
ILLEGAL_ADDRESS = 2
LIBMODBUS_ENOBASE = 112_345_678  # its own error numbers begin there; the exception's code is added


def by_pymodbus(line: Path) -> tuple[list[list[int]], int]:
    client = ModbusSerialClient(str(line), baudrate=BAUD, timeout=3)
    assert client.connect()
    try:
        words = [list(client.read_holding_registers(first, count=count, device_id=UNIT).registers) for first, count in SPANS]
        refused = client.read_holding_registers(NOWHERE, count=2, device_id=UNIT)
    finally:
        client.close()  # type: ignore[no-untyped-call]
    return words, refused.exception_code


def by_mbpoll(line: Path) -> tuple[list[list[int]], int]:
    if not shutil.which("mbpoll"):
        pytest.skip("mbpoll is not installed here")

    def ask(first: int, count: int) -> subprocess.CompletedProcess[str]:
        words = ["mbpoll", "-m", "rtu", "-a", str(UNIT), "-b", str(BAUD), "-P", "none", "-t", "4:hex", "-0", "-r", str(first)]
        for _ in range(ASKED_MAX):
            done = subprocess.run([*words, "-c", str(count), "-1", "-q", str(line)], capture_output=True, text=True, check=False)
            if "timed out" not in done.stderr:
                break
        return done

    words = [[int(word, 16) for word in re.findall(r"\]:\s+0x([0-9A-F]{4})", ask(*span).stdout)] for span in SPANS]
    return words, ILLEGAL_ADDRESS if "Illegal data address" in ask(NOWHERE, 2).stderr else 0


def by_libmodbus(line: Path) -> tuple[list[list[int]], int]:
    try:
        library = ctypes.CDLL(LIBRARY, use_errno=True)
    except OSError:
        pytest.skip(f"{LIBRARY} (Debian: libmodbus5) is not installed here")
    library.modbus_new_rtu.restype = ctypes.c_void_p
    library.modbus_new_rtu.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_char, ctypes.c_int, ctypes.c_int]
    context = ctypes.c_void_p(library.modbus_new_rtu(str(line).encode(), BAUD, b"N", 8, 1))
    library.modbus_set_slave(context, UNIT)
    library.modbus_set_response_timeout(context, 3, 0)  # as the other masters wait: how fast it answers is measured elsewhere
    assert library.modbus_connect(context) == 0

    def ask(first: int, count: int) -> tuple[int, list[int]]:
        words = (ctypes.c_uint16 * count)()
        for _ in range(ASKED_MAX):
            status = library.modbus_read_registers(context, first, count, words)
            if status >= 0 or ctypes.get_errno() != errno.ETIMEDOUT:
                break
        return status, list(words)

    try:
        words = [ask(*span)[1] for span in SPANS]
        status, _ = ask(NOWHERE, 2)
        code = ctypes.get_errno() - LIBMODBUS_ENOBASE if status < 0 else 0
    finally:
        library.modbus_close(context)
        library.modbus_free(context)
    return words, code


@needs_micropython
@pytest.mark.parametrize("master", [by_mbpoll, by_libmodbus], ids=["mbpoll", "libmodbus"])
def test_foreign_masters_read_the_same(master: Callable[[Path], tuple[list[list[int]], int]], tmp_path: Path) -> None:
    """Word for word what pymodbus reads, and exception 2 where there is no register."""
    line = tmp_path / "line"
    with running("--link", line, "--address", UNIT, "--baud", BAUD):
        ours, theirs = by_pymodbus(line), master(line)

    assert theirs == ours
    assert theirs[1] == ILLEGAL_ADDRESS
    assert [len(words) for words in theirs[0]] == [count for _, count in SPANS]
