"""The board's ticks in simulated time: they pass only while somebody sleeps."""


class Clock:
    def __init__(self) -> None:
        self.now_us = 0

    def ticks_us(self) -> int:
        return self.now_us

    def ticks_ms(self) -> int:
        return self.now_us // 1_000

    def ticks_diff(self, end: int, start: int) -> int:
        return end - start

    def sleep_us(self, duration_us: int) -> None:
        self.now_us += duration_us
