"""Conformance of the server: each function's limits, the order of the checks, broadcasts, the lock, the latch."""

import struct

import pytest
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.diag_message import ReturnBusMessageCountRequest, ReturnQueryDataRequest
from pymodbus.pdu.mei_message import ReadDeviceInformationRequest
from pymodbus.pdu.other_message import ReportDeviceIdRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    ReadWriteMultipleRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)
from pytest_mock import MockerFixture

from firmware.diagnostics import BUS_ERRORS, BUS_MESSAGES, EXCEPTIONS, LOST, NO_RESPONSE, SERVER_MESSAGES
from firmware.key_lock import KEY_TRY_MS, OPEN_S_MAX
from firmware.tests.modbus_bench import CLOCK_MS, IDENTITY, KEY, UNIT, Bench
from protocols.frame import RtuFrame, TcpFrame, checked
from protocols.pdu import BUSY, DEVICE_FAILURE, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE

LATCH, CLOCK, KEY_AT, NAME, UNIT_AT, SELECT, WINDOW, PIECE = 1092, 400, 450, 500, 516, 2005, 2007, 3030


@pytest.fixture
def bench() -> Bench:
    return Bench()


def told(bench: Bench, pdu: str | bytes) -> bytes:
    """The reply PDU; that it is a whole frame from the right address is checked on the way."""
    reply = bench.server.serve_rtu(RtuFrame(UNIT, pdu if isinstance(pdu, bytes) else bytes.fromhex(pdu)))
    assert checked(reply)
    assert reply[0] == UNIT
    return reply[1:-2]


def to_all(bench: Bench, pdu: bytes) -> bytes:
    return bench.server.serve_rtu(RtuFrame(0, pdu))


def writing(address: int, *words: int) -> bytes:
    return struct.pack(">BHHB", 16, address, len(words), 2 * len(words)) + struct.pack(f">{len(words)}H", *words)


def unlock(bench: Bench) -> None:
    assert told(bench, writing(KEY_AT, KEY >> 16, KEY & 0xFFFF))[0] == 16


def foreign(bench: Bench, request: ModbusPDU) -> ModbusPDU:
    """What pymodbus reads out of the answer to its own request."""
    decoded = DecodePDU(is_server=False).decode(told(bench, bytes((request.function_code,)) + request.encode()))
    assert decoded is not None
    return decoded


# Each function: too short, too long, its limits, an address beyond, half a value, what nobody writes.
REFUSED = [
    ("63", ILLEGAL_FUNCTION),
    ("01 00 00 00 01", ILLEGAL_FUNCTION),
    ("14 07 06 00 00 00 00 00 01", ILLEGAL_FUNCTION),
    *[(f"{function} {rest}", code) for function in ("03", "04") for rest, code in [
        ("", ILLEGAL_VALUE),
        ("00 64 00 00", ILLEGAL_VALUE),
        ("00 64 00 7E", ILLEGAL_VALUE),
        ("FF FF 00 7E", ILLEGAL_VALUE),
        ("00 64 00 01 00", ILLEGAL_VALUE),
        ("FF FF 00 02", ILLEGAL_ADDRESS),
        ("00 63 00 01", ILLEGAL_ADDRESS),
        ("00 63 00 02", ILLEGAL_ADDRESS),
        ("00 D6 00 02", ILLEGAL_ADDRESS),
        ("00 64 00 74", ILLEGAL_ADDRESS),
    ]],
    ("06 04 44 00", ILLEGAL_VALUE),
    ("06 04 44 00 05 00", ILLEGAL_VALUE),
    ("06 00 64 00 05", ILLEGAL_ADDRESS),
    ("06 00 05 00 05", ILLEGAL_ADDRESS),
    ("06 07 D5 00 05", ILLEGAL_ADDRESS),
    ("06 04 44 FF FF", ILLEGAL_VALUE),
    ("06 02 04 00 F8", ILLEGAL_VALUE),
    ("06 02 04 00 02", ILLEGAL_FUNCTION),
    ("10 04 44 00 01 02 00", ILLEGAL_VALUE),
    ("10 04 44 00 01 04 00 05", ILLEGAL_VALUE),
    ("10 07 D5 00 02 02 00 05", ILLEGAL_VALUE),
    ("10 04 44 00 00 00", ILLEGAL_VALUE),
    ("10 04 44", ILLEGAL_VALUE),
    ("10 00 00 00 7C F8" + " 00" * 248, ILLEGAL_VALUE),
    ("10 FF FF 00 02 04 00 05 00 05", ILLEGAL_ADDRESS),
    ("10 07 D5 00 01 02 00 05", ILLEGAL_ADDRESS),
    ("10 07 D5 00 03 06 00 05 00 05 00 05", ILLEGAL_ADDRESS),
    ("17 00 64 00 00 07 D5 00 02 04 00 00 00 05", ILLEGAL_VALUE),
    ("17 00 64 00 7E 07 D5 00 02 04 00 00 00 05", ILLEGAL_VALUE),
    ("17 00 64 00 01 07 D5 00 7A F4" + " 00" * 244, ILLEGAL_VALUE),
    ("17 00 64 00 01 07 D5 00 02 04 00 00", ILLEGAL_VALUE),
    ("17 00 64 00 7E FF FF 00 02 04 00 00 00 05", ILLEGAL_VALUE),
    ("17 FF FF 00 02 07 D5 00 02 04 00 00 00 05", ILLEGAL_ADDRESS),
    ("17 00 63 00 01 07 D5 00 02 04 00 00 00 05", ILLEGAL_ADDRESS),
    ("17 00 64 00 01 07 D6 00 02 04 00 00 00 05", ILLEGAL_ADDRESS),
    ("08 00", ILLEGAL_VALUE),
    ("08 00 00", ILLEGAL_VALUE),
    ("08 00 00 AA", ILLEGAL_VALUE),
    ("08 00 01 00 00", ILLEGAL_FUNCTION),
    ("08 00 04 00 00", ILLEGAL_FUNCTION),
    ("08 00 13 00 00", ILLEGAL_FUNCTION),
    ("08 00 0B 00 01", ILLEGAL_VALUE),
    ("08 00 0A 00 00 00 00", ILLEGAL_VALUE),
    ("11 00", ILLEGAL_VALUE),
    ("2B 0D 01 00", ILLEGAL_FUNCTION),
    ("2B 0E 00 00", ILLEGAL_VALUE),
    ("2B 0E 05 00", ILLEGAL_VALUE),
    ("2B 0E 04 05", ILLEGAL_ADDRESS),
    ("2B 0E 01", ILLEGAL_VALUE),
]  # fmt: skip


@pytest.mark.parametrize(("pdu", "code"), REFUSED)
def test_checks_follow_the_order_of_the_standard(bench: Bench, pdu: str, code: int) -> None:
    """Function, then count and value, then address, then state; a refused request changes nothing."""
    before = bench.image.span(100, 115), bench.image.span(2000, 10)
    request = bytes.fromhex(pdu)

    assert told(bench, request) == bytes((request[0] | 0x80, code))
    assert bench.application.written == []
    assert (bench.image.span(100, 115), bench.image.span(2000, 10)) == before
    assert bench.server.diagnostics.total(EXCEPTIONS) == 1


@pytest.mark.parametrize(
    "request_", [ReadHoldingRegistersRequest(address=100, count=115), ReadInputRegistersRequest(address=100, count=115)]
)
def test_both_reading_functions_read_the_same_map(bench: Bench, request_: ModbusPDU) -> None:
    """A foreign client reads voltages and 64-bit counters with one request."""
    bench.image.put_measured({"voltage_l1_n": 230_100, "active_energy_import": 2**40 + 5, "active_power": -1_234_567})
    words = foreign(bench, request_).registers

    assert words[:2] == [230_100 >> 16, 230_100 & 0xFFFF]
    assert words[47:51] == [0, 0x100, 0, 5]
    assert words[14:16] == [0xFFFE, (-123_457 & 0xFFFF)]
    assert words[2:4] == [0xFFFF, 0xFFFF]


def test_the_largest_span_is_read(bench: Bench) -> None:
    """Latch and latched values fit one request of 123 registers; 125 would leave the block and is an address, no value."""
    assert len(foreign(bench, ReadHoldingRegistersRequest(address=LATCH, count=123)).registers) == 123
    assert told(bench, "03 04 44 00 7D") == bytes((0x83, ILLEGAL_ADDRESS))


def test_half_a_value_may_be_read_but_not_written(bench: Bench) -> None:
    """Reading a word of a pair harms nobody; writing one would tear the value."""
    assert told(bench, "03 07 D5 00 01") == bytes.fromhex("03 02 FF FF")
    assert told(bench, "06 07 D6 00 01") == bytes((0x86, ILLEGAL_ADDRESS))


def test_a_foreign_client_writes_and_the_application_gets_the_whole_request(bench: Bench) -> None:
    """All values of one request arrive at once, by name."""
    unlock(bench)
    reply = foreign(bench, WriteMultipleRegistersRequest(address=UNIT_AT, registers=[9, 192, 2, 1]))

    assert not reply.isError()
    assert bench.application.written == [("unit_address", 9), ("baud_hundreds", 192), ("parity", 2), ("stop_bits", 1)]


@pytest.mark.parametrize("words", [(9, 192, 3, 1), (9, 100, 2, 1), (0, 192, 2, 1), (9, 192, 2, 3), (9, 192, 2, 1, 1, 1)])
def test_the_whole_span_is_checked_before_anything_is_executed(bench: Bench, words: tuple[int, ...]) -> None:
    """One bad value anywhere, or one register too many, and no value of the request is taken."""
    unlock(bench)

    assert told(bench, writing(UNIT_AT, *words))[0] == 0x90
    assert bench.application.written == []


@pytest.mark.parametrize("code", [BUSY, DEVICE_FAILURE])
def test_what_the_application_refuses_is_refused(bench: Bench, code: int) -> None:
    """A busy or failing application answers with its code."""
    bench.application.code = code

    assert told(bench, writing(SELECT, 0, 5)) == bytes((0x90, code))


def test_reading_and_writing_in_one_exchange(bench: Bench) -> None:
    """Function 23 writes the selector first and reads what stands there then."""
    request = ReadWriteMultipleRegistersRequest(read_address=SELECT, read_count=2, write_address=SELECT, write_registers=[1, 2])

    assert foreign(bench, request).registers == [1, 2]
    assert bench.application.written == [("profile_select", 0x10002)]


def test_the_largest_write_is_a_piece_of_an_update(bench: Bench) -> None:
    """Offset, length and 224 bytes go in one request, by function 16 and by 23."""
    data = tuple(range(1, 113))
    reply = told(bench, writing(PIECE, 1, 2, 224, *data))
    beside = foreign(
        bench, ReadWriteMultipleRegistersRequest(read_address=3000, read_count=4, write_address=PIECE, write_registers=[1, 2, 224, *data])
    )

    assert reply == bytes.fromhex("10 0B D6 00 73")
    assert len(beside.registers) == 4
    assert bench.application.written[:2] == [("update_offset_bytes", 0x10002), ("update_length_bytes", 224)]
    assert bench.application.written[2] == ("update_data", struct.pack(">112H", *data))


def test_the_query_comes_back(bench: Bench) -> None:
    """The published loopback frame, and a longer one, are returned as they are."""
    assert told(bench, "08 00 00 AA 55") == bytes.fromhex("08 00 00 AA 55")
    assert told(bench, "08 00 00 01 02 03 04") == bytes.fromhex("08 00 00 01 02 03 04")
    assert foreign(bench, ReturnQueryDataRequest(b"\x12\x34")).message == b"\x12\x34"  # type: ignore[attr-defined]


def test_the_counters_of_the_standard(bench: Bench) -> None:
    """Messages, broken frames, exceptions, own messages, unanswered ones and lost ones are told, and cleared."""
    bench.server.serve_rtu(RtuFrame(UNIT + 1, b"\x03\x00\x00\x00\x01"))
    bench.server.broken()
    bench.server.lost()
    to_all(bench, b"\x06\x04\x44\x00\x01")
    told(bench, "63")
    counters = {number: told(bench, bytes((8, 0, number, 0, 0))) for number in (12, 13, 15, 16, 17, 18)}

    assert {number: reply[4] for number, reply in counters.items()} == {12: 1, 13: 1, 15: 1, 16: 0, 17: 0, 18: 1}
    assert foreign(bench, ReturnBusMessageCountRequest()).message == 3 + len(counters) + 1  # type: ignore[attr-defined]
    assert told(bench, "08 00 0E 00 00") == bytes((8, 0, 14, 0, 2 + len(counters) + 2))
    assert told(bench, "08 00 14 00 00") == bytes.fromhex("08 00 14 00 00")
    assert told(bench, "08 00 12 00 00")[4] == 0
    assert told(bench, "08 00 0C 00 00")[4] == 1
    assert told(bench, "08 00 0A 00 00") == bytes.fromhex("08 00 0A 00 00")
    assert told(bench, "08 00 0C 00 00")[4] == 0
    assert bench.server.diagnostics.total(LOST) == 1


def test_counters_come_round_after_65535(bench: Bench) -> None:
    """The wire has 16 bits for them."""
    for _ in range(0x10002):
        bench.server.broken()

    assert told(bench, "08 00 0C 00 00") == bytes.fromhex("08 00 0C 00 02")
    assert bench.server.diagnostics.total(BUS_ERRORS) == 0x10002


def test_a_foreign_client_asks_who_is_there(bench: Bench) -> None:
    """Functions 17 and 43/14 name maker, model and version; the run indicator is on."""
    report = foreign(bench, ReportDeviceIdRequest())
    basic = foreign(bench, ReadDeviceInformationRequest(read_code=1))
    regular = foreign(bench, ReadDeviceInformationRequest(read_code=2))

    assert (report.identifier, report.status) == (b"Shiftwatt shiftwatt-submeter 1.0", True)  # type: ignore[attr-defined]
    assert basic.information == dict(enumerate(IDENTITY[:3]))  # type: ignore[attr-defined]
    assert regular.information == dict(enumerate(IDENTITY))  # type: ignore[attr-defined]


def test_only_the_meter_itself_is_addressed(bench: Bench) -> None:
    """A frame for another unit is counted and not answered, even if it could not be answered at all."""
    for pdu in (b"\x03\x00\x64\x00\x01", b"\x63", b"", b"\x06\x04\x44\x00\x01"):
        assert bench.server.serve_rtu(RtuFrame(UNIT + 1, pdu)) == b""
    assert bench.image.number("latch") is None
    assert bench.server.diagnostics.total(BUS_MESSAGES) == 4
    assert bench.server.diagnostics.total(SERVER_MESSAGES) == 0


@pytest.mark.parametrize("pdu", [b"\x06\x04\x44\x00\x2a", writing(LATCH, 42)])
def test_a_broadcast_latch_freezes_and_stays_silent(bench: Bench, pdu: bytes) -> None:
    """One message freezes the measured values of everybody; the copies stay while the values go on."""
    bench.image.put_measured({"active_energy_import": 111})

    assert to_all(bench, pdu) == b""
    bench.image.put_measured({"active_energy_import": 222})
    bench.clock.sleep_us(250_000)
    latched = told(bench, "03 04 44 00 08")[2:]
    assert struct.unpack(">HHIQ", latched) == (42, 120, 250, CLOCK_MS)
    assert told(bench, "03 04 7B 00 04")[2:] == struct.pack(">Q", 111)
    assert told(bench, "03 00 93 00 04")[2:] == struct.pack(">Q", 222)
    assert bench.server.diagnostics.total(NO_RESPONSE) == 1


def test_before_the_first_latch_there_are_no_latched_values(bench: Bench) -> None:
    """Nothing is taken for a value that never was one."""
    bench.image.put_measured({"active_energy_import": 111})

    assert told(bench, "03 04 7B 00 04")[2:] == b"\xff" * 8
    assert told(bench, "03 04 44 00 08")[2:] == b"\xff" * 16


def test_an_old_latch_has_no_age(bench: Bench) -> None:
    """After a day the age is no value, also where nobody asked until the ticks came round."""
    to_all(bench, b"\x06\x04\x44\x00\x01")
    for _ in range(13):
        bench.clock.sleep_us(86_400_000_000)
        bench.server.tick()

    assert told(bench, "03 04 46 00 02")[2:] == b"\xff" * 4


def test_a_broadcast_sets_every_clock(bench: Bench) -> None:
    """The gateway tells all meters the time with one message; a time before 2020 is none."""
    words = struct.unpack(">4H", struct.pack(">Q", CLOCK_MS))

    assert to_all(bench, writing(CLOCK, *words)) == b""
    assert to_all(bench, writing(CLOCK, 0, 0, 0, 5)) == b""
    assert bench.application.written == [("clock_ms", CLOCK_MS)]


@pytest.mark.parametrize(
    "pdu",
    [
        b"\x06\x02\x04\x00\x09",
        writing(KEY_AT, KEY >> 16, KEY & 0xFFFF),
        writing(SELECT, 0, 5),
        b"\x03\x00\x64\x00\x01",
        b"\x17\x00\x64\x00\x01\x04\x44\x00\x01\x02\x00\x05",
        b"\x08\x00\x0a\x00\x00",
        b"\x63",
        b"",
    ],
)
def test_a_broadcast_does_nothing_else(bench: Bench, pdu: bytes) -> None:
    """One message must not give all meters one address; reading to all means nothing; nobody ever answers."""
    bench.server.broken()

    assert to_all(bench, pdu) == b""
    assert bench.application.written == []
    assert bench.lock.left_s == 0
    assert bench.image.number("latch") is None
    assert bench.server.diagnostics.total(BUS_ERRORS) == 1


def test_settings_need_the_key(bench: Bench) -> None:
    """Locked values are refused until the key is written, for ten minutes, or until 0 is written."""
    name = writing(NAME, *struct.unpack(">16H", b"press 1".ljust(32, b"\0")))

    assert told(bench, name) == bytes((0x90, ILLEGAL_FUNCTION))
    unlock(bench)
    assert told(bench, "03 01 C4 00 01")[2:] == struct.pack(">H", OPEN_S_MAX)
    assert told(bench, name)[0] == 16
    assert bytes(bench.image.octets("name")).rstrip(b"\0") == b"press 1"
    bench.clock.sleep_us(OPEN_S_MAX * 1_500_000)
    assert told(bench, name)[0] == 0x90
    assert told(bench, "03 01 C4 00 01")[2:] == b"\0\0"
    unlock(bench)
    assert told(bench, writing(KEY_AT, 0, 0))[0] == 16
    assert told(bench, name)[0] == 0x90
    bench.lock.open()
    assert told(bench, name)[0] == 16


def test_the_key_is_never_told(bench: Bench) -> None:
    """Reading its register gives no value."""
    unlock(bench)

    assert told(bench, "03 01 C2 00 02")[2:] == b"\xff" * 4


def test_keys_cannot_be_tried_quickly(bench: Bench) -> None:
    """After a wrong key even the right one is refused for a second."""
    assert told(bench, writing(KEY_AT, 1, 1)) == bytes((0x90, ILLEGAL_VALUE))
    assert told(bench, writing(KEY_AT, KEY >> 16, KEY & 0xFFFF)) == bytes((0x90, BUSY))
    bench.clock.sleep_us(KEY_TRY_MS * 1000)
    unlock(bench)


def test_a_name_is_text(bench: Bench) -> None:
    """Control characters and other bytes are no name."""
    unlock(bench)

    for octets in (b"a\nb", b"\xe9t\xe9", b"a\0b"):
        assert told(bench, writing(NAME, *struct.unpack(">16H", octets.ljust(32, b"\0")))) == bytes((0x90, ILLEGAL_VALUE))
    assert bench.application.written == []


def test_the_answer_comes_from_the_address_that_was_asked(bench: Bench) -> None:
    """A change of address holds from the next request on."""
    unlock(bench)

    def obey(changes: list[tuple[str, int | bytes]]) -> int:
        bench.server.unit = dict(changes)["unit_address"]  # type: ignore[assignment]
        return 0

    bench.application.write = obey  # type: ignore[method-assign]

    assert foreign(bench, WriteSingleRegisterRequest(address=UNIT_AT, registers=[9])).registers == [9]
    assert bench.server.serve_rtu(RtuFrame(UNIT, b"\x03\x00\x64\x00\x01")) == b""
    assert bench.server.serve_rtu(RtuFrame(9, b"\x03\x00\x64\x00\x01"))[:2] == b"\x09\x03"


@pytest.mark.parametrize("unit", [UNIT, 0, 255])
def test_the_same_server_answers_over_tcp(bench: Bench, unit: int) -> None:
    """Its own number and the two that mean "this device" are answered, with transaction and unit as they came."""
    reply = bench.server.serve_tcp(TcpFrame(0x1234, unit, b"\x03\x00\x05\x00\x01"))

    assert reply == bytes.fromhex("12 34 00 00 00 05") + bytes((unit,)) + bytes.fromhex("03 02 00 01")


def test_another_unit_over_tcp_is_not_answered(bench: Bench) -> None:
    """Nobody else lives behind this socket."""
    assert bench.server.serve_tcp(TcpFrame(1, UNIT + 1, b"\x03\x00\x05\x00\x01")) == b""


def test_lost_and_broken_frames_stand_in_the_quality_registers(bench: Bench) -> None:
    """What function 8 clears goes on there."""
    bench.server.lost()
    bench.server.broken()
    told(bench, "08 00 0A 00 00")

    assert struct.unpack(">II", told(bench, "03 01 3D 00 04")[2:]) == (1, 1)


@pytest.mark.parametrize("pdu", [bytes.fromhex("030064007d"), writing(NAME, *[0x4141] * 16), bytes.fromhex("2b0e0100")])
def test_no_memory_for_a_request_costs_one_answer(bench: Bench, pdu: bytes, mocker: MockerFixture) -> None:
    """The master hears that the meter is busy, whatever was asked; the next request is answered."""
    with_memory = told(bench, pdu)
    mocker.patch("firmware.modbus_server.answer", side_effect=MemoryError)
    without = told(bench, pdu)
    assert to_all(bench, writing(LATCH, 5)) == b""
    mocker.stopall()

    assert without == bytes((pdu[0] | 0x80, BUSY))
    assert told(bench, pdu) == with_memory
