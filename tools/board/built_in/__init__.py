"""What the chip's own modules are on the simulated board: this folder stands first on MicroPython's path, so that their names count."""
