"""What the simulated chip is wired to: opened once by `tools.board.start`, used by the modules in `built_in`.

Files are those the parent process handed down by number. Runs on MicroPython.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

speed = 1.0
pty: "BinaryIO | None" = None  # the near end of a pseudo-terminal, not blocking
flash: "BinaryIO | None" = None  # the partition's contents
blocks = 0
watchdog: "BinaryIO | None" = None  # the parent counts what is written here
rtc_path = ""
after_watchdog = False
