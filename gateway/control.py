"""The socket in the data folder through which other commands ask the running gateway; both ends of it.

One JSON object a line each way. Only the owner of the data folder may connect (the socket lies in it,
mode 0600). What can be asked is given as a table of functions.
"""

import json
import logging
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)

SOCKET = "control.sock"
# An import comes in pieces of this size: a hundred thousand rows are some 10 MB.
LINE_BYTES_MAX = 16 * 2**20
# What fits a socket address on every system; Linux has room for four more.
ADDRESS_BYTES_MAX = 103
OPEN_FOLDERS = Path("/proc/self/fd")
# Longer than a "read now" of thirty meters one after the other.
ANSWER_S_MAX = 600.0

Ask = Callable[[Mapping[str, Any]], dict[str, Any]]


def _owner(folder: Path) -> str:
    try:
        return folder.owner()
    except (OSError, KeyError):  # the folder may not be looked at, or nobody is called so
        return "another user"


class ControlError(Exception):
    """The running gateway did not do it; the sentence says why. A function that is asked may raise it too."""


@contextmanager
def _address(folder: Path) -> Iterator[str]:
    """A path that fits a socket address however deep the folder lies: through the open folder where the system shows those."""
    path = str(folder / SOCKET)
    if len(path.encode()) <= ADDRESS_BYTES_MAX:
        yield path
    elif not OPEN_FOLDERS.is_dir():
        yield os.path.relpath(path)
    else:
        opened = os.open(folder, os.O_RDONLY)
        try:
            yield str(OPEN_FOLDERS / str(opened) / SOCKET)
        finally:
            os.close(opened)


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        line = self.rfile.readline(LINE_BYTES_MAX + 1)
        server = self.server
        assert isinstance(server, _Server)
        self.wfile.write(json.dumps(server.answer(line)).encode() + b"\n")


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    asks: Mapping[str, Ask]

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        log.info("a command that asked went away before it was answered")

    def answer(self, line: bytes) -> dict[str, Any]:
        if len(line) > LINE_BYTES_MAX:
            return {"error": f"the request is longer than {LINE_BYTES_MAX} bytes"}
        try:
            request = json.loads(line)
            ask = self.asks[request["ask"]]
        except (ValueError, KeyError, TypeError):
            return {"error": f"the running gateway understands {', '.join(sorted(self.asks))}; is it of the same version?"}
        try:
            return {"answer": ask(request)}
        except ControlError as error:
            return {"error": str(error)}
        except Exception as error:  # the asker gets a sentence, the log the rest
            log.exception("the request %s failed", request["ask"])
            return {"error": f"the running gateway failed at {request['ask']} ({type(error).__name__}); its log says why"}


class ControlServer:
    def __init__(self, folder: Path, asks: Mapping[str, Ask]) -> None:
        path = folder / SOCKET
        path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            with _address(folder) as address:
                self._server = _Server(address, _Handler)
        finally:
            os.umask(before)
        self._server.asks = asks
        self._path = path
        self._thread = threading.Thread(target=self._server.serve_forever, name="control", kwargs={"poll_interval": 0.1}, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        with suppress(FileNotFoundError):
            self._path.unlink()


def ask(folder: Path, what: str, **request: Any) -> Any:
    """The running gateway's answer; ControlError if none runs there or it could not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_S_MAX)
        try:
            with _address(folder) as address:
                connection.connect(address)
            connection.sendall(json.dumps({"ask": what, **request}).encode() + b"\n")
            with connection.makefile("rb") as answer:
                reply = json.loads(answer.readline())
        except PermissionError as error:
            raise ControlError(f"the gateway that works in {folder} belongs to {_owner(folder)}: give the command as that user") from error
        except (OSError, ValueError) as error:
            raise ControlError(
                f"the gateway that works in {folder} does not answer ({error}); wait until it has started, or restart it"
            ) from error
    if "error" in reply:
        raise ControlError(str(reply["error"]))
    return reply["answer"]
