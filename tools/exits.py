"""How a command ends: the exit statuses, and the one way in which an error reaches a person."""

import logging
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import typer

DONE, FAILED, WRONG_USE = 0, 1, 2


def fail(sentence: str, status: int = FAILED) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise typer.Exit(status)


@contextmanager
def sentences(expected: dict[type[Exception], int]) -> Iterator[None]:
    """Errors of the named types end the command with their sentence and status."""
    try:
        yield
    except tuple(expected) as error:
        fail(str(error), next(status for kind, status in expected.items() if isinstance(error, kind)))


def guarded(main: Callable[[], None]) -> int:
    """The last line of defence: no traceback reaches a person, every one reaches a log."""
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else DONE if end.code is None else FAILED
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return FAILED
    except Exception:
        logging.getLogger(__name__).debug("unexpected", exc_info=True)
        with tempfile.NamedTemporaryFile("w", prefix="shiftwatt-error-", suffix=".log", delete=False) as log:
            traceback.print_exc(file=log)
        print(f"shiftwatt met a fault of its own and stopped. What happened is in {Path(log.name)}; please report it.", file=sys.stderr)
        return FAILED
    return DONE
