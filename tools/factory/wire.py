"""A virtual RS-485 line: one master, some stations, real wire time, collisions.

Sans-IO: every time is an integer microsecond since the line began, handed in by the caller; randomness is
handed in too. Nothing here knows Modbus, ports or clocks. How it goes:

- Bytes put on the wire are one transmission; each byte takes bits/baud. Where two transmissions overlap, the
  overlapping bytes of both are garbled for everyone.
- t3.5 of silence ends a frame: every station hears the whole frame, and one that answers begins to speak after
  its turnaround, whatever is on the wire then. A station answers one frame at a time and keeps one more waiting.
- The master gets bytes in small pieces as the wire time passes, the last piece exactly at its end. Its receiver
  is off while it sends, unless the line echoes.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random

from tools.factory.faults import AdapterUnplugged, BabblingMeter, DeadMeter, Echo, Fault
from tools.factory.remote_station import RemoteStation
from tools.factory.serial_settings import LineSettings, as_heard, garbled
from tools.factory.station import Answer, Station
from tools.factory.truth import KEPT_MAX, Reply, Request

# A usual serial port hands on its bytes when its buffer of 16 is full.
PIECE_BYTES = 16
# A meter has one receive buffer: while it works on one frame, one more can wait.
ANSWERS_WAITING_MAX = 2
_SECOND_US = 1_000_000


class _Transmission:
    __slots__ = ("answer", "data", "end_us", "heard", "muted", "request", "settings", "speaker", "start_us")

    def __init__(self, speaker: Station | None, settings: LineSettings, start_us: int, data: bytes) -> None:
        """`speaker` None is the master."""
        self.speaker = speaker
        self.settings = settings
        self.start_us = start_us
        self.end_us = start_us + settings.wire_us(len(data))
        self.data = bytearray(data)
        self.muted: set[int] = set()  # bytes during which the master was sending
        self.heard: list[bytes] = []
        self.answer: Answer | None = None
        self.request = Request(0, 0, b"")

    def overlap(self, other: "_Transmission") -> range:
        """The bytes of this one that share wire time with `other`."""
        indices = range(len(self.data))
        first = next((i for i in indices if self.start_us + self.settings.wire_us(i + 1) > other.start_us), len(self.data))
        last = next((i for i in indices[first:] if self.start_us + self.settings.wire_us(i) >= other.end_us), len(self.data))
        return range(first, last)


class Line:
    """`truth` and `requests` say what really happened; the caller may empty them."""

    def __init__(self, stations: Iterable[Station], settings: LineSettings, faults: Sequence[Fault] = (), *, random: Random) -> None:
        self.stations = tuple(stations)
        self.settings = settings
        self.truth: deque[Reply] = deque(maxlen=KEPT_MAX)
        self.requests: deque[Request] = deque(maxlen=KEPT_MAX)
        self._announced = settings
        self._faults = tuple(faults)
        self._unplugging = [fault for fault in faults if isinstance(fault, AdapterUnplugged)]
        self._random = random
        self._seed = random.getrandbits(60)
        self._events: list[tuple[int, int, Callable[[int], None]]] = []
        self._order = count()
        self._active: list[_Transmission] = []
        self._frame: list[_Transmission] = []
        self._frame_end_us = 0
        self._master_end_us = 0
        self._master_began_us = 0
        self._free_us = dict.fromkeys(self.stations, 0)
        self._asked: dict[Station, Request] = {}
        self._answers_waiting = dict.fromkeys(self.stations, 0)
        self._request_number = 0
        self._delivered: list[tuple[int, bytes]] = []
        self._start_clockwork()

    def announce(self, settings: LineSettings) -> None:
        """The master's side is set so from now on."""
        self._announced = settings

    def plugged_in(self, now_us: int) -> bool:
        return not any(fault.absent(now_us, self._seed) for fault in self._unplugging)

    def master_sends(self, now_us: int, data: bytes) -> None:
        """Bytes handed to the master's port at `now_us`; they queue behind those it is still sending."""
        self._run(now_us)
        if not data or not self.plugged_in(now_us):
            return
        sent = _Transmission(None, self._announced, max(now_us, self._master_end_us), data)
        self._master_end_us = sent.end_us
        if sent.start_us <= now_us:
            self._begin(sent)
        else:
            self._schedule(sent.start_us, lambda _now_us: self._begin(sent))

    def station_sends(self, now_us: int, station: RemoteStation, frame: bytes) -> None:
        """What a device outside of this model says, now, to what it heard last."""
        self._run(now_us)
        if station in self._asked:
            self._answer(station, station.said(frame, self._faults, self._random), now_us)

    def next_event_us(self) -> int | None:
        """When `advance` next has something to do; None while the line is idle."""
        return self._events[0][0] if self._events else None

    def advance(self, now_us: int) -> list[tuple[int, bytes]]:
        """What the master's port received until now, in order, each piece with its time."""
        self._run(now_us)
        delivered, self._delivered = self._delivered, []
        return delivered

    # --- clockwork

    def _schedule(self, at_us: int, act: Callable[[int], None]) -> None:
        heappush(self._events, (at_us, next(self._order), act))

    def _run(self, now_us: int) -> None:
        while self._events and self._events[0][0] <= now_us:
            at_us, _, act = heappop(self._events)
            act(at_us)

    def _start_clockwork(self) -> None:
        for station in self.stations:
            for fault in (*station.faults, *self._faults):
                if isinstance(fault, BabblingMeter):
                    self._babble_later(station, fault, 0)
        for unplugging in self._unplugging:
            self._watch_plug(unplugging, 0)

    def _babble_later(self, station: Station, fault: Fault, now_us: int) -> None:
        next_second_us = now_us - now_us % _SECOND_US + _SECOND_US
        self._schedule(next_second_us + self._random.randrange(_SECOND_US), partial(self._babble, station, fault))

    def _babble(self, station: Station, fault: Fault, now_us: int) -> None:
        data = fault.burst(self._random)
        if data and not self._absent(station, now_us):
            self._begin(_Transmission(station, station.settings or self.settings, now_us, data))
        self._babble_later(station, fault, now_us)

    def _watch_plug(self, fault: AdapterUnplugged, now_us: int) -> None:
        """Only so that `next_event_us` names the instant: whoever owns the port looks at `plugged_in` then."""
        self._schedule(now_us - now_us % fault.window_us + fault.window_us, partial(self._watch_plug, fault))

    # --- the wire

    def _begin(self, sent: _Transmission) -> None:
        self._active = [other for other in self._active if other.end_us > sent.start_us]
        for other in self._active:
            self._collide(sent, other)
        self._active.append(sent)
        self._frame.append(sent)
        self._frame_end_us = max(self._frame_end_us, sent.end_us)
        if sent.speaker is None:
            self._master_began_us = sent.start_us
        if sent.speaker is not None or any(isinstance(fault, Echo) and fault.strikes(self._random) for fault in self._faults):
            self._deliver_later(sent)
        self._schedule(sent.end_us + self.settings.silence_us, self._fall_silent)

    def _collide(self, one: _Transmission, other: _Transmission) -> None:
        for sent, against in ((one, other), (other, one)):
            overlap = sent.overlap(against)
            for index in overlap:
                sent.data[index] = garbled(sent.data[index], self._random)
            if against.speaker is None and sent.speaker is not None:
                sent.muted.update(overlap)

    def _deliver_later(self, sent: _Transmission) -> None:
        for first in range(0, len(sent.data), PIECE_BYTES):
            piece = range(first, min(first + PIECE_BYTES, len(sent.data)))
            self._schedule(sent.start_us + sent.settings.wire_us(piece.stop), partial(self._deliver, sent, piece))

    def _deliver(self, sent: _Transmission, piece: range, now_us: int) -> None:
        if self.plugged_in(now_us):
            data = bytes(sent.data[index] for index in piece if index not in sent.muted)
            heard = as_heard(data, sent.settings, self._announced, self._random)
            if heard:
                sent.heard.append(heard)
                self._delivered.append((now_us, heard))
        if piece.stop == len(sent.data) and sent.answer is not None:
            self._record(sent.answer, sent.request, sent)

    def _fall_silent(self, now_us: int) -> None:
        if not self._frame or self._frame_end_us + self.settings.silence_us > now_us:
            return
        frame, self._frame = self._frame, []
        request = self._request_of(frame)
        speakers = {each.speaker for each in frame}
        shared: dict[tuple[LineSettings, bool], bytes] = {}
        for station in self.stations:
            if self._absent(station, now_us) or self._answers_waiting[station] >= ANSWERS_WAITING_MAX:
                continue
            if station in speakers:
                heard = self._heard(station, [each for each in frame if each.speaker is not station])
            else:
                ears = (station.settings or self.settings, station.checks_parity)
                heard = shared[ears] = shared[ears] if ears in shared else self._heard(station, frame)
            self._ask(station, heard, frame[0].start_us, request, now_us)

    def _request_of(self, frame: list[_Transmission]) -> Request:
        sent = [each for each in frame if each.speaker is None]
        if not sent:
            return Request(0, frame[0].start_us, b"")
        self._request_number += 1
        request = Request(self._request_number, sent[0].start_us, b"".join(bytes(each.data) for each in sent))
        self.requests.append(request)
        return request

    # --- the stations

    def _absent(self, station: Station, now_us: int) -> bool:
        return any(
            fault.absent(now_us, self._seed ^ station.address) for fault in (*station.faults, *self._faults) if isinstance(fault, DeadMeter)
        )

    def _heard(self, station: Station, frame: list[_Transmission]) -> bytes:
        settings = station.settings or self.settings
        return b"".join(
            as_heard(bytes(each.data), each.settings, settings, self._random, checks_parity=station.checks_parity) for each in frame
        )

    def _ask(self, station: Station, heard: bytes, begun_us: int, request: Request, now_us: int) -> None:
        self._asked[station] = request
        self._answer(station, station.hear(heard, begun_us, self._frame_end_us, self._faults, self._random), now_us)

    def _answer(self, station: Station, answers: list[Answer], now_us: int) -> None:
        request = self._asked[station]
        ready_us = max(now_us, self._free_us[station])
        for answer in answers:
            if not answer.frame:
                self._record(answer, request, None)
                continue
            sent = _Transmission(station, station.settings or self.settings, ready_us + answer.wait_us, answer.frame)
            sent.answer, sent.request = answer, request
            self._answers_waiting[station] += 1
            self._free_us[station] = max(self._free_us[station], sent.end_us)
            self._schedule(sent.start_us, partial(self._speak, station, sent))

    def _speak(self, station: Station, sent: _Transmission, _now_us: int) -> None:
        self._answers_waiting[station] -= 1
        self._begin(sent)

    def _record(self, answer: Answer, request: Request, sent: _Transmission | None) -> None:
        begun, ended = (None, None) if sent is None else (sent.start_us, sent.end_us)
        heard = b"" if sent is None else b"".join(sent.heard)
        overtaken = self._master_began_us > request.sent_at_us + self._announced.wire_us(len(request.frame))
        self.truth.append(
            Reply(
                request.number,
                answer.station,
                answer.asked,
                answer.said,
                request.sent_at_us,
                begun,
                ended,
                sent is not None and heard == answer.intended,
                answer.late,
                overtaken,
                heard,
            )
        )
