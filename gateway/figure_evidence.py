"""One stored figure with all that it was made from, and the sealed batches that prove each record of it.

Numbers and verdicts are `carbon.evidence`'s matter. Here stands which record, of which batch, each of them is;
`tools/recompute_proof.py` checks that with the standard library alone, as `tools/recompute_figure.py` checks the numbers.
"""

import json
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from gateway.buffer import chain, rows, sealed, series
from gateway.carbon.evidence import Readings, evidence_of
from gateway.carbon.scope import SiteCounters
from gateway.figure_proof import Bases, Basis
from gateway.reckoning import Reckoning
from gateway.site_inputs import Counted
from gateway.stored_readings import StoredReadings
from protocols.amount import outside
from protocols.batch import body_of, contents, declared_document, record_document
from protocols.reading import Figure, iso, milliseconds_of
from protocols.thinning import Thinned

Document = dict[str, Any]


class EvidenceError(Exception):
    """The evidence cannot be put together; the sentence says why."""


def find(connection: sqlite3.Connection, wanted: Mapping[str, str | None], version: int | None) -> Figure:
    """The newest version, or version `version`, of the figure with these fields (`key`, or `date`, `shift`, `production_line`)."""
    found = [figure for figure in _candidates(connection, wanted) if version in (None, figure.version)]
    keys = sorted({figure.key for figure in found})
    told = ", ".join(f"{name} {value}" for name, value in wanted.items() if value) + (f", version {version}" if version else "")
    if not found:
        raise EvidenceError(f"there is no figure with {told}; `shiftwatt shifts` lists them")
    if len(keys) > 1:
        raise EvidenceError(f"there are {len(keys)} figures with {told}; name one of them with --figure: {'; '.join(keys)}")
    return found[-1]


def _candidates(connection: sqlite3.Connection, wanted: Mapping[str, str | None]) -> Iterator[Figure]:
    if "key" in wanted:
        condition, values = "key = ?", [wanted["key"]]
    else:
        prefix = f"{wanted['production_line'] or ''}|{wanted['date']}|{wanted['shift']}|"
        condition, values = "substr(key, 1, length(?)) = ?", [prefix, prefix]
    columns = "key, start_ms, end_ms, version, known_at_ms, document, sequence, known_sequence"
    for row in connection.execute(f"select {columns} from figure where {condition} order by sequence", values):  # noqa: S608 - constants
        yield Figure(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6], row[7])


def evidence_document(connection: sqlite3.Connection, gateway: str, public_key: str, figure: Figure) -> Document:
    """`connection` gives rows by name; whoever wants one moment of a running gateway begins a transaction on it."""
    basis = Bases(connection).at(figure.known_sequence)
    if basis is None:
        raise EvidenceError(f"no site record says what the figure {figure.key} was made from; it is older than such records")
    source = StoredReadings(connection, basis.counted, figure.known_sequence)
    site = Reckoning(basis.inputs, basis.declared, source).around(figure.start_ms, figure.end_ms)
    if site is None:
        raise EvidenceError(f"there is no reading that the figure {figure.key} could have been made from")
    document = evidence_of(site, _readings(site, source, figure), basis.declared.breaks, figure.document)
    records = _records(connection, basis, document, figure)
    identity = {"gateway": gateway, "public_key": public_key}
    last = chain.last_sealed(connection)
    unsealed = sum(row["sequence"] > last for row in _rows_of(records))
    return {**document, **identity, **records, "not_sealed_yet": unsealed, "batches": list(_batches(connection, gateway, records))}


def _readings(site: SiteCounters, source: StoredReadings, figure: Figure) -> Readings:
    """From the accepted reading before the figure to the one after it; where there is none after it, all that came."""
    begins, ends = {}, []
    for key, history in site.histories.items():
        low = max(0, bisect_right(history.times, figure.start_ms) - 1)
        begins[key] = history.times[low] if history.times else figure.start_ms
        high = bisect_left(history.times, figure.end_ms)
        ends.append(history.times[high] + 1 if high < len(history.times) else None)
    return source.readings(begins, None if None in ends or not ends else max(end for end in ends if end is not None))


def _records(connection: sqlite3.Connection, basis: Basis, document: Document, figure: Figure) -> Document:
    """Everything that is a record, by its number."""
    declared = [declared_document(each) for each in series.declarations(connection, figure.known_sequence)]
    query = "select sequence, known_at_ms, document from site where sequence <= ? order by sequence desc limit 1"
    site = connection.execute(query, (figure.known_sequence,)).fetchone()
    return {
        "sequence": figure.sequence,
        "known_sequence": figure.known_sequence,
        "time_zone_data": basis.inputs.time_zone_data,
        "records": [row for counter in document["counters"] for row in _used(connection, basis.counted, counter, figure.known_sequence)],
        "declarations": declared,
        "clocks": [record_document(each) for each in rows.one_table(connection, "clock") if each.sequence <= figure.known_sequence],
        "site_record": {"sequence": site[0], "known_at": iso(site[1]), "site": json.loads(site[2])},
    }


def _used(connection: sqlite3.Connection, counted: Sequence[Counted], counter: Document, known: int) -> Iterator[Document]:
    names = next(each.names for each in counted if each.spec.key == (counter["meter"], counter["quantity"]))
    instants = [milliseconds_of(each["time"]) for each in counter["readings"]]
    for name in names if instants else ():
        for reading in rows.counters_between(connection, name, min(instants), max(instants)):
            value = reading.values.get(counter["quantity"])
            if value is not None and reading.sequence <= known and reading.time_ms is not None:
                place = {"meter": counter["meter"], "stored_as": name, "quantity": counter["quantity"], "time": iso(reading.time_ms)}
                yield {"sequence": reading.sequence, **place, "value": outside(counter["quantity"], value)}


def _rows_of(records: Document) -> Sequence[Document]:
    return (*records["records"], *records["declarations"], *records["clocks"], records["site_record"], records)


def _batches(connection: sqlite3.Connection, gateway: str, records: Document) -> Iterator[Document]:
    """Each batch that holds one of the records, whole: its hash goes over all of it."""
    thinned = chain.thinned(connection)
    wanted = sorted(row["sequence"] for row in _rows_of(records))
    for link in chain.links(connection):
        index = bisect_left(wanted, link.first_sequence)
        if not link.is_continuation and index < len(wanted) and wanted[index] <= link.last_sequence:
            body = (
                _thinned_body(connection, gateway, link, thinned[link.number])
                if link.number in thinned
                else _body(connection, gateway, link)
            )
            yield {**body, "hash": link.hash, "signature": link.signature}


def _body(connection: sqlite3.Connection, gateway: str, link: chain.Link) -> Document:
    count = link.last_sequence - link.first_sequence + 1
    found = list(islice(chain.as_sealed(connection, link.first_sequence - 1, count), count))
    return body_of(gateway, link.number, link.previous, link.sealed_ms, found)


def _thinned_body(connection: sqlite3.Connection, gateway: str, link: chain.Link, record: Thinned) -> Document:
    """What is left of it, and the signed record that says so: counters are never thinned, but the batch's hash went over all of it."""
    left = sealed.records_of(connection, link.first_sequence, link.last_sequence)
    thinning = {**record._asdict(), "thinned_at": iso(record.thinned_ms)}
    del thinning["thinned_ms"]
    return {"gateway": gateway, "number": link.number, "previous": link.previous, **contents(left), "thinning": thinning}
