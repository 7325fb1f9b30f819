"""`shiftwatt bundle`: for who makes submeters: the key that signs their updates, and bundles."""

from pathlib import Path
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from firmware.version import VERSION
from protocols.bundle import NotABundle
from tools.bundle import sealed
from tools.exits import FAILED, WRONG_USE, fail, sentences

NAME = "bundle"
PACKAGES = ("firmware", "protocols")
app = typer.Typer(help="Keys and signed bundles for the submeters' updates.", no_args_is_help=True)


@app.command("key")
def make_key(file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the secret key shall lie; it must not exist yet.")]) -> None:
    """Make the key that signs updates, and print its public half for configuration.json."""
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_bytes(secret)
    except FileExistsError:
        fail(f"{file} exists; a key that is overwritten can never sign for its meters again. Name another file.", WRONG_USE)
    except OSError as error:
        fail(f"{file} cannot be written ({error.strerror}); name another place", FAILED)
    print(f'"update_key": "{_public(key)}"')


@app.command("public")
def show_public(key: Annotated[Path, typer.Argument(metavar="FILE", help="The secret key.")]) -> None:
    """Print the public half of a key again."""
    print(f'"update_key": "{_public(_load(key))}"')


@app.command("make")
def make(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="What goes into a slot: firmware/ and protocols/, .mpy or .py.")],
    key: Annotated[Path, typer.Option(help="The secret key, from `shiftwatt bundle key`.")],
    hardware: Annotated[str, typer.Option(help="As in the configuration.json of the boards it is for.")],
    out: Annotated[Path, typer.Option(help="The bundle to write.")],
    version: Annotated[str, typer.Option(help="Three numbers; default: that of the firmware beside this command.")] = VERSION,
) -> None:
    """Pack and sign a bundle."""
    files = _files(folder)
    signer = _load(key)
    with sentences({NotABundle: WRONG_USE}):
        data = sealed(files, version, hardware, signer.sign)
    try:
        out.write_bytes(data)
    except OSError as error:
        fail(f"{out} cannot be written ({error.strerror}); name another --out", FAILED)
    print(f"{out}: version {version} for {hardware}, {len(files)} files, {len(data)} bytes")


def _files(folder: Path) -> dict[str, bytes]:
    if not all((folder / package).is_dir() for package in PACKAGES):
        fail(
            f"{folder} does not hold {' and '.join(f'{package}/' for package in PACKAGES)}; name the folder of a slot, as lib/ on a board",
            WRONG_USE,
        )
    found = [
        path
        for package in PACKAGES
        for path in (folder / package).rglob("*")
        if path.suffix in (".py", ".mpy") and "tests" not in path.parts
    ]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def _load(file: Path) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(file.read_bytes(), None)
    except OSError as error:
        fail(f"the key {file} cannot be read ({error.strerror}); make one with `shiftwatt bundle key FILE`", WRONG_USE)
    except (ValueError, TypeError):
        fail(f"{file} holds no key of ours; make one with `shiftwatt bundle key FILE`", WRONG_USE)
    if not isinstance(key, Ed25519PrivateKey):
        fail(f"{file} holds another kind of key; make one with `shiftwatt bundle key FILE`", WRONG_USE)
    return key


def _public(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()
