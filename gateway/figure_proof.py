"""Makes every stored figure again from readings, declarations and site records as they were known then, and compares byte for byte.

The newest versions are made in one pass from the first reading on. An older version with other contents is made again for itself,
from the records up to the number that it names; one with the same contents needs no second calculation.
The chain of records must have been found sound before: what is read here is then what was recorded.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from gateway.broken import Step, broken, first_difference, shown
from gateway.buffer import rows, series
from gateway.carbon.figure import FigureDraft
from gateway.carbon.inputs import SiteInputs
from gateway.carbon.inputs_document import inputs_from
from gateway.carbon.version import CAUSE, NOT_HASHED, WITHDRAWN, figure_sha256, publish, withdraw
from gateway.declared import given_to_engine
from gateway.reckoning import CHUNK_MS, DAY_MS, Declared, Reckoning, all_figures
from gateway.site_inputs import Counted
from gateway.stored_readings import StoredReadings
from gateway.zone import time_zone_data, zone
from protocols.batch import canonical
from protocols.reading import Figure, milliseconds_of

Document = Mapping[str, Any]
# A window of two days and what the rules look at around it: small for one shift, and nothing is read twice.
_WINDOW_MS = 2 * DAY_MS


@dataclass(frozen=True)
class Basis:
    """What figures were made from, apart from readings."""

    inputs: SiteInputs
    counted: tuple[Counted, ...]
    declared: Declared
    grace_min: int


class Bases:
    """What was declared as known at any record; the last one is kept, since most figures follow from the same."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._of: tuple[int | None, int | None] = (None, None)
        self._last: Basis | None = None

    def at(self, known: int) -> Basis | None:
        """None where no site record tells what figures were made from."""
        query = "select (select max(sequence) from site where sequence <= ?), (select max(sequence) from declaration where sequence <= ?)"
        of = tuple(self._connection.execute(query, (known, known)).fetchone())
        if of != self._of:
            self._of, self._last = of, _basis(self._connection, known)
        return self._last


def _basis(connection: sqlite3.Connection, known: int) -> Basis | None:
    query = "select document from site where sequence <= ? order by sequence desc limit 1"
    row = connection.execute(query, (known,)).fetchone()
    document = json.loads(row[0]) if row else {}
    if "inputs" not in document:
        return None
    inputs = inputs_from(document["inputs"], zone)
    names = {each["meter"]: (each["meter"], *each["was"]) for each in document["meters"]}
    counted = tuple(Counted(spec, names[spec.meter]) for spec in inputs.counters)
    known_as = {name: meter for meter, all_names in names.items() for name in all_names}
    return Basis(inputs, counted, given_to_engine(series.declarations(connection, known), known_as), document["grace_min"])


class FigureProof:
    def __init__(self, connection: sqlite3.Connection, step: Step) -> None:
        self._connection = connection
        self._step = step
        self._bases = Bases(connection)
        self.notes: list[str] = []
        self.recomputed = 0

    def check(self) -> int:
        """How many figures there are; BrokenError at the first that does not hold."""
        count = 0
        for figure in rows.figures(self._connection, 0, 2**62):
            self._require_version(figure)
            count += 1
        if count:
            self._newest()
            self._superseded()
        self._step(count)
        return count

    def _require_version(self, figure: Figure) -> None:
        """Its columns say what the document says, and version, state, causes and hash follow from the version before."""
        document = figure.document
        key = f"{document['production_line'] or ''}|{document['date']}|{document['shift']}|{document['start']}"
        columns = (figure.key, figure.start_ms, figure.end_ms, figure.version, figure.known_at_ms)
        start_ms, end_ms, known_at_ms = (milliseconds_of(document[name]) for name in ("start", "end", "known_at"))
        told = (key, start_ms, end_ms, document["version"], known_at_ms)
        for name, column, own in zip(("key", "start", "end", "version", "known_at"), columns, told, strict=True):
            if column != own:
                self._broken(figure, name, column, own)
        previous = self._before(figure)
        basis = self._bases.at(figure.known_sequence)
        if basis is None:
            return
        if _is_withdrawn(document):
            expected: Document | None = withdraw(previous, figure.known_at_ms) if previous else None
        else:
            own = tuple(each for each in document["reasons"] if not each.startswith(CAUSE))
            content = {name: value for name, value in document.items() if name not in NOT_HASHED}
            draft = FigureDraft(key, document["production_line"], figure.start_ms, figure.end_ms, content, own)
            expected = publish(draft, previous, figure.known_at_ms, basis.grace_min)
        self._require_same(figure, expected, "does not follow from the version before")

    def _before(self, figure: Figure) -> Document | None:
        query = "select document from figure where key = ? and sequence < ? order by sequence desc limit 1"
        row = self._connection.execute(query, (figure.key, figure.sequence)).fetchone()
        return json.loads(row[0]) if row else None

    def _newest(self) -> None:
        """One pass over everything, with what the newest figure knew: whatever came by then is in each of them."""
        (known,) = self._connection.execute("select max(known_sequence) from figure").fetchone()
        (now_ms,) = self._connection.execute("select max(known_at_ms) from figure").fetchone()
        (count,) = self._connection.execute("select count(distinct key) from figure").fetchone()
        basis = self._bases.at(known)
        if basis is None:
            self.notes.append("no site record says what the figures were made from: they are not recomputed")
            return
        if basis.inputs.time_zone_data != time_zone_data():
            self.notes.append(f"made with time-zone data {basis.inputs.time_zone_data}, recomputed with {time_zone_data()}")
        made: set[str] = set()
        source = StoredReadings(self._connection, basis.counted, known)
        for draft in all_figures(basis.inputs, basis.declared, source, now_ms):
            figure = self._stored("where key = ? order by sequence desc limit 1", draft.key)
            if figure is not None:
                self._require_made(figure, draft)
                made.add(draft.key)
        if len(made) != count:
            self._require_withdrawn(made)

    def _require_withdrawn(self, made: set[str]) -> None:
        query = "where sequence in (select max(sequence) from figure group by key) order by sequence"
        for figure in self._every(query):
            if figure.key not in made and not _is_withdrawn(figure.document):
                self._fail(figure, "does not come out of the readings any more")

    def _superseded(self) -> None:
        query = """
            where json_extract(document, '$.sha256') <> (
                select json_extract(newest.document, '$.sha256') from figure newest
                where newest.key = figure.key order by newest.sequence desc limit 1)
            order by known_sequence, start_ms"""
        until_ms, before = 0, 0
        for known, group in groupby(self._every(query), lambda figure: figure.known_sequence):
            newest = "select max(time_ms) from counter where sequence > ? and sequence <= ?"
            until_ms = max(until_ms, self._connection.execute(newest, (before, known)).fetchone()[0] or 0)
            before = known
            self._as_known(known, until_ms, list(group))

    def _as_known(self, known: int, until_ms: int, figures: Sequence[Figure]) -> None:
        basis = self._bases.at(known)
        if basis is None:
            return
        wanted = {figure.key: figure for figure in figures if not _is_withdrawn(figure.document)}
        if not wanted:
            return
        start, end = min(each.start_ms for each in wanted.values()), max(each.end_ms for each in wanted.values())
        chunk_ms = min(CHUNK_MS, max(_WINDOW_MS, end - start))
        source = StoredReadings(self._connection, basis.counted, known, until_ms)
        for chunk in Reckoning(basis.inputs, basis.declared, source, chunk_ms).chunks(figures[0].known_at_ms, start):
            for draft in chunk.drafts:
                figure = wanted.pop(draft.key, None)
                if figure is not None:
                    self._require_made(figure, draft)
            if chunk.to_ms is not None and chunk.to_ms >= end:
                break
        for figure in wanted.values():
            self._fail(figure, "does not come out of the readings that were known then")

    def _require_made(self, figure: Figure, draft: FigureDraft) -> None:
        """Contents and reasons as computed; a release of time-zone data that moved nothing made no version."""
        content = {**draft.document, "time_zone_data": figure.document["time_zone_data"]}
        causes = [each for each in figure.document["reasons"] if each.startswith(CAUSE)]
        head = {name: figure.document[name] for name in ("version", "state", "known_at")}
        made = {**content, **head, "reasons": [*causes, *draft.reasons], "sha256": figure_sha256(content)}
        self._require_same(figure, made, "is not what comes out of the readings")
        self.recomputed += 1
        self._step(0)

    def _require_same(self, figure: Figure, made: Document | None, sentence: str) -> None:
        if made is None or canonical(figure.document) != canonical(dict(made)):
            field, told, expected = first_difference(figure.document, made or {}) or ("", None, None)
            self._broken(figure, field, told, expected, sentence)

    def _broken(self, figure: Figure, field: str, told: Any, expected: Any, sentence: str = "contradicts its own row") -> None:
        self._fail(figure, f"{sentence}: {field} is {shown(told)}, recomputed {shown(expected)}", field)

    def _fail(self, figure: Figure, sentence: str, field: str | None = None) -> None:
        place = {"record": "figure", "sequence": figure.sequence, "figure": figure.key, "version": figure.version, "field": field}
        broken(f"figure {figure.key} version {figure.version} (record {figure.sequence}) {sentence}", **place, batch=self._batch_of(figure))

    def _batch_of(self, figure: Figure) -> int | None:
        query = "select number from batch where first_sequence <= ? and last_sequence >= ?"
        row = self._connection.execute(query, (figure.sequence, figure.sequence)).fetchone()
        return int(row[0]) if row else None

    def _stored(self, condition: str, *values: Any) -> Figure | None:
        return next(self._every(condition, *values), None)

    def _every(self, condition: str, *values: Any) -> Iterator[Figure]:
        columns = "key, start_ms, end_ms, version, known_at_ms, document, sequence, known_sequence"
        for row in self._connection.execute(f"select {columns} from figure {condition}", values):  # noqa: S608 - constants
            yield Figure(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6], row[7])


def _is_withdrawn(document: Document) -> bool:
    return not document["meters"] and any(each.startswith(WITHDRAWN) for each in document["reasons"])
