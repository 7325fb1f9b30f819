"""Requests as bytes and replies as words, with everything a reply may do wrong."""

import pytest
from pymodbus.pdu.register_message import ReadWriteMultipleRegistersRequest

from protocols.errors import MeterRefused, OurMistake, WrongAnswer
from protocols.pdu import (
    BASIC,
    NO_REPLY,
    TOO_SHORT,
    Identify,
    ReadRequest,
    ReadWriteRegisters,
    Request,
    WriteRegister,
    WriteRegisters,
    encode_request,
    reply_length,
    reply_objects,
    reply_pdu_length,
    reply_words,
)
from protocols.tests.vectors import GOOD, READS

READ = ReadRequest(4, 0, 2)


@pytest.mark.parametrize("name", READS)
def test_reads_are_the_published_bytes(name: str) -> None:
    """A read request encodes to the PDU inside the published frame."""
    _, (_, function, address, count) = READS[name]

    assert encode_request(ReadRequest(function, address, count)) == GOOD[name][1:-2]


@pytest.mark.parametrize(
    ("request_", "frame"),
    [(WriteRegisters(0x1C, (0x4000, 0)), "m9"), (Identify(BASIC, 0), "m17")],
)
def test_other_requests_are_the_published_bytes(request_: Request, frame: str) -> None:
    """Writing and identification encode to the PDU inside the published frame."""
    assert encode_request(request_) == GOOD[frame][1:-2]


@pytest.mark.parametrize(
    "request_",
    [
        ReadRequest(4, 0, 0),
        ReadRequest(4, 0, 126),
        ReadRequest(4, 0xFFFF, 2),
        ReadRequest(1, 0, 2),
        WriteRegisters(0, ()),
        WriteRegisters(0, (0,) * 124),
        WriteRegister(0x10000, 1),
        ReadWriteRegisters(0, 0, 0, (1,)),
        ReadWriteRegisters(0, 126, 0, (1,)),
        ReadWriteRegisters(0, 1, 0, ()),
        ReadWriteRegisters(0, 1, 0, (0,) * 122),
        ReadWriteRegisters(0xFFFF, 2, 0, (1,)),
        ReadWriteRegisters(0, 1, 0xFFFF, (1, 2)),
    ],
)
def test_requests_the_standard_does_not_know_are_our_mistake(request_: Request) -> None:
    """What no meter can answer is never sent."""
    with pytest.raises(OurMistake):
        encode_request(request_)


def test_the_largest_requests_pass() -> None:
    """The limits of the standard themselves are allowed, up to the last address."""
    assert encode_request(ReadRequest(3, 0xFFFF - 124, 125)) == bytes.fromhex("03 FF 83 00 7D")
    assert len(encode_request(WriteRegisters(0, (1,) * 123))) == 252
    assert len(encode_request(ReadWriteRegisters(0, 125, 0, (1,) * 121))) == 252


def test_writing_and_reading_in_one_exchange_is_what_a_foreign_client_sends() -> None:
    """pymodbus encodes the same request; the words that were read are taken from the reply, and nothing else is."""
    request = ReadWriteRegisters(2005, 2, 2005, (1, 2))
    foreign = ReadWriteMultipleRegistersRequest(read_address=2005, read_count=2, write_address=2005, write_registers=[1, 2])

    assert encode_request(request) == b"\x17" + foreign.encode()
    assert reply_words(request, bytes.fromhex("17 04 00 01 00 02")) == (1, 2)
    for pdu in ("17 02 00 01", "03 04 00 01 00 02", "17 04 00 01"):
        with pytest.raises(WrongAnswer):
            reply_words(request, bytes.fromhex(pdu))
    with pytest.raises(MeterRefused):
        reply_words(request, bytes.fromhex("97 02"))


def test_a_good_reply_gives_its_words() -> None:
    """The published 230.2 V reply gives the two words."""
    assert reply_words(READ, GOOD["m2"][1:-2]) == (0x4366, 0x3334)
    assert reply_words(WriteRegisters(0x1C, (0x4000, 0)), GOOD["m10"][1:-2]) == ()
    assert reply_words(WriteRegister(2, 5), bytes.fromhex("06 00 02 00 05")) == ()


@pytest.mark.parametrize(("pdu", "code"), [("84 02", 2), ("84 06", 6), ("84 0B", 11)])
def test_an_exception_is_the_meters_refusal(pdu: str, code: int) -> None:
    """The exception code is kept and named in the reason."""
    with pytest.raises(MeterRefused) as refused:
        reply_words(READ, bytes.fromhex(pdu))

    assert (refused.value.code, refused.value.reason) == (code, f"exception_{code}")


@pytest.mark.parametrize(
    ("request_", "pdu"),
    [
        (READ, ""),
        (READ, "04"),
        (READ, "03 04 43 66 33 34"),
        (READ, "83 02"),
        (READ, "04 04 43 66 33"),
        (READ, "04 04 43 66 33 34 00"),
        (READ, "04 02 43 66 33 34"),
        (READ, "04 02 43 66"),
        (WriteRegister(2, 5), "06 00 02 00 06"),
        (WriteRegisters(0x1C, (0x4000, 0)), "10 00 1C 00 01"),
    ],
)
def test_a_reply_to_something_else_is_a_wrong_answer(request_: Request, pdu: str) -> None:
    """Another function, length, byte count or confirmation is never taken for the answer."""
    with pytest.raises(WrongAnswer):
        reply_words(request_, bytes.fromhex(pdu))


def test_identification_objects() -> None:
    """The objects come by number; a reply that does not add up is refused."""
    pdu = bytes.fromhex("2B 0E 01 81 00 00 03 00 03 41 42 42 01 03 42 32 33 02 01 31")

    assert reply_objects(Identify(BASIC, 0), pdu) == {0: b"ABB", 1: b"B23", 2: b"1"}
    for broken in (pdu[:-1], pdu + b"\0", pdu[:6], pdu[:4]):
        with pytest.raises(WrongAnswer):
            reply_objects(Identify(BASIC, 0), broken)
    with pytest.raises(MeterRefused):
        reply_objects(Identify(BASIC, 0), bytes.fromhex("AB 01"))


@pytest.mark.parametrize(
    ("pdu", "length"),
    [
        ("", TOO_SHORT),
        ("04", TOO_SHORT),
        ("04 04", 6),
        ("04 00", NO_REPLY),
        ("04 03", NO_REPLY),
        ("04 FC", NO_REPLY),
        ("01 03", 5),
        ("84", 2),
        ("10", 5),
        ("63", NO_REPLY),
        ("E3", NO_REPLY),
        ("2B", TOO_SHORT),
        ("2B 0D", NO_REPLY),
        ("2B 0E 01 81 00 00 01", TOO_SHORT),
        ("2B 0E 01 81 00 00 01 00 05", 14),
        ("2B 0E 01 81 00 00 02 00 F0 ", TOO_SHORT),
    ],
)
def test_the_length_of_any_reply_is_told_from_its_head(pdu: str, length: int) -> None:
    """Lengths come from the function and the counts inside, whoever asked."""
    assert reply_length(bytes.fromhex(pdu)) == length


def test_the_length_due_is_that_of_the_request() -> None:
    """A read of n registers is answered by 2 + 2n bytes, a write by five."""
    assert [reply_pdu_length(each) for each in (READ, WriteRegister(1, 1), WriteRegisters(1, (1,)), Identify(1, 0))] == [6, 5, 5, TOO_SHORT]
