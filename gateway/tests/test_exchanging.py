"""Requests to a meter through the gateway that runs: they and their outcomes survive the control socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import exchanging
from gateway.control import ControlError, ControlServer
from gateway.site import MeterTable
from protocols.errors import MeterRefused, NoAnswer
from protocols.pdu import ReadRequest, ReadWriteRegisters, Request, WriteRegisters

METER = MeterTable.model_validate({"name": "own", "line": "bench", "address": 1, "model": "shiftwatt-submeter", "role": "load"})


def test_requests_and_outcomes_go_through_the_socket(tmp_path: Path) -> None:
    """Each kind of request arrives as it was made; words, a refusal and silence come back as what they are."""
    heard: list[tuple[Request, bool]] = []
    outcomes: Iterator[tuple[int, ...] | Exception] = iter([(1, 65_535), (), MeterRefused(6), NoAnswer("nobody there")])

    def exchange(request: Request, in_bulk: bool) -> tuple[int, ...]:
        heard.append((request, in_bulk))
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    server = ControlServer(tmp_path, {"exchange": lambda asked: exchanging.answered(exchange, asked)})
    server.start()
    try:
        ask = exchanging.through_gateway(tmp_path, METER)
        read = ask(ReadRequest(3, 100, 2), False)
        written = ask(WriteRegisters(3022, (1,)), False)
        with pytest.raises(MeterRefused, match="exception 6"):
            ask(ReadWriteRegisters(3000, 4, 3030, (1, 2, 3)), True)
        with pytest.raises(NoAnswer, match="nobody there"):
            ask(ReadRequest(4, 0, 1), False)
    finally:
        server.stop()

    assert (read, written) == ((1, 65_535), ())
    assert heard == [
        (ReadRequest(3, 100, 2), False),
        (WriteRegisters(3022, (1,)), False),
        (ReadWriteRegisters(3000, 4, 3030, (1, 2, 3)), True),
        (ReadRequest(4, 0, 1), False),
    ]


def test_a_request_of_another_kind_is_a_sentence() -> None:
    """What a newer command may ask is refused, not guessed."""
    with pytest.raises(ControlError, match="sends no Diagnose"):
        exchanging.answered(lambda _request, _in_bulk: (), {"request": ["Diagnose", 1], "in_bulk": False})
