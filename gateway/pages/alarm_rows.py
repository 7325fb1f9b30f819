"""The alarms that stand, as they are shown: the sentence, what to do, since when, and who has seen it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.interfaces import StandingAlarm
from gateway.pages.viewer import Viewer

URGENT = "urgent"


@dataclass(frozen=True)
class AlarmRow:
    """`look` is the mark of its weight; `noted` and `silent` are sentences, "" where nobody has."""

    key: str
    look: str
    severity: str
    sentence: str
    advice: str
    meter: str
    since: str
    noted: str
    comment: str
    silent: str


def alarm_rows(alarms: Sequence[StandingAlarm], viewer: Viewer) -> tuple[AlarmRow, ...]:
    return tuple(_row(alarm, viewer) for alarm in alarms)


def said(alarm: StandingAlarm, viewer: Viewer) -> str:
    evidence = {name: viewer.word("reason", value) if name == "reason" else value for name, value in alarm.evidence.items()}
    return viewer.say(f"alarm.{alarm.kind}", subject=alarm.subject, **evidence)


def _row(alarm: StandingAlarm, viewer: Viewer) -> AlarmRow:
    silent = alarm.silent_until_ms > viewer.now_ms
    return AlarmRow(
        key=alarm.key,
        look="absent" if alarm.severity == URGENT else "slow",
        severity=viewer.word("severity", alarm.severity),
        sentence=said(alarm, viewer),
        advice=viewer.say(f"alarm_advice.{alarm.kind}"),
        meter=alarm.subject,
        since=viewer.say("alarm_row.since", time=viewer.time(alarm.since_ms), span=viewer.age(alarm.since_ms)),
        noted=viewer.say("alarm_row.noted", person=alarm.noted_by) if alarm.noted_by else "",
        comment=alarm.comment,
        silent=viewer.say("alarm_row.silent", time=viewer.time(alarm.silent_until_ms)) if silent else "",
    )
