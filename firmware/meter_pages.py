"""Which page answers which request, and what a form may change: only an unlocked meter, or one reached by its own access point.

How pages look, and sockets, are not known here. Runs on MicroPython.
"""

from firmware.http_port import Response
from firmware.page_frame import words_of
from firmware.settings_page import Refused, Wished, locked_page, said_page, settings_page, wished_of
from firmware.status_page import status_page
from protocols.errors import MeterRefused

_FOUND, _OK, _LOCKED, _REFUSED, _NOWHERE = "303 See Other", "200 OK", "403 Forbidden", "422 Unprocessable Content", "404 Not Found"
_BAUD_STEP = 100

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from firmware.connectivity import Connectivity
    from firmware.http_request import Request
    from firmware.key_lock import KeyLock
    from firmware.network_settings import NetworkStore
    from firmware.page_frame import Words
    from firmware.parts import Facts
    from firmware.settings import Settings

    class Application(Protocol):
        jobs: "list[Callable[[], object]]"

        def facts(self) -> Facts: ...

        def write(self, changes: "list[tuple[str, int | bytes]]") -> int: ...

        @property
        def settings(self) -> Settings: ...


class MeterPages:
    """`refresh` brings the registers up to date; `token` is a number nobody can guess.

    `connectivity` and `store` are None for a meter without a radio.
    """

    def __init__(
        self,
        application: "Application",
        refresh: "Callable[[], object]",
        lock: "KeyLock",
        token: int,
        connectivity: "Connectivity | None",
        store: "NetworkStore | None",
    ) -> None:
        self._application = application
        self._refresh = refresh
        self._lock = lock
        self._token = token
        self._connectivity = connectivity
        self._store = store
        self._routes = {
            ("GET", "/"): self._front,
            ("GET", "/settings"): self._form,
            ("POST", "/settings"): self._change,
            ("POST", "/unlock"): self._unlock,
        }

    def serve(self, request: "Request") -> Response:
        route = self._routes.get((request.method, request.path))
        if route is not None:
            return route(request, words_of(request.language))
        if self._provisioning:
            # Phones ask for a page of their maker's and show a form only if they are led elsewhere.
            assert self._connectivity is not None
            return Response(_FOUND, "Location: http://%s/settings\r\n" % self._connectivity.address, iter(()), None)
        return Response(_NOWHERE, "", iter((_NOWHERE,)), None)

    @property
    def _provisioning(self) -> bool:
        return self._connectivity is not None and self._connectivity.provisioning

    @property
    def _open(self) -> bool:
        return self._provisioning or self._lock.left_s > 0

    @property
    def _title(self) -> str:
        return self._application.settings.name.decode() or "Shiftwatt"

    def _front(self, _: "Request", words: "Words") -> Response:
        self._refresh()
        return _page(status_page(self._application.facts(), self._network(), words))

    def _network(self) -> "list[tuple[str, str]]":
        connectivity = self._connectivity
        if connectivity is None:
            return []
        if connectivity.provisioning and connectivity.access_point is not None:
            return [("access_point", connectivity.access_point.name), ("address", connectivity.address)]
        station = connectivity.station
        if station is None or self._store is None:
            return [("station", "none")]
        rows = [("station", self._store.current.ssid.decode()), ("network", station.word)]
        rows += [("address", connectivity.address), ("losses", "%d" % station.losses)]
        signal_dbm = station.signal_dbm()
        if signal_dbm is not None:
            rows.append(("signal", "%d dBm" % signal_dbm))
        if station.reason:
            rows.append(("last", station.reason))
        return rows

    def _form(self, _: "Request", words: "Words") -> Response:
        if not self._open:
            return _page(locked_page(self._title, "", words))
        return _page(self._settings(self._now(), "", words))

    def _settings(self, wished: Wished, trouble: str, words: "Words") -> "Iterator[str]":
        return settings_page(wished, self._token, self._lock.left_s, trouble, words)

    def _now(self) -> Wished:
        return Wished(self._application.settings, self._store.current if self._store else None)

    def _unlock(self, request: "Request", words: "Words") -> Response:
        try:
            self._lock.turn(int(request.form.get("key", b"").decode()))
        except (ValueError, MeterRefused):
            return _page(locked_page(self._title, "wrong_key", words), _LOCKED)
        return Response(_FOUND, "Location: /settings?lang=%s\r\n" % words["lang"], iter(()), None)

    def _change(self, request: "Request", words: "Words") -> Response:
        if not self._open:
            return _page(locked_page(self._title, "", words), _LOCKED)
        now = self._now()
        if request.form.get("token") != b"%d" % self._token:  # another site's page may have sent it
            return _page(self._settings(now, "stale", words), _REFUSED)
        try:
            wished = wished_of(request.form, now)
        except Refused as refused:
            return _page(self._settings(now, str(refused), words), _REFUSED)
        if wished.settings != now.settings:
            self._application.write(_changes(wished.settings))
        if wished.network is None or self._store is None:
            return _page(said_page(self._title, "saved", words))
        store = self._store
        store.current = wished.network
        # Never both at once: a power cut in between leaves one of them whole.
        self._application.jobs.append(lambda: store.put(0))
        self._application.jobs.append(lambda: store.put(1))
        return Response(_OK, "", said_page(self._title, "restarting", words), lambda: self._application.write([("restart", 1)]))


def _page(pieces: "Iterator[str]", status: str = _OK) -> Response:
    return Response(status, "", pieces, None)


def _changes(settings: "Settings") -> "list[tuple[str, int | bytes]]":
    return [
        ("name", settings.name),
        ("unit_address", settings.unit_address),
        ("baud_hundreds", settings.baud // _BAUD_STEP),
        ("parity", settings.parity),
        ("stop_bits", settings.stop_bits),
    ]
