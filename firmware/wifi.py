"""The meter as a station in somebody's wireless network: it never waits, and it recovers by switching its radio off and on.

What the chip's port does decides how:
- `connect` returns at once, and asked a second time it fails: each switching on is for one try.
- The port would reconnect by itself, without a pause and without a word of the reason. It is told not to.
- "Connected" is no address: when the DHCP server is gone the port still says so, and only the address tells.
- Switching the radio on or off stalls the chip for about as long as a flash erase, so both wait for a quiet line.

Time is the meter's own. Who wants a network, and sockets, are not known here. Runs on MicroPython.
"""

# An access point answers within 4 s, a DHCP server that lost two of our requests within 15 s.
CONNECT_MS_MAX = 20_000
# A renewed lease leaves no gap; this is for a server that is restarted with the access point.
ADDRESS_LOST_MS_MAX = 10_000
# After a failure; doubled each time. Who restarts an access point waits no longer than this for the meter.
PAUSE_MS, PAUSE_MS_MAX = 5_000, 120_000
# Fifty meters behind one access point shall not come back at one moment: a pause is up to a quarter longer.
_PAUSE_PARTS = 4
# A network that comes and goes keeps its long pause until it has held for so long.
STEADY_MS = 60_000
LOOK_MS = 250  # asking the port costs time; nobody sees a quarter of a second
NO_ADDRESS = "0.0.0.0"  # noqa: S104 - nothing is bound to it
OFF, STARTED, CONNECTING, ONLINE, LEAVING = range(5)
STATES = ("off", "connecting", "connecting", "online", "off")
_GOT_ADDRESS = 1010
_UNDER_WAY = (1000, 1001)
# The port's own numbers, and those the radio's driver passes on; any other stands for itself.
REASONS = {
    8: "gone",
    15: "wrong_password",
    200: "gone",
    201: "not_found",
    202: "wrong_password",
    203: "refused",
    204: "wrong_password",
    210: "security",
    211: "security",
    212: "too_weak",
}

# What the port raises when the radio is in no state for a wish; the second one for numbers it does not know itself.
RADIO_ERRORS = (OSError, RuntimeError, ValueError)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from firmware.network_settings import NetworkSettings

    class Radio(Protocol):
        """What is used of network.WLAN."""

        def active(self, __wanted: bool) -> object: ...  # noqa: FBT001 - the port's own

        def connect(self, __name: str, __password: "str | None") -> object: ...

        def disconnect(self) -> object: ...

        def status(self, __what: str = ...) -> int: ...

        def ifconfig(self) -> tuple[str, str, str, str]: ...

        def config(self, **settings: Any) -> object: ...


class Station:
    """`may_stall` says whether the line is quiet; `say` takes a line for the log."""

    def __init__(
        self,
        radio: "Radio",
        network: "NetworkSettings",
        may_stall: "Callable[[], bool]",
        random_number: "Callable[[], int]",
        say: "Callable[[str], object]",
    ) -> None:
        self.state = OFF
        self.reason = ""  # of the last failure; a word of the pages
        self.losses = 0  # connections that were lost since start
        self.address = NO_ADDRESS
        self.router = NO_ADDRESS
        self._radio = radio
        self._network = network
        self._may_stall = may_stall
        self._random_number = random_number
        self._say = say
        self._pause_ms = PAUSE_MS
        self._due_ms = 0
        self._since_ms = 0
        self._had_address_ms = 0
        self._steps = (self._start, self._connect, self._await_address, self._watch, self._leave)

    @property
    def online(self) -> bool:
        return self.state == ONLINE

    @property
    def word(self) -> str:
        return STATES[self.state]

    def poll(self, now_ms: int) -> None:
        if now_ms < self._due_ms:
            return
        self._due_ms = now_ms + LOOK_MS
        try:
            self._steps[self.state](now_ms)
        except RADIO_ERRORS as error:
            self._fail("radio", now_ms)
            self._say("wifi: the radio says %s" % error)

    def signal_dbm(self) -> "int | None":
        if self.state != ONLINE:
            return None
        try:
            return self._radio.status("rssi")
        except RADIO_ERRORS:  # it has just gone
            return None

    def stop(self) -> None:
        """At once; `poll` would start again."""
        self.state = OFF
        self.address = NO_ADDRESS
        for step in (self._radio.disconnect, lambda: self._radio.active(False)):  # noqa: FBT003 - takes no name
            try:
                step()
            except RADIO_ERRORS:  # it was not connected, or is off already
                continue

    def _start(self, _: int) -> None:
        if self._may_stall():
            self._radio.active(True)  # noqa: FBT003 - takes no name
            self._radio.config(reconnects=0)
            self.state = STARTED

    def _connect(self, now_ms: int) -> None:
        password = self._network.password.decode()
        self._radio.connect(self._network.ssid.decode(), password or None)
        self.state = CONNECTING
        self._since_ms = now_ms

    def _await_address(self, now_ms: int) -> None:
        status = self._radio.status()
        address, _, router, _ = self._radio.ifconfig()
        if status == _GOT_ADDRESS and address != NO_ADDRESS:
            self.state = ONLINE
            self.reason = ""
            self.address, self.router = address, router
            self._since_ms = self._had_address_ms = now_ms
            self._say("wifi: online as %s" % address)
        elif status not in _UNDER_WAY and status != _GOT_ADDRESS:
            self._fail(REASONS.get(status, "reason %d" % status), now_ms)
        elif now_ms - self._since_ms > CONNECT_MS_MAX:
            self._fail("no_address", now_ms)

    def _watch(self, now_ms: int) -> None:
        if now_ms - self._since_ms > STEADY_MS:
            self._pause_ms = PAUSE_MS
        status = self._radio.status()
        self.address = self._radio.ifconfig()[0]
        if self.address != NO_ADDRESS:
            self._had_address_ms = now_ms
        if status != _GOT_ADDRESS:
            self._fail(REASONS.get(status, "gone"), now_ms)
        elif now_ms - self._had_address_ms > ADDRESS_LOST_MS_MAX:
            self._fail("address_lost", now_ms)

    def _fail(self, reason: str, now_ms: int) -> None:
        self.losses += self.state == ONLINE
        if reason != self.reason:
            self._say("wifi: %s" % reason)
        self.reason = reason
        self.address = NO_ADDRESS
        self.state = LEAVING
        self._due_ms = now_ms

    def _leave(self, now_ms: int) -> None:
        if not self._may_stall():
            return
        self.state = OFF
        self._due_ms = now_ms + self._pause_ms + self._random_number() % (self._pause_ms // _PAUSE_PARTS)
        self._pause_ms = min(2 * self._pause_ms, PAUSE_MS_MAX)
        self.stop()
