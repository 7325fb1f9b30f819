"""The meter from its start on.

On the board a root `main.py` of two lines calls `run()`; a bench calls `compose` with a time and a front end of its own.
"""

from firmware import board
from firmware.application import CALIBRATING
from firmware.clock import ElapsedTicks
from firmware.forgetting import forget

_PAUSE_US = 500

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firmware.front_ends.front_end import FrontEnd
    from firmware.main_loop import MainLoop
    from firmware.metrology.calibration import Calibration


def compose(
    configuration: "dict[str, Any]", elapsed_us: "Callable[[], int]", source: "tuple[FrontEnd, Calibration, str] | None" = None
) -> "MainLoop":
    """`source` takes the place of the front end that the configuration names."""
    from firmware import composing  # noqa: PLC0415 - leaves memory again

    meter = composing.compose(configuration, elapsed_us, source)
    forget(*CALIBRATING)
    forget("firmware.composing", "firmware.front_end_wiring", "firmware.register_codes", "firmware.network_parts")
    return meter


def run() -> None:
    meter = _composed()
    while True:
        meter.turn()
        board.clock.sleep_us(_PAUSE_US)


def _composed() -> "MainLoop":
    """Where that fails the watchdog starts the board anew, at last into recovery; the reason is said before."""
    from firmware import configuring  # noqa: PLC0415 - leaves memory again

    document = configuring.read()
    try:
        meter = compose(document, ElapsedTicks(board.clock))
    except Exception as error:
        configuring.refused(error)
        raise
    forget("firmware.configuring")
    return meter
