"""Keeps the simulated chip's free memory in pieces, as long work leaves it: a larger one than that cannot be had. Runs on MicroPython.

One block is taken behind each piece, and one before it: nothing that lies there already may grow into it.
"""

import gc
import sys

# A block of the interpreter's heap has four words; the least object takes one.
_WORD = 8 if sys.maxsize > 1 << 32 else 4
_BLOCK = 4 * _WORD
_TUPLE_HEAD = 2 * _WORD
_TELL_EVERY = 50


class Pieces:
    """`cut` keeps a block of each seam in `_kept`: one tuple that holds the one before it."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self._cuts = self._larger = 0
        self._kept: object = None

    def turn(self) -> None:
        """What this turn gave back may have joined pieces: that is counted, and cut again."""
        self._larger += self.has_larger()
        self.cut()
        self._cuts += 1
        if self._cuts == _TELL_EVERY:
            print("pieces", self._cuts, self._larger)
            self._cuts = self._larger = 0

    def has_larger(self) -> bool:
        """Whether a piece one block larger could be had, after a collection."""
        try:
            (None,) * ((self.most_bytes + _BLOCK - _TUPLE_HEAD) // _WORD)
        except MemoryError:
            return False
        return True

    def cut(self) -> None:
        """All free memory is taken block by block, which goes from its one end to the other; nearly all is given back."""
        kept: object = None
        self._kept = kept
        gc.collect()
        gc.disable()  # else what was not kept would come back before the end is reached
        most, before, begins = self.most_bytes, 0, 0
        try:
            while True:
                block = (kept,)
                at = id(block)
                if at != before + _BLOCK or at - begins >= most:
                    kept = block
                    begins = at + _BLOCK
                before = at
        except MemoryError:
            block = None
        gc.enable()
        self._kept = kept
        gc.collect()
