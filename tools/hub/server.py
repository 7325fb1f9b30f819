"""The hub as a process: a database address and a place to listen become a server that ends cleanly."""

import logging
import os
import resource
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
from tools.hub.database import AWAY_RETRY_S, HubDatabase, StoreFailing
from tools.hub.quota import Quota
from tools.hub.sqlite_database import SqliteDatabase

log = logging.getLogger(__name__)

SQLITE = "sqlite:///"
POSTGRESQL = ("postgresql://", "postgres://")
# Connections at once: a thousand gateways keep theirs open between two batches; an open one costs some kilobytes.
CONNECTIONS_MAX = 10_000
KEEP_ALIVE_S = 75  # longer than the pause between two batches, so that a gateway's connection is used again
DATABASE_S_MAX = 60.0  # a server that recovers from a power cut takes some seconds; after that a person has to look
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
    """`db` is sqlite:///path (sqlite:////path for an absolute one) or postgresql://...; HubMistake with a sentence if it cannot be used."""
    try:
        if db.startswith(POSTGRESQL):
            return _postgresql(db)
        if db.startswith(SQLITE) and db.removeprefix(SQLITE):
            return SqliteDatabase(Path(db.removeprefix(SQLITE)))
    except StoreFailing as failing:
        raise HubMistake(failing.sentence, FAILED) from None
    # What was given is not repeated: it may hold a password.
    raise HubMistake(
        "--db is no address of a store; use sqlite:///hub.db (sqlite:////var/lib/hub.db for an absolute path) or postgresql://USER@HOST/DATABASE",
        WRONG_USE,
    )


def _awaited(db: str, say: Callable[[str], None]) -> HubDatabase:
    """A hub that starts together with its database server waits for it, and says so once."""
    until = time.monotonic() + DATABASE_S_MAX
    said = False
    while True:
        try:
            return open_database(db)
        except HubMistake as mistake:
            if mistake.status == WRONG_USE or not db.startswith(POSTGRESQL) or time.monotonic() > until:
                raise
            if not said:
                say(f"{mistake} The hub waits up to {DATABASE_S_MAX:.0f} s for it.")
            said = True
            time.sleep(AWAY_RETRY_S)


def _postgresql(db: str) -> HubDatabase:
    """Its library is an optional part: most hubs need no database server."""
    try:
        from psycopg import ProgrammingError, conninfo  # noqa: PLC0415 - optional

        from tools.hub.postgresql_database import PostgresqlDatabase  # noqa: PLC0415 - optional
    except ImportError:
        raise HubMistake("PostgreSQL needs one more part: pip install 'shiftwatt[postgresql]'", WRONG_USE) from None
    try:
        conninfo.conninfo_to_dict(db)
    except ProgrammingError:
        raise HubMistake("--db is no address that PostgreSQL understands; use postgresql://USER@HOST/DATABASE", WRONG_USE) from None
    return PostgresqlDatabase(db)


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
            f"cannot listen on {listen} ({_reason(error)}); is another program listening there? Choose another port.", FAILED
        ) from error
    # asyncio sets this on sockets that it makes itself only; without it every answer waits 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _reason(error: OSError) -> str:
    """The system's words without what Python adds to them."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)


def run_hub(
    db: str,
    listen: str,
    *,
    public_read: bool = False,
    certificate: str = "",
    key: str = "",
    quota: Quota | None = None,
    say: Callable[[str], None] = print,
) -> int:
    """Serve until SIGTERM or SIGINT; the exit status."""
    _allow_connections()
    try:
        with listening(listen) as listener, closing(_awaited(db, say)) as database:
            server = _server(application(database, now_ms, public_read=public_read, quota=quota), certificate, key)
            _stop_on_signals(server)
            say(f"The hub listens on {address(listener, encrypted=bool(certificate))} and stores in {database.name}")
            server.run(sockets=[listener])
    except HubMistake as mistake:
        say(str(mistake))
        return mistake.status
    return 0


def _allow_connections() -> None:
    """Each connection is an open file, and a shell often allows a thousand only; as many as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS_MAX + 200
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


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
        limit_concurrency=CONNECTIONS_MAX,
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
