"""The chips a submeter may be built on, as a table: what the compiler, the flash tool and the wiring need to know of each."""

import platform
from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """`architecture` is mpy-cross's word; `small_int_bits` those of the chip's own integers; pins are GPIO numbers.

    `image_offset` is where MicroPython's own image begins in flash, `image_chip` by what number that image calls the chip.
    """

    name: str
    architecture: str
    small_int_bits: int
    transmit: int
    receive: int
    image_offset: int
    image_chip: int


# Pins that no board of the family needs for its flash, its console or its way of starting.
CHIPS = {
    chip.name: chip
    for chip in (
        Chip("esp32", "xtensawin", 31, 17, 16, 0x1000, 0),
        Chip("esp32s3", "xtensawin", 31, 17, 18, 0, 9),
        Chip("esp32c3", "rv32imc", 31, 7, 6, 0, 5),
    )
}
# MicroPython on this machine: for proofs, and for the simulated submeter.
PC = Chip("pc", "x64" if platform.machine() in ("x86_64", "AMD64") else "host", 63, 17, 16, 0, -1)
EVERY_CHIP = {**CHIPS, PC.name: PC}
