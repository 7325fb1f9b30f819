"""From the bytes of a request to a batch that holds: unpacked, well formed, its hash and signature checked.

Pure: no store and no clock. Every objection is a `Refused` with the status the sender acts on.
"""

import json
from collections.abc import Callable, Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.deliver import compression
from gateway.deliver.refusal import Refused
from gateway.interfaces import EVENTS, FIGURES
from protocols.batch import FORMAT, Verify, check, link_hash
from protocols.errors import ProtocolError
from protocols.reading import milliseconds_of
from tools.hub.counters import counter_reads
from tools.hub.intervals import Arrived

CLOCKS, SITES, DECLARATIONS = "clocks", "sites", "declarations"

# A batch has some 2,000 records: 60 kB compressed, 2 MB plain. Twenty times that is room for other gateways;
# what unpacks to more is an attack on our memory.
BODY_BYTES_MAX = 4 * 2**20
PLAIN_BYTES_MAX = 32 * 2**20
# Fifty of our own batches: beyond that one page of the read API would unpack too much at once.
RECORDS_MAX = 100_000

# Said with every answer, so that a gateway knows what it may send next time.
ACCEPT = {"Accept-Encoding": ", ".join(compression.CODINGS)}

_INTEGER_MAX = 2**53 - 1
_Hash = Annotated[str, Field(pattern=r"\A[0-9a-f]{64}\z")]
_Signature = Annotated[str, Field(pattern=r"\A[0-9a-f]{128}\z")]
_Decimal = Annotated[str, Field(pattern=r"\A-?[0-9]{1,20}(\.[0-9]{1,6})?\z")]
_Integer = Annotated[int, Field(ge=-_INTEGER_MAX, le=_INTEGER_MAX)]
# Since 1970, for some thousand years: a time that no calendar can write would stop every reader of the page it is on.
_TIME_MS_MAX = 2**45
_Milliseconds = Annotated[int, Field(ge=0, le=_TIME_MS_MAX)]
# Since the boot; below zero where a meter tells how old its value is and the gateway has just started. No meter tells of older ones.
_Monotonic = Annotated[int, Field(ge=-86_400_000, le=_TIME_MS_MAX)]
_Sequence = Annotated[int, Field(ge=1, le=_INTEGER_MAX)]


class _Form(BaseModel):
    # Fields that a later gateway adds are signed, kept in the body and not judged here.
    model_config = ConfigDict(strict=True, extra="ignore")


class _Columns(_Form):
    meter: str
    sequence: list[_Sequence]
    boot: list[_Integer]
    monotonic_ms: list[_Monotonic]
    time: list[str | None]
    turnaround_ms: list[_Integer | None]
    values: dict[str, list[_Decimal | None]]
    missing: list[dict[str, str] | None]


class _Event(_Form):
    sequence: _Sequence
    kind: str
    subject: str
    detail: str
    boot: _Integer
    monotonic_ms: _Milliseconds
    time: str | None


class _Clock(_Form):
    sequence: _Sequence
    boot: _Integer
    offset_ms: _Milliseconds
    known_at: str


class _FigureTimes(_Form):
    start: str
    end: str


class _Figure(_Form):
    sequence: _Sequence
    figure: _FigureTimes


class _Site(_Form):
    sequence: _Sequence
    known_at: str
    site: dict[str, Any]


class _Declared(_Form):
    sequence: _Sequence
    known_at: str


class _Tombstone(_Form):
    hash: _Hash
    reason: str


class _Batch(_Form):
    gateway: str
    number: _Sequence
    previous: _Hash
    first_sequence: _Sequence
    last_sequence: _Sequence
    sealed_at: str
    hash: _Hash
    signature: _Signature
    readings: list[_Columns]
    events: list[_Event]
    clocks: list[_Clock]
    figures: list[_Figure]
    sites: list[_Site]
    declarations: list[_Declared] = []  # batches sealed before there were any have no such list
    tombstone: _Tombstone | None = None


class Row(NamedTuple):
    """One record as the store keeps it; `document` is its JSON."""

    sequence: int
    kind: str
    subject: str | None
    boot: int | None
    monotonic_ms: int | None
    time_ms: int | None
    end_ms: int | None
    document: str


class Readings(NamedTuple):
    """What is known of the readings of a batch without unpacking it again."""

    readings: int
    undated: int
    first_ms: int | None
    last_ms: int | None
    meters: frozenset[str]


class Receipt(NamedTuple):
    """A batch that holds; `link` is the hash that its successor must name, `tombstone` the reason if it is one.

    `rows` are all its records but the readings.
    """

    gateway: str
    number: int
    hash: str
    previous: str
    link: str
    first_sequence: int
    last_sequence: int
    sealed_ms: int
    tombstone: str | None
    rows: tuple[Row, ...]
    contents: Readings
    arrived: Arrived
    packed: bytes

    @property
    def records(self) -> int:
        return len(self.rows) + self.contents.readings


def unpack(content: bytes, encoding: str) -> tuple[dict[str, Any], bytes]:
    """The document of a request body, and the body compressed."""
    if encoding not in ("", compression.IDENTITY, *compression.CODINGS):
        raise Refused(415, f"Content-Encoding {encoding!r} is not taken here; send gzip", ACCEPT)
    plain = _plain(content, encoding) if encoding in compression.CODINGS else content
    try:
        document = json.loads(plain)
    except (ValueError, RecursionError):
        raise Refused(400, "the body is not JSON") from None
    if not isinstance(document, dict):
        raise Refused(400, "the body is not a JSON object")
    # Kept as gzip whatever it came as: every hub process over the same store can read that.
    return document, content if encoding == compression.GZIP else compression.compressed(plain, compression.GZIP)


def _plain(content: bytes, encoding: str) -> bytes:
    try:
        return compression.unpacked(content, encoding, PLAIN_BYTES_MAX)
    except compression.TooLargeError:
        raise Refused(413, f"the body unpacks to more than the {PLAIN_BYTES_MAX} bytes that are taken here") from None
    except compression.NotCompressedError:
        raise Refused(
            400, f"the body says that it is {encoding} but cannot be unpacked, is cut off or has something behind its end"
        ) from None


def receipt(body: dict[str, Any], packed: bytes, verify_of: Callable[[int], Verify]) -> Receipt:
    """The checked batch, signed as `verify_of` its number says; 501 for a form of later, 422 for anything else that does not hold."""
    if body.get("format") != FORMAT:
        # Not refused for good: an updated hub will take it.
        raise Refused(501, f"batch format {body.get('format')!r} is not known to this hub, which speaks {FORMAT}; update the hub")
    try:
        _Batch.model_validate(body)
        check(body, verify_of(body["number"]))
        rows = tuple(_rows(body))
        contents = _readings(body)
        arrived = Arrived(body["gateway"], counter_reads(body), body["clocks"], body["sites"])
        sealed_ms = _time_ms(body["sealed_at"])
    except ValidationError as error:
        raise Refused(422, _objection(error)) from None
    except (ProtocolError, ValueError, OverflowError, RecursionError) as error:
        raise Refused(422, f"the batch does not hold: {error}") from None
    tombstone = body["tombstone"]["reason"] if body.get("tombstone") else None
    sequences = [row.sequence for row in rows] + [sequence for group in body["readings"] for sequence in group["sequence"]]
    _require_whole(body, sequences, is_tombstone=tombstone is not None)
    return Receipt(
        gateway=body["gateway"],
        number=body["number"],
        hash=body["hash"],
        previous=body["previous"],
        link=link_hash(body),
        first_sequence=body["first_sequence"],
        last_sequence=body["last_sequence"],
        sealed_ms=sealed_ms,
        tombstone=tombstone,
        rows=rows,
        contents=contents,
        arrived=arrived,
        packed=packed,
    )


def _objection(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(each) for each in first["loc"])
    return f"the batch is not in the form of format {FORMAT}: {place}: {first['msg']}"


def _require_whole(body: dict[str, Any], sequences: list[int], *, is_tombstone: bool) -> None:
    """A batch holds every record of its range exactly once; a tombstone stands for a range and holds none."""
    if len(sequences) > RECORDS_MAX:
        raise Refused(413, f"batch {body['number']} holds {len(sequences)} records; {RECORDS_MAX} are taken at once")
    first, last = body["first_sequence"], body["last_sequence"]
    found = sorted(sequences)
    expected = last - first + 1
    whole = not found and expected >= 1 if is_tombstone else len(found) == expected and found == list(range(first, last + 1))
    if not whole:
        raise Refused(422, f"batch {body['number']} says that it holds the records {first} to {last}, each once, but does not")


def _rows(body: dict[str, Any]) -> Iterator[Row]:
    for event in body["events"]:
        yield _row(EVENTS, event["subject"], event, event["time"])
    for clock in body["clocks"]:
        yield _row(CLOCKS, None, clock, clock["known_at"])
    for each in body["figures"]:
        figure = each["figure"]
        times = _time_ms(figure["start"]), _time_ms(figure["end"])
        yield Row(each["sequence"], FIGURES, None, None, None, *times, _json(figure))
    for each in body["sites"]:
        yield Row(each["sequence"], SITES, None, None, None, _time_ms(each["known_at"]), None, _json(each["site"]))
    for each in body.get("declarations", ()):
        yield Row(each["sequence"], DECLARATIONS, None, None, None, _time_ms(each["known_at"]), None, _json(each))


def _readings(body: dict[str, Any]) -> Readings:
    for group in body["readings"]:
        _require_equal_lengths(group)
    times = [time for group in body["readings"] for time in group["time"]]
    dated = [_time_ms(time) for time in times if time is not None]
    meters = frozenset(group["meter"] for group in body["readings"])
    return Readings(len(times), len(times) - len(dated), min(dated, default=None), max(dated, default=None), meters)


def _row(kind: str, subject: str | None, document: dict[str, Any], time: str | None) -> Row:
    time_ms = None if time is None else _time_ms(time)
    return Row(document["sequence"], kind, subject, document["boot"], document.get("monotonic_ms"), time_ms, None, _json(document))


def _time_ms(text: str) -> int:
    time_ms = milliseconds_of(text)
    if not 0 <= time_ms <= _TIME_MS_MAX:
        raise ValueError(f"the time {text!r} lies outside what is kept here")
    return time_ms


def _require_equal_lengths(group: dict[str, Any]) -> None:
    columns = [group[key] for key in ("sequence", "boot", "monotonic_ms", "time", "turnaround_ms", "missing")]
    if len({len(column) for column in (*columns, *group["values"].values())}) != 1:
        raise ValueError(f"the columns of meter {group['meter']!r} differ in length")


def _json(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
