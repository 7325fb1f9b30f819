"""Signatures checked in plain Python, against the RFC's examples and another implementation."""

import hashlib
import random
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware.ed25519 import sha512, verifying

# RFC 8032, section 7.1: key, message, signature.
EXAMPLES = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]


def verdict(slices: Iterator[bool | None]) -> bool | None:
    return list(slices)[-1]


@pytest.mark.parametrize(("key", "message", "signature"), EXAMPLES)
def test_the_examples_of_the_standard_hold(key: str, message: str, signature: str) -> None:
    """Each signature is good for its message, and for no other one."""
    given = bytes.fromhex(key), bytes.fromhex(signature)

    assert verdict(verifying(*given, bytes.fromhex(message))) is True
    assert verdict(verifying(*given, bytes.fromhex(message) + b"!")) is False


def test_it_agrees_with_another_implementation_and_refuses_every_change() -> None:
    """Fresh keys and messages are good; one flipped bit in key, signature or message is not."""
    dice = random.Random(1)
    for _ in range(12):
        secret = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
        key, message = secret.public_key().public_bytes_raw(), dice.randbytes(47)
        good = (key, secret.sign(message), message)
        part = dice.randrange(3)
        wrong = list(good)
        place = dice.randrange(8 * len(good[part]))
        wrong[part] = (int.from_bytes(good[part], "little") ^ 1 << place).to_bytes(len(good[part]), "little")

        assert verdict(verifying(*good)) is True
        assert verdict(verifying(wrong[0], wrong[1], wrong[2])) is False


def test_a_signature_has_one_form_only() -> None:
    """The same scalar with the group's order added, a short signature, and a missing key are refused."""
    secret = Ed25519PrivateKey.from_private_bytes(bytes(32))
    key, signature = secret.public_key().public_bytes_raw(), secret.sign(b"x")
    order = 2**252 + 27742317777372353535851937790883648493
    other = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")

    assert [verdict(verifying(*each, b"x")) for each in ((key, other), (key, signature[:63]), (b"", signature))] == [False] * 3


@pytest.mark.parametrize("length", [0, 1, 111, 112, 127, 128, 300])
def test_sha512_is_the_library_s(length: int) -> None:
    """On either side of the block's edges."""
    message, digest = bytes(range(256))[:length] + bytes(max(0, length - 256)), list[bytes]()
    list(sha512(message, digest))

    assert digest == [hashlib.sha512(message).digest()]
