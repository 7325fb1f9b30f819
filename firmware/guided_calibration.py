"""The guided calibration behind its registers: what a reference shows comes in, a step is asked for, a clean window answers it.

The steps' arithmetic and its refusals are `metrology.calibration_steps`'; storing the result is the application's matter.
"""

from firmware.metrology.calibration import CalibrationRefused
from firmware.register_codes import CODES

# The window that is open when the step is asked for may still hold what was before.
WINDOWS = 2
KNOWN = ("known_voltage_mv", "known_current_ma", "known_active_power_mw", "known_reactive_power_mvar")
INPUTS = KNOWN + ("accepted_error",)  # noqa: RUF005 - MicroPython has no star here
NONE, NO_LOAD = CODES["calibration_step"].index("none"), CODES["calibration_step"].index("no_load")
KNOWN_LOAD, ACCEPT = CODES["calibration_step"].index("known_load_l1"), CODES["calibration_step"].index("accept_l1")
IDLE, MEASURING, DONE, REFUSED = [CODES["calibration_step_state"].index(state) for state in ("idle", "measuring", "done", "refused")]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.metrology.calibration import Calibration
    from firmware.metrology.window import Window
    from firmware.register_image import RegisterImage


class GuidedCalibration:
    def __init__(self, image: "RegisterImage", phases: int) -> None:
        self._image = image
        self._phases = phases
        self._step = NONE
        self._windows = 0
        self._show(NONE, IDLE)

    def begin(self, step: int) -> bool:
        """False if this meter cannot: it has no such phase, or was not told what the reference shows."""
        phase = self._phase(step)
        needed = () if step in (NONE, NO_LOAD) else KNOWN if step < ACCEPT else INPUTS
        if phase >= self._phases or any(self._image.number(name) is None for name in needed):
            return False
        self._step, self._windows = step, WINDOWS
        self._image.put("calibration_step_error", None)
        self._show(step, MEASURING if step != NONE else IDLE)
        return True

    def take(self, window: "Window", calibration: "Calibration") -> "Calibration | None":
        """The new calibration once a step has found one."""
        if self._step == NONE:
            return None
        self._windows -= 1
        if self._windows > 0:
            return None
        step, self._step = self._step, NONE
        try:
            found = self._done(step, window, calibration)
        except CalibrationRefused:  # the commissioner reads the state; the sentence is the tool's to say
            self._show(step, REFUSED)
            return None
        self._show(step, DONE)
        return found

    def _done(self, step: int, window: "Window", calibration: "Calibration") -> "Calibration | None":
        from firmware.metrology import calibration_steps as steps  # noqa: PLC0415 - costs memory only while a meter is commissioned

        if step == NO_LOAD:
            return steps.no_load(window, calibration)
        load = steps.KnownLoad(*[self._image.number(name) or 0 for name in KNOWN])
        phase = self._phase(step)
        if step < ACCEPT:
            return steps.known_load(window, calibration, phase, load)
        error = steps.accept(window, calibration, phase, load, self._image.number("accepted_error") or 0)
        self._image.put("calibration_step_error", error)
        return None

    def _phase(self, step: int) -> int:
        return 0 if step < KNOWN_LOAD else step - (KNOWN_LOAD if step < ACCEPT else ACCEPT)

    def _show(self, step: int, state: int) -> None:
        self._image.put("calibration_step", step)
        self._image.put("calibration_step_state", state)
