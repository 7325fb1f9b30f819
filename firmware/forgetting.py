"""Takes modules out of memory that were needed for a while: to start, to update. Runs on MicroPython.

What still holds an object of theirs keeps what that object needs.
"""

import sys


def forget(*names: str) -> None:
    """They are loaded anew when they are imported next. Elsewhere than on a board memory is no matter, and tests hold on to classes."""
    if sys.implementation.name != "micropython":
        return
    for name in names:
        if name in sys.modules:
            package, own = name.rsplit(".", 1)
            sys.modules.pop(name)
            delattr(sys.modules[package], own)
