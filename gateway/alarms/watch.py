"""The watch: what was seen, since when, what is raised, and what people said to it. Time comes with what is looked at."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gateway.alarms.rule import BAD, GOOD, RULES, Rule
from gateway.alarms.scene import Scene

# An alarm may be silenced over a shift and its handover; then it speaks again.
SILENCE_MS_MAX = 12 * 3_600_000


@dataclass(frozen=True)
class Alarm:
    """`key` names it in forms and in the API; a person who noted it stays named until it is gone."""

    kind: str
    subject: str
    severity: str
    since_ms: int
    evidence: Mapping[str, str]
    noted_by: str = ""
    comment: str = ""
    silent_until_ms: int = 0

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.subject}"


@dataclass(frozen=True)
class Change:
    alarm: Alarm
    raised: bool


@dataclass
class _Course:
    """Since when one subject is bad or good; None where it is neither."""

    bad_since_ms: int | None = None
    good_since_ms: int | None = None


class Watch:
    def __init__(self, rules: tuple[Rule, ...] = RULES) -> None:
        self._rules = rules
        self._courses: dict[tuple[str, str], _Course] = {}
        self._raised: dict[str, Alarm] = {}

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Urgent ones first, then the older ones."""
        return tuple(sorted(self._raised.values(), key=lambda alarm: (alarm.severity, alarm.since_ms, alarm.key)))

    def update(self, scene: Scene) -> list[Change]:
        now_ms = scene.status.time_ms
        return [change for rule in self._rules for change in self._looked(rule, scene, now_ms)]

    def _looked(self, rule: Rule, scene: Scene, now_ms: int) -> Iterable[Change]:
        for sight in rule.look(scene):
            course = self._courses.setdefault((rule.kind, sight.subject), _Course())
            course.bad_since_ms = _since(course.bad_since_ms, now_ms, sight.state == BAD)
            course.good_since_ms = _since(course.good_since_ms, now_ms, sight.state == GOOD)
            key = f"{rule.kind}:{sight.subject}"
            if key in self._raised:
                if _lasted(course.good_since_ms, now_ms, rule.clear_after_s):
                    yield Change(self._raised.pop(key), raised=False)
                elif sight.state == BAD:
                    self._raised[key] = replace(self._raised[key], evidence=sight.evidence)
            elif _lasted(course.bad_since_ms, now_ms, rule.raise_after_s):
                self._raised[key] = Alarm(rule.kind, sight.subject, rule.severity, course.bad_since_ms or now_ms, sight.evidence)
                yield Change(self._raised[key], raised=True)

    def note(self, key: str, person: str, comment: str, silent_until_ms: int, now_ms: int) -> Alarm | None:
        """A person has seen it; None if it is gone meanwhile."""
        alarm = self._raised.get(key)
        if alarm is None:
            return None
        until_ms = min(silent_until_ms, now_ms + SILENCE_MS_MAX)
        self._raised[key] = replace(alarm, noted_by=person, comment=comment, silent_until_ms=until_ms)
        return self._raised[key]


def _since(before_ms: int | None, now_ms: int, holds: bool) -> int | None:  # noqa: FBT001 - what is asked
    return (now_ms if before_ms is None else before_ms) if holds else None


def _lasted(since_ms: int | None, now_ms: int, wanted_s: int) -> bool:
    return since_ms is not None and now_ms - since_ms >= wanted_s * 1000
