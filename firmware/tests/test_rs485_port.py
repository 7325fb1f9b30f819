"""The port on a pair with real wire time: when it answers, and what it never answers."""

from itertools import pairwise

import pytest
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest

from firmware.diagnostics import BUS_ERRORS, BUS_MESSAGES, LOST, SERVER_MESSAGES
from firmware.rs485_port import ANSWER_US_MAX
from firmware.tests.modbus_bench import UNIT, Pair
from protocols.frame import RtuFrame, rtu_frame, t35_us
from protocols.pdu import ReadRequest, WriteRegister, encode_request
from protocols.tests.vectors import BAD, GOOD

OTHER = UNIT + 1
READ = encode_request(ReadRequest(3, 100, 2))
REQUEST = rtu_frame(UNIT, READ)
REPLY = rtu_frame(UNIT, b"\x03\x04\xff\xff\xff\xff")
LATCH = rtu_frame(0, encode_request(WriteRegister(1092, 5)))
ANSWER_US = 10_000


def spoken(pair: Pair) -> bytes:
    return b"".join(said for _, _, said in pair.wire.said)


def counted(pair: Pair, counter: int) -> int:
    return pair.server.diagnostics.total(counter)


@pytest.mark.parametrize("baud", [1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200])
@pytest.mark.parametrize("bits", [10, 11, 12])
@pytest.mark.parametrize("loop_us", [200, 1_000])
def test_the_answer_begins_between_silence_and_10_ms(baud: int, bits: int, loop_us: int) -> None:
    """At least t3.5 after the last byte, at most 10 ms, or two turns of the loop after t3.5 where that alone is longer."""
    pair = Pair(baud, bits, loop_us=loop_us)
    silence_us = t35_us(baud)
    ends_us = pair.say(REQUEST)
    pair.run(len(REQUEST) * pair.byte_us + silence_us + 20_000)

    begins_us, _, said = pair.wire.said[0]
    assert said == REPLY
    assert silence_us <= begins_us - ends_us <= max(ANSWER_US, silence_us + 2 * loop_us)


def test_a_foreign_framer_takes_the_answer() -> None:
    """pymodbus makes the request and reads the reply."""
    pair = Pair()
    framer = FramerRTU(DecodePDU(is_server=False))
    answer = pair.ask(framer.buildFrame(ReadHoldingRegistersRequest(address=0, count=5, dev_id=UNIT)))
    _, reply = framer.handleFrame(answer, UNIT, 0)

    assert reply is not None
    assert b"".join(word.to_bytes(2, "big") for word in reply.registers) == b"Shiftwatt\0"


@pytest.mark.parametrize(
    "foreign",
    [
        rtu_frame(OTHER, READ),
        rtu_frame(OTHER, b"\x03\x04\x43\x66\x33\x34"),
        rtu_frame(OTHER, b"\x83\x02"),
        rtu_frame(OTHER, b"\x06\x04\x44\x00\x05"),
        rtu_frame(OTHER, b"\x03\x08" + REQUEST),
        rtu_frame(OTHER, b"\x03\x0a" + REQUEST + b"\0\0"),
        rtu_frame(OTHER, b"\x03\x10" + REQUEST + REQUEST),
        *GOOD.values(),
    ],
)
def test_what_others_say_is_not_answered(foreign: bytes) -> None:
    """Requests to other units and their replies, also ones that carry a request to this meter in their data."""
    pair = Pair()

    assert pair.ask(foreign) == b""
    assert (counted(pair, BUS_MESSAGES), counted(pair, SERVER_MESSAGES), counted(pair, BUS_ERRORS)) == (1, 0, 0)
    assert pair.ask(REQUEST) == REPLY


@pytest.mark.parametrize(
    "noise",
    [
        REQUEST[:-1],
        REQUEST[1:],
        REQUEST + b"\x01",
        REQUEST + REQUEST,
        b"\x07",
        b"\0",
        b"\0" * 300,
        b"\x55" * 300,
        b"\xff" * 40,
        *BAD.values(),
    ],
)
def test_noise_is_not_answered_and_counted(noise: bytes) -> None:
    """Torn frames, wrong check sums, frames run together and babble are silence; the next request is answered."""
    pair = Pair()

    assert pair.ask(noise) == b""
    assert counted(pair, BUS_ERRORS) >= 1
    assert pair.ask(REQUEST) == REPLY


def test_every_flipped_bit_is_silence() -> None:
    """No single-bit error of a request is answered."""
    for bit in range(8 * len(REQUEST)):
        dirty = bytearray(REQUEST)
        dirty[bit // 8] ^= 1 << bit % 8
        pair = Pair(115200)
        assert pair.ask(bytes(dirty)) == b"", bit


def test_ghost_bytes_around_a_request_do_no_harm() -> None:
    """A change of direction makes a 00 or FF before or behind the frame."""
    assert Pair().ask(b"\0" + REQUEST + b"\xff") == REPLY


def test_a_conversation_of_others_goes_by() -> None:
    """A master polls three meters; this one answers its own requests only, each once."""
    pair = Pair(19200)
    for _ in range(5):
        for unit in (OTHER, UNIT, OTHER + 1):
            pair.say(rtu_frame(unit, READ))
            pair.run(40_000)
            if unit != UNIT:
                pair.say(rtu_frame(unit, REPLY[1:-2]))
                pair.run(40_000)

    assert spoken(pair) == REPLY * 5
    assert (counted(pair, BUS_MESSAGES), counted(pair, BUS_ERRORS), counted(pair, LOST)) == (25, 0, 0)


def test_a_request_in_two_pieces_is_one_while_the_silence_is_short() -> None:
    """A pause of three characters inside a frame does not end it; one of five does, and the halves are noise."""
    short, long = Pair(), Pair()
    for pair, pause in ((short, 3), (long, 5)):
        begin_us = pair.clock.now_us
        pair.wire.put(REQUEST[:4], begin_us)
        pair.wire.put(REQUEST[4:], begin_us + (4 + pause) * pair.byte_us)
        pair.run(60_000)

    assert spoken(short) == REPLY
    assert spoken(long) == b""
    assert counted(long, BUS_ERRORS) == 2


def test_a_broadcast_is_obeyed_and_not_answered() -> None:
    """The latch freezes and the pair stays silent."""
    pair = Pair()

    assert pair.ask(LATCH) == b""
    assert pair.image.number("latch") == 5


@pytest.mark.parametrize("request_", [READ, b"\x06\x04\x44\x00\x05", b"\x08\x00\x00\xaa\x55", encode_request(ReadRequest(3, 1092, 123))])
@pytest.mark.parametrize("loop_us", [1_000, 7_000])
def test_its_own_echo_is_no_request(request_: bytes, loop_us: int) -> None:
    """A transceiver that hears itself gives back replies that look like requests: none is answered, the next request is."""
    pair = Pair(19200, echo=True, loop_us=loop_us)
    frame = rtu_frame(UNIT, request_)
    first, second = pair.ask(frame), pair.ask(frame)

    assert len(first) > 0
    assert (second, len(pair.wire.said)) == (first, 2)
    assert pair.port.echoed == len(first) + len(second)
    assert counted(pair, BUS_ERRORS) == 0


def test_the_same_write_twice_is_obeyed_twice_without_echo() -> None:
    """A repeated request equals the reply before it; it is no echo, because it comes later."""
    pair = Pair()
    frame = rtu_frame(UNIT, b"\x06\x04\x44\x00\x05")

    assert [pair.ask(frame), pair.ask(frame)] == [frame, frame]
    assert counted(pair, SERVER_MESSAGES) == 2


def test_who_speaks_into_a_reply_is_not_understood() -> None:
    """A collision is neither obeyed nor answered; afterwards all is well."""
    pair = Pair()
    pair.say(rtu_frame(UNIT, encode_request(ReadRequest(3, 1092, 123))))
    pair.run(30_000)
    pair.say(LATCH)
    pair.run(400_000)

    assert pair.image.number("latch") is None
    assert pair.ask(LATCH) == b""
    assert pair.image.number("latch") == 5


def test_a_driver_is_enabled_for_the_reply_only() -> None:
    """The pin rises before the first bit, falls after the last, and within 1.5 ms of it."""
    pair = Pair(driver_enable=True)
    pair.ask(rtu_frame(UNIT, encode_request(ReadRequest(3, 100, 115))))
    begins_us, ends_us, _ = pair.wire.said[0]
    (up_us, up), (down_us, down) = pair.driven

    assert (up, down) == (1, 0)
    assert up_us <= begins_us
    assert ends_us <= down_us <= ends_us + 1_500


@pytest.mark.parametrize("driver_enable", [False, True])
def test_no_turn_of_the_loop_waits_for_the_wire(driver_enable: bool) -> None:
    """Sampling goes on while a long reply is sent: no poll takes more than 2 ms."""
    pair = Pair(1200, driver_enable=driver_enable)
    pair.say(rtu_frame(UNIT, encode_request(ReadRequest(3, 100, 20))))
    longest_us = 0
    for _ in range(1_000):
        pair.clock.now_us += 1_000
        before_us = pair.clock.now_us
        pair.port.poll()
        longest_us = max(longest_us, pair.clock.now_us - before_us)

    assert spoken(pair)
    assert longest_us <= 2_000


def test_a_driver_falls_although_the_hardware_is_never_done() -> None:
    """Otherwise one fault would hold the pair for ever."""
    pair = Pair(driver_enable=True)
    pair.wire.txdone = lambda: False  # type: ignore[method-assign]
    pair.say(REQUEST)
    pair.run(100_000)

    assert [level for _, level in pair.driven] == [1, 0]
    assert pair.port.quiet


def test_no_answer_while_a_sector_is_erased() -> None:
    """The reply waits for the end of the erase, and comes within 120 ms of the request."""
    pair = Pair()
    ends_us = pair.say(REQUEST)
    pair.run(len(REQUEST) * pair.byte_us + 1_000)
    pair.erasing = True
    pair.run(80_000)
    quiet_meanwhile = spoken(pair) == b""
    pair.erasing = False
    pair.run(50_000)

    assert quiet_meanwhile
    assert spoken(pair) == REPLY
    assert pair.wire.said[0][0] - ends_us <= ANSWER_US_MAX


def test_an_answer_that_would_come_too_late_is_dropped_and_counted() -> None:
    """After 120 ms the master has given up; one frame is lost, the next is answered."""
    pair = Pair()
    pair.say(REQUEST)
    pair.run(len(REQUEST) * pair.byte_us + 1_000)
    pair.erasing = True
    pair.run(ANSWER_US_MAX + 10_000)
    pair.erasing = False
    pair.run(50_000)

    assert spoken(pair) == b""
    assert counted(pair, LOST) == 1
    assert pair.ask(REQUEST) == REPLY


def test_a_reply_is_dropped_when_the_master_goes_on() -> None:
    """What waited through an erase must not be taken for the answer to the next request."""
    pair = Pair()
    pair.say(REQUEST)
    pair.run(len(REQUEST) * pair.byte_us + 1_000)
    pair.erasing = True
    pair.run(10_000)
    pair.say(rtu_frame(OTHER, READ))
    pair.run(30_000)
    pair.erasing = False
    pair.run(60_000)

    assert spoken(pair) == b""
    assert counted(pair, LOST) == 1


def test_a_request_during_a_stall_is_answered_after_it() -> None:
    """An erase of 80 ms stops everything; the request found in the buffer is answered within 120 ms."""
    pair = Pair()
    ends_us = pair.say(REQUEST)
    pair.stall(80_000)
    pair.run(30_000)

    assert spoken(pair) == REPLY
    assert pair.wire.said[0][0] - ends_us <= ANSWER_US_MAX


def test_after_a_stall_only_the_last_request_is_answered() -> None:
    """Others' frames and an older request of our own lie run together in the buffer; the latch among them is obeyed."""
    pair = Pair(115200)
    for frame in (REQUEST, rtu_frame(OTHER, READ), rtu_frame(OTHER, REPLY[1:-2]), LATCH):
        pair.clock.now_us = pair.say(frame) + 3_000
    pair.say(REQUEST)
    pair.stall(60_000)
    pair.run(30_000)

    assert spoken(pair) == REPLY
    assert pair.image.number("latch") == 5
    assert (counted(pair, LOST), counted(pair, BUS_MESSAGES)) == (1, 4)


@pytest.mark.parametrize("tail", [rtu_frame(OTHER, READ), rtu_frame(OTHER, b"\x03\x08" + REQUEST), REQUEST[:-1], b"\x01\x02"])
def test_after_a_stall_a_request_is_not_answered_when_more_followed(tail: bytes) -> None:
    """The master has gone on, or the end is torn: silence."""
    pair = Pair(115200)
    pair.clock.now_us = pair.say(REQUEST) + 3_000
    pair.say(tail)
    pair.stall(60_000)
    pair.run(30_000)

    assert spoken(pair) == b""
    assert counted(pair, LOST) + counted(pair, BUS_ERRORS) == 1


def test_a_frame_that_may_be_too_old_is_lost() -> None:
    """A stall longer than 120 ms: nobody knows when the request came, so it is counted and not answered; nor is a latch obeyed."""
    pair = Pair()
    pair.say(REQUEST)
    pair.stall(200_000)
    pair.run(60_000)
    pair.say(LATCH)
    pair.stall(200_000)
    pair.run(60_000)

    assert spoken(pair) == b""
    assert pair.image.number("latch") is None
    assert counted(pair, LOST) == 2


def test_the_port_says_when_the_pair_is_quiet() -> None:
    """No erase begins while a frame is heard, answered or sent."""
    pair = Pair()
    quiet = [pair.port.quiet]
    pair.say(REQUEST)
    for _ in range(60):
        pair.run(1_000)
        quiet.append(pair.port.quiet)
    begins_us, ends_us, _ = pair.wire.said[0]

    changes = [now for before, now in pairwise(quiet) if before != now]
    assert quiet[0]
    assert changes == [False, True]
    assert quiet.count(False) * 1_000 >= ends_us - begins_us + len(REQUEST) * pair.byte_us


def test_the_line_settings_change() -> None:
    """After the UART was opened anew the silence is the new one."""
    pair = Pair(1200)
    pair.port.set_line(19200, 11)
    pair.wire._byte_us = pair.byte_us = -(-11_000_000 // 19200)
    ends_us = pair.say(REQUEST)
    pair.run(60_000)

    assert t35_us(19200) <= pair.wire.said[0][0] - ends_us <= ANSWER_US


def test_a_short_write_is_counted() -> None:
    """A UART that does not take the whole reply (its buffer is too small) does not stop the meter."""
    pair = Pair()
    take_all = pair.wire.write
    pair.wire.write = lambda data: take_all(data[:-1])  # type: ignore[method-assign]
    pair.ask(REQUEST)

    assert counted(pair, LOST) == 1
    pair.wire.write = take_all  # type: ignore[method-assign]
    assert pair.ask(REQUEST) == REPLY


def test_who_holds_up_the_loop_and_looks_costs_no_frame() -> None:
    """A front end looked at the pair all the time, and gave way when a request began: that one is young, and answered."""
    pair = Pair()
    for _ in range(200):
        pair.clock.now_us += 1_000
        assert not pair.port.waits()
    pair.say(REQUEST)
    while not pair.port.waits():
        pair.clock.now_us += 300
    pair.run(100_000)

    assert spoken(pair) == REPLY
    assert counted(pair, LOST) == 0


def test_no_memory_for_a_frame_costs_that_frame() -> None:
    """It is counted as lost; the next one is answered."""
    pair = Pair()
    frames, refusals = pair.port._frames, iter([MemoryError])

    def short_of_memory() -> list[RtuFrame]:
        for refusal in refusals:
            raise refusal
        return frames()

    pair.port._frames = short_of_memory  # type: ignore[method-assign]
    lost = pair.ask(REQUEST)

    assert (lost, counted(pair, LOST)) == (b"", 1)
    assert pair.ask(REQUEST) == REPLY
