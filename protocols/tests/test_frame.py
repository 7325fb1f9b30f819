"""Frames, fed whole, byte by byte, and with junk before and after."""

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import LineNoise
from protocols.frame import (
    ECHO,
    GHOSTS_MAX,
    NEED_DATA,
    NOISE,
    RTU_MAX,
    RtuFrame,
    RtuReplyReader,
    RtuRequestReader,
    Signal,
    TcpFrame,
    TcpReader,
    rtu_frame,
    tcp_frame,
)
from protocols.pdu import Identify, ReadRequest, Request, WriteRegister, WriteRegisters, encode_request, pack_words
from protocols.tests.vectors import BAD, GOOD

READ = ReadRequest(4, 0, 2)
REPLY = GOOD["m2"]
TAKEN = RtuFrame(1, bytes.fromhex("04 04 43 66 33 34"))

Feed = Callable[[bytes], Iterable[bytes]]


def whole(data: bytes) -> Iterable[bytes]:
    return [data]


def byte_by_byte(data: bytes) -> Iterable[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


feeds = pytest.mark.parametrize("feed", [whole, byte_by_byte])


def heard(reader: RtuReplyReader | TcpReader, pieces: Iterable[bytes]) -> list[RtuFrame | TcpFrame | Signal]:
    """Everything but NEED_DATA that the reader gives while the pieces come in."""
    results: list[RtuFrame | TcpFrame | Signal] = []
    for piece in pieces:
        reader.feed(piece)
        while (result := reader.take()) is not NEED_DATA:
            results.append(result)
    return results


ANSWERS: list[tuple[Request, bytes]] = [
    (READ, GOOD["m2"]),
    (ReadRequest(3, 0, 2), GOOD["m3"]),
    (ReadRequest(3, 0, 2), GOOD["m16"]),
    (WriteRegisters(0x1C, (0x4000, 0)), GOOD["m10"]),
    (WriteRegister(2, 5), rtu_frame(1, bytes.fromhex("06 00 02 00 05"))),
    (Identify(1, 0), rtu_frame(1, bytes.fromhex("2B 0E 01 81 00 00 01 00 03 41 42 42"))),
    (Identify(1, 0), rtu_frame(1, bytes.fromhex("AB 01"))),
    (ReadRequest(4, 0, 125), rtu_frame(1, bytes((4, 250)) + bytes(range(250)))),
]


@feeds
@pytest.mark.parametrize(("request_", "reply"), ANSWERS)
def test_the_answer_is_taken(request_: Request, reply: bytes, feed: Feed) -> None:
    """An answer, an exception, a confirmation and an identification are whole frames."""
    reader = RtuReplyReader(1, request_)

    assert heard(reader, feed(reply)) == [RtuFrame(1, reply[1:-2])]
    assert (reader.noise, reader.rest) == (0, 0)


@feeds
@pytest.mark.parametrize(
    "junk", ["00", "FF", "00 FF 00", "01", "01 04", "01 04 04", "01 04 04 43", "A5 3C 7F", "01 03 02", "81", "05 2B 0E 01"]
)
def test_junk_before_the_answer_is_skipped_and_counted(junk: str, feed: Feed) -> None:
    """Ghost bytes and a torn frame before the answer do not hide it."""
    reader = RtuReplyReader(1, READ)
    dirt = bytes.fromhex(junk)

    assert heard(reader, feed(dirt + REPLY)) == [TAKEN]
    assert reader.noise == len(dirt)


@feeds
@pytest.mark.parametrize("junk", ["00", "FF FF", "01 04 04 43", "55 AA"])
def test_junk_after_the_answer_stays_behind(junk: str, feed: Feed) -> None:
    """What follows the answer is no frame and is accounted for."""
    reader = RtuReplyReader(1, READ)
    dirt = bytes.fromhex(junk)

    assert heard(reader, feed(REPLY + dirt)) == [TAKEN]
    assert reader.noise + reader.rest == len(dirt)


@feeds
@pytest.mark.parametrize(
    "request_",
    [READ, ReadRequest(3, 0x0200, 1), ReadRequest(3, 0x0400, 4), WriteRegisters(0x1C, (0x4000, 0)), Identify(1, 0)],
)
def test_the_local_echo_is_told_from_the_answer(request_: Request, feed: Feed) -> None:
    """Our own request heard back is an echo; the answer behind it is taken."""
    reader = RtuReplyReader(1, request_)
    answer = rtu_frame(1, bytes.fromhex("83 02"))

    assert heard(reader, feed(rtu_frame(1, encode_request(request_)) + answer)) == [ECHO, RtuFrame(1, bytes.fromhex("83 02"))]
    assert reader.noise == 0


@feeds
@pytest.mark.parametrize(
    "late",
    [
        rtu_frame(2, bytes.fromhex("04 04 43 66 33 34")),
        rtu_frame(1, bytes.fromhex("03 04 43 66 33 34")),
        rtu_frame(1, bytes.fromhex("04 02 43 66")),
        rtu_frame(1, bytes.fromhex("04 06 43 66 33 34 00 00")),
        rtu_frame(9, bytes.fromhex("84 02")),
        rtu_frame(9, bytes.fromhex("01 01 07")),
        rtu_frame(9, bytes.fromhex("11 02 07 FF")),
    ],
)
def test_a_late_reply_is_a_frame_not_noise(late: bytes, feed: Feed) -> None:
    """Frames of other addresses, functions and lengths are given whole, and so is the answer behind them."""
    reader = RtuReplyReader(1, READ)

    assert heard(reader, feed(late + REPLY)) == [RtuFrame(late[0], late[1:-2]), TAKEN]
    assert reader.noise == 0


@feeds
@pytest.mark.parametrize("name", BAD)
def test_a_wrong_crc_is_never_a_frame(name: str, feed: Feed) -> None:
    """The examples printed with a wrong check sum are noise on both sides."""
    reader = RtuReplyReader(1, WriteRegisters(0x14, (0x4270, 0)))
    server = RtuRequestReader()
    server.feed(BAD[name])

    assert heard(reader, feed(BAD[name])) == []
    assert server.end_of_frame() is NOISE


@feeds
def test_one_flipped_bit_anywhere_gives_no_answer(feed: Feed) -> None:
    """No single-bit error of the answer is taken for a frame of ours."""
    taken = []
    for bit in range(8 * len(REPLY)):
        dirty = bytearray(REPLY)
        dirty[bit // 8] ^= 1 << bit % 8
        taken += heard(RtuReplyReader(1, READ), feed(bytes(dirty)))

    assert taken == []


def test_silence_after_a_torn_answer_leaves_its_bytes_to_see() -> None:
    """A truncated answer is no frame; its bytes tell noise from silence."""
    reader = RtuReplyReader(1, READ)

    assert heard(reader, whole(REPLY[:-1])) == []
    assert reader.noise + reader.rest == len(REPLY) - 1


def test_babble_is_bounded() -> None:
    """A babbling line does not fill the memory; every byte of it is counted."""
    reader = RtuReplyReader(1, READ)
    for _ in range(50):
        reader.feed(b"\x01\x04\xf0" * 100)

    assert reader.rest <= 4 * RTU_MAX
    assert reader.noise + reader.rest == 50 * 300
    reader.take()
    reader.feed(b"\xff" * 300)
    assert heard(reader, whole(REPLY)) == [TAKEN]


@given(st.binary(max_size=40), st.binary(max_size=20), st.lists(st.integers(1, 8), max_size=20))
def test_the_answer_is_found_however_it_is_cut(before: bytes, after: bytes, cuts: list[int]) -> None:
    """Random dirt around the answer and any cutting into pieces still give exactly this answer of ours."""
    data = before + REPLY + after
    pieces = []
    for cut in cuts:
        pieces.append(data[:cut])
        data = data[cut:]
    reader = RtuReplyReader(1, READ)
    results = heard(reader, [*pieces, data])

    ours = [each for each in results if isinstance(each, RtuFrame) and each.address == 1 and each.pdu[:2] == b"\x04\x04"]
    assert ours == [TAKEN]


@pytest.mark.parametrize("name", ["m1", "m9", "m11", "m17"])
@pytest.mark.parametrize(("before", "after"), [("", ""), ("00", ""), ("FF 00 FF", ""), ("", "00"), ("", "FF"), ("00", "00 00")])
def test_a_request_ends_by_silence(name: str, before: str, after: str) -> None:
    """The server's side takes what stands between two silences, ghost bytes left out."""
    reader = RtuRequestReader()
    for piece in byte_by_byte(bytes.fromhex(before) + GOOD[name] + bytes.fromhex(after)):
        reader.feed(piece)

    assert reader.end_of_frame() == RtuFrame(1, GOOD[name][1:-2])
    assert reader.end_of_frame() is NEED_DATA


@pytest.mark.parametrize("name", ["m2", "m3", "m10", "m16"])
def test_the_reply_of_another_server_is_a_frame(name: str) -> None:
    """On a shared pair the replies of others are heard; they are not noise, their address tells."""
    reader = RtuRequestReader()
    reader.feed(GOOD[name])

    assert reader.end_of_frame() == RtuFrame(1, GOOD[name][1:-2])


@pytest.mark.parametrize("data", [b"\x01", b"\x01\x04\x00", GOOD["m1"] + REPLY, GOOD["m1"] + b"\x01", b"\x55" * 300, b"\0" * 300])
def test_a_broken_request_is_noise(data: bytes) -> None:
    """Too short, two frames run together, trailing bytes and overlong frames are not answered."""
    reader = RtuRequestReader()
    reader.feed(data)

    assert reader.end_of_frame() is NOISE
    reader.feed(GOOD["m1"])
    assert reader.end_of_frame() == RtuFrame(1, GOOD["m1"][1:-2])


def test_a_broadcast_is_a_frame_to_address_0() -> None:
    """Address 0 is not taken for a ghost byte."""
    reader = RtuRequestReader()
    reader.feed(rtu_frame(0, bytes.fromhex("06 00 02 00 05")))

    assert reader.end_of_frame() == RtuFrame(0, bytes.fromhex("06 00 02 00 05"))


def heard_together(data: bytes) -> list[RtuFrame]:
    reader = RtuRequestReader()
    reader.feed(data)
    frames = reader.end_of_frames()
    assert not reader.waiting
    return frames


@pytest.mark.parametrize(
    "names",
    [("m1",), ("m1", "m2", "m9"), ("m2", "m1"), ("m9", "m10", "m11", "m16", "m17"), ("m17", "m1", "m2", "m22"), ("m5", "m5")],
)
@pytest.mark.parametrize("between", [b"", b"\xff"])
def test_frames_that_ran_together_are_told_apart(names: tuple[str, ...], between: bytes) -> None:
    """Requests and replies of anybody without a heard silence between them are given in their order."""
    data = between.join(GOOD[name] for name in names)

    assert heard_together(data) == [RtuFrame(GOOD[name][0], GOOD[name][1:-2]) for name in names]


def test_a_broadcast_behind_a_frame_keeps_its_address() -> None:
    """Its 00 is no ghost byte."""
    latch = rtu_frame(0, bytes.fromhex("06 04 44 00 05"))

    assert heard_together(GOOD["m1"] + latch) == [RtuFrame(1, GOOD["m1"][1:-2]), RtuFrame(0, latch[1:-2])]


def test_one_frame_among_ghosts_is_found_there_too() -> None:
    """Whether the silence was heard or not, a ghost byte does not hide a request."""
    assert heard_together(b"\0" + GOOD["m1"] + b"\0") == [RtuFrame(1, GOOD["m1"][1:-2])]


def test_a_frame_inside_the_data_of_another_is_none() -> None:
    """A reply whose registers hold a whole request is one frame."""
    reply = rtu_frame(2, b"\x03\x08" + GOOD["m1"])

    assert heard_together(reply) == [RtuFrame(2, reply[1:-2])]


@pytest.mark.parametrize(
    "data", [b"", b"\x01", GOOD["m1"][:-1], GOOD["m1"] + b"\x01", b"\x55" + GOOD["m1"], BAD["n3"] + GOOD["m1"], b"\x55" * 2000]
)
def test_bytes_that_are_not_frames_from_end_to_end_are_none(data: bytes) -> None:
    """One byte that belongs to no frame makes the whole doubtful."""
    assert heard_together(data) == []


@pytest.mark.parametrize(("ghosts", "found"), [(GHOSTS_MAX, True), (GHOSTS_MAX + 1, False)])
def test_only_a_few_ghost_bytes_are_forgiven(ghosts: int, found: bool) -> None:
    """A long run of zeros is babble, and is not searched for a frame from every byte on."""
    reader = RtuRequestReader()
    reader.feed(b"\0" * ghosts + GOOD["m1"])

    assert (reader.end_of_frame() == RtuFrame(1, GOOD["m1"][1:-2])) is found


SOLAREDGE = bytes.fromhex("00 02 00 00 00 15 02 03 12 53 75 6E 53 00 01 00 41 53 6F 6C 61 72 45 64 67 65 20")


@feeds
def test_tcp_frames_follow_one_another(feed: Feed) -> None:
    """A captured SunSpec reply and the next one are cut by their length."""
    second = tcp_frame(3, 2, b"\x83\x02")

    assert heard(TcpReader(), feed(SOLAREDGE + second)) == [TcpFrame(2, 2, SOLAREDGE[7:]), TcpFrame(3, 2, b"\x83\x02")]


@pytest.mark.parametrize("header", ["00 01 00 01 00 06 01", "00 01 00 00 00 01 01", "00 01 00 00 00 FF 01", "01 04 04 43 66 33 34 1B 38"])
def test_a_tcp_stream_out_of_step_is_noise(header: str) -> None:
    """Another protocol, an impossible length and RTU bytes are told at once."""
    reader = TcpReader()
    reader.feed(bytes.fromhex(header))

    with pytest.raises(LineNoise, match="no Modbus TCP header"):
        reader.take()


def test_tcp_and_rtu_frames_are_the_published_bytes() -> None:
    """Both framings around one PDU."""
    pdu = encode_request(READ)

    assert rtu_frame(1, pdu) == GOOD["m1"]
    assert tcp_frame(0x1234, 1, pdu) == bytes.fromhex("12 34 00 00 00 06 01") + pdu
    assert pack_words((1, 0xFFFE)) == b"\0\x01\xff\xfe"
