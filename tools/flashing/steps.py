"""The steps that bring a tree onto a board, as the words one would type. How they are carried out is `run`'s matter."""

import struct
from dataclasses import dataclass
from pathlib import Path

from tools.flashing.chips import Chip
from tools.flashing.compiled import FlashError
from tools.flashing.partition_table import OFFSET, with_ours
from tools.flashing.tree import BOOT_FILE, CONFIGURATION, FOLDERS, STARTING_FILE

# The chip's own USB goes away with a reset and comes back within two seconds; the first start formats the file system.
RESET_S, FIRST_START_S = 3.0, 12.0
_IMAGE_MAGIC = 0xE9
_CHIP_AT = 12  # in the head of an image

# The watchdog of a running meter cannot be stopped, and it bites eight seconds after the meter was. So the meter is first
# kept from starting, then reset; what takes longer comes after that.
_KEEP_FROM_STARTING = 'import os; [os.remove(name) for name in ("main.py", "boot.py") if name in os.listdir()]'
_CLEAR = """
import os
def clear(path):
    try:
        folder = os.stat(path)[0] & 0x4000
    except OSError:
        return
    if not folder:
        return os.remove(path)
    for name in os.listdir(path):
        clear(path + "/" + name)
    os.rmdir(path)
for room in ("lib/firmware", "lib/protocols", "lib_b", "recovery", "slot", "slot.new", "received"):
    clear(room)
""".strip()
_ASK = "import sys; print(sys.implementation._machine, sys.implementation._mpy & 0xFFFF)"


@dataclass(frozen=True)
class Step:
    """`settle_s`: how long the board takes afterwards. `asks`: what it prints is the board's answer to who it is."""

    what: str
    words: tuple[str, ...]
    settle_s: float = 0
    asks: bool = False


def installing(chip: Chip, port: str, image: Path, table: Path) -> list[Step]:
    """MicroPython itself, from a file the person has."""
    tool = ("esptool", "--chip", chip.name, "--port", port)
    return [
        Step("erase the flash", (*tool, "erase-flash")),
        Step("write MicroPython", (*tool, "write-flash", hex(chip.image_offset), str(image))),
        Step("make room for the counters", (*tool, "write-flash", hex(OFFSET), str(table)), FIRST_START_S),
    ]


def copying(port: str, folder: Path) -> list[Step]:
    """The tree; the file that starts the meter comes last."""
    tool = ("mpremote", "connect", port)
    folders = [str(folder / name) for name in FOLDERS]
    last = [str(folder / name) for name in (CONFIGURATION, BOOT_FILE)]
    return [
        Step("keep the meter from starting", (*tool, "exec", _KEEP_FROM_STARTING)),
        Step("reset the board", (*tool, "reset"), RESET_S),
        Step("ask the board who it is", (*tool, "exec", _ASK), asks=True),
        Step("clear away an older firmware", (*tool, "exec", _CLEAR)),
        Step("copy the firmware", (*tool, "fs", "cp", "-r", *folders, ":")),
        Step("copy its configuration", (*tool, "fs", "cp", *last, ":")),
        Step("copy what starts it", (*tool, "fs", "cp", str(folder / STARTING_FILE), ":")),
        Step("start the meter", (*tool, "reset")),
    ]


def table_for(chip: Chip, image: Path) -> bytes:
    """The table of partitions to write; FlashError if the file is not MicroPython for this chip."""
    try:
        content = image.read_bytes()
    except OSError as error:
        raise FlashError(f"the MicroPython file {image} cannot be read: {error.strerror}.") from error
    if len(content) < OFFSET or content[0] != _IMAGE_MAGIC:
        raise FlashError(f"{image} is no MicroPython image for these chips; take the .bin file of the board's download page.")
    if struct.unpack_from("<H", content, _CHIP_AT)[0] != chip.image_chip:
        raise FlashError(f"{image} is for another chip than {chip.name}; take the one for {chip.name}, or name the right --chip.")
    return with_ours(content, chip.image_offset)
