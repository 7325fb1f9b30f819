"""Keeps the watch over the running gateway: looks every second, tells the store what was raised, noted and cleared."""

import logging
import threading
from collections.abc import Callable, Mapping

from gateway.alarms.scene import BaseLoad, MeterFacts, Scene
from gateway.alarms.standing import StandingCounters
from gateway.alarms.watch import Alarm, Watch
from gateway.clock import Clock
from gateway.language import Language, language_of
from gateway.site import Site, counted_quantities, rate_thousandths
from gateway.status import GatewayStatus
from protocols.meter import Meter
from protocols.reading import Event

log = logging.getLogger(__name__)

LOOK_S = 1.0
# A night is over once a day; its question to the store is no cheap one.
BASE_LOAD_MS = 600_000
RAISED, CLEARED, NOTED = "alarm_raised", "alarm_cleared", "alarm_noted"


def sentence(alarm: Alarm, words: Language) -> str:
    return words.say(f"alarm.{alarm.kind}", subject=alarm.subject, **alarm.evidence)


def advice(alarm: Alarm, words: Language) -> str:
    return words.say(f"alarm_advice.{alarm.kind}")


class AlarmDesk:
    """`status`, `alarms` and `note` may be called from any thread."""

    def __init__(
        self,
        site: Site,
        models: Mapping[str, Meter],
        status: Callable[[], GatewayStatus],
        base_load: Callable[[int], BaseLoad | None],
        report: Callable[[Event], None],
        clock: Clock,
        boot: int,
        speed: float = 1.0,
    ) -> None:
        self._site, self._status, self._base_load, self._report, self._clock, self._boot = site, status, base_load, report, clock, boot
        self._speed = speed
        self._facts = _facts(site, models)
        self._watch = Watch()
        self._standing = StandingCounters(site.poll.energy_interval_min * 60_000)
        self._night: BaseLoad | None = None
        self._night_asked_ms: int | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)

    def follow(self, site: Site, models: Mapping[str, Meter]) -> None:
        """The site file changed; what was raised stays raised until it is looked at again."""
        self._site, self._facts, self._night_asked_ms = site, _facts(site, models), None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def alarms(self) -> tuple[Alarm, ...]:
        with self._lock:
            return self._watch.alarms

    def note(self, key: str, person: str, comment: str, silent_min: int) -> bool:
        """False if the alarm is gone meanwhile."""
        now_ms = self._clock.now_ms()
        with self._lock:
            alarm = self._watch.note(key, person, comment, now_ms + silent_min * 60_000 if silent_min else 0, now_ms)
        if alarm is None:
            return False
        words = language_of(self._site.pages.language)
        self._tell(NOTED, alarm, words.say("alarms.noted", person=person, sentence=sentence(alarm, words), comment=comment).strip())
        return True

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S / self._speed):
            try:
                self.look()
            except Exception:
                # A rule that fails must not end the watch over all others.
                log.exception("the alarms could not be looked after; they are tried again")

    def look(self) -> None:
        scene = self._scene(self._status())
        with self._lock:
            changes = self._watch.update(scene)
        words = language_of(self._site.pages.language)
        for change in changes:
            said = words.say("alarms.raised" if change.raised else "alarms.cleared", sentence=sentence(change.alarm, words))
            log.warning(said) if change.raised else log.info(said)
            self._tell(RAISED if change.raised else CLEARED, change.alarm, said)

    def _scene(self, status: GatewayStatus) -> Scene:
        unbooked = self._standing.all(status.meters, {name: facts.counted for name, facts in self._facts.items()})
        if self._night_asked_ms is None or not 0 <= status.time_ms - self._night_asked_ms < BASE_LOAD_MS:
            self._night_asked_ms, self._night = status.time_ms, self._base_load(status.time_ms)
        nominal_mv = self._site.site.voltage_nominal * 1000
        return Scene(status, self._facts, nominal_mv, self._site.poll.interval_s * 1000, self._night, unbooked)

    def _tell(self, kind: str, alarm: Alarm, said: str) -> None:
        instant = self._clock.instant()
        self._report(Event(kind, alarm.key, said, self._boot, instant.monotonic_ms, instant.time_ms))


def _facts(site: Site, models: Mapping[str, Meter]) -> dict[str, MeterFacts]:
    found = {}
    for meter in site.meter:
        available = frozenset(models[meter.model].quantities) if meter.model else None
        counted = tuple(name for name in counted_quantities(meter, available) if name.startswith("active_energy"))
        electrical = bool(counted) and bool(meter.rating)
        rating_mw = rate_thousandths(meter.rating, counted[0]) if electrical else None
        found[meter.name] = MeterFacts(meter.role, meter.parent, rating_mw, counted)
    return found
