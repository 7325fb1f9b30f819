"""What a person wishes of a simulated submeter, checked, and the board's configuration that follows from it."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The meter's own from its label; a bench has one for all.
KEY = 12_345_678
RATE_HZ_MIN, RATE_HZ_MAX = 500, 16_000  # ten samples a cycle; what the firmware's sums hold of 40 cycles
_WAVEFORMS = ((230_000, 5_000, 2_500, 0), (231_000, 4_200, 1_800, 5), (229_000, 6_100, 3_100, 0))


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
    seconds: float = 0
    speed: float = 1


def configuration(wishes: Wishes, listening: dict[str, tuple[str, int]], bench: dict[str, Any]) -> dict[str, Any]:
    line = {"unit_address": wishes.address, "baud": wishes.baud}
    document: dict[str, Any] = {
        "serial_number": "SIM-1",
        "hardware": "simulated",
        "name": "",
        "key": KEY,
        "line": {"unit_address": 1, "baud": 9600, "parity": 1, "stop_bits": 1},
        "fixed": {name: value for name, value in line.items() if value is not None},
        "uart": {"id": 1, "tx": 17, "rx": 16},
        "front_end": {"kind": "test_signal", "frequency_mhz": 50_000, "waveforms": _WAVEFORMS},
        "bench": bench,
    }
    document |= listening
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
    if not RATE_HZ_MIN <= recording.rate_hz <= RATE_HZ_MAX:
        raise SubmeterError(f"--rate {recording.rate_hz} cannot be used; {RATE_HZ_MIN} to {RATE_HZ_MAX} Hz are possible.")
    try:
        size = recording.path.stat().st_size
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
        raise SubmeterError(f"port {wished[1]} of {wished[0]} cannot be used: {error.strerror}; name another one.") from error
