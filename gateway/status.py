"""What the gateway says of itself at one instant: plain values that acquire, buffer and deliver fill
and that pages and the API show. No behaviour lives here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class PollCounters:
    """Since start; `answers` are the good ones."""

    requests: int = 0
    answers: int = 0
    timeouts: int = 0
    noise: int = 0
    exceptions: int = 0
    late_replies: int = 0
    wrong_answers: int = 0


@dataclass(frozen=True)
class SubmeterStatus:
    """What one of our own submeters says of itself; None where it has no value. `clock_state`: unset, set, synchronised."""

    coverage_hundredths_pct: int | None
    missing_ms: int | None
    clipped: int | None
    front_end_restarts: int | None
    counter_epoch: int | None
    journal_age_ms: int | None
    boots: int | None
    uptime_s: int | None
    watchdog_resets: int | None
    frames_lost: int | None
    crc_errors: int | None
    clock_state: str
    time_ms: int | None  # when it said so


@dataclass(frozen=True)
class MeterStatus:
    """`state`: ok, slow, flaky, absent, imported (no line) or waiting (not polled yet)."""

    name: str
    model: str
    line: str
    address: int | str | None  # 12 digits: a DL/T 645 meter
    role: str
    parent: str
    production_line: str
    state: str
    reason: str = ""  # why the last poll failed, "" if it did not
    time_ms: int | None = None  # of the last good answer
    values: Mapping[str, int] = field(default_factory=dict)  # newest value per quantity, thousandths
    counters: PollCounters = PollCounters()
    turnaround_median_ms: float | None = None
    turnaround_slow_ms: float | None = None  # p99.9
    next_poll_ms: int | None = None  # milliseconds until the next poll while backing off
    submeter: SubmeterStatus | None = None  # of our own submeters, once they were asked


@dataclass(frozen=True)
class Frame:
    """One exchange as it was on the wire; `heard` is empty where nothing came."""

    time_ms: int
    sent: bytes
    heard: bytes
    outcome: str  # "" if it was a good answer


@dataclass(frozen=True)
class MeterDetail:
    """What only a person who looks at this one meter wants to know; the newest frame first."""

    turnaround: tuple[tuple[int, int], ...] = ()  # (upper bound in microseconds, answers)
    frames: tuple[Frame, ...] = ()


@dataclass(frozen=True)
class LineStatus:
    """`state`: open, closed or busy (another program holds the port); `sentence` says what to do."""

    name: str
    kind: str  # rs485, tcp, rtu_over_tcp
    target: str
    state: str
    sentence: str
    cycle_ms: float | None  # duration of the last full cycle
    least_cycle_ms: float  # of the block plan
    interval_ms: int
    utilisation: float  # busy share of the last minute, 0..1
    counters: PollCounters = PollCounters()


@dataclass(frozen=True)
class ClockStatus:
    """`state`: synchronised, set (nobody vouches for it) or unset."""

    state: str
    sentence: str


@dataclass(frozen=True)
class OutboxStatus:
    """`hub`: reachable, unreachable, refusing or none (no [upstream])."""

    hub: str
    sentence: str
    batches: int  # not acknowledged
    records: int
    oldest_ms: int | None
    last_acknowledged_ms: int | None
    batches_acknowledged: int = 0
    records_acknowledged: int = 0
    batches_refused: int = 0  # for good; kept here, with a tombstone in their place


@dataclass(frozen=True)
class StoreStatus:
    """`state`: ok, full or failing."""

    state: str
    sentence: str
    path: str
    size_bytes: int
    free_bytes: int
    last_commit_ms: int | None
    readings_stored: int  # since the store was made
    waiting_records: int  # in memory, not committed yet


@dataclass(frozen=True)
class WearStatus:
    """What this process had written to the storage since `since_ms`, as the kernel counts it; `disk_bytes` is the disk's size."""

    written_bytes: int
    since_ms: int
    disk_bytes: int


@dataclass(frozen=True)
class ForwardStatus:
    """Another system that gets what is stored. `state`: reachable or unreachable; counts are those since start.

    `behind` is how many records of the store have not been looked at for it yet.
    """

    name: str
    state: str
    sentence: str
    delivered: int = 0
    set_aside: int = 0
    behind: int = 0


@dataclass(frozen=True)
class GatewayStatus:
    site: str
    time_ms: int
    started_ms: int
    boot: int
    meters: tuple[MeterStatus, ...]
    lines: tuple[LineStatus, ...]
    clock: ClockStatus
    outbox: OutboxStatus
    store: StoreStatus
    wear: WearStatus | None = None  # None where the system does not count it
    forwards: tuple[ForwardStatus, ...] = ()
