"""What one meter is given on its way to its place: the configuration that lies on the board, checked."""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.flashing.chips import Chip
from tools.flashing.compiled import FlashError

NAME_BYTES_MAX = 32  # of its register
KEY_MAX = 2**32 - 2  # of its register; the highest number says "no value"
KEY_LEAST = 10_000_000  # eight digits: a person types it from the label
BAUDS = (1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200)
PARITIES = ("none", "even", "odd")  # as the register's codes
SSID_BYTES_MAX = 32
PASSWORD_MIN, PASSWORD_MAX = 8, 63  # what WPA takes
UPDATE_KEY_BYTES = 32  # a public key of Ed25519
SERIAL_BYTES = 4
MODBUS_TCP_PORT, PAGE_PORT = 502, 80
# Three phases of a small workshop: what a bare board shows until a front end is wired.
WAVEFORMS = ((230_000, 5_000, 2_500, 0), (231_000, 4_200, 1_800, 5), (229_000, 6_100, 3_100, 0))
TEST_SIGNAL: dict[str, Any] = {"kind": "test_signal", "frequency_mhz": 50_000, "waveforms": WAVEFORMS}


# What each kind must be told of its wiring; more than that it may be told.
FRONT_ENDS: dict[str, tuple[str, ...]] = {
    "test_signal": ("frequency_mhz", "waveforms"),
    "atm90e32": ("id", "sck", "mosi", "miso", "cs", "line_hz", "amplification", "voltage_gains", "current_gains"),
    "pzem004t": ("id", "tx", "rx"),
    "i2s_adc": ("converters", "gains"),
    "onchip_adc": ("pins", "gains"),
    "pulse_input": ("pin",),
}


class ProvisionError(FlashError):
    """Nobody could make a meter of what was asked for."""


@dataclass(frozen=True)
class Line:
    unit_address: int
    baud: int
    parity: str
    stop_bits: int


@dataclass(frozen=True)
class Network:
    ssid: str
    password: str


@dataclass(frozen=True)
class Provision:
    """`front_end` None: the test signal; `update_key` is the public key, in hexadecimal, that signs the meter's firmware.

    `access_point`: without a network it opens its own, to be told which to join.
    """

    name: str
    key: int
    serial_number: str
    line: Line
    network: Network | None = None
    front_end: dict[str, Any] | None = None
    update_key: str = ""
    access_point: bool = False


def random_key() -> int:
    """Eight digits, none of them a leading 0."""
    return KEY_LEAST + secrets.randbelow(9 * KEY_LEAST)


def random_serial_number() -> str:
    return "SW-" + secrets.token_hex(SERIAL_BYTES).upper()


def configuration(chip: Chip, wanted: Provision) -> dict[str, Any]:
    _check(wanted)
    line = wanted.line
    document: dict[str, Any] = {
        "serial_number": wanted.serial_number,
        "hardware": chip.name,
        "name": wanted.name,
        "key": wanted.key,
        "line": {
            "unit_address": line.unit_address,
            "baud": line.baud,
            "parity": PARITIES.index(line.parity),
            "stop_bits": line.stop_bits,
        },
        "uart": {"id": 1, "tx": chip.transmit, "rx": chip.receive},
        "front_end": wanted.front_end or TEST_SIGNAL,
    }
    if wanted.network is not None:
        document["wifi"] = {"ssid": wanted.network.ssid, "password": wanted.network.password}
        document["tcp"] = ["0.0.0.0", MODBUS_TCP_PORT]  # noqa: S104 - the meter's own network, and there is nothing else on it
        document["page"] = ["0.0.0.0", PAGE_PORT]  # noqa: S104 - likewise
    elif wanted.access_point:
        document["wifi"] = {}
    if wanted.update_key:
        document["update_key"] = wanted.update_key.lower()
    return document


def front_end_of(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FlashError(f"the front end's file {path} cannot be read: {reason}.") from error
    if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
        raise FlashError(f'{path} is no front end: it takes {{"kind": "i2s_adc", ...}} with what that kind is wired to.')
    needed = FRONT_ENDS.get(document["kind"])
    if needed is None:
        raise FlashError(f"{path}: there is no front end {document['kind']!r}; {', '.join(FRONT_ENDS)} are there.")
    missing = [name for name in needed if name not in document]
    if missing:
        raise FlashError(f"{path}: a front end {document['kind']} also needs {', '.join(missing)}.")
    return document


def password_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise FlashError(f"the network's password cannot be read from {path}: {getattr(error, 'strerror', None) or error}.") from error


def _check(wanted: Provision) -> None:
    line, network = wanted.line, wanted.network
    checks: tuple[tuple[bool, str], ...] = (
        (
            wanted.name.isascii() and wanted.name.isprintable(),
            f"the name {wanted.name!r} has letters that the meter cannot keep: only ASCII",
        ),
        (len(wanted.name) <= NAME_BYTES_MAX, f"the name {wanted.name!r} is longer than {NAME_BYTES_MAX} letters"),
        (0 <= wanted.key <= KEY_MAX, f"the key {wanted.key} is not between 0 and {KEY_MAX}"),
        (1 <= line.unit_address <= 247, f"the unit address {line.unit_address} is not between 1 and 247"),
        (line.baud in BAUDS, f"{line.baud} baud is not one of {', '.join(map(str, BAUDS))}"),
        (line.parity in PARITIES, f"the parity {line.parity!r} is not one of {', '.join(PARITIES)}"),
        (line.stop_bits in (1, 2), f"{line.stop_bits} stop bits are neither 1 nor 2"),
        (_is_key(wanted.update_key), f"the update key is not {2 * UPDATE_KEY_BYTES} hexadecimal digits"),
    )
    if network is not None:
        checks += (
            (1 <= len(network.ssid.encode()) <= SSID_BYTES_MAX, f"the network's name {network.ssid!r} takes 1 to {SSID_BYTES_MAX} bytes"),
            (
                network.password == "" or PASSWORD_MIN <= len(network.password.encode()) <= PASSWORD_MAX,
                f"the network's password takes {PASSWORD_MIN} to {PASSWORD_MAX} bytes",
            ),
        )
    wrong = [sentence for good, sentence in checks if not good]
    if wrong:
        raise ProvisionError("; ".join(wrong) + ".")


def _is_key(text: str) -> bool:
    return not text or (len(text) == 2 * UPDATE_KEY_BYTES and all(digit in "0123456789abcdef" for digit in text.lower()))
