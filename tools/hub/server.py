"""The hub as a process: a database address and a place to listen become a server that ends cleanly."""

import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from tools.hub.app import application
from tools.hub.database import HubDatabase, StoreFailing

log = logging.getLogger(__name__)

SQLITE = "sqlite:///"
# Requests at once: each may hold a batch unpacked (32 MB at worst, some 2 MB usually).
CONCURRENCY_MAX = 64
KEEP_ALIVE_S = 75  # longer than the pause between two batches, so that a gateway's connection is used again
STOP_S = 10  # a batch that is being written is answered before the process ends
_START_S = 10


WRONG_USE, FAILED = 2, 1  # exit statuses of the command


class HubMistake(Exception):
    """The hub cannot start as it was asked to; `status` is what the command ends with."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def open_database(db: str) -> HubDatabase:
    """`db` is sqlite:///path (sqlite:////path for an absolute one); HubMistake with a sentence if it cannot be used."""
    if db.startswith(("postgresql:", "postgres:")):
        raise HubMistake("this build stores in SQLite only; use --db sqlite:///hub.db", WRONG_USE)
    if not db.startswith(SQLITE) or not db.removeprefix(SQLITE):
        raise HubMistake(
            f"{db!r} is no address of a store; use --db sqlite:///hub.db, or sqlite:////var/lib/hub.db for an absolute path", WRONG_USE
        )
    try:
        return HubDatabase(Path(db.removeprefix(SQLITE)))
    except StoreFailing as failing:
        raise HubMistake(failing.sentence, FAILED) from failing


def listening(listen: str) -> socket.socket:
    """A socket that listens at HOST:PORT; HubMistake if that is not possible."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if not (host and port.isascii() and port.isdigit() and int(port) < 2**16):
        raise HubMistake(f"{listen!r} is no place to listen; use HOST:PORT, such as 127.0.0.1:8800 or [::]:8800", WRONG_USE)
    try:
        listener = socket.create_server((host, int(port)), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise HubMistake(
            f"cannot listen on {listen} ({error.strerror}); is another hub running there? Choose another port.", FAILED
        ) from error
    # asyncio sets this on sockets that it makes itself only; without it every answer waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run_hub(
    db: str, listen: str, *, public_read: bool = False, certificate: str = "", key: str = "", say: Callable[[str], None] = print
) -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    try:
        with listening(listen) as listener, closing(open_database(db)) as database:
            server = _server(application(database, now_ms, public_read=public_read), certificate, key)
            _stop_on_signals(server)
            say(f"The hub listens on {address(listener, encrypted=bool(certificate))} and stores in {database.path}")
            server.run(sockets=[listener])
    except HubMistake as mistake:
        say(str(mistake))
        return mistake.status
    return 0


def address(listener: socket.socket, *, encrypted: bool = False) -> str:
    host, port = listener.getsockname()[:2]
    return f"{'https' if encrypted else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


@contextmanager
def serving(app: ASGIApp, listen: str = "127.0.0.1:0", *, certificate: str = "", key: str = "") -> Iterator[str]:
    """The same server in a thread of this process, for the demo and for tests; yields its address."""
    with listening(listen) as listener:
        server = _server(app, certificate, key)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="hub", daemon=True)
        thread.start()
        try:
            yield address(listener, encrypted=bool(certificate))
        finally:
            server.should_exit = True
            thread.join(STOP_S + _START_S)


def _server(app: ASGIApp, certificate: str, key: str) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,  # whoever started us decides where logs go
        lifespan="off",
        limit_concurrency=CONCURRENCY_MAX,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
        ssl_certfile=certificate or None,
        ssl_keyfile=key or None,
    )
    try:
        config.load()
    except OSError as error:  # an unreadable file, or one that is no certificate
        raise HubMistake(f"the certificate {certificate} or its key {key} cannot be used ({error.strerror})", FAILED) from error
    return uvicorn.Server(config)


def _stop_on_signals(server: uvicorn.Server) -> None:
    """The server handles both while it runs and then raises them again for us: a stop that was asked for is no failure."""

    def stop(_signal: int, _frame: object) -> None:
        server.should_exit = True

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, stop)
