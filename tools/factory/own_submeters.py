"""The factory's own submeters as they really are: the firmware on MicroPython, measuring the waveform of its load.

Each has an interpreter, a flash and a pseudo-terminal of its own; the line has a `RemoteStation` for it.
"""

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from random import Random

from firmware import flash_plan
from firmware.counter_journal import TEN_SECONDS, CounterJournal
from firmware.rtc_plan import COUNTERS
from tools.board import flash_file
from tools.board.flash import SimulatedFlash
from tools.board.wishes import Recording, SubmeterError, Wishes
from tools.factory import waveform
from tools.factory.equipment import OWN, Place
from tools.factory.factory import Factory
from tools.factory.faults import Fault
from tools.factory.remote_station import RemoteStation
from tools.submeter import NEEDED, Heap, Submeter, require_interpreter

# Faster, the interpreter and the line's wire time no longer go together: an answer takes real milliseconds.
SPEED_MAX = 10.0
# Two start in a second or two on a machine that is not busy.
START_S_MAX = 30.0
# To the bridge only, so that an answer is not sent twice as slowly as the line's own baud has it.
_BRIDGE_BAUD = 115_200
# The journal's order: kinds for the total, then for each phase.
_KINDS = ("active_energy_import", "active_energy_export", "reactive_energy_import", "reactive_energy_export")
_CHANNELS = ("", "_l1", "_l2", "_l3")
log = logging.getLogger(__name__)


def why_simulated(speed: float) -> str:
    """Empty where they are real."""
    if speed > SPEED_MAX:
        return f"the firmware follows up to --speed {SPEED_MAX:g}"
    try:
        require_interpreter()
    except SubmeterError:
        return f"MicroPython is not installed here (x86-64 Linux and macOS: pip install {' '.join(NEEDED.values())})"
    return ""


def flash_of(folder: Path, name: str) -> Path:
    return folder / f"{name}.flash"


class OwnSubmeters:
    """`start` lets them begin, `stations` waits until all are there."""

    def __init__(self, factory: Factory, folder: Path, start_ms: int, speed: float) -> None:
        self._runs = [_Run(place, self._wishes(factory, folder, place, start_ms, speed)) for place in OWN]
        self._speed = speed
        self._stations: list[RemoteStation] = []

    def start(self) -> None:
        for run in self._runs:
            run.thread.start()

    def stations(self, faults: Mapping[str, list[Fault]]) -> Mapping[str, RemoteStation]:
        for run in self._runs:
            terminal, name = run.terminal(), run.place.name
            self._stations.append(RemoteStation(name, run.place.address, terminal, faults.get(name, ()), hears_others=self._speed <= 1))
        return {station.name: station for station in self._stations}

    def stop(self) -> None:
        """They save their counters first."""
        for run in self._runs:
            run.submeter.stop()
        for run in self._runs:
            if run.thread.is_alive():
                run.thread.join()
        for station in self._stations:
            station.close()

    def _wishes(self, factory: Factory, folder: Path, place: Place, start_ms: int, speed: float) -> Wishes:
        flash, recorded = flash_of(folder, place.name), folder / f"{place.name}.samples"
        recorded.write_bytes(waveform.samples(factory.sources[place.name], start_ms))
        count_on(flash, factory.counters(place.name, start_ms))
        recording = Recording(recorded, waveform.RATE_HZ, 3, waveform.FULL_SCALE_MV, waveform.FULL_SCALE_MA)
        return Wishes(
            address=place.address,
            baud=_BRIDGE_BAUD,
            flash=flash,
            recording=recording,
            speed=speed,
            log=folder / f"{place.name}.log",
        )


class _Run:
    def __init__(self, place: Place, wishes: Wishes) -> None:
        self.place = place
        self.submeter = Submeter(wishes, self._told)
        self.thread = threading.Thread(target=self._work, name=f"submeter {place.name}", daemon=True)
        self._settled = threading.Event()
        self._failure = ""

    def terminal(self) -> str:
        if not self._settled.wait(START_S_MAX):
            raise SubmeterError(f"the submeter {self.place.name} did not start within {START_S_MAX:g} s; is this machine too busy?")
        if self._failure:
            raise SubmeterError(self._failure)
        return self.submeter.terminal

    def _told(self, _submeter: Submeter, _heap: Heap | None) -> None:
        self._settled.set()

    def _work(self) -> None:
        try:
            self.submeter.run()
        except SubmeterError as error:
            log.error("%s is silent from now on: %s", self.place.name, error)  # noqa: TRY400 - the sentence says it all
            self._failure = str(error)
        except Exception as error:  # whoever waits for it must not be told of a terminal that is gone
            log.exception("%s stopped by a fault of this program", self.place.name)
            self._failure = f"the submeter {self.place.name} could not be started ({type(error).__name__}); the log says why"
        finally:
            self._settled.set()


def count_on(path: Path, counters: Mapping[str, int]) -> None:
    """Its flash as if it had counted so far all the time; what it has counted itself is never taken back."""
    with flash_file.opened(path) as file:
        random = Random(str(path))
        device = SimulatedFlash(file, flash_plan.BLOCKS, random)
        journal = CounterJournal(device, flash_plan.JOURNAL, TEN_SECONDS, _NoMemory(), lambda: random.getrandbits(16), COUNTERS)
        wanted = [counters[kind + channel] for channel in _CHANNELS for kind in _KINDS]
        journal.save(0, [max(pair) for pair in zip(wanted, journal.saved, strict=True)])


class _NoMemory:
    """Between two runs the power was off."""

    def read(self) -> bytes:
        return b""

    def write(self, data: bytes | bytearray) -> None:
        """Nothing is kept."""
