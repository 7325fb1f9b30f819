"""Which pages there are and who finds them in the header: one table."""

from dataclasses import dataclass

from gateway.accounts import ELECTRICIAN
from gateway.pages.visitor import Visitor


@dataclass(frozen=True)
class Entry:
    """`key` names its text; `role` "" is for everybody who may see the site."""

    key: str
    path: str
    role: str = ""


ENTRIES = (
    Entry("nav.overview", "/"),
    Entry("nav.commission", "/commission", ELECTRICIAN),  # in sight on a phone, for whom it is there
    Entry("nav.meters", "/meters"),
    Entry("nav.lines", "/lines"),
    Entry("nav.shifts", "/shifts"),
    Entry("nav.events", "/events"),
    Entry("nav.sync", "/sync"),
    Entry("nav.wall", "/wall"),
)


def shown_to(visitor: Visitor) -> tuple[Entry, ...]:
    return tuple(entry for entry in ENTRIES if not entry.role or visitor.may(entry.role))
