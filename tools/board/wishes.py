"""What a person wishes of a simulated submeter, checked, and the board's configuration that follows from it."""

import socket
from dataclasses import dataclass, field
from os import SEEK_END
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.flashing.provision import TEST_SIGNAL

if TYPE_CHECKING:
    from tools.board.network_script import NetworkScript

# The meter's own from its label; a bench has one for all.
KEY = 12_345_678
_BUTTON_PIN = 0
RATE_HZ_MIN, RATE_HZ_MAX = 500, 16_000  # ten samples a cycle; what the firmware's sums hold of 40 cycles
_GAINS = [20_000_000, 500_000] * 2  # 20 mV and 0.5 mA in a count
# As the configuration of a board names the pins.
FRONT_ENDS: dict[str, dict[str, Any]] = {
    "test_signal": TEST_SIGNAL,
    "atm90e32": {
        "id": 1, "sck": 18, "mosi": 23, "miso": 19, "cs": 5, "line_hz": 50, "amplification": 1,
        "voltage_gains": [0x8000] * 3, "current_gains": [0x8000] * 3,
    },
    "pzem004t": {"id": 2, "tx": 25, "rx": 26},
    "i2s_adc": {"converters": [[26, 25, 33], [27, 14, 12]], "gains": _GAINS},
    "onchip_adc": {"pins": [32, 33], "gains": _GAINS[:2]},
    "pulse_input": {"pin": 4, "pulses_per_kwh": 1_000},
}  # fmt: skip


class SubmeterError(Exception):
    """The sentence says what to do."""


@dataclass(frozen=True)
class Recording:
    path: Path
    rate_hz: int
    phases: int
    full_scale_mv: int
    full_scale_ma: int


@dataclass(frozen=True)
class Wishes:
    """`address` and `baud` hold for this run, whatever was set on the meter; None leaves them to the meter."""

    link: Path | None = None
    tcp: tuple[str, int] | None = None
    page: tuple[str, int] | None = None
    address: int | None = None
    baud: int | None = None
    flash: Path | None = None
    recording: Recording | None = None
    front_end: str = "test_signal"
    device: dict[str, Any] = field(default_factory=dict)  # what the simulated chip or module shall do wrong
    seconds: float = 0
    speed: float = 1
    network: "NetworkScript | None" = None
    board: Path | None = None
    update_key: str = ""
    piece_bytes: int = 0  # no larger piece of memory can be had after the start; 0: as it comes
    log: Path | None = None  # what the firmware said goes there, should it end by itself


def configuration(wishes: Wishes, listening: dict[str, tuple[str, int]], bench: dict[str, Any]) -> dict[str, Any]:
    line = {"unit_address": wishes.address, "baud": wishes.baud}
    document: dict[str, Any] = {
        "serial_number": f"SIM-{wishes.address or 1}",  # on one line no two have the same
        "hardware": "simulated",
        "name": "",
        "key": KEY,
        "update_key": wishes.update_key,
        "line": {"unit_address": 1, "baud": 9600, "parity": 1, "stop_bits": 1},
        "fixed": {name: value for name, value in line.items() if value is not None},
        "uart": {"id": 1, "tx": 17, "rx": 16},
        "front_end": {"kind": wishes.front_end, **FRONT_ENDS[wishes.front_end], **wishes.device.get("wiring", {})},
        "bench": bench,
    }
    document |= listening
    if wishes.network is not None:
        document |= {"wifi": wishes.network.wifi, "button": _BUTTON_PIN}
        document |= {"time_server": wishes.network.time_server} if wishes.network.time_server else {}
        bench["script"] = wishes.network.events
    if wishes.front_end != "test_signal":
        bench["devices"] = (wishes.front_end, wishes.device)
    recording = wishes.recording
    if recording:
        bench |= {
            "samples": str(recording.path.resolve()),
            "rate_hz": recording.rate_hz,
            "phases": recording.phases,
            "full_scale_mv": recording.full_scale_mv,
            "full_scale_ma": recording.full_scale_ma,
        }
        document["bench"] = bench
    return document


def check(wishes: Wishes) -> None:
    recording = wishes.recording
    if recording is None:
        return
    try:
        with recording.path.open("rb") as file:
            size = file.seek(0, SEEK_END)
    except OSError as error:
        raise SubmeterError(f"the samples {recording.path} cannot be read: {error.strerror}.") from error
    frame = 4 * recording.phases
    if size == 0 or size % frame:
        raise SubmeterError(
            f"{recording.path} has {size} bytes, which is no whole number of frames of {frame}; "
            f"{recording.phases} phases take V and I as two bytes each. Check --phases and the file."
        )


def bound(wished: tuple[str, int]) -> tuple[str, int]:
    """The address, with the port the system gives for port 0."""
    try:
        with socket.create_server(wished) as trial:
            return wished[0], trial.getsockname()[1]
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # Python adds the address, which stands here already
        raise SubmeterError(f"port {wished[1]} of {wished[0]} cannot be used: {reason}; name another one.") from error
