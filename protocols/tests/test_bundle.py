"""The bundle's header: what goes in comes out, and what does not add up is refused."""

from hashlib import sha256

import pytest

from protocols.bundle import SIGNATURE_BYTES, Entry, Head, NotABundle, opened, packed_header, version_numbers

FILES = {"firmware/main.py": b"main", "protocols/pdu.py": b"pdu" * 100}
ENTRIES = [Entry(path, len(data), sha256(data).digest()) for path, data in FILES.items()]


def bundle() -> bytes:
    return packed_header("1.2.3", "esp32c3", ENTRIES) + b"".join(FILES.values()) + bytes(SIGNATURE_BYTES)


def test_a_header_gives_back_what_it_was_made_of() -> None:
    """Version, hardware and the list of files survive the way through bytes."""
    head, entries = opened(bundle())

    assert head == Head(2, "1.2.3", "esp32c3", 48 + sum(37 + len(path) for path in FILES))
    assert entries == ENTRIES


@pytest.mark.parametrize("length", range(0, 48 + 2 * 37 + 32 + 304 + SIGNATURE_BYTES, 7))
def test_a_bundle_cut_anywhere_is_none(length: int) -> None:
    """Whatever is missing at the end is noticed before a file is looked for."""
    with pytest.raises(NotABundle):
        opened(bundle()[:length])


@pytest.mark.parametrize(
    ("at", "wrong"),
    [(0, b"X"), (9, b"\x02"), (11, b"\x03"), (11, b"\x01"), (44, b"\xff"), (48, b"\0"), (48, b"\xff"), (49, b"/"), (49, b"..")],
)
def test_what_does_not_add_up_is_refused(at: int, wrong: bytes) -> None:
    """Another magic or format, a wrong count or length, a path that leads outside."""
    data = bundle()

    with pytest.raises(NotABundle):
        opened(data[:at] + wrong + data[at + len(wrong) :])


def test_versions_compare_as_numbers() -> None:
    """0.10.0 is newer than 0.9.9, and what is no version is older than all."""
    versions = ["0.10.0", "-", "0.9.9", "1.0.0", "0.9.10"]

    assert sorted(versions, key=version_numbers) == ["-", "0.9.9", "0.9.10", "0.10.0", "1.0.0"]
