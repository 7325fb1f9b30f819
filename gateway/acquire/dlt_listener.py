"""Listens for the answer to one DL/T 645 question among the bytes of a wire. Who hears and hands over the bytes is not known here."""

import asyncio
from collections.abc import Callable

from gateway.acquire.answer import Answer
from protocols import dlt645
from protocols.errors import LineNoise, MeterRefused, NoAnswer, WrongAnswer


class DltListener:
    """Frames of others and of older questions are passed by: an answer names its meter and its identifier."""

    def __init__(self, fits: Callable[[dlt645.Frame], Answer]) -> None:
        self._fits = fits
        self._reader = dlt645.FrameReader()
        self._outcome: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

    def heard(self, data: bytes) -> None:
        self._reader.feed(data)
        while isinstance(frame := self._reader.take(), dlt645.Frame):
            if self._outcome.done() or not frame.control & dlt645.ANSWER:
                continue
            try:
                self._outcome.set_result(self._fits(frame))
            except MeterRefused as refusal:
                self._outcome.set_exception(refusal)
            except WrongAnswer:
                continue

    async def answer(self, timeout_s: float) -> Answer:
        """NoAnswer, LineNoise or MeterRefused."""
        try:
            async with asyncio.timeout(timeout_s):  # not wait_for: that of Python 3.11 may forget a cancellation
                return await self._outcome
        except TimeoutError:
            if self._reader.noise + self._reader.rest:
                raise LineNoise("bytes that are no answer") from None
            raise NoAnswer("silence until the time-out") from None
