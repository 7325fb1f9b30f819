"""What a scan tells while it works and at its end, its form in JSON, and whether two finds are one meter. Nothing is asked here."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from gateway.acquire.wire import Settings

SHARED, ECHO, GARBLED = "two_meters_one_address", "echo", "garbled"
WRONG_PARITY, SILENT = "wrong_parity", "expected_but_silent"


# What a big meter may count between two readings of one scan: 1 MW for a minute. Two meters are rarely so near.
GROWTH_KWH = 17


class Expected(NamedTuple):
    """A meter of the site file on this line."""

    name: str
    address: int | str
    model: str


@dataclass(frozen=True)
class Found:
    """`model` and `confidence` are None for a meter that no file describes; values as they leave the house."""

    address: int | str
    settings: Settings
    model: str | None
    evidence: str
    confidence: str | None
    values: Mapping[str, str]

    def document(self) -> dict[str, Any]:
        serial = bool(self.settings.baud)
        return {
            "address": self.address,
            "baud": self.settings.baud if serial else None,
            "parity": self.settings.parity if serial else None,
            "stop_bits": self.settings.stop_bits if serial else None,
            "model": self.model,
            "evidence": self.evidence,
            "confidence": self.confidence,
            "values": dict(self.values),
        }


def is_heard_again(known: Found, found: Found) -> bool:
    """Whether one meter was found at two baud rates, as on a pseudo-terminal that takes any.

    Two meters may share an address at different rates; they do not share model and counters.
    """
    if found.model is None or (known.address, known.model) != (found.address, found.model) or known.settings.baud == found.settings.baud:
        return False
    energies = [name for name in found.values if "energy" in name and name in known.values]
    shared = [(Decimal(known.values[name]), Decimal(found.values[name])) for name in energies]
    return bool(shared) and all(0 <= after - before <= GROWTH_KWH for before, after in shared) and any(before for before, _ in shared)


class Trouble(NamedTuple):
    """`address` None is the line as a whole; `evidence` is a sentence."""

    kind: str
    address: int | str | None
    evidence: str


class Searched(NamedTuple):
    """How many addresses were asked at one setting."""

    settings: Settings
    addresses: int


@dataclass(frozen=True)
class Progress:
    share: float  # 0 to 1, by what was asked or by time, whichever is further
    sentence: str
    found: tuple[Found, ...]


@dataclass(frozen=True)
class ScanResult:
    port: str
    seconds: float
    found: tuple[Found, ...]
    trouble: tuple[Trouble, ...]
    searched: tuple[Searched, ...]

    def document(self) -> dict[str, Any]:
        """The contract's `scan --json`; `searched` says where nobody was looked for."""
        return {
            "port": self.port,
            "seconds": round(self.seconds, 1),
            "found": [each.document() for each in self.found],
            "trouble": [each._asdict() for each in self.trouble],
            "searched": [
                {
                    "baud": each.settings.baud,
                    "parity": each.settings.parity,
                    "stop_bits": each.settings.stop_bits,
                    "addresses": each.addresses,
                }
                for each in self.searched
                if each.settings.baud
            ],
        }
