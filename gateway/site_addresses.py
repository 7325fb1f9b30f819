"""The addresses of other systems in the site file: whether each is one, and safe to send secrets to. No address is asked."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from gateway.site import is_loopback
from gateway.site_mistake import Mistake


class _Form(NamedTuple):
    encrypted: str
    plain: str
    example: str
    allow: str  # the key with which a person takes the risk


_HTTP = _Form("https", "http", "https://hub.example/", "allow_plain_http")
_FORMS = {
    "upstream": _HTTP,
    "webhook": _HTTP,
    "influx": _HTTP,
    "mqtt": _Form("mqtts", "mqtt", "mqtts://broker.example:8883", "allow_plain_mqtt"),
}


def addresses(single: Mapping[str, Any]) -> Iterator[Mistake]:
    for table, form in _FORMS.items():
        if single.get(table) is not None:
            sentence = _mistake(single[table].url, form, allowed=getattr(single[table], form.allow))
            if sentence:
                yield Mistake(f"[{table}]", "url", sentence)


def _mistake(url: str, form: _Form, *, allowed: bool) -> str:
    try:
        address = urlsplit(url)
        host, _ = address.hostname, address.port
    except ValueError:
        return f"is no address such as {form.example!r}"
    if address.username is not None or address.password is not None:
        # Not repeated: whoever reads mistakes need not know passwords.
        return "holds a user name or password; a secret belongs into a file that this table names"
    if address.scheme not in (form.encrypted, form.plain) or not host:
        return f"{url!r} is no address such as {form.example!r}"
    if address.scheme == form.plain and not is_loopback(host) and not allowed:
        return f"is plain {form.plain} to another machine; use {form.encrypted}, or set {form.allow} = true knowingly"
    return ""
