"""What the factory's tests share: a station whose registers tell where they stand, and a loop over the wire's events."""

from collections.abc import Sequence
from random import Random

from protocols import responder
from protocols.frame import rtu_frame
from protocols.pdu import ReadRequest, encode_request
from tools.factory.faults import Fault
from tools.factory.serial_settings import LineSettings
from tools.factory.station import Station
from tools.factory.wire import Line

TURNAROUND_US = 5_000
PLAIN = LineSettings()


class Ladder:
    """Register n holds n."""

    def read(self, function: int, address: int, length: int) -> list[int]:
        return [(address + index) & 0xFFFF for index in range(length)]

    def write(self, address: int, words: tuple[int, ...]) -> int:
        return 0


def ladder(pdu: bytes, now_us: int) -> bytes:
    return responder.answer(pdu, Ladder())


def station(address: int, *faults: Fault, settings: LineSettings | None = None, checks_parity: bool = True, quiet_us: int = 0) -> Station:
    return Station(
        f"meter-{address}",
        address,
        ladder,
        settings=settings,
        turnaround_us=(TURNAROUND_US, TURNAROUND_US),
        quiet_us=quiet_us,
        faults=faults,
        checks_parity=checks_parity,
    )


def line(stations: Sequence[Station], settings: LineSettings = PLAIN, faults: Sequence[Fault] = (), seed: int = 7) -> Line:
    return Line(stations, settings, faults, random=Random(seed))


def request(address: int, first: int = 0, count: int = 10) -> bytes:
    return rtu_frame(address, encode_request(ReadRequest(4, first, count)))


def reply(address: int, first: int = 0, count: int = 10) -> bytes:
    return rtu_frame(address, ladder(encode_request(ReadRequest(4, first, count)), 0))


def run_until(wire: Line, until_us: int) -> list[tuple[int, bytes]]:
    """Advance event by event, as a shell does."""
    heard: list[tuple[int, bytes]] = []
    while (due_us := wire.next_event_us()) is not None and due_us <= until_us:
        heard += wire.advance(due_us)
    return heard + wire.advance(until_us)


def bytes_of(heard: list[tuple[int, bytes]]) -> bytes:
    return b"".join(data for _, data in heard)
