"""A submeter whose memory is kept in pieces, and all that goes wrong with it. For `submeter_pieces`, which says what is asked of it."""

import contextlib
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from pymodbus.client import ModbusSerialClient
from pymodbus.exceptions import ModbusException

from protocols.errors import NoAnswer
from protocols.frame import tcp_frame
from protocols.pdu import Request, encode_request, reply_words
from tools import submeter
from tools.board.wishes import SubmeterError, Wishes

START_SECONDS_MAX = 180.0  # all modules may have to be compiled before
_ANSWER_SECONDS_MAX = 10.0
_HEAD_BYTES = 6
UNIT = 1
WIDEST = (100, 115)  # the measured values in one answer


class TroubleError(Exception):
    """The meter did not do what it was asked for."""


class WatchedMeter:
    """`troubles` are what the meter or its board said of errors; `lines` what else it said."""

    def __init__(self, wishes: Wishes, heap: str) -> None:
        self.troubles: list[str] = []
        self.rtu_answers = 0
        self._ready, self._over = threading.Event(), threading.Event()
        self.meter = submeter.Submeter(wishes, lambda *_: self._ready.set(), heap)
        self._link = wishes.link
        self._threads = [threading.Thread(target=each) for each in (self._run, self._poll)]

    @property
    def lines(self) -> list[str]:
        return list(self.meter.said)

    def require_whole(self) -> None:
        wrong = [*self.troubles, *(line for line in self.lines if "Error" in line)]
        if wrong:
            raise TroubleError(wrong[0])

    def ask(self, request: Request, _in_bulk: bool = False) -> tuple[int, ...]:  # noqa: FBT001, FBT002 - as `Exchange` wants it
        with self.connected() as connection:
            return asked(connection, request)

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        self.require_whole()
        with socket.create_connection(self.meter.listening["tcp"], _ANSWER_SECONDS_MAX) as connection:
            yield connection

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        if not self._ready.wait(START_SECONDS_MAX):
            self.__exit__()
            raise TroubleError("the meter did not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.meter.stop()
        for thread in self._threads:
            thread.join()

    def _run(self) -> None:
        watcher = _Watcher(self.troubles)
        submeter.log.addHandler(watcher)
        try:
            self.meter.run()
        except SubmeterError as error:
            self.troubles.append(str(error))
        finally:
            submeter.log.removeHandler(watcher)
            self._ready.set()

    def _poll(self) -> None:
        """The widest read over RTU, one after the other; while the meter restarts there is nobody."""
        self._ready.wait()
        if self._link is None:
            return
        with ModbusSerialClient(str(self._link), timeout=1, retries=0) as client:
            while not self._over.is_set():
                with contextlib.suppress(ModbusException):
                    reply = client.read_input_registers(WIDEST[0], count=WIDEST[1], device_id=UNIT)
                    self.rtu_answers += not reply.isError()


class _Watcher(logging.Handler):
    def __init__(self, troubles: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._troubles = troubles

    def emit(self, record: logging.LogRecord) -> None:
        self._troubles.append(record.getMessage())


def asked(connection: socket.socket, request: Request) -> tuple[int, ...]:
    return reply_words(request, pdu(connection, encode_request(request)))


def pdu(connection: socket.socket, request: bytes) -> bytes:
    try:
        connection.sendall(tcp_frame(1, UNIT, request))
        head = _received(connection, _HEAD_BYTES)
        return _received(connection, int.from_bytes(head[4:], "big"))[1:]
    except OSError as error:
        raise NoAnswer(str(error)) from error


def _received(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count:
        part = connection.recv(count - len(found))
        if not part:
            raise NoAnswer("the meter hung up")
        found += part
    return found


def until(what: str, seconds: float, is_so: Callable[[], object]) -> None:
    """Looked at five times a second."""
    end = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > end:
            raise TroubleError(f"{what} did not come about within {seconds:g} s")
        time.sleep(0.2)
