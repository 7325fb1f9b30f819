"""Where visitors of the meter's pages ring. Nearly always there is none, and then the pages take no memory.

They are loaded for the first visitor and stay while there are visitors, and for a while after the last one. Runs on MicroPython.
"""

from firmware.forgetting import forget

# A page asks for itself again every five seconds: who watches has it loaded once. Without visitors the room is for others.
STAY_MS = 15_000
_POLLIN = 1
_REQUEST_BYTES = 512  # a browser's is about as long
_NO_ROOM = b"HTTP/1.0 503 Service Unavailable\r\nConnection: close\r\n\r\nNo memory is left for this page; the meter goes on measuring."
_MODULES = ("firmware.page_house", "firmware.network_settings", "firmware.words_en", "firmware.words_zh")

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firmware.http_port import HttpPort
    from firmware.tcp_port import Poller, Socket, Ticks


class PageDoor:
    """`listener` is bound, listening and not blocking; `parts` are those of the pages."""

    quiet = True  # a page may come later

    def __init__(self, listener: "Socket", poller: "Poller", ticks: "Ticks", parts: "tuple[Any, ...]") -> None:
        self._listener = listener
        self._poller = poller
        self._ticks = ticks
        self._parts = parts
        self._house: HttpPort | None = None
        self._visited_ms = 0
        poller.register(listener, _POLLIN)

    def poll(self) -> None:
        if self._house is None:
            if not self._poller.poll(0):
                return
            if not self._open():
                return
        assert self._house is not None
        self._house.poll()
        now_ms = self._ticks.ticks_ms()
        if self._house.visited:
            self._visited_ms = now_ms
        elif self._ticks.ticks_diff(now_ms, self._visited_ms) > STAY_MS:
            self._house = None
            forget(*_MODULES)

    def _open(self) -> bool:
        """Where there is no room for the pages the visitor is told so: metering goes before them."""
        try:
            from firmware.page_house import opened  # noqa: PLC0415 - the pages take memory only while somebody looks

            self._house = opened(self._listener, self._poller, self._ticks, self._parts)
        except MemoryError:
            forget(*_MODULES)
            self._turn_away()
            return False
        return True

    def _turn_away(self) -> None:
        try:
            visitor, _ = self._listener.accept()
        except OSError:  # gone again, or no socket is left
            return
        visitor.setblocking(False)  # noqa: FBT003 - takes no name
        for work in (lambda: visitor.recv(_REQUEST_BYTES), lambda: visitor.send(_NO_ROOM)):  # left unread, bytes make an answer a reset
            try:  # noqa: SIM105 - no contextlib on the board
                work()
            except OSError:  # nothing was said yet, or the visitor is gone
                pass
        visitor.close()
