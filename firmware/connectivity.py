"""Whether the meter is a station, an access point of its own, or neither. Metering does not know of it. Runs on MicroPython.

- A network is known: station. Its access point opens by the button only: who makes the network vanish gets no door.
- None was ever stored: access point from the start, for its time; again after `REOPEN_MS` while there is still none.
- One at a time: the chip has one radio, and the access point would drag it to the station's channel.
"""

from firmware.wifi import NO_ADDRESS, RADIO_ERRORS

REOPEN_MS = 2_700_000  # closed: with its fifteen minutes open once an hour, for who comes back from lunch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from firmware.access_point import AccessPoint
    from firmware.clock import MeterClock
    from firmware.sntp import Sntp
    from firmware.wifi import Station


class Connectivity:
    """A port of the main loop; `station` is None where no network is known, `access_point` where none is wanted."""

    quiet = True  # what it sends can wait for a flash erase

    def __init__(
        self,
        station: "Station | None",
        access_point: "AccessPoint | None",
        sntp: "Sntp | None",
        clock: "MeterClock",
        may_stall: "Callable[[], bool]",
    ) -> None:
        self.station = station
        self.access_point = access_point
        self._sntp = sntp
        self._clock = clock
        self._may_stall = may_stall
        self._wanted = station is None and access_point is not None
        self._closed_ms: int | None = None

    @property
    def provisioning(self) -> bool:
        """Whoever visits now came through the access point, and knew its password."""
        return self.access_point is not None and self.access_point.is_open

    @property
    def address(self) -> str:
        if self.access_point is not None and self.access_point.is_open:
            return self.access_point.address
        return self.station.address if self.station else NO_ADDRESS

    def open_access_point(self) -> None:
        self._wanted = self.access_point is not None

    def poll(self) -> None:
        now_ms = self._clock.uptime_ms
        if self._wanted and self._may_stall():
            self._open(now_ms)
        if self.provisioning:
            self._be_access_point(now_ms)
        elif self.station is not None:
            self.station.poll(now_ms)
            self._keep_time(self.station.online)
        elif self._closed_ms is not None and now_ms - self._closed_ms >= REOPEN_MS:
            self._wanted = True

    def _open(self, now_ms: int) -> None:
        assert self.access_point is not None
        self._wanted = False
        self._closed_ms = None
        try:
            if self.station is not None:
                self.station.stop()
                self._keep_time(online=False)
            self.access_point.open(now_ms)
        except RADIO_ERRORS:  # a radio that will not start is tried again like one that was closed
            self._closed_ms = now_ms

    def _be_access_point(self, now_ms: int) -> None:
        assert self.access_point is not None
        self.access_point.poll()
        if not self.access_point.left_s(now_ms) and self._may_stall():
            self.access_point.close()
            self._closed_ms = now_ms

    def _keep_time(self, online: bool) -> None:  # noqa: FBT001 - one word says it
        if self._sntp is None:
            return
        if online:
            self._sntp.poll()
        else:
            self._sntp.rest()
