"""The S0 output of another meter: a contact with on and off times of its own, that bounces at every edge. Runs on MicroPython."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from random import Random

LEAST_US = 30_000  # of on and of off, by IEC 62053-31
BOUNCE_US = 4_900  # under 5 ms


class Contact:
    """Each on and off lasts at least `least_us` and up to `spread_us` more. `pulses` have ended by now, `edges` passed."""

    def __init__(self, random: "Random", least_us: int, spread_us: int, bounce_us: int = BOUNCE_US) -> None:
        self.now_us = 0
        self.pulses = 0
        self.edges = 0
        self._random = random
        self._least_us, self._spread_us, self._bounce_us = least_us, spread_us, bounce_us
        self._is_on = False
        self._edge_us = -bounce_us
        self._next_us = least_us
        self._stops = False

    def pass_time(self, elapsed_us: int) -> None:
        self.now_us += elapsed_us
        while self._next_us <= self.now_us:
            self._edge_us = self._next_us
            self._is_on = not self._is_on
            self.edges += 1
            self.pulses += not self._is_on
            if self._stops and not self._is_on:
                self._next_us += 1 << 60
                return
            self._next_us += self._least_us + self._random.randrange(self._spread_us + 1)

    def stop(self) -> None:
        """After the pulse that is under way no other comes."""
        self._stops = True
        if not self._is_on:
            self._next_us = 1 << 60

    def is_on(self) -> bool:
        if self.now_us - self._edge_us < self._bounce_us and self._random.getrandbits(1):
            return not self._is_on
        return self._is_on

    def is_on_cleaned(self) -> bool:
        """Behind an RC and Schmitt stage."""
        return self._is_on
