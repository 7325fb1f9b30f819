"""A bench's script of the network around a simulated submeter: lines of text, checked, for the simulated radio.

meter workshop "its password"       what the meter was told by `flash`; without this line it opens its access point
time-server 127.0.0.1:10123         asked for the time when the meter is online
0 network workshop "its password"   seconds of meter time since its start, and what is around it then
600 gone                            the access point vanishes ...
4200 back                           ... and comes back
5000 dhcp gone                      no addresses any more; 'dhcp back'
6000 signal -85                     in dBm
6500 button 3.5                     held for so many seconds
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.board.wishes import SubmeterError

_LINES_MAX = 1_000  # read into the simulated board's memory
_BYTES_MAX = 100_000
_SIGNAL_DBM = range(-120, 1)
Event = list[Any]  # second, name, value: as JSON takes it


@dataclass(frozen=True)
class NetworkScript:
    events: tuple[Event, ...]
    wifi: dict[str, str] = field(default_factory=dict)
    time_server: tuple[str, int] | None = None


def read(path: Path) -> NetworkScript:
    try:
        text = path.read_bytes()[: _BYTES_MAX + 1].decode()
    except (OSError, UnicodeDecodeError) as error:
        raise SubmeterError(f"the network script {path} cannot be read: {getattr(error, 'strerror', None) or error}.") from error
    lines = text.splitlines()
    if len(text) > _BYTES_MAX or len(lines) > _LINES_MAX:
        raise SubmeterError(f"{path} is no network script: it has more than {_LINES_MAX} lines or {_BYTES_MAX} bytes.")
    events: list[Event] = []
    settings: dict[str, Any] = {}
    for number, line in enumerate(lines, start=1):
        try:
            words = shlex.split(line, comments=True)
            if words and words[0] in _SETTINGS:
                settings |= _SETTINGS[words[0]](*words[1:])
            elif words:
                events += [[float(words[0]), *change] for change in _CHANGES[words[1]](*words[2:])]
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise SubmeterError(
                f"{path}, line {number} is not understood: {line.strip()!r}; `docs/reference/commands.md` has the form."
            ) from error
    return NetworkScript(tuple(sorted(events, key=lambda event: event[0])), **settings)


def _meter(name: str, password: str = "") -> dict[str, Any]:
    return {"wifi": {"ssid": name, "password": password}}


def _time_server(text: str) -> dict[str, Any]:
    host, _, port = text.rpartition(":")
    return {"time_server": (host, int(port))}


def _network(name: str, password: str = "") -> list[Event]:
    return [["name", name], ["password", password], ["there", True]]


def _signal(dbm: str) -> list[Event]:
    if int(dbm) not in _SIGNAL_DBM:
        raise ValueError(dbm)
    return [["signal", int(dbm)]]


_SETTINGS: dict[str, Callable[..., dict[str, Any]]] = {"meter": _meter, "time-server": _time_server}
_CHANGES: dict[str, Callable[..., list[Event]]] = {
    "network": _network,
    "gone": lambda: [["there", False]],
    "back": lambda: [["there", True]],
    "dhcp": lambda word: [["dhcp", {"gone": False, "back": True}[word]]],
    "signal": _signal,
    "button": lambda seconds: [["button", float(seconds)]],
}
