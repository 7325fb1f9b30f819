"""What a doctor found, as a page says it: in words, how sure that is, and in the colour of what is to be done."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.interfaces import Judgement
from gateway.pages.viewer import Viewer

# That all is well is a finding, too.
_SOUND = ("wiring_right", "ratio_right")


@dataclass(frozen=True)
class Said:
    """`tone` is the colour's class."""

    sentence: str
    grounds: str
    confidence: str
    tone: str


def said(findings: Sequence[Judgement], viewer: Viewer) -> list[Said]:
    return [in_tone(each.kind, each.confidence, each.sentence(viewer.language), each.grounds(viewer.language), viewer) for each in findings]


def in_tone(kind: str, confidence: str, sentence: str, grounds: str, viewer: Viewer) -> Said:
    return Said(sentence, grounds, viewer.word("confidence", confidence), "good" if kind in _SOUND else confidence)
