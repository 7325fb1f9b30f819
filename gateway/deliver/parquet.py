"""A page as a Parquet file, for warehouses and notebooks. Needs pyarrow, an optional part; knows columns by their names only.

Measured values become exact decimals with six places, times become UTC milliseconds.
"""

import io
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from protocols.reading import milliseconds_of

try:
    import pyarrow as pa  # type: ignore[import-untyped]  # it brings no types
    from pyarrow import parquet
except ImportError:  # the extra "parquet" is not installed
    pa = None

MEDIA_TYPE = "application/vnd.apache.parquet"
AVAILABLE = pa is not None

_TIMES = ("time", "start", "end", "known_at")
_WHOLE = ("sequence", "boot", "monotonic_ms", "version", "elapsed_s")
_FLAGS = ("complete",)
_AMOUNTS = ("value", "amount")
_AMOUNT_ENDS = ("_kwh", "_kg", "_pct")
_DECIMAL_DIGITS, _DECIMAL_PLACES = 38, 6


def content(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """`rows` hold what the CSV of the same page would show."""
    cells = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [_array(name, column) for name, column in zip(columns, cells, strict=True)]
    out = io.BytesIO()
    parquet.write_table(pa.table(dict(zip(columns, arrays, strict=True))), out, compression="zstd")
    return out.getvalue()


def _array(name: str, column: Sequence[Any]) -> Any:
    known = [None if cell in (None, "") else cell for cell in column]
    if name in _TIMES:
        moments = [None if cell is None else milliseconds_of(cell) for cell in known]
        return pa.array(moments, pa.timestamp("ms", "UTC"))
    if name in _AMOUNTS or name.endswith(_AMOUNT_ENDS):
        amounts = [None if cell is None else Decimal(cell) for cell in known]
        return pa.array(amounts, pa.decimal128(_DECIMAL_DIGITS, _DECIMAL_PLACES))
    if name in _WHOLE:
        return pa.array(known, pa.int64())
    if name in _FLAGS:
        return pa.array(known, pa.bool_())
    return pa.array([None if cell is None else str(cell) for cell in column], pa.string())
