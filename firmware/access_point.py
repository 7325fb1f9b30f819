"""The meter's own access point for putting it into service: the radio, and the answers to questions for names.

It closes by itself. When it opens, and the page people find there, are not known here. Runs on MicroPython.
"""

from firmware.dns_answer import QUERY_BYTES_MAX, answer

# Typing a name and a password at a board takes minutes; after that nobody shall find a door.
OPEN_MS_MAX = 900_000
_SECURITY_WPA2 = 3  # network.WLAN.SEC_WPA2
_CLIENTS_MAX = 2  # a phone and a notebook
_QUESTIONS_MAX = 4  # in one turn of the loop; a phone asks some in a row

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from firmware.wifi import Radio

    class Datagrams(Protocol):
        """A bound UDP socket that does not wait."""

        def recvfrom(self, length: int) -> tuple[bytes, object]: ...

        def sendto(self, data: bytes, address: object) -> int: ...

        def close(self) -> object: ...


class AccessPoint:
    def __init__(
        self, radio: "Radio", name: str, password: str, open_names: "Callable[[], Datagrams]", say: "Callable[[str], object]"
    ) -> None:
        self.name = name
        self.address = ""
        self._radio = radio
        self._password = password
        self._open_names = open_names
        self._names: Datagrams | None = None
        self._say = say
        self._opened_ms = 0

    @property
    def is_open(self) -> bool:
        return self._names is not None

    def left_s(self, now_ms: int) -> int:
        return max(0, OPEN_MS_MAX - (now_ms - self._opened_ms)) // 1000 if self.is_open else 0

    def open(self, now_ms: int) -> None:
        self._opened_ms = now_ms
        if self.is_open:
            return
        self._radio.active(True)  # noqa: FBT003 - takes no name
        self._radio.config(ssid=self.name, key=self._password, security=_SECURITY_WPA2, max_clients=_CLIENTS_MAX)
        self.address = self._radio.ifconfig()[0]
        self._names = self._open_names()
        self._say("access point: %s is open for %d minutes" % (self.name, OPEN_MS_MAX // 60_000))

    def poll(self) -> None:
        if self._names is None:
            return
        for _ in range(_QUESTIONS_MAX):
            try:
                query, asker = self._names.recvfrom(QUERY_BYTES_MAX)
                reply = answer(query, self.address)
                if reply:
                    self._names.sendto(reply, asker)
            except OSError:  # nobody asks, or who asked has gone
                return

    def close(self) -> None:
        if self._names is None:
            return
        self._names.close()
        self._names = None
        self._radio.active(False)  # noqa: FBT003 - takes no name
        self._say("access point: closed")
