"""The form in which a person sets the meter: what it shows, and what of it is taken. Who may, and what then happens, is not known here.

A password that is stored is never shown. Runs on MicroPython.
"""

from collections import namedtuple

from firmware.network_settings import PASSWORD_MAX, PASSWORD_MIN, SSID_BYTES_MAX, NetworkSettings
from firmware.page_frame import head, safe
from firmware.register_map import CHOICES
from firmware.settings import BAUD_STEP, Settings

_NAME_BYTES_MAX = 32
_UNITS = (1, 247)
_TEXT = "<p><label>%s<br><input name=%s value='%s' maxlength=%d></label>"
_PASSWORD = "<p><label>%s<br><input name=password type=password maxlength=%d autocomplete=off></label><p class=n>%s"  # noqa: S105 - markup
_FORM = "<form method=post action='/settings?lang=%s' accept-charset=utf-8><input type=hidden name=token value=%d>"
_UNLOCK = (
    "<p>%s<form method=post action='/unlock?lang=%s'><p><label>%s <input name=key inputmode=numeric autocomplete=off></label>"
    " <button>%s</button></form>"
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from firmware.page_frame import Words


class Refused(Exception):
    """Its text is a word of the pages."""


class Wished(namedtuple("Wished", ("settings", "network"))):
    """`network` is None where the meter has no radio, or nothing was changed."""

    settings: Settings
    network: "NetworkSettings | None"


def locked_page(title: str, trouble: str, words: "Words") -> "Iterator[str]":
    yield head(words, title)
    if trouble:
        yield "<p><b>%s</b>" % words[trouble]
    yield _UNLOCK % (words["locked"], words["lang"], words["key"], words["unlock"])


def said_page(title: str, word: str, words: "Words") -> "Iterator[str]":
    yield head(words, title)
    yield "<p>" + words[word]


def settings_page(wished: Wished, token: int, left_s: int, trouble: str, words: "Words") -> "Iterator[str]":
    """`left_s` is 0 where no lock was opened."""
    settings, network = wished
    yield head(words, settings.name.decode() or words["settings"])
    if trouble:
        yield "<p><b>%s</b>" % words[trouble]
    if left_s:
        yield "<p class=n>" + words["left"] % left_s
    yield _FORM % (words["lang"], token)
    if network is not None:
        yield _TEXT % (words["ssid"], "ssid", safe(network.ssid.decode()), SSID_BYTES_MAX)
        yield _PASSWORD % (words["password"], PASSWORD_MAX, words["keep"])
    yield _TEXT % (words["name"], "name", safe(settings.name.decode()), _NAME_BYTES_MAX)
    yield _TEXT % (words["unit_address"], "unit_address", settings.unit_address, 3)
    yield _choice("baud", [(BAUD_STEP * each, BAUD_STEP * each) for each in CHOICES["baud_hundreds"]], settings.baud, words)
    yield _choice("parity", list(enumerate(words.choices("parities"))), settings.parity, words)
    yield _choice("stop_bits", [(1, 1), (2, 2)], settings.stop_bits, words)
    yield "<p><button>%s</button></form>" % words["save"]


def _choice(name: str, options: "list[tuple[int, object]]", chosen: int, words: "Words") -> str:
    marked = ["<option value=%d%s>%s" % (value, " selected" if value == chosen else "", text) for value, text in options]
    return "<p><label>%s<br><select name=%s>%s</select></label>" % (words[name], name, "".join(marked))


def wished_of(form: "Mapping[str, bytes]", now: Wished) -> Wished:
    """What the form asks for; Refused if anything in it cannot be. `now` stands for what the form does not name."""
    settings = now.settings
    name = form.get("name", settings.name).strip()
    if len(name) > _NAME_BYTES_MAX or not _plain(name):
        raise Refused("bad_name")
    unit_address = _number(form, "unit_address", settings.unit_address, "bad_unit_address")
    if not _UNITS[0] <= unit_address <= _UNITS[1]:
        raise Refused("bad_unit_address")
    baud = _number(form, "baud", settings.baud, "bad_line")
    parity = _number(form, "parity", settings.parity, "bad_line")
    stop_bits = _number(form, "stop_bits", settings.stop_bits, "bad_line")
    if baud // BAUD_STEP not in CHOICES["baud_hundreds"] or baud % BAUD_STEP or parity not in (0, 1, 2) or stop_bits not in (1, 2):
        raise Refused("bad_line")
    network = None if now.network is None else _network(form, now.network)
    return Wished(Settings(name, unit_address, baud, parity, stop_bits), network)


def _network(form: "Mapping[str, bytes]", now: NetworkSettings) -> "NetworkSettings | None":
    ssid, password = form.get("ssid", now.ssid), form.get("password", b"")
    if len(ssid) > SSID_BYTES_MAX or not _text(ssid):
        raise Refused("bad_ssid")
    if password and not (PASSWORD_MIN <= len(password) <= PASSWORD_MAX and _plain(password)):
        raise Refused("bad_password")
    if ssid == now.ssid and not password:
        return None
    return NetworkSettings(ssid, password)


def _number(form: "Mapping[str, bytes]", name: str, otherwise: int, word: str) -> int:
    try:
        return int(form[name].decode()) if name in form else otherwise
    except ValueError:
        raise Refused(word) from None


def _plain(text: bytes) -> bool:
    return all(32 <= octet < 127 for octet in text)


def _text(octets: bytes) -> bool:
    try:
        return octets.decode().encode() == octets and all(octet >= 32 for octet in octets)
    except ValueError:
        return False
