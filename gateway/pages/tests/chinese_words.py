"""What may stand in Latin letters on a Chinese page, and finding what else does."""

import re
from html.parser import HTMLParser

# What stays in Latin letters on a Chinese page: names people gave, and what the trade writes so everywhere.
NAMES = {
    "Hangzhou", "Works", "main", "pv", "press", "compressor", "oven", "lighting", "counter", "rs", "office", "lan", "eastron", "sdm",
    "housing", "a", "early", "late", "night", "Li", "Wei", "cn", "grid", "CN", "EAST", "English", "mqtt", "webhook", "boss",
    "own", "d", "SIM", "Eastron", "works", "script", "ok",
}  # fmt: skip
UNITS = {
    "kWh", "kW", "W", "MW", "kvarh", "kVAh", "kvar", "kVA", "V", "A", "Hz", "kg", "GJ", "GB", "MB", "kB", "B", "h", "m", "mA", "CO", "e",
    "C", "VA", "var", "nV", "nA",
}  # fmt: skip
TERMS = {
    "L", "U", "I", "N", "CT", "VT", "PV", "RS", "TCP", "RTU", "DL", "T", "Modbus", "SHA", "CSV", "NTP", "MQTT",
    "TLS", "Webhook", "InfluxDB", "dialout", "Shiftwatt",
    "SunSpec", "SOCO", "SET", "QR", "IANA", "TOML", "PDF",
}  # fmt: skip
# What is typed so, and is no word: addresses, files, keys of the site file, commands, hashes.
WHOLE = re.compile(
    r"""https?://\S+|http\b|https\b|/(?:dev|var)/[\w./-]+|[0-9a-f]{64}|10\.0\.0\.5:502|Asia/Shanghai|2026\.1
    |`[^`]+`|\b[ \d]+8[NEO][12]\b|\b0\.[25]+S\b|'[\d.S]+'|“?\ba(?:-|[ ]到[ ])z\b|A、B[ ]或[ ]C|'B'
    |\[\w+\]|\b(?:ca_file|url|proxy|enrol_token_file|password_file|user|calorific_value)\b|角色为[ ]import
    |tls[ ]=[ ]"self-signed"|sign_in_over_http[ ]=[ ]true|shiftwatt[ ]outbox[ ]refused|pip[ ]install[ ]'shiftwatt\[mqtt\]'""",
    re.VERBOSE,
)


class _Seen(HTMLParser):
    """What a person reads or hears of a page: text, and the attributes that are read out; not what stands in code."""

    READ_OUT = ("title", "aria-label", "alt", "placeholder")
    # A change of the site file is shown as it stands there.
    SILENT = ("script", "style", "code", "pre")

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in self.SILENT
        self.words.extend(value for name, value in attrs if name in self.READ_OUT and value)

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in self.SILENT

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)


def latin(page: str) -> set[str]:
    """Pieces of text with a Latin word that is not allowed."""
    seen = _Seen()
    seen.feed(page)
    strange = (text for text in seen.words if set(re.findall(r"[A-Za-z]+", WHOLE.sub("", text))) - NAMES - UNITS - TERMS)
    return {" ".join(text.split()) for text in strange}
