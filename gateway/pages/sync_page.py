"""Hub, store, card, clock and the other systems that get what is stored, up close. Pure.

Nobody tells how much a card bears; what is shown is an estimate from its size, and says so.
"""

from dataclasses import dataclass
from decimal import Decimal

from gateway.pages.health import Fact, Part, clock_part, forward_part, outbox_part, store_part
from gateway.pages.viewer import DAY_MS, HOUR_MS, UNKNOWN, Viewer
from gateway.status import GatewayStatus, WearStatus

# Consumer cards with three bits a cell: makers and endurance tests speak of 300 to 1,000 rewrites of the whole card; the least counts.
REWRITES = 300
# What the card writes within for a small write of ours: whole pages, moved blocks. Small synchronous writes cost two to eight times.
AMPLIFICATION = 4
# The first hours hold the start and its migrations; what they say of a day is only said as such.
SURE_AFTER_MS = 6 * HOUR_MS
_DAYS_PER_YEAR = Decimal("365.25")
YEARS_SHOWN_MAX = 50


@dataclass(frozen=True)
class SyncPage:
    parts: tuple[Part, ...]
    assumption: str


def sync_page(status: GatewayStatus, viewer: Viewer) -> SyncPage:
    card = _card(status.wear, viewer)
    parts = (outbox_part(status.outbox, viewer), store_part(status.store, viewer), card, clock_part(status.clock, status, viewer))
    forwards = (forward_part(forward, viewer) for forward in status.forwards)
    return SyncPage((*parts, *forwards), viewer.say("card.assumption", rewrites=REWRITES, amplification=AMPLIFICATION))


def _card(wear: WearStatus | None, viewer: Viewer) -> Part:
    heading = viewer.say("card.heading")
    if wear is None:
        return Part(heading, "imported", viewer.say("card.untold"), ())
    passed_ms = max(viewer.now_ms - wear.since_ms, 1)
    per_day = Decimal(wear.written_bytes) * DAY_MS / passed_ms
    years = _years(per_day, wear.disk_bytes)
    word = viewer.say("card.measured") if passed_ms >= SURE_AFTER_MS else viewer.say("card.young")
    facts = (
        Fact(
            viewer.say("card.written"), viewer.say("card.written_in", size=viewer.size(wear.written_bytes), span=viewer.duration(passed_ms))
        ),
        Fact(viewer.say("card.per_day"), viewer.size(round(per_day))),
        Fact(viewer.say("card.disk"), viewer.size(wear.disk_bytes)),
        Fact(viewer.say("card.life"), _life(years, viewer)),
    )
    return Part(heading, "slow" if years is not None and years < 1 else "ok", word, facts)


def _years(per_day: Decimal, disk_bytes: int) -> Decimal | None:
    return Decimal(disk_bytes) * REWRITES / (per_day * AMPLIFICATION) / _DAYS_PER_YEAR if per_day else None


def _life(years: Decimal | None, viewer: Viewer) -> str:
    if years is None:
        return UNKNOWN
    if years > YEARS_SHOWN_MAX:
        return viewer.say("card.years_more", years=YEARS_SHOWN_MAX)
    return viewer.say("card.years", years=viewer.glance(years))
