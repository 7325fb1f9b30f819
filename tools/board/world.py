"""What the simulated chip is wired to: opened once by `tools.board.start`, used by the modules in `built_in`.

Files are those the parent process handed down by number. Runs on MicroPython.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

speed = 1.0
pty: "BinaryIO | None" = None  # the near end of a pseudo-terminal, not blocking
flash: "BinaryIO | None" = None  # the partition's contents
blocks = 0  # none: the partitions that MicroPython comes with
watchdog: "BinaryIO | None" = None  # the parent counts what is written here
rtc_path = ""
cause = 1  # of the last reset, in the numbers of `machine`
fed: "Callable[[], object] | None" = None  # the bench wants to know of each meal of the watchdog
wires: "Any" = None  # what `tools.board.devices` has hung on the pins
script: "list[tuple[float, str, object]]" = []  # of the network and the button: seconds, what happens, with what; sorted
_done = [0]  # events of it
_around: "dict[str, object]" = {"name": "", "password": "", "there": False, "dhcp": True, "signal": -60}


def passed_us() -> int:
    """Of the meter's time; the bench puts its own in this place."""
    return 0


def reachable() -> bool:
    """Whether packets get through; the simulated radio puts its own in this place."""
    return True


def surroundings(now_ms: int) -> "dict[str, object]":
    """What a radio finds at that moment, as the script has it so far; moments are asked for in their order."""
    while _done[0] < len(script) and script[_done[0]][0] * 1000 <= now_ms:
        _, name, value = script[_done[0]]
        _done[0] += 1
        if name in _around:
            _around[name] = value
    return _around


def pressed(now_ms: int) -> bool:
    return any(name == "button" and at_s * 1000 <= now_ms < (at_s + float(str(value))) * 1000 for at_s, name, value in script)
