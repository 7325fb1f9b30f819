"""What keeps a network's troubles from the meter, and tells of them. Runs on MicroPython."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firmware.main_loop import Port


def say(text: str) -> None:
    """The console is the board's log."""
    print("log:", text)  # noqa: T201 - see above


class Guarded:
    """A port that may go wrong in any way without taking the meter with it; a trouble is said once, not in every turn."""

    def __init__(self, port: "Port") -> None:
        self._port = port
        self._said = ""

    @property
    def quiet(self) -> bool:
        return self._port.quiet

    def poll(self) -> None:
        try:
            self._port.poll()
        except Exception as error:  # noqa: BLE001 - whatever it is: the meter goes on
            said = "%s: %r" % (self._port.__class__.__name__, error)
            if said != self._said:
                self._said = said
                say(said)
