"""C8 and C9: which readings of a counter are accepted, and what is booked between them.

The verdict is a function of the set of readings and declarations. The walk goes through them in order of
time, looks ahead where a rule needs what came later, and knows neither arrival nor the wall clock.
From the newest accepted reading `a`, the first reading that does not simply follow starts a search:

    a declared break lies between         bridge the swap; a reset or new ratio is unknown energy
    at or above a, plausible              it came back: everything between is rejected
    at or above a, implausible            held; after 24 h of that a new epoch starts at the first held one
    below a, wraps plausibly              rollover
    below a, three readings over 2 min    reset, unless it comes back within 24 h by an impossible step
    the readings end first                pending: nothing after `a` is booked
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from gateway.carbon.bridge import Climb, break_events, bridged, waiting_event, written
from gateway.carbon.declaration import Break, Declaration, Swap, breaks_of
from gateway.carbon.extreme import SlidingLeast
from gateway.carbon.history import CounterEvent, History
from gateway.carbon.inputs import CounterSpec
from gateway.carbon.series import Series
from protocols.amount import outside

# C9: a meter may read a tenth above its rating (overload, late stamp) before an advance counts as implausible.
_TOLERANCE_TENTHS = 11
_TENTHS_OF_MS_PER_HOUR = 36_000_000
# C8 (iii) and C9: a day is long enough for a person to swap a card or a meter to finish its restart.
UNDECIDED_MS_MAX = 24 * 3_600_000
# C8 (iv): three readings over two minutes are more than one restart or one garbled answer.
RESET_READINGS_LEAST = 3
RESET_MS_LEAST = 120_000
_FOR_EVER = 2**63
_IMPLAUSIBLE = "implausible for 24 h: a new epoch, the energy across it is not known"


def history_of(spec: CounterSpec, series: Series, declarations: Iterable[Declaration] = ()) -> History:
    walk = _Walk(spec, series, breaks_of(spec.meter, spec.quantity, declarations))
    walk.run()
    seen = series.times[:1] + series.times[-1:] + [conflict.time_ms for conflict in series.conflicts]
    for conflict in series.conflicts:
        values = ", ".join(outside(spec.quantity, value) for value in conflict.values)
        walk.note("conflict", conflict.time_ms, 0, f"different values for one instant ({values}): none is used")
    events = tuple(sorted(walk.events, key=lambda event: (event.time_ms, event.kind, event.detail)))
    return History(
        spec=spec,
        times=walk.times,
        values=walk.values,
        booked=walk.booked,
        unknown=walk.unknown,
        events=events,
        first_seen_ms=min(seen, default=None),
        last_seen_ms=max(seen, default=None),
        is_pending=walk.is_pending,
    )


class _Walk:
    """`times`, `values`, `booked`, `unknown` grow as readings are accepted; `raw_*` are all usable readings."""

    def __init__(self, spec: CounterSpec, series: Series, breaks: list[Break]) -> None:
        self.raw_times = series.times
        self.raw_values = series.values
        self.times: list[int] = []
        self.values: list[int] = []
        self.booked: list[int] = []
        self.unknown: list[int] = []
        self.events: list[CounterEvent] = []
        self.is_pending = False
        self._spec = spec
        self._breaks = breaks
        self._negated_highest = SlidingLeast(lambda index: -self.raw_values[index])
        self._slowest = SlidingLeast(self._lead)
        self._ceiling = None if spec.rating_thousandths_per_hour is None else spec.rating_thousandths_per_hour * _TOLERANCE_TENTHS

    def run(self) -> None:
        if not self.raw_times:
            return
        self._take(0, 0)
        index = 1
        while index < len(self.raw_times):
            index = self._follow(index)
            if index < len(self.raw_times):
                index = self._search(index)

    def note(self, kind: str, time_ms: int, adjustment: int, detail: str) -> None:
        self.events.append(CounterEvent(kind, time_ms, adjustment, detail))

    def _follow(self, index: int) -> int:
        """Accept readings while each simply follows the one before; the first that does not is returned."""
        times, values, ceiling = self.raw_times, self.raw_values, self._ceiling
        ahead = self._break_ahead()
        end = len(times)
        while index < end:
            time_ms, value = times[index], values[index]
            last_ms, last = self.times[-1], self.values[-1]
            if (
                value < last
                or time_ms >= ahead
                or (ceiling is not None and (value - last) * _TENTHS_OF_MS_PER_HOUR > ceiling * (time_ms - last_ms))
            ):
                return index
            if index + 1 < end and values[index + 1] < value and self._is_spike(index + 1, ahead):
                self._reject(index, index + 1, "transient", "the next reading fell back below it")
            else:
                self.times.append(time_ms)
                self.values.append(value)
                self.booked.append(self.booked[-1] + value - last)
            index += 1
        return index

    def _is_spike(self, after: int, ahead: int) -> bool:
        """C9: a -> b -> c with a <= c < b and c plausible from a rejects b, unless b -> c is a plausible rollover (C8 decides first)."""
        if self.raw_values[after] < self.values[-1] or self.raw_times[after] >= ahead or not self._plausible(after):
            return False
        elapsed = self.raw_times[after] - self.raw_times[after - 1]
        return self._ceiling is None or self._wrapped(self.raw_values[after - 1], self.raw_values[after], elapsed) is None

    def _search(self, start: int) -> int:  # noqa: PLR0911  # one return for each row of the table above
        """Decide what follows the newest accepted reading; return the next raw index to look at."""
        last, ahead = self.values[-1], self._break_ahead()
        if self._stays_implausible(start, ahead):
            return self._new_epoch(start, start, _IMPLAUSIBLE)
        high: int | None = None
        low: int | None = None
        for index in range(start, len(self.raw_times)):
            time_ms, value = self.raw_times[index], self.raw_values[index]
            if time_ms >= ahead:
                return self._after_break(start, index)
            if value >= last:
                if self._plausible(index):
                    return self._came_back(start, index)
                low = None
                high = index if high is None else high
                if time_ms - self.raw_times[high] >= UNDECIDED_MS_MAX:
                    return self._new_epoch(start, high, _IMPLAUSIBLE)
            else:
                if self._wraps(start, index, ahead):
                    return self._roll_over(start, index)
                low = index if low is None else low
                if index - low + 1 >= RESET_READINGS_LEAST and time_ms - self.raw_times[low] >= RESET_MS_LEAST:
                    back = self._comes_back(low, ahead)
                    if back is not None:
                        return self._came_back(start, back)
                    return self._new_epoch(start, low, "the counter started again lower: the energy across it is not known")
        return self._pending(start)

    def _stays_implausible(self, start: int, ahead: int) -> bool:
        """Whether every reading of 24 h is implausibly far above the newest accepted one: the verdict without a search."""
        day_later = bisect_left(self.raw_times, self.raw_times[start] + UNDECIDED_MS_MAX)
        if self._ceiling is None or day_later == len(self.raw_times) or self.raw_times[day_later] >= ahead:
            return False
        accepted = self._lead_of(self.values[-1], self.times[-1])
        return self._slowest.over(start, day_later) > accepted

    def _lead(self, index: int) -> int:
        return self._lead_of(self.raw_values[index], self.raw_times[index])

    def _lead_of(self, value: int, time_ms: int) -> int:
        """How far a counter is ahead of one that runs at its ceiling: a plausible advance never increases it."""
        return value * _TENTHS_OF_MS_PER_HOUR - (self._ceiling or 0) * time_ms

    def _plausible(self, index: int) -> bool:
        elapsed = self.raw_times[index] - self.times[-1]
        return self._possible(self.raw_values[index] - self.values[-1], elapsed)

    def _possible(self, advance: int, elapsed_ms: int) -> bool:
        return self._ceiling is None or advance * _TENTHS_OF_MS_PER_HOUR <= self._ceiling * elapsed_ms

    def _wraps(self, start: int, index: int, ahead: int) -> bool:
        """C8 (ii): only a fall can be a rollover, and without a rating only one that is not undone within a day."""
        value, time_ms = self.raw_values[index], self.raw_times[index]
        if index > start and value >= self.raw_values[index - 1]:
            return False
        if self._wrapped(self.values[-1], value, time_ms - self.times[-1]) is None:
            return False
        return self._ceiling is not None or self._comes_back(index, ahead) is None

    def _wrapped(self, level: int, value: int, elapsed_ms: int) -> int | None:
        """The advance over the modulus to a lower value, if the time allows it; without a rating, if that way is the shorter one."""
        modulus = self._spec.modulus_thousandths
        if modulus is None or level >= modulus:
            return None
        wrapped = value + modulus - level
        fits = wrapped < level - value if self._ceiling is None else self._possible(wrapped, elapsed_ms)
        return wrapped if fits else None

    def _climb(self, time_ms: int) -> Climb:
        elapsed = time_ms - self.times[-1]
        return lambda level, value: value - level if value >= level else self._wrapped(level, value, elapsed)

    def _comes_back(self, low: int, ahead: int) -> int | None:
        """C8 (iii): the reading within 24 h at or above the old value, reached by a step the meter cannot make."""
        last, until = self.values[-1], min(self.raw_times[low] + UNDECIDED_MS_MAX, ahead - 1)
        if -self._negated_highest.over(low, bisect_right(self.raw_times, until) - 1) < last:
            return None
        below = low
        for index in range(low, len(self.raw_times)):
            if self.raw_times[index] > until:
                return None
            if self.raw_values[index] < last:
                below = index
            elif self._plausible(index):
                step = self.raw_values[index] - self.raw_values[below]
                if self._ceiling is None:
                    return index if step >= last - self.raw_values[low] else None
                return None if self._possible(step, self.raw_times[index] - self.raw_times[below]) else index
        return None

    def _came_back(self, start: int, back: int) -> int:
        held = all(self.values[-1] <= value <= self.raw_values[back] for value in self.raw_values[start:back])
        kind, why = ("quarantine", "time has made the advance plausible") if held else ("transient", "the counter came back")
        self._reject(start, back, kind, why)
        return back

    def _new_epoch(self, start: int, first: int, why: str) -> int:
        self._reject(start, first, "quarantine", "no later reading confirmed it")
        time_ms, value, last = self.raw_times[first], self.raw_values[first], self.values[-1]
        self.note("reset", time_ms, value - last, f"{self._text(last)} -> {self._text(value)}: {why}")
        self._take(first, None)
        return first + 1

    def _roll_over(self, start: int, index: int) -> int:
        modulus = self._spec.modulus_thousandths or 0
        self._reject(start, index, "quarantine", "no later reading confirmed it")
        value, last = self.raw_values[index], self.values[-1]
        detail = f"{self._text(last)} -> {self._text(value)}: rolled over at {self._text(modulus)}"
        self.note("rollover", self.raw_times[index], -modulus, detail)
        self._take(index, value + modulus - last)
        return index + 1

    def _after_break(self, start: int, first: int) -> int:
        """C8 (i): the first reading that can be the new meter's; a late one of the old meter is set aside."""
        for index in range(first, len(self.raw_times)):
            if self._can_follow_break(index):
                return self._across_break(start, index)
            if self.raw_times[index] - self.raw_times[first] >= UNDECIDED_MS_MAX:
                return self._across_break(start, first, fits=False)
        self.events.extend(waiting_event(each) for each in self._breaks_until(self.raw_times[-1]))
        return self._pending(start)

    def _can_follow_break(self, index: int) -> bool:
        """Whether the new meter can have advanced so far; anything may follow where the energy is unknown anyway."""
        breaks = self._breaks_until(self.raw_times[index])
        begun = breaks[-1]
        climb = self._climb(self.raw_times[index])
        if not isinstance(begun, Swap) or bridged(self.values[-1], begun.new_start, breaks, climb) is None:
            return True
        counted = climb(begun.new_start, self.raw_values[index])
        return counted is not None and self._possible(counted, self.raw_times[index] - self.times[-1])

    def _across_break(self, start: int, index: int, *, fits: bool = True) -> int:
        """One pair across every break between the newest accepted reading and this one."""
        self._reject(start, index, "quarantine", "a declared change followed")
        value, last = self.raw_values[index], self.values[-1]
        breaks = self._breaks_until(self.raw_times[index])
        advance = bridged(last, value, breaks, self._climb(self.raw_times[index])) if fits else None
        self.events.extend(break_events(self._spec.quantity, breaks, value - last, advance))
        self._take(index, advance)
        return index + 1

    def _breaks_until(self, time_ms: int) -> list[Break]:
        return [each for each in self._breaks if self.times[-1] < each.time_ms <= time_ms]

    def _pending(self, start: int) -> int:
        """Nothing is published from it yet; the adjustment carries the raw counter's whole step."""
        self.is_pending = True
        last, value = self.values[-1], self.raw_values[-1]
        count = len(self.raw_times) - start
        detail = f"{count} reading(s) after {self._text(last)} are not decided yet, newest {self._text(value)}"
        self.note("quarantine", self.raw_times[start], value - last, detail)
        return len(self.raw_times)

    def _reject(self, start: int, end: int, kind: str, why: str) -> None:
        if start == end:
            return
        values = self.raw_values[start:end]
        low, high = self._text(min(values)), self._text(max(values))
        span = low if low == high else f"{low} to {high}"
        self.note(kind, self.raw_times[start], 0, f"{end - start} reading(s) set aside ({span}): {why}")

    def _take(self, index: int, advance: int | None) -> None:
        """Accept a reading; `advance` None: the energy of the pair that ends here is unknown."""
        if advance is None:
            self.unknown.append(len(self.times) - 1)
        self.times.append(self.raw_times[index])
        self.values.append(self.raw_values[index])
        self.booked.append((self.booked[-1] if self.booked else 0) + (advance or 0))

    def _break_ahead(self) -> int:
        """The time of the first declared break after the newest accepted reading."""
        last_ms = self.times[-1]
        return next((each.time_ms for each in self._breaks if each.time_ms > last_ms), _FOR_EVER)

    def _text(self, value: int) -> str:
        return written(self._spec.quantity, value)
