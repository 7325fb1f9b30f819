"""Stand-ins around the meter's network parts: a radio that obeys a test, a time that is moved, datagrams in lists."""

from typing import Any

from firmware.clock import MeterClock
from firmware.wifi import LOOK_MS, NO_ADDRESS


class Radio:
    """What the test says of the network holds at once; what was asked of the radio stands in `asked`."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.status_code = 1001
        self.address = NO_ADDRESS
        self.settings: dict[str, Any] = {}
        self.trouble: Exception | None = None

    def active(self, wanted: bool) -> object:
        self.asked.append("on" if wanted else "off")
        self._fail()
        self.status_code = 1001
        return wanted

    def config(self, **settings: Any) -> object:
        self.settings |= settings
        return None

    def connect(self, name: str, password: str | None) -> object:
        self._fail()
        self.asked.append(f"connect {name} {password}")
        return None

    def disconnect(self) -> object:
        self.asked.append("disconnect")
        raise OSError("Wifi Not Connected")

    def status(self, what: str = "") -> int:
        self._fail()
        return -61 if what == "rssi" else self.status_code

    def ifconfig(self) -> tuple[str, str, str, str]:
        return self.address, "255.255.255.0", "10.0.0.1", "10.0.0.1"

    def arrive(self, address: str = "10.0.0.7") -> None:
        self.status_code, self.address = 1010, address

    def _fail(self) -> None:
        if self.trouble is not None:
            raise self.trouble


class Time:
    """A meter's clock whose turns last one look of the station."""

    def __init__(self) -> None:
        self.clock = MeterClock(lambda: LOOK_MS * 1000)

    @property
    def now_ms(self) -> int:
        return self.clock.uptime_ms

    def pass_ms(self, milliseconds: int) -> range:
        """One number for each turn in that time."""
        return range(milliseconds // LOOK_MS)


class Datagrams:
    """`heard` are those that wait to be received; `said` what was sent, and to whom."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.said: list[tuple[bytes, object]] = []
        self.closed = False

    def recvfrom(self, length: int) -> tuple[bytes, object]:
        if not self.heard:
            raise BlockingIOError(11, "nothing")
        return self.heard.pop(0)[:length], ("10.0.0.9", 5353)

    def sendto(self, data: bytes, address: object) -> int:
        self.said.append((data, address))
        return len(data)

    def close(self) -> object:
        self.closed = True
        return None
