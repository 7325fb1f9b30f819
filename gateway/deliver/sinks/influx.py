"""InfluxDB's line protocol, pushed to `/api/v2/write` of InfluxDB, VictoriaMetrics or Telegraf: readings and shift figures.

A reading is one line with a field per quantity; a shift is one point at its start, which a restated version
overwrites. Values are written with all their decimals; what the database makes of them is its own affair.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlencode

from gateway.deliver import compression
from gateway.deliver.sinks.http import Http, secret
from gateway.deliver.sinks.sink import Document
from gateway.deliver.upstream import Upstream
from gateway.interfaces import FIGURES, READINGS
from protocols.reading import milliseconds_of

TABLE = "[influx]"
PAGE_SIZE = 1_000  # some 200 kB of lines, the size that the database's makers advise being 5,000 lines or less
_ESCAPES = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\=", "\n": " "})
_FIGURE_FIELDS = (
    ("balance", ("load_kwh", "import_kwh", "export_kwh", "generation_kwh", "self_consumption_kwh", "unmetered_kwh")),
    ("carbon", ("scope1_kg", "scope2_location_kg", "scope2_market_kg")),
)


class Influx:
    name = "influx"
    kinds = (READINGS, FIGURES)
    page_size = PAGE_SIZE

    def __init__(self, address: Upstream, org: str, bucket: str, token_file: Path | None, boot: int) -> None:
        """`boot` is the present one: only its readings can still get a date."""
        self._http = Http(address)
        self._url = f"{address.url.rstrip('/')}/api/v2/write?{urlencode({'org': org, 'bucket': bucket, 'precision': 'ms'})}"
        self._token_file = token_file
        self._boot = boot

    def is_ready(self, document: Document) -> bool:
        """The database stamps a line without a time with its own: an undated reading waits for its date."""
        return "values" not in document or document["time"] is not None or document["boot"] != self._boot

    def wants(self, kind: str, document: Document) -> bool:
        return kind == FIGURES or (document["time"] is not None and bool(document["values"]))

    def take(self, kind: str, documents: Sequence[Document]) -> None:
        lines = "".join(line for document in documents for line in _LINES[kind](document))
        if not lines:
            return
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": compression.GZIP}
        if self._token_file is not None:
            headers["Authorization"] = f"Token {secret(self._token_file, TABLE)}"
        self._http.post(self._url, compression.compressed(lines.encode(), compression.GZIP), headers)

    def refresh(self) -> None:
        """A database holds what was, and has no present state."""

    def close(self) -> None:
        self._http.close()


def _reading_lines(document: Document) -> Iterator[str]:
    fields = ",".join(f"{quantity}={value}" for quantity, value in document["values"].items())
    tags = _tags(gateway=document["gateway"], meter=document["meter"])
    yield f"reading{tags} {fields} {milliseconds_of(document['time'])}\n"


def _figure_lines(document: Document) -> Iterator[str]:
    known = [
        f"{name}={part[name]}" for key, names in _FIGURE_FIELDS for name in names if (part := document.get(key) or {}).get(name) is not None
    ]
    tags = _tags(gateway=document["gateway"], shift=document["shift"], production_line=document.get("production_line") or "")
    fields = ",".join([*known, f"version={document['version']}i"])
    yield f"shift{tags} {fields} {milliseconds_of(document['start'])}\n"


def _tags(**tags: str) -> str:
    return "".join(f",{name}={value.translate(_ESCAPES)}" for name, value in tags.items() if value)


_LINES: dict[str, Callable[[Document], Iterator[str]]] = {READINGS: _reading_lines, FIGURES: _figure_lines}
