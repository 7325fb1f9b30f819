"""What the keys and tables of a site file must be to one another; what one key alone may hold stands in `site`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.carbon.fuel import calorific_value
from gateway.carbon.uncertainty import class_limit_pct
from gateway.site import (
    LineTable,
    MeterTable,
    PagesTable,
    ProductTable,
    RetentionTable,
    amount_thousandths,
    counted_quantities,
    is_counter,
    rate_thousandths,
)
from gateway.site_mistake import Mistake, suggestion
from gateway.site_time import times
from protocols.errors import OurMistake
from protocols.meter import DLT645, MODBUS, Meter
from protocols.quantity import QUANTITIES

# Model name -> quantities it measures: all that the check needs to know of meter files.
Models = Mapping[str, frozenset[str]]


class ModelFacts(frozenset[str]):
    """The quantities of a model, with the language it speaks: a plain set is one in Modbus."""

    language = MODBUS


def facts(meter: Meter) -> ModelFacts:
    found = ModelFacts(meter.quantities)
    found.language = meter.language
    return found


Rows = Mapping[str, list[tuple[str, Any]]]
Names = Mapping[str, frozenset[str]]


def relations(rows: Rows, models: Models, names: Names) -> list[Mistake]:
    meters = {meter.name: meter for _, meter in rows["meter"]}
    mistakes: list[Mistake] = []
    for table in ("line", "meter", "product", "rotation", "factor"):
        mistakes += _doubles(rows[table])
    for place, line in rows["line"]:
        mistakes += _line(place, line)
    mistakes += _shared_wires(rows["line"])
    for place, meter in rows["meter"]:
        mistakes += _meter_on_line(place, meter, names, models)
        mistakes += _meter_model(place, meter, models)
        mistakes += _meter_in_tree(place, meter, meters, names)
    mistakes += _shared_addresses(rows["meter"])
    mistakes += times(rows, names)
    for place, product in rows["product"]:
        mistakes += _product(place, product, meters, names)
    return mistakes


def retention(table: RetentionTable) -> Iterator[Mistake]:
    if table.minute_days < table.every_poll_days:
        said = f"is {table.minute_days}, less than every_poll_days ({table.every_poll_days}), after which it begins"
        yield Mistake("[retention]", "minute_days", said)


def _doubles(found: list[tuple[str, Any]]) -> Iterator[Mistake]:
    """Two rows of one name; an earlier name in `was` counts as taken."""
    owner: dict[str, str] = {}
    for place, row in found:
        for name in (row.name, *getattr(row, "was", ())):
            if name in owner:
                yield Mistake(place, "name", f"{name!r} is already the name of {owner[name]}; names must differ")
            owner.setdefault(name, place)


def _line(place: str, line: LineTable) -> Iterator[Mistake]:
    given = [repr(key) for key in ("port", "tcp", "rtu_over_tcp") if getattr(line, key)]
    if not given:
        yield Mistake(place, "port", "one of port, tcp and rtu_over_tcp must be set")
    if len(given) > 1:
        yield Mistake(place, "port", f"only one of port, tcp and rtu_over_tcp can be set, not {' and '.join(given)}")


def _shared_wires(found: list[tuple[str, LineTable]]) -> Iterator[Mistake]:
    """Two lines on one wire would talk into one another's answers; a Modbus TCP device keeps its callers apart by itself."""
    taken: dict[str, LineTable] = {}
    for place, line in found:
        for key in ("port", "rtu_over_tcp"):
            wire = getattr(line, key)
            other = taken.setdefault(wire, line) if wire else line
            if other.name != line.name:
                yield Mistake(place, key, f"{wire!r} is already the wire of {other.name}; put the meters of both under one [[line]]")


def _meter_on_line(place: str, meter: MeterTable, names: Names, models: Models) -> Iterator[Mistake]:
    if not meter.line:
        return
    if meter.line not in names["line"]:
        yield Mistake(place, "line", f"there is no [[line]] named {meter.line!r}{suggestion(meter.line, sorted(names['line']))}")
    if meter.address is None:
        yield Mistake(place, "address", "is missing: a meter on a line needs its bus address (1 to 247)")
    elif meter.model in models:
        yield from _address_of_language(place, meter, getattr(models[meter.model], "language", MODBUS))
    if not meter.model:
        yield Mistake(place, "model", "is missing: a meter on a line needs its model; `shiftwatt models` lists them")


def _address_of_language(place: str, meter: MeterTable, language: str) -> Iterator[Mistake]:
    if language == DLT645 and not isinstance(meter.address, str):
        yield Mistake(place, "address", f"{meter.model} speaks DL/T 645: its address is the 12 digit number on it, in quotes")
    elif language != DLT645 and isinstance(meter.address, str):
        yield Mistake(place, "address", f"12 digits are an address of a DL/T 645 meter; {meter.model} has one from 1 to 247")


def _meter_model(place: str, meter: MeterTable, models: Models) -> Iterator[Mistake]:
    if meter.model and meter.model not in models:
        yield Mistake(place, "model", f"{meter.model!r} is no known meter file{suggestion(meter.model, sorted(models))}")
    available = models.get(meter.model)  # what a model that is not known measures is not held against the other keys
    for quantity in meter.counts:
        if not is_counter(quantity):
            counters = [name for name in QUANTITIES if is_counter(name)]
            yield Mistake(place, "counts", f"{quantity!r} is no counter{suggestion(quantity, counters)}")
        elif available is not None and quantity not in available:
            yield Mistake(place, "counts", f"{meter.model} has no register for {quantity}")
    counted = [quantity for quantity in counted_quantities(meter, available) if is_counter(quantity)]
    if not counted and not meter.counts:
        yield Mistake(place, "role", f"{meter.model} has no counter for the role {meter.role!r}; say with counts which to book")
    sized = counted or counted_quantities(meter.model_copy(update={"counts": ()}), None)
    yield from _sizes(place, meter, sized[0])
    if meter.calorific_value:
        yield from _calorific(place, meter.calorific_value)
    for key, text in (("class", meter.class_), ("ct_class", meter.ct_class), ("vt_class", meter.vt_class)):
        yield from _class(place, key, text)
    if meter.fuel and meter.role != "fuel":
        yield Mistake(place, "fuel", f'only a meter with role = "fuel" burns one; this one has the role {meter.role!r}')


def _sizes(place: str, meter: MeterTable, quantity: str) -> Iterator[Mistake]:
    for key, text, size in (("rating", meter.rating, rate_thousandths), ("modulus", meter.modulus, amount_thousandths)):
        try:
            if text:
                size(text, quantity)
        except OurMistake as mistake:
            yield Mistake(place, key, str(mistake))


def _class(place: str, key: str, text: str) -> Iterator[Mistake]:
    try:
        if text:
            class_limit_pct(text)
    except ValueError as error:
        yield Mistake(place, key, str(error))


def _calorific(place: str, text: str) -> Iterator[Mistake]:
    try:
        calorific_value(text)
    except ValueError as error:
        yield Mistake(place, "calorific_value", str(error))


def _meter_in_tree(place: str, meter: MeterTable, meters: Mapping[str, MeterTable], names: Names) -> Iterator[Mistake]:
    if meter.parent and meter.parent not in names["meter"]:
        yield Mistake(place, "parent", f"there is no [[meter]] named {meter.parent!r}{suggestion(meter.parent, sorted(names['meter']))}")
    seen = [meter.name]
    above = meters.get(meter.parent)
    while above is not None and above.name not in seen:
        seen.append(above.name)
        above = meters.get(above.parent)
    if above is not None and above.name == meter.name:
        yield Mistake(place, "parent", f"goes round in a circle: {' under '.join([*seen, above.name])}")


def _shared_addresses(found: list[tuple[str, MeterTable]]) -> Iterator[Mistake]:
    taken: dict[tuple[str, int | str], str] = {}
    for place, meter in found:
        if not meter.line or meter.address is None:
            continue
        other = taken.setdefault((meter.line, meter.address), meter.name)
        if other != meter.name:
            yield Mistake(place, "address", f"{meter.address} on {meter.line} is already the address of {other}")


def _product(place: str, product: ProductTable, meters: Mapping[str, MeterTable], names: Names) -> Iterator[Mistake]:
    for key in ("units_from", "node"):
        name = getattr(product, key)
        if name and name not in names["meter"]:
            yield Mistake(place, key, f"there is no [[meter]] named {name!r}{suggestion(name, sorted(names['meter']))}")
    counter = meters.get(product.units_from)
    if counter is not None and counter.role != "pieces":
        yield Mistake(place, "units_from", f'{counter.name} has the role {counter.role!r}; pieces come from a meter with role = "pieces"')


def pages(table: PagesTable, folder: Path) -> Iterator[Mistake]:
    for key, other in (("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")):
        name = getattr(table, key)
        if getattr(table, other) and not name:
            yield Mistake("[pages]", key, f"is missing: {other} is set, and one is of no use without the other")
        elif name and not (folder / name).is_file():
            yield Mistake("[pages]", key, f"there is no file {folder / name}")
