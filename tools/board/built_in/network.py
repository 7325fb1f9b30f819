"""The chip's `network` module where there is no chip: a radio whose surroundings follow the bench's script.

It keeps the port's habits, the bad ones too: switching on stalls the chip, connecting takes seconds, a second `connect`
raises, "connected" stays when the DHCP server has gone and only the address tells. Seconds are the meter's.
What is simplified: clients of before a loss are not cut off, they hang and come back, which is the harder case for the meter.
Runs on MicroPython.
"""
# The chip's modules are not those of the PC that the checker knows.
# mypy: ignore-errors

import time

from tools.board import world

STALL_ON_MS = 100  # the radio is calibrated with what was kept
STALL_OFF_MS = 30
ASSOCIATE_MS = 2_500
ADDRESS_MS = 1_200
SEARCH_MS = 3_000  # all channels, before nothing is found
BEACONS_MS = 6_000  # that stay away before the network counts as gone
LEASE_MS = 60_000  # short, so that a bench need not wait for hours
STAT_IDLE, STAT_CONNECTING, STAT_GOT_IP = 1000, 1001, 1010
STAT_BEACON_TIMEOUT, STAT_NO_AP_FOUND, STAT_WRONG_PASSWORD = 200, 201, 202
_LEAVING = 8  # the driver's reason for going by oneself
_NO_ADDRESS = "0.0.0.0"  # noqa: S104 - nothing is bound to it
_ADDRESS = "192.168.1.77"
_ROUTER = "192.168.1.1"
_OWN_ADDRESS = "192.168.4.1"


def hostname(name: "str | None" = None) -> "str | None":
    return name


def reachable() -> bool:
    """Whether packets get through at all; a bench without a radio has a wire."""
    return WLAN.station is None or WLAN.station.has_address or (WLAN.own is not None and WLAN.own.on)


class WLAN:
    IF_STA, IF_AP = 0, 1
    SEC_WPA2 = 3
    station = None
    own = None

    def __init__(self, interface: int) -> None:
        self.is_station = interface == self.IF_STA
        if self.is_station:
            WLAN.station = self
        else:
            WLAN.own = self
        self.on = False
        self.settings = {"reconnects": -1}
        self._forget()

    def _forget(self) -> None:
        self._asked_ms = None
        self._wanted = ("", None)
        self._joined_ms = None
        self._unheard_ms = None
        self._renewed_ms = None
        self._reason = 0

    def active(self, wanted: "bool | None" = None) -> bool:
        if wanted is not None and wanted != self.on:
            time.sleep_us(int((STALL_ON_MS if wanted else STALL_OFF_MS) * 1000 / world.speed))
            self.on = wanted
            self._forget()
        return self.on

    def config(self, *asked: str, **settings: object) -> object:
        self._require_on()
        self.settings.update(settings)
        return self.settings.get(asked[0]) if asked else None

    def connect(self, name: str, password: "str | None" = None) -> None:
        self._require_on()
        if self._asked_ms is not None:
            raise OSError("Wifi Internal Error")
        self._wanted = (name, password or "")
        self._asked_ms = _now_ms()

    def disconnect(self) -> None:
        self._require_on()
        self._forget()
        self._reason = _LEAVING

    def isconnected(self) -> bool:
        return self.status() == STAT_GOT_IP

    def status(self, what: "str | None" = None) -> int:
        self._step()
        if what == "rssi":
            if self._joined_ms is None:
                raise OSError("Wifi Not Connected")
            return world.surroundings(_now_ms())["signal"]
        if self._renewed_ms is not None:
            return STAT_GOT_IP
        if self._reason:
            return self._reason
        return STAT_IDLE if self._asked_ms is None else STAT_CONNECTING

    @property
    def has_address(self) -> bool:
        self._step()
        if self._renewed_ms is None or self._unheard_ms is not None:
            return False
        return _now_ms() - self._renewed_ms <= LEASE_MS

    def ifconfig(self) -> "tuple[str, str, str, str]":
        if not self.is_station:
            return (_OWN_ADDRESS, "255.255.255.0", _OWN_ADDRESS, _NO_ADDRESS)
        self._step()
        if self._renewed_ms is None or _now_ms() - self._renewed_ms > LEASE_MS:
            return (_NO_ADDRESS, _NO_ADDRESS, _NO_ADDRESS, _NO_ADDRESS)
        return (_ADDRESS, "255.255.255.0", _ROUTER, _ROUTER)

    def _require_on(self) -> None:
        if not self.on:
            raise OSError("Wifi Not Started")

    def _step(self) -> None:
        """What has happened since somebody looked last."""
        if self._asked_ms is None or self._reason:
            return
        now_ms, around = _now_ms(), world.surroundings(_now_ms())
        if self._joined_ms is None:
            self._associate(now_ms, around)
        elif not around["there"]:
            self._unheard_ms = self._unheard_ms or now_ms
            if now_ms - self._unheard_ms >= BEACONS_MS:
                self._forget()
                self._reason = STAT_BEACON_TIMEOUT
        else:
            self._unheard_ms = None
            if around["dhcp"] and now_ms - self._joined_ms >= ADDRESS_MS:
                self._renewed_ms = now_ms

    def _associate(self, now_ms: int, around: "dict[str, object]") -> None:
        took_ms = now_ms - self._asked_ms
        if not around["there"] or around["name"] != self._wanted[0]:
            if took_ms >= SEARCH_MS:
                self._reason = STAT_NO_AP_FOUND
        elif took_ms >= ASSOCIATE_MS:
            if around["password"] != self._wanted[1]:
                self._reason = STAT_WRONG_PASSWORD
            else:
                self._joined_ms = now_ms


def _now_ms() -> int:
    return world.passed_us() // 1000


world.reachable = reachable
