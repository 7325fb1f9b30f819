"""The tables of the site file about other systems that get what is stored: keys, and what each alone may hold.

Secrets stand in files of their own, never in the site file, which people send to one another.
"""

import re
from typing import Annotated

from pydantic import AfterValidator

from gateway.site_key import Flag, Table


def _topic(text: str) -> str:
    if not text or re.search(r"[+#\0]|^\$|^/|/$", text):
        raise ValueError("must be the beginning of a topic such as 'shiftwatt', without + and #")
    return text


Topic = Annotated[str, AfterValidator(_topic)]


class MqttTable(Table):
    """`url` is mqtt://HOST:PORT or mqtts://HOST:PORT; topics are below TOPIC/SITE."""

    url: str
    topic: Topic = "shiftwatt"
    user: str = ""
    password_file: str = ""
    ca_file: str = ""
    home_assistant: Flag = False
    home_assistant_topic: Topic = "homeassistant"
    allow_plain_mqtt: Flag = False


class WebhookTable(Table):
    """One signed POST for every closed or restated shift and every alarm."""

    url: str
    secret_file: str
    ca_file: str = ""
    proxy: str = ""
    allow_plain_http: Flag = False


class InfluxTable(Table):
    """`url` without /api/v2/write; `token_file` empty: no token is sent."""

    url: str
    bucket: str
    org: str = ""
    token_file: str = ""
    ca_file: str = ""
    proxy: str = ""
    allow_plain_http: Flag = False
