"""`shiftwatt bundle` and what `shiftwatt update` says before it reaches a meter."""

import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from typer.testing import CliRunner

from gateway.tests.works import OWN_SUBMETER
from protocols.bundle import opened, signed_text
from tools.command import app

SITE = f"""{OWN_SUBMETER}[[meter]]
name = "other"
line = "bench"
address = 2
model = "eastron-sdm630"
role = "load"
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("site.toml").write_text(SITE, encoding="utf-8")
    for path in ("slot/firmware/main.mpy", "slot/protocols/pdu.mpy", "slot/firmware/tests/test_x.py"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(path.encode())


def said(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


def test_a_key_is_made_and_its_bundles_bear_its_signature() -> None:
    """The printed half checks the bundle, the secret one is for its owner only, tests stay out."""
    _, line = said("bundle", "key", "my.key")
    _, again = said("bundle", "public", "my.key")
    status, told = said("bundle", "make", "slot", "--key", "my.key", "--hardware", "esp32c3", "--version", "1.2.3", "--out", "b")
    data = Path("b").read_bytes()
    head, entries = opened(data)
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(json.loads("{" + line + "}")["update_key"]))
    public.verify(data[-64:], signed_text(sha256(data[: head.header_bytes]).digest()))

    assert line == again
    assert Path("my.key").stat().st_mode & 0o777 == 0o600
    assert (status, told) == (0, f"b: version 1.2.3 for esp32c3, 2 files, {len(data)} bytes\n")
    assert [entry.path for entry in entries] == ["firmware/main.mpy", "protocols/pdu.mpy"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["bundle", "key", "site.toml"], "site.toml exists; a key that is overwritten"),
        (["bundle", "public", "none"], "cannot be read"),
        (["bundle", "public", "site.toml"], "holds no key of ours"),
        (["bundle", "make", ".", "--key", "k", "--hardware", "h", "--out", "b"], "does not hold firmware/ and protocols/"),
        (["bundle", "make", "slot", "--key", "k", "--hardware", "h", "--out", "b", "--version", "one"], "is not three numbers"),
        (["bundle", "make", "slot", "--key", "k", "--hardware", "seventeen letters", "--out", "b"], "is not 1 to 16 ASCII"),
        (["update", "nobody", "b"], "our own submeters here: own"),
        (["update", "other", "b"], "other is eastron-sdm630; only our own submeters"),
        (["update", "own", "none"], "none cannot be read"),
        (["update", "own", "site.toml"], "no bundle for a submeter: it does not begin like a bundle"),
        (["submeter", "--link", "l", "--update-key", "xyz"], "64 hexadecimal digits"),
    ],
)
def test_wrong_use_is_a_sentence_and_status_2(words: list[str], sentence: str) -> None:
    """Nothing is sent, made or overwritten."""
    said("bundle", "key", "k")
    status, told = said(*words)

    assert (status, sentence in told) == (2, True), told
    assert not Path("b").exists()
