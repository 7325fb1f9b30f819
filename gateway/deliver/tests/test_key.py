"""The gateway's key: made once, kept private, never replaced in silence."""

from pathlib import Path

import pytest

from gateway.deliver.key import FILE, KeyFileError, gateway_id, gateway_key, verifier


def test_key_is_made_once(tmp_path: Path) -> None:
    """The second start finds the key of the first, and with it the same id."""
    first, second = gateway_key(tmp_path), gateway_key(tmp_path)

    assert (first.gateway, first.public_key) == (second.gateway, second.public_key)


def test_key_file_is_private(tmp_path: Path) -> None:
    """Only the owner may read the key, and nothing else is left in the folder."""
    gateway_key(tmp_path)

    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_signature_holds_for_its_message_and_key_only(tmp_path: Path) -> None:
    """A signature verifies; another message, another signature or another gateway's key do not."""
    key, other = gateway_key(tmp_path / "a"), gateway_key(tmp_path / "b")
    signature = key.sign(b"message")
    verify = verifier(key.public_key)

    assert verify(b"message", signature)
    assert not verify(b"another", signature)
    assert not verify(b"message", bytes(64))
    assert not verifier(other.public_key)(b"message", signature)


def test_id_follows_from_the_public_key(tmp_path: Path) -> None:
    """Two gateways never share an id, and anybody can check whose it is."""
    key, other = gateway_key(tmp_path / "a"), gateway_key(tmp_path / "b")

    assert key.gateway == gateway_id(key.public_key) != other.gateway


def test_ed25519_of_the_standard(tmp_path: Path) -> None:
    """The public key and signature are those of RFC 8032, section 7.1, test 2."""
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    key = gateway_key(tmp_path, lambda _: seed)

    assert key.public_key == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert key.sign(b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_broken_key_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    """A key file that cannot be read is a sentence for a person, not a new identity."""
    (tmp_path / FILE).write_bytes(content)

    with pytest.raises(KeyFileError, match="put it back from a backup"):
        gateway_key(tmp_path)
    assert (tmp_path / FILE).read_bytes() == content


def test_unwritable_folder_is_said(tmp_path: Path) -> None:
    """A data folder that is a file is reported with its path."""
    (tmp_path / "data").write_text("")

    with pytest.raises(KeyFileError, match="data folder"):
        gateway_key(tmp_path / "data")
