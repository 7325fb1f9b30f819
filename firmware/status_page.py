"""What the meter's own page shows: values, how far to trust them, what to look at, network, clock. Piece by piece, text only.

How it is asked for is `http_port`'s matter, what can be changed `settings_page`'s. Runs on MicroPython.
"""

from firmware.front_ends.front_end import INDICATIVE, SYNTHETIC
from firmware.page_frame import head, row, safe, section
from firmware.wiring_hints import hints

# Quantity, unit, thousandths of the inner unit in one shown step, decimals.
_ROWS = (
    ("active_power", "kW", 1_000, 3),
    ("reactive_power", "kvar", 1_000, 3),
    ("power_factor", "", 1, 3),
    ("frequency", "Hz", 10, 2),
    ("active_energy_import", "kWh", 10_000, 2),
    ("active_energy_export", "kWh", 10_000, 2),
)
_PULSE_ROWS = (
    ("active_power", "kW", 1_000, 3),
    ("active_energy_import", "kWh", 10_000, 2),
    ("pieces", "", 100, 1),
)
_PHASE_ROWS = (
    ("voltage_l%d_n", "V", 100, 1),
    ("current_l%d", "A", 10, 2),
    ("active_power_l%d", "kW", 1_000, 3),
)
# Register, divisor, form of what is shown.
_QUALITY = (
    ("missing_ms", 1, "%d ms"),
    ("clipped", 1, "%d"),
    ("journal_age_ms", 1000, "%d s"),
    ("frames_lost", 1, "%d"),
    ("crc_errors", 1, "%d"),
)
_MARKS = ((1, "mark1"), (2, "mark2"))  # bits of the register

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from firmware.page_frame import Words
    from firmware.parts import Facts
    from firmware.register_image import RegisterImage


def status_page(facts: "Facts", network: "list[tuple[str, str]]", words: "Words") -> "Iterator[str]":
    """`network`: words and texts, the latter words themselves where there is one."""
    yield head(words, facts.title, refresh=True)
    for warning in _warnings(facts, words):
        yield "<p><b>%s</b>" % warning
    yield section(words["values"])
    rows = _ROWS if facts.phases else [each for each in _PULSE_ROWS if each[0] in facts.values]  # a pulse input counts one thing
    for name, unit, step, decimals in rows:
        yield row(words[name], "%s %s" % (shown(facts.values.get(name), step, decimals), unit))
    for phase in range(1, facts.phases + 1):
        for name, unit, step, decimals in _PHASE_ROWS:
            yield row(words[name] % phase, "%s %s" % (shown(facts.values.get(name % phase), step, decimals), unit))
    yield "</table>" + section(words["quality"])
    yield row(words["coverage"], shown(_times_ten(facts.image.number("coverage")), 10, 2) + " %")
    for name, divisor, form in _QUALITY:
        number = facts.image.number(name)
        yield row(words[name], "-" if number is None else form % (number // divisor))
    if network:
        yield "</table>" + section(words["network"])
        for name, text in network:
            yield row(words[name], safe(words.find(text) or text))
    yield "</table>" + section(words["meter"])
    for name, text in _meter(facts.image, words):
        yield row(words[name], safe(text))
    yield "</table>"


def _warnings(facts: "Facts", words: "Words") -> "Iterator[str]":
    if facts.trust in (INDICATIVE, SYNTHETIC):
        yield words["warn%d" % facts.trust]
    marks = facts.image.number("marks") or 0
    for bit, name in _MARKS:
        if marks & bit:
            yield words[name]
    for name, phases in hints(facts.phases, facts.values):
        yield words[name] % phases


def _meter(image: "RegisterImage", words: "Words") -> "Iterator[tuple[str, str]]":
    for name, register in (("serial_number", "serial_number"), ("firmware", "firmware_version")):
        yield name, bytes(image.octets(register)).rstrip(b"\0").decode()
    yield "update", words.choices("updates")[image.number("update_state") or 0]
    clock_ms = image.number("clock_ms")
    state = words.choices("clocks")[image.number("clock_state") or 0]
    yield "clock", state if clock_ms is None else "%s, %s" % (utc(clock_ms // 1000), state)
    yield "uptime", "%d h %d min" % divmod((image.number("uptime_s") or 0) // 60, 60)
    yield "boots", "%d" % (image.number("boots") or 0)
    yield "unit_address", "%d" % (image.number("unit_address") or 0)


def _times_ten(hundredths: "int | None") -> "int | None":
    return None if hundredths is None else 10 * hundredths


def shown(value: "int | None", step: int, decimals: int) -> str:
    """The value in steps of the last decimal; a dash where nothing was measured."""
    if value is None:
        return "-"
    steps = (abs(value) + step // 2) // step
    whole, rest = divmod(steps, 10**decimals)
    return "%s%d.%0*d" % ("-" if value < 0 and steps else "", whole, decimals, rest)


def utc(unix_s: int) -> str:
    """By arithmetic: the chip's own calendar counts from another year than a PC's."""
    days, second = divmod(unix_s, 86_400)
    # Days since the 1st of March of the year 0 of the 400-year round that the calendar repeats in.
    days += 719_468
    era, day = divmod(days, 146_097)
    year = (day - day // 1_460 + day // 36_524 - day // 146_096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    month += 3 if month < 10 else -9
    return "%d-%02d-%02d %02d:%02d:%02d" % (
        400 * era + year + (month <= 2), month, day + 1, second // 3600, second // 60 % 60, second % 60,
    )  # fmt: skip
