"""For whom something is shown: a language, a time zone and an instant; numbers and times become text here.

The one place that formats. Knows no meter and no figure.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal

from gateway.language import Language
from gateway.phrasebook import retold
from protocols.reading import milliseconds_of

UNKNOWN = "–"
MINUS = "\N{MINUS SIGN}"
MILLIWATTS_PER_WATT, SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1000, 1000, 60_000, 3_600_000, 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ROUNDING = Context(prec=60, rounding=ROUND_HALF_EVEN)
# Three digits are what a person takes in at a glance: from this size on, so many decimals. 99.96 already reads "100".
_DECIMALS = ((Decimal("99.95"), 0), (Decimal("9.995"), 1), (Decimal(0), 2))
_POWER_UNITS = ((10**9, "MW"), (10**6, "kW"), (0, "W"))
_BYTE_UNITS = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"), (0, "B"))


@dataclass(frozen=True)
class Amount:
    """A number ready to show and the unit that stands beside it; an unknown one has no unit."""

    number: str
    unit: str = ""


@dataclass(frozen=True)
class Viewer:
    language: Language
    zone: tzinfo
    now_ms: int

    def say(self, key: str, **holes: object) -> str:
        return self.language.say(key, **holes)

    def word(self, section: str, value: str) -> str:
        return self.language.word(section, value)

    def told(self, sentence: str) -> str:
        """What a room of the gateway wrote, in the viewer's words and times; what nobody here wrote stays as it is."""
        return retold(sentence, self.language, lambda text: self.time(milliseconds_of(text))) or sentence

    def number(self, value: Decimal | int, decimals: int = 0) -> str:
        """Rounded half-even, grouped as the language does it."""
        rounded = Decimal(value).quantize(Decimal(1).scaleb(-decimals), context=_ROUNDING)
        whole, _, fraction = f"{abs(rounded):,}".partition(".")
        text = whole.replace(",", self.say("number.group")) + (self.say("number.point") + fraction if fraction else "")
        return MINUS + text if rounded < 0 else text

    def glance(self, value: Decimal) -> str:
        """About three digits."""
        return self.number(value, decimals_for(value))

    def amount(self, value: Decimal | None, unit: str) -> Amount:
        return Amount(UNKNOWN) if value is None else Amount(self.glance(value), unit)

    def power(self, milliwatts: int | None) -> Amount:
        if milliwatts is None:
            return Amount(UNKNOWN)
        # 999.6 kW would round to "1,000 kW": the unit is chosen by what will be read.
        size, unit = next(each for each in _POWER_UNITS if abs(milliwatts) >= each[0] * 0.9995)
        if unit == "W":
            return Amount(self.number(Decimal(milliwatts) / MILLIWATTS_PER_WATT), unit)
        return self.amount(Decimal(milliwatts) / size, unit)

    def percent(self, share: float | Decimal) -> str:
        """With a tenth where it has one; only what is complete reads 100 %."""
        percentage = Decimal(str(share)) * 100
        rounded = percentage.quantize(Decimal("0.1"), context=_ROUNDING)
        if rounded == 100 and percentage != 100:
            rounded = Decimal("99.9")
        return self.say("number.percent", number=self.number(rounded, 0 if rounded == rounded.to_integral_value() else 1))

    def size(self, count: int) -> str:
        size, unit = next(each for each in _BYTE_UNITS if count >= each[0])
        return f"{self.glance(Decimal(count) / (size or 1)) if size else self.number(count)} {unit}"

    def local(self, time_ms: int) -> datetime:
        return (_EPOCH + timedelta(milliseconds=time_ms)).astimezone(self.zone)

    def time(self, time_ms: int) -> str:
        """Hours and minutes; with the day where it is not the one of the viewer."""
        moment, today = self.local(time_ms), self.local(self.now_ms).date()
        clock = f"{moment:%H:%M}"
        return clock if moment.date() == today else self.say("calendar.day_time", day=self.day(moment.date()), time=clock)

    def clock(self, time_ms: int) -> str:
        """To the second, without the day."""
        return f"{self.local(time_ms):%H:%M:%S}"

    def instant(self, time_ms: int) -> str:
        moment = self.local(time_ms)
        return self.say("calendar.day_time", day=self.day(moment.date()), time=f"{moment:%H:%M:%S}")

    def day(self, day: date) -> str:
        return self.say("calendar.day", weekday=self.weekday(day), day=day.day, month=self._month(day))

    def short_day(self, day: date) -> str:
        return self.say("calendar.short_day", day=day.day, month=self._month(day))

    def weekday(self, day: date) -> str:
        return self.say("calendar.weekdays").split()[day.weekday()]

    def _month(self, day: date) -> str:
        return self.say("calendar.months").split()[day.month - 1]

    def duration(self, duration_ms: int) -> str:
        """The two largest units that matter, rounded down."""
        span = max(duration_ms, 0)
        if span < MINUTE_MS:
            return self.say("duration.seconds", seconds=span // SECOND_MS)
        if span < HOUR_MS:
            return self.say("duration.minutes", minutes=span // MINUTE_MS)
        if span < 2 * DAY_MS:
            return self.say("duration.hours", hours=span // HOUR_MS, minutes=f"{span % HOUR_MS // MINUTE_MS:02d}")
        return self.say("duration.days", days=span // DAY_MS, hours=span % DAY_MS // HOUR_MS)

    def seconds(self, milliseconds: float) -> str:
        """With a tenth: for what takes seconds, such as a round of polls."""
        tenths = Decimal(round(milliseconds / 100)) / 10
        return self.say("duration.seconds", seconds=self.number(tenths, 0 if tenths == tenths.to_integral_value() else 1))

    def age(self, time_ms: int | None) -> str:
        """How long ago; a time ahead of ours (the clock was put back) is now."""
        return UNKNOWN if time_ms is None else self.duration(self.now_ms - time_ms)

    def ago(self, time_ms: int | None) -> str:
        return UNKNOWN if time_ms is None else self.say("duration.ago", span=self.age(time_ms))


def decimals_for(value: Decimal) -> int:
    return next(decimals for least, decimals in _DECIMALS if abs(value) >= least)
