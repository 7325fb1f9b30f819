"""The frames of one exchange among all that is heard: whole, byte by byte, with junk around."""

import pytest

from gateway.acquire.framing import RtuFraming, Stray, TcpFraming
from protocols.frame import rtu_frame, tcp_frame
from protocols.pdu import ReadRequest, WriteRegister, encode_request

REQUEST = ReadRequest(3, 0, 2)
GOOD = bytes((3, 4, 0, 1, 0, 2))
LONGER = bytes((3, 6, 0, 1, 0, 2, 0, 3))
REFUSED = bytes((0x83, 2))
ECHO = rtu_frame(9, encode_request(REQUEST))
JUNK = bytes((0xF8, 0x00, 0x55))

Found = list[tuple[bool, Stray]]
# What is heard after REQUEST went to 9 -> frames, and whether each stands in the answer's place.
RTU: dict[str, tuple[bytes, Found]] = {
    "the answer": (rtu_frame(9, GOOD), [(True, Stray(9, GOOD))]),
    "a refusal": (rtu_frame(9, REFUSED), [(True, Stray(9, REFUSED))]),
    "an older, longer answer": (rtu_frame(9, LONGER), [(True, Stray(9, LONGER))]),
    "another meter's answer": (rtu_frame(4, GOOD), [(False, Stray(4, GOOD))]),
    "an echo, then the answer": (ECHO + rtu_frame(9, GOOD), [(True, Stray(9, GOOD))]),
    "a late one, then the answer": (rtu_frame(4, LONGER) + rtu_frame(9, GOOD), [(False, Stray(4, LONGER)), (True, Stray(9, GOOD))]),
    "a wrong check sum": (rtu_frame(9, GOOD)[:-1] + b"\0", []),
    "nothing": (b"", []),
}


def heard(framing: RtuFraming | TcpFraming, pieces: list[bytes]) -> Found:
    return [(is_ours, frame) for piece in pieces for is_ours, frame in framing.feed(piece)]


@pytest.mark.parametrize(("data", "expected"), RTU.values(), ids=RTU.keys())
@pytest.mark.parametrize("ways", ["whole", "byte by byte", "junk before", "junk behind"])
def test_rtu_frames_are_found_however_they_come(data: bytes, expected: Found, ways: str) -> None:
    """The pieces in which a port hands bytes over, and noise around them, change nothing."""
    pieces = {
        "whole": [data],
        "byte by byte": [data[index : index + 1] for index in range(len(data))],
        "junk before": [JUNK + data],
        "junk behind": [data, JUNK],
    }[ways]

    assert heard(RtuFraming(9, REQUEST), pieces) == expected


@pytest.mark.parametrize(("data", "noise"), [(b"", 0), (rtu_frame(9, GOOD), 0), (JUNK, 3), (rtu_frame(9, GOOD)[:-2], 7), (ECHO, 0)])
def test_noise_counts_what_is_no_frame(data: bytes, noise: int) -> None:
    """The beginning of a frame is noise as well: after the time-out it is not finished."""
    framing = RtuFraming(9, REQUEST)
    framing.feed(data)

    assert framing.noise == noise


def test_the_head_of_a_damaged_answer_is_recognised() -> None:
    """Unit, function and length of what another request is waiting for, wherever among the bytes."""
    framing = RtuFraming(4, REQUEST)
    framing.feed(JUNK + rtu_frame(9, LONGER)[:4])

    assert framing.heard_head_of(9, ReadRequest(3, 0, 3))
    assert not framing.heard_head_of(9, REQUEST)
    assert not framing.heard_head_of(4, ReadRequest(3, 0, 3))


def tcp() -> TcpFraming:
    """The eighth request on its connection."""
    framing = TcpFraming(9, REQUEST)
    for _ in range(7):
        framing = TcpFraming(9, REQUEST, framing)
    return framing


TCP: dict[str, tuple[bytes, Found]] = {
    "the answer": (tcp_frame(7, 9, GOOD), [(True, Stray(9, GOOD))]),
    "an older transaction": (tcp_frame(6, 9, GOOD), [(False, Stray(9, GOOD))]),
    "another unit": (tcp_frame(7, 8, GOOD), [(False, Stray(8, GOOD))]),
    "late and good": (tcp_frame(6, 9, GOOD) + tcp_frame(7, 9, LONGER), [(False, Stray(9, GOOD)), (True, Stray(9, LONGER))]),
}


@pytest.mark.parametrize(("data", "expected"), TCP.values(), ids=TCP.keys())
@pytest.mark.parametrize("step", [1, 5, 1_000])
def test_on_tcp_the_transaction_decides(data: bytes, expected: Found, step: int) -> None:
    """An answer to an older request is not in the answer's place, however it is cut into segments."""
    assert heard(tcp(), [data[first : first + step] for first in range(0, len(data), step)]) == expected


@pytest.mark.parametrize("cut", range(1, len(tcp_frame(7, 9, LONGER))))
def test_a_late_answer_may_be_cut_between_two_exchanges(cut: int) -> None:
    """A stream knows no silence: what was begun before the next request is finished after it."""
    late = tcp_frame(7, 9, LONGER)
    framing = tcp()
    framing.feed(late[:cut])
    following = TcpFraming(9, REQUEST, framing)

    assert following.packet == tcp_frame(8, 9, encode_request(REQUEST))
    assert heard(following, [late[cut:] + tcp_frame(8, 9, GOOD)]) == [(False, Stray(9, LONGER)), (True, Stray(9, GOOD))]


def test_the_head_of_a_write_says_too_little() -> None:
    """Only the answers of reads tell their length in their head."""
    framing = RtuFraming(9, REQUEST)
    framing.feed(bytes((9, 6, 0, 1)))

    assert not framing.heard_head_of(9, WriteRegister(1, 5))


def test_a_stream_out_of_step_is_noise_and_then_forgotten() -> None:
    """RTU on a TCP line shows as noise, and the next good frame is found."""
    framing = tcp()
    framing.feed(rtu_frame(9, LONGER))
    noise = framing.noise

    assert noise == len(rtu_frame(9, LONGER))
    assert heard(framing, [tcp_frame(7, 9, GOOD)]) == [(True, Stray(9, GOOD))]
    assert not framing.heard_head_of(9, REQUEST)
