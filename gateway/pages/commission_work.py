"""What a page or an action of commissioning gets and gives: plain values, so that each is a function."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote

from gateway.commission_interface import Commissioning, RefusedError
from gateway.pages.viewer import Viewer
from gateway.site import LineTable, MeterTable

HOME = "/commission"


def said(error: RefusedError, viewer: Viewer) -> str:
    """The sentence of a refusal; a reason in it is a code."""
    holes = {name: viewer.word("reason", str(hole)) if name == "reason" else hole for name, hole in error.holes.items()}
    return viewer.say(error.key, **holes)


class NotThereError(Exception):
    """A line, meter, sheet or change that nobody knows."""


@dataclass(frozen=True)
class Ask:
    """`place` are the parts of the address, `fields` what was typed; `base` is how this browser reaches the gateway."""

    place: Mapping[str, Any]
    fields: Mapping[str, str]
    person: str
    viewer: Viewer
    base: str


@dataclass(frozen=True)
class Answer:
    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    status: int = 200


# An address to go on to, or a page.
Work = Callable[[Ask], Answer | str]
Works = Sequence[tuple[str, Work]]


class Pages(Protocol):
    def pages(self) -> Works: ...
    def actions(self) -> Works: ...


def line_of(desk: Commissioning, ask: Ask) -> LineTable:
    found = next((line for line in desk.site.line if line.name == ask.place["line"]), None)
    if found is None:
        raise NotThereError
    return found


def meter_of(desk: Commissioning, ask: Ask) -> MeterTable:
    found = next((meter for meter in desk.site.meter if meter.name == ask.place["meter"]), None)
    if found is None:
        raise NotThereError
    return found


def line_address(name: str) -> str:
    return f"{HOME}/lines/{quote(name, safe='')}"


def meter_address(name: str) -> str:
    return f"{HOME}/meters/{quote(name, safe='')}"
