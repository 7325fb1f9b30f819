"""What all front ends have in common: how their records may be trusted, and the one way to ask them.

A front end is any object with these; hardware reaches it as arguments. Adding one is adding one file beside this one.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from firmware.metrology.window import Window

    class FrontEnd(Protocol):
        trust: int
        phases: int
        restarts: int

        def poll(self, elapsed_us: int) -> "Window | None":
            """Called as often as the supervisor's loop turns, with the time since the last call; seldom yields a window."""
            ...
else:
    FrontEnd = object

# In a register and on the page: nobody shall take a bench signal or a bring-up converter for a meter.
MEASURED, INDICATIVE, SYNTHETIC = range(3)
TRUST_NAMES = ("measured", "indicative", "synthetic")
