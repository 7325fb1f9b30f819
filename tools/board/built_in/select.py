"""The chip's `select` module where there is no chip: nobody is heard through a network that is not there. Runs on MicroPython."""
# The chip's modules are not those of the PC that the checker knows.
# mypy: ignore-errors

import uselect  # the interpreter's own, under the name that cannot be taken

from tools.board import world

POLLIN, POLLOUT, POLLERR, POLLHUP = uselect.POLLIN, uselect.POLLOUT, uselect.POLLERR, uselect.POLLHUP


class poll:  # noqa: N801 - the chip's own name
    def __init__(self) -> None:
        self._poll = uselect.poll()
        self.register = self._poll.register
        self.unregister = self._poll.unregister

    def poll(self, timeout_ms: int = -1) -> "list[tuple]":
        """What a network has to say waits until it is there; clients see a meter that hangs."""
        return self._poll.poll(timeout_ms) if world.reachable() else []

    def ipoll(self, timeout_ms: int = -1) -> "object":
        """For what is wired."""
        return self._poll.ipoll(timeout_ms)
