"""The server's side, with pymodbus as the client that does not know us."""

import pytest
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    ReadWriteMultipleRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from protocols.errors import MeterRefused
from protocols.pdu import BUSY, DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, READ_WRITE, Identify, reply_objects
from protocols.responder import FUNCTIONS, answer, read_write_registers

IDENTITY = (b"Shiftwatt", b"submeter", b"1.0", b"https://example.test")


class Bench:
    """Holding registers 10 to 19 that can be written, input registers 0 to 199; 15 cannot be set, 16 is busy."""

    def __init__(self) -> None:
        self.holding = {address: address for address in range(10, 20)}
        self.input = dict.fromkeys(range(200), 7)

    def read(self, function: int, address: int, count: int) -> list[int] | None:
        words = self.holding if function == 3 else self.input
        span = range(address, address + count)
        return [words[each] for each in span] if all(each in words for each in span) else None

    def write(self, address: int, words: tuple[int, ...]) -> int:
        span = range(address, address + len(words))
        if not all(each in self.holding for each in span):
            return ILLEGAL_ADDRESS
        if 15 in span:
            return DEVICE_FAILURE
        if 16 in span:
            raise MeterRefused(BUSY)
        self.holding.update(zip(span, words, strict=True))
        return 0


def told(request: ModbusPDU, bench: Bench) -> ModbusPDU:
    """What pymodbus reads out of our answer to its own request."""
    reply = answer(bytes((request.function_code,)) + request.encode(), bench, IDENTITY)
    decoded = DecodePDU(is_server=False).decode(reply)
    assert decoded is not None
    return decoded


@pytest.mark.parametrize(
    ("request_", "registers"),
    [
        (ReadHoldingRegistersRequest(address=10, count=3), [10, 11, 12]),
        (ReadInputRegistersRequest(address=75, count=125), [7] * 125),
    ],
)
def test_a_foreign_client_reads(request_: ModbusPDU, registers: list[int]) -> None:
    """pymodbus gets the words it asked for, up to the standard's 125."""
    assert told(request_, Bench()).registers == registers


@pytest.mark.parametrize(
    ("request_", "written"),
    [
        (WriteSingleRegisterRequest(address=11, registers=[0xBEEF]), {11: 0xBEEF}),
        (WriteMultipleRegistersRequest(address=12, registers=[1, 2, 3]), {12: 1, 13: 2, 14: 3}),
    ],
)
def test_a_foreign_client_writes(request_: ModbusPDU, written: dict[int, int]) -> None:
    """pymodbus writes one register or several and takes our confirmation."""
    bench = Bench()

    assert not told(request_, bench).isError()
    assert bench.holding == {**Bench().holding, **written}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ReadHoldingRegistersRequest(address=9, count=1), ILLEGAL_ADDRESS),
        (ReadHoldingRegistersRequest(address=18, count=3), ILLEGAL_ADDRESS),
        (WriteSingleRegisterRequest(address=20, registers=[1]), ILLEGAL_ADDRESS),
        (WriteMultipleRegistersRequest(address=14, registers=[1, 2]), DEVICE_FAILURE),
        (WriteSingleRegisterRequest(address=16, registers=[1]), BUSY),
        (ReadWriteMultipleRegistersRequest(read_address=10, read_count=1, write_address=10, write_registers=[1]), ILLEGAL_FUNCTION),
    ],
)
def test_a_foreign_client_is_refused(request_: ModbusPDU, code: int) -> None:
    """The whole span is checked, and the refusal carries the standard's code."""
    assert told(request_, Bench()).exception_code == code


@pytest.mark.parametrize(
    ("pdu", "code"),
    [
        ("", ILLEGAL_FUNCTION),
        ("63", ILLEGAL_FUNCTION),
        ("63 00 00 00 00", ILLEGAL_FUNCTION),
        ("03", ILLEGAL_VALUE),
        ("03 00 0A 00 00", ILLEGAL_VALUE),
        ("03 FF FF 00 00", ILLEGAL_VALUE),
        ("03 00 0A 00 7E", ILLEGAL_VALUE),
        ("03 00 0A 00 01 00", ILLEGAL_VALUE),
        ("04 FF FF 00 02", ILLEGAL_ADDRESS),
        ("06 00 0A 00", ILLEGAL_VALUE),
        ("10 00 0A 00 01 02 00", ILLEGAL_VALUE),
        ("10 00 0A 00 01 04 00 00", ILLEGAL_VALUE),
        ("10 00 0A 00 02 02 00 00", ILLEGAL_VALUE),
        ("10 00 0A 00 00 00", ILLEGAL_VALUE),
        ("10 00 0A 00", ILLEGAL_VALUE),
        ("10 FF FF 00 02 04 00 00 00 00", ILLEGAL_ADDRESS),
        ("2B 0E 05 00", ILLEGAL_VALUE),
        ("2B 0D 01 00", ILLEGAL_FUNCTION),
        ("2B 0E 04 09", ILLEGAL_ADDRESS),
    ],
)
def test_checks_follow_the_order_of_the_standard(pdu: str, code: int) -> None:
    """Function before count, count before address, and nothing is executed."""
    bench = Bench()
    request = bytes.fromhex(pdu)

    assert answer(request, bench, IDENTITY) == bytes((0x80 | (request[0] if request else 0), code))
    assert bench.holding == Bench().holding


class Everything(Bench):
    def read(self, function: int, address: int, count: int) -> list[int] | None:
        return [0] * count

    def write(self, address: int, words: tuple[int, ...]) -> int:
        return 0


@pytest.mark.parametrize("pdu", ["03 FF FF 00 02", "10 FF FF 00 02 04 00 00 00 00"])
def test_a_span_never_leaves_the_map(pdu: str) -> None:
    """Registers that map every address are not asked for what lies behind the last."""
    request = bytes.fromhex(pdu)

    assert answer(request, Everything()) == bytes((0x80 | request[0], ILLEGAL_ADDRESS))


def test_a_foreign_client_identifies() -> None:
    """pymodbus reads the basic objects; without an identity the function is refused."""
    objects = told(ReadDeviceInformationRequest(read_code=1), Bench()).information  # type: ignore[attr-defined]

    assert objects == {0: b"Shiftwatt", 1: b"submeter", 2: b"1.0"}
    assert answer(bytes.fromhex("2B 0E 01 00"), Bench()) == bytes.fromhex("AB 01")


def test_identification_goes_on_where_it_stopped() -> None:
    """Objects that do not fit one reply are announced and fetched from there; one alone can be asked for."""
    long = (b"a" * 120, b"b" * 120, b"c" * 120, b"d")
    first = answer(bytes.fromhex("2B 0E 02 00"), Bench(), long)
    second = answer(bytes((0x2B, 0x0E, 2, first[5])), Bench(), long)

    assert (first[4], first[5]) == (0xFF, 2)
    assert (second[4], second[5]) == (0, 0)
    assert reply_objects(Identify(2, 0), first) | reply_objects(Identify(2, 2), second) == dict(enumerate(long))
    assert reply_objects(Identify(4, 3), answer(bytes.fromhex("2B 0E 04 03"), Bench(), long)) == {3: b"d"}


WITH_EXCHANGE = {**FUNCTIONS, READ_WRITE: read_write_registers}


def exchanged(bench: Bench, read: int, count: int, write: int, *words: int) -> bytes:
    request = ReadWriteMultipleRegistersRequest(read_address=read, read_count=count, write_address=write, write_registers=list(words))
    return answer(b"\x17" + request.encode(), bench, functions=WITH_EXCHANGE)


def test_an_exchange_writes_before_it_reads() -> None:
    """Function 23, where a server has it, gives back what it has just written."""
    bench = Bench()

    assert exchanged(bench, 11, 2, 11, 77, 78) == bytes.fromhex("17 04 00 4D 00 4E")


@pytest.mark.parametrize(
    ("read", "count", "write", "code"),
    [
        (9, 1, 11, ILLEGAL_ADDRESS),
        (19, 2, 11, ILLEGAL_ADDRESS),
        (11, 1, 20, ILLEGAL_ADDRESS),
        (11, 1, 15, DEVICE_FAILURE),
        (11, 1, 16, BUSY),
    ],
)
def test_an_exchange_with_one_bad_span_changes_nothing(read: int, count: int, write: int, code: int) -> None:
    """What cannot be read is not written either."""
    bench = Bench()

    assert exchanged(bench, read, count, write, 77) == bytes((0x97, code))
    assert bench.holding == Bench().holding


class Packed(Bench):
    def read(self, function: int, address: int, count: int) -> bytes | None:  # type: ignore[override]
        return b"\x12\x34" * count


def test_registers_may_be_packed_already() -> None:
    """A board gives bytes, without a list of words in between."""
    assert answer(bytes.fromhex("03 00 0A 00 02"), Packed()) == bytes.fromhex("03 04 12 34 12 34")
