"""A finding: what is wrong, where, how sure, and the numbers it rests on. Its sentence is a text of `gateway/strings`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.language import Language

# `certain`: nothing else explains what is seen. `likely`: something else could. `untold`: it cannot be told from here.
CERTAIN, LIKELY, UNTOLD = "certain", "likely", "untold"


@dataclass(frozen=True)
class Finding:
    """`kind` is the key of its texts; `where` are phases, meters or lines; `evidence` fills the holes of the texts."""

    kind: str
    where: tuple[str, ...]
    confidence: str
    evidence: Mapping[str, str] = field(default_factory=dict)

    def sentence(self, language: Language) -> str:
        return language.say(f"finding.{self.kind}", where=language.say("number.list_joint").join(self.where), **self.evidence)

    def grounds(self, language: Language) -> str:
        return language.say(f"grounds.{self.kind}", where=language.say("number.list_joint").join(self.where), **self.evidence)
