"""The socket through which commands ask the running gateway: both ends, over a real one."""

import logging
import os
import socket
import stat
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.control import LINE_BYTES_MAX, SOCKET, ControlError, ControlServer, ask


def echo(request: Mapping[str, Any]) -> dict[str, Any]:
    return {"heard": {key: value for key, value in request.items() if key != "ask"}}


def fail(_request: Mapping[str, Any]) -> dict[str, Any]:
    raise RuntimeError("the secret inside")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    server = ControlServer(tmp_path, {"echo": echo, "fail": fail})
    server.start()
    yield tmp_path
    server.stop()


def test_an_answer_comes_back(folder: Path) -> None:
    """JSON both ways."""
    assert ask(folder, "echo", meter="main", rows=[[1, None, "x"]]) == {"heard": {"meter": "main", "rows": [[1, None, "x"]]}}


def test_a_large_request_goes_through(folder: Path) -> None:
    """A piece of an import is some megabytes."""
    rows = ["x" * 100] * 20_000

    assert ask(folder, "echo", rows=rows) == {"heard": {"rows": rows}}


def test_what_is_not_known_is_refused_with_what_is(folder: Path) -> None:
    """Another version of the command, perhaps."""
    with pytest.raises(ControlError, match=r"understands echo, fail; is it of the same version"):
        ask(folder, "dance")


def test_a_fault_is_a_sentence_to_the_asker_and_a_trace_in_the_log(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing of the inside reaches the person."""
    with caplog.at_level(logging.ERROR), pytest.raises(ControlError) as raised:
        ask(folder, "fail")

    assert str(raised.value) == "the running gateway failed at fail (RuntimeError); its log says why"
    assert "the secret inside" in caplog.text


@pytest.mark.parametrize("line", [b"no json\n", b"[1]\n", b'{"rows": 1}\n', b'{"ask": ["echo"]}\n', b"\n", b"\xff\xfe\n"])
def test_nonsense_is_answered_too(folder: Path, line: bytes) -> None:
    """Whoever connects gets one line back."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(folder / SOCKET))
        connection.sendall(line)

        assert b'"error": "the running gateway understands' in connection.makefile("rb").readline()


def test_a_request_without_end_is_refused(folder: Path) -> None:
    """A limit on what is kept in memory."""
    with pytest.raises(ControlError, match=r"longer than|does not answer"):
        ask(folder, "echo", rows="x" * LINE_BYTES_MAX)


def test_an_asker_who_goes_away_leaves_no_trace_on_the_terminal(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The next one is served."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(folder / SOCKET))
        connection.sendall(b'{"ask": "echo"}\n')
    answered = ask(folder, "echo")

    assert answered == {"heard": {}}
    assert capfd.readouterr().err == ""


def test_several_are_served_at_once(tmp_path: Path) -> None:
    """A long "read now" does not hold up a count."""
    release = threading.Event()

    def wait(_request: Mapping[str, Any]) -> dict[str, Any]:
        return {"released": release.wait(10)}

    server = ControlServer(tmp_path, {"wait": wait, "echo": echo})
    server.start()
    try:
        answers: list[Any] = []
        slow = threading.Thread(target=lambda: answers.append(ask(tmp_path, "wait")))
        slow.start()
        quick = ask(tmp_path, "echo")
        release.set()
        slow.join()
    finally:
        server.stop()

    assert (quick, answers) == ({"heard": {}}, [{"released": True}])


def test_only_the_owner_may_ask(folder: Path) -> None:
    """Mode 0600, and the process's own mask as it was."""
    mask = os.umask(0o022)
    os.umask(mask)

    assert stat.S_IMODE((folder / SOCKET).stat().st_mode) == 0o600
    assert mask != 0o177


def test_where_no_gateway_runs_the_sentence_says_so(tmp_path: Path) -> None:
    """No socket, or one that a killed gateway left behind."""
    with pytest.raises(ControlError, match=r"does not answer .*; wait until it has started, or restart it"):
        ask(tmp_path, "echo")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET))
    with pytest.raises(ControlError, match="does not answer"):
        ask(tmp_path, "echo")


def test_a_socket_that_was_left_behind_is_replaced(tmp_path: Path) -> None:
    """After a power cut the gateway starts."""
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / SOCKET))
    server = ControlServer(tmp_path, {"echo": echo})
    server.start()
    try:
        assert ask(tmp_path, "echo") == {"heard": {}}
    finally:
        server.stop()

    assert not (tmp_path / SOCKET).exists()


def test_a_folder_may_lie_deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket address holds about a hundred bytes; a path may be longer, from wherever one asks."""
    monkeypatch.chdir("/")
    folder = tmp_path.joinpath(*["a-rather-long-name-of-a-folder"] * 6)
    folder.mkdir(parents=True)
    server = ControlServer(folder, {"echo": echo})
    server.start()
    try:
        assert ask(folder, "echo", far=1) == {"heard": {"far": 1}}
    finally:
        server.stop()

    assert not (folder / SOCKET).exists()


def test_another_user_s_gateway_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not connect hears whose gateway it is, not that it should be restarted."""

    class Forbidden(socket.socket):
        def connect(self, _address: object) -> None:
            raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gateway.control.socket.socket", Forbidden)

    with pytest.raises(ControlError, match=f"belongs to {tmp_path.owner()}: give the command as that user"):
        ask(tmp_path, "read")
