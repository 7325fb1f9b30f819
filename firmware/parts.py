"""The parts behind the application, and what it tells of them. Only values that hold parts live here. Runs on MicroPython."""

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from firmware.carried import Carried
    from firmware.clock import MeterClock
    from firmware.counter_journal import CounterJournal
    from firmware.front_ends.front_end import FrontEnd
    from firmware.load_profile import LoadProfile
    from firmware.metrology.calibration_store import CalibrationStore
    from firmware.metrology.energy import Counters
    from firmware.profile_window import ProfileWindow
    from firmware.quality import Quality
    from firmware.register_image import RegisterImage
    from firmware.settings import SettingsStore
    from firmware.update import Update
    from firmware.update_desk import UpdateDesk


class Parts(
    namedtuple(
        "Parts",
        (
            "image",
            "clock",
            "front_end",
            "calibration",
            "counters",
            "journal",
            "profile",
            "window",
            "quality",
            "settings",
            "carried",
            "update",
        ),
    )
):
    image: "RegisterImage"
    clock: "MeterClock"
    front_end: "FrontEnd"
    calibration: "CalibrationStore"
    counters: "Counters"
    journal: "CounterJournal"
    profile: "LoadProfile"
    window: "ProfileWindow"
    quality: "Quality"
    settings: "SettingsStore"
    carried: "Carried"
    update: "Update | UpdateDesk"


class Facts(namedtuple("Facts", ("title", "trust", "phases", "values", "image"))):
    """`values` are the measured ones in inner units; the image is as it was refreshed last."""

    title: str
    trust: int
    phases: int
    values: "Mapping[str, int | None]"
    image: "RegisterImage"
