"""What a person may declare: a request is checked against the site, gets a number, and becomes a record.

A request is plain JSON, so that it comes alike from a command, the control socket or a page.
"""

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from gateway import declared
from gateway.buffer import series
from gateway.buffer.store import Store
from gateway.certificate_file import certificate_from
from gateway.offset_file import offset_from
from gateway.site import Site, counted_quantities
from protocols.amount import outside
from protocols.errors import OurMistake
from protocols.meter import Meter
from protocols.reading import Declared, iso, milliseconds_of

Request = Mapping[str, Any]
DEFAULT_QUANTITY = "active_energy_import"
_RATIO = re.compile(r"[1-9]\d{0,6}(\.\d+)?/[1-9]\d{0,6}(\.\d+)?")


class DeclarationError(Exception):
    """It cannot be declared; the sentence says why and what to do."""


class Answer(NamedTuple):
    """`known` are numbers of what had been declared before, word for word."""

    ids: list[str]
    known: list[str]


class _Wanted(NamedTuple):
    document: dict[str, Any]
    from_ms: int | None


class Declarations:
    """Of one store; the running gateway's pages and commands may ask at the same time."""

    def __init__(self, site: Site, models: Mapping[str, Meter], store: Store, now_ms: Callable[[], int]) -> None:
        self._site = site
        self._models = models
        self._store = store
        self._now_ms = now_ms
        self._lock = threading.Lock()

    def declare(self, request: Request) -> Answer:
        """DeclarationError if any part of it cannot be declared: then nothing is."""
        with self._lock:
            records = series.declarations(self._store.reader())
            try:
                wanted = list(self._wanted(request, records))
            except (OurMistake, InvalidOperation, ValueError, TypeError, KeyError) as error:
                raise DeclarationError(str(error) or f"{request} cannot be declared") from error
            return self._add(wanted, records)

    def _add(self, wanted: list[_Wanted], records: list[Declared]) -> Answer:
        now_ms, held = self._now_ms(), {_words(each.document): each.id for each in declared.active(records)}
        known = [held[_words(each.document)] for each in wanted if _words(each.document) in held]
        fresh = {_words(each.document): each for each in wanted if _words(each.document) not in held}
        first = len(records) + 1
        new = [Declared(f"d{first + number}", now_ms, each.from_ms, each.document) for number, each in enumerate(fresh.values())]
        if self._store.trouble:
            raise DeclarationError(f"the store {self._store.path} takes nothing ({self._store.trouble}); make room and declare it again")
        if new:
            self._store.add(new)
            self._store.commit(now_ms)
        if self._store.trouble:
            raise DeclarationError(f"the store {self._store.path} takes nothing ({self._store.trouble}); it is declared once there is room")
        return Answer([each.id for each in new], known)

    def _wanted(self, request: Request, records: list[Declared]) -> Iterator[_Wanted]:
        makers: Mapping[str, Callable[[Request], Iterator[_Wanted]]] = {
            declared.SWAP: self._swap,
            declared.RESET: self._reset,
            declared.RATIO: self._ratio,
            declared.PRODUCTION: self._production,
            declared.CERTIFICATE: lambda rows: self._rows(rows, records, _certificate),
            declared.OFFSET: lambda rows: self._rows(rows, records, _offset),
            declared.UNDO: lambda one: self._undo(one, records),
        }
        kind = str(request.get("declare"))
        if kind not in makers:
            raise DeclarationError(f"{kind!r} is nothing that can be declared; known are {', '.join(makers)}")
        return makers[kind](request)

    def _swap(self, request: Request) -> Iterator[_Wanted]:
        quantities = self._quantities(request)
        finals, starts = request["old_final"], request["new_start"]
        if not len(quantities) == len(finals) == len(starts):
            raise DeclarationError("each counter of the meter needs its own old final and new start: as many as quantities")
        time_ms = _time(request)
        for quantity, final, start in zip(quantities, finals, starts, strict=True):
            values = {"old_final": _reading(quantity, final), "new_start": _reading(quantity, start)}
            head = {"declare": declared.SWAP, "meter": self._meter(request), "quantity": quantity, "time": iso(time_ms)}
            yield _Wanted({**head, **values}, time_ms)

    def _reset(self, request: Request) -> Iterator[_Wanted]:
        time_ms = _time(request)
        for quantity in self._quantities(request):
            head = {"declare": declared.RESET, "meter": self._meter(request), "quantity": quantity}
            yield _Wanted({**head, "time": iso(time_ms)}, time_ms)

    def _ratio(self, request: Request) -> Iterator[_Wanted]:
        time_ms, meter = _time(request), self._meter(request)
        for key, is_needed in (("ct", True), ("vt", False)):
            if not (_RATIO.fullmatch(request.get(key) or "") or (not is_needed and not request.get(key))):
                raise DeclarationError(f"the {key.upper()} ratio {request.get(key)!r} must be written like 200/5")
        document = {"declare": declared.RATIO, "meter": meter, "time": iso(time_ms), "ct": request["ct"], "vt": request.get("vt") or ""}
        yield _Wanted(document, time_ms)

    def _production(self, request: Request) -> Iterator[_Wanted]:
        time_ms, products = _time(request), [each.name for each in self._site.product]
        if request["product"] not in products:
            known = ", ".join(products) or "none"
            raise DeclarationError(f"there is no [[product]] {request['product']!r} in the site file; known: {known}")
        units = Decimal(str(request["units"]))
        if not units.is_finite() or units < 0:
            raise DeclarationError(f"{request['units']} units cannot have been made")
        document = {
            "declare": declared.PRODUCTION,
            "product": request["product"],
            "time": iso(time_ms),
            "units": str(units),
            **_person(request),
        }
        declared.inner("pieces", document["units"])
        yield _Wanted(document, time_ms)

    def _rows(
        self, request: Request, records: list[Declared], made: Callable[[Mapping[str, str]], tuple[str, int | None]]
    ) -> Iterator[_Wanted]:
        kind = request["declare"]
        taken = {serial: each.id for serial, each in declared.serials(declared.active(records), kind).items()}
        held = {_words(each.document) for each in declared.active(records)}
        for row in request["rows"]:
            document = {"declare": kind, **row}
            serial, from_ms = made(row)
            if serial in taken and _words(document) not in held:
                raise DeclarationError(f"the serial number {serial} is taken by {taken[serial]}; what is used once cannot be used again")
            if serial not in taken:
                taken[serial] = "another row of the same file"
            yield _Wanted(document, from_ms)

    def _undo(self, request: Request, records: list[Declared]) -> Iterator[_Wanted]:
        by_id = {each.id: each for each in records}
        found = by_id.get(request["undoes"])
        if found is None:
            raise DeclarationError(f"nothing was declared under {request['undoes']!r}; `shiftwatt declare list` shows what was")
        if found.document["declare"] == declared.UNDO:
            raise DeclarationError(f"{found.id} took {found.document['undoes']} back; to have it again, declare it again")
        if found.id not in {each.id for each in declared.active(records)}:
            raise DeclarationError(f"{found.id} was taken back already")
        yield _Wanted({"declare": declared.UNDO, "undoes": found.id, **_person(request)}, found.from_ms)

    def _meter(self, request: Request) -> str:
        names = {name: meter.name for meter in self._site.meter for name in (meter.name, *meter.was)}
        if request["meter"] not in names:
            raise DeclarationError(f"there is no meter {request['meter']!r} in the site file; known: {', '.join(sorted(names))}")
        return names[request["meter"]]

    def _quantities(self, request: Request) -> list[str]:
        """As asked; else the imported energy, or the only counter of a meter that counts something else."""
        meter = self._site.meter_named(self._meter(request))
        available = frozenset(self._models[meter.model].quantities) if meter.model else None
        counted = counted_quantities(meter, available)
        asked = list(request.get("quantities") or ())
        if not asked:
            asked = [DEFAULT_QUANTITY] if DEFAULT_QUANTITY in counted or len(counted) != 1 else list(counted)
        for quantity in asked:
            if quantity not in counted:
                raise DeclarationError(f"{quantity!r} of {meter.name} is not counted; its counters: {', '.join(counted)}")
        return asked


def _time(request: Request) -> int:
    try:
        return milliseconds_of(request["time"])
    except (ValueError, TypeError):
        raise DeclarationError(f"the time {request['time']!r} must be written like 2026-03-28T22:00:00+08:00") from None


def _reading(quantity: str, value: str) -> str:
    thousandths = declared.inner(quantity, value)
    if thousandths < 0:
        raise DeclarationError(f"a counter does not stand at {value}")
    return outside(quantity, thousandths)


def _certificate(row: Mapping[str, str]) -> tuple[str, int | None]:
    found = certificate_from(row)
    return found.serial, found.start_ms


def _offset(row: Mapping[str, str]) -> tuple[str, int | None]:
    """An offset stands beside gross figures and changes none."""
    return offset_from(row).serial, None


def _person(request: Request) -> dict[str, str]:
    """Who declared it, where it came from somebody who is signed in."""
    return {"person": str(request["person"])} if request.get("person") else {}


def _words(document: Mapping[str, Any]) -> str:
    """The same said by another person is the same."""
    return "|".join(f"{key}={document[key]}" for key in sorted(document) if key != "person")
