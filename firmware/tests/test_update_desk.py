"""What stands for the update while there is none: it is loaded for a moment, when there is room."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware import boot
from firmware.register_image import RegisterImage
from firmware.update_desk import UpdateDesk


class Settled:
    """An update that has nothing to do after it was told once."""

    def __init__(self) -> None:
        self.told: list[tuple[int, int | None, int | None]] = []
        self.windows = 0
        self.at_rest = True
        self.busy = self.restart_wanted = False

    def measured(self, *what: int | None) -> None:
        self.told.append(what)  # type: ignore[arg-type]


def test_without_room_the_meter_meters_on_and_tries_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients of the network hold the memory for a while: a window later it is written down that this version meters."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(boot, "read", lambda: boot.Record(0, boot.GOOD, 1, 0, "0.1.0"))
    made = Settled()
    answers: Iterator[MemoryError | Settled] = iter([MemoryError(), MemoryError(), made])

    def make() -> Settled:
        answer = next(answers)
        if isinstance(answer, MemoryError):
            raise answer
        return answer

    desk = UpdateDesk(make, RegisterImage())  # type: ignore[arg-type]
    for window in range(20):
        desk.measured(1000 * window, 10_000, 0)

    assert made.told == [(11_000, 10_000, 0)]
    assert not desk.busy
