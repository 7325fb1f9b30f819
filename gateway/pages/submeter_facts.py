"""What one of our own submeters says of its own work, for its page. Pure: it was asked by whoever looks after the meter."""

from decimal import Decimal

from gateway.pages.health import Fact
from gateway.pages.viewer import UNKNOWN, Viewer
from gateway.status import SubmeterStatus

SECOND_MS = 1000


def submeter_facts(said: SubmeterStatus | None, viewer: Viewer) -> tuple[Fact, ...]:
    """() for meters of others, and until ours was asked."""
    if said is None:
        return ()
    clock = viewer.word("submeter_clock", said.clock_state) if said.clock_state else UNKNOWN
    shown = (
        ("coverage", None if said.coverage_hundredths_pct is None else viewer.percent(Decimal(said.coverage_hundredths_pct) / 10_000)),
        ("missing", None if said.missing_ms is None else viewer.duration(said.missing_ms)),
        ("clipped", _number(said.clipped, viewer)),
        ("front_end_restarts", _number(said.front_end_restarts, viewer)),
        ("clock", clock),
        ("journal_age", None if said.journal_age_ms is None else viewer.duration(said.journal_age_ms)),
        ("epoch", None if said.counter_epoch is None else str(said.counter_epoch)),
        ("boots", _number(said.boots, viewer)),
        ("uptime", None if said.uptime_s is None else viewer.duration(said.uptime_s * SECOND_MS)),
        ("watchdog_resets", _number(said.watchdog_resets, viewer)),
        ("frames_lost", _number(said.frames_lost, viewer)),
        ("crc_errors", _number(said.crc_errors, viewer)),
        ("asked", viewer.ago(said.time_ms)),
    )
    return tuple(Fact(viewer.say(f"submeter.{key}"), UNKNOWN if value is None else value) for key, value in shown)


def _number(count: int | None, viewer: Viewer) -> str | None:
    return None if count is None else viewer.number(count)
