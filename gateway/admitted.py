"""Which lines have run already as they are: a site that was metering goes on after a restart, whatever the arithmetic says now.

One small file in the data folder. A line is the same as long as its settings, its interval and its meters are.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from gateway.admission import Verdict

FILE = "admitted.json"
log = logging.getLogger(__name__)


def unproven(folder: Path, verdicts: Sequence[Verdict]) -> list[str]:
    """The sentences of lines that skip rounds even as their meters answer typically, and have not run so before."""
    path = folder / FILE
    try:
        known = set(json.loads(path.read_text())) if path.exists() else set()
    except (OSError, ValueError):
        log.warning("%s cannot be read; the lines are taken as they are", path)
        return []
    return [verdict.sentence for verdict in verdicts if not verdict.keeps_up and verdict.digest not in known]


def admit(folder: Path, verdicts: Sequence[Verdict]) -> None:
    """From now on these lines have run; on a full disk that is not worth stopping for."""
    try:
        (folder / FILE).write_text(json.dumps(sorted(verdict.digest for verdict in verdicts)))
    except OSError as error:
        log.warning("%s cannot be written (%s)", folder / FILE, error)
