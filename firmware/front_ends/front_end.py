"""What all front ends have in common: how their records may be trusted, and the one way to ask them.

A front end is any object with these; hardware reaches it as arguments. Adding one is adding one file beside this one.
Sampling ones take after `Sampling`. Others have counted energy or pieces by themselves: their `tally` says how much is new,
and `settle` puts it into the counters in the place of power times time.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from firmware.front_ends.tally import Tally
    from firmware.metrology.calibration import Calibration
    from firmware.metrology.energy import Counters
    from firmware.metrology.window import Window

    class FrontEnd(Protocol):
        trust: int
        phases: int
        restarts: int
        counted: tuple[str, ...]
        """The counters it can tell; the others have no value."""

        @property
        def tally(self) -> Tally | None: ...

        @property
        def extras(self) -> tuple[tuple[str, int | None], ...]:
            """What it tells beside its windows, in thousandths by quantity."""
            ...

        def settle(self, counters: Counters, calibration: Calibration) -> None: ...

        def poll(self, elapsed_us: int) -> "Window | None":
            """Called as often as the supervisor's loop turns, with the time since the last call; seldom yields a window.

            One without phases where nothing was measured, so that silence of a chip does not look like a hanging meter.
            """
            ...
else:
    FrontEnd = object

# In a register and on the page: nobody shall take a bench signal or a bring-up converter for a meter.
MEASURED, INDICATIVE, SYNTHETIC = range(3)
TRUST_NAMES = ("measured", "indicative", "synthetic")

ENERGIES = ("active_energy_import", "active_energy_export", "reactive_energy_import", "reactive_energy_export")


class Sampling:
    """What a front end that samples has in common with the others."""

    restarts = 0
    counted: "tuple[str, ...]" = ENERGIES
    extras: "tuple[tuple[str, int | None], ...]" = ()
    tally: "Tally | None" = None

    def settle(self, counters: "Counters", calibration: "Calibration") -> None: ...
