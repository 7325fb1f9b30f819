"""The numbers of `health()` in the Prometheus text format: one gauge each, nothing derived, nothing counted here.

The format of a gauge without labels is two lines, so no library is needed; gauges with labels would want one.
"""

import re
from collections.abc import Mapping
from typing import Any

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "shiftwatt_"
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_]")


def text(health: Mapping[str, Any]) -> str:
    numbers = {key: value for key, value in health.items() if isinstance(value, int | float)}
    return "".join(_gauge(key, value) for key, value in {"up": 1, **numbers}.items())


def _gauge(key: str, value: float) -> str:
    name = PREFIX + _NOT_IN_A_NAME.sub("_", key.lower())
    return f"# TYPE {name} gauge\n{name} {int(value) if isinstance(value, bool) else value}\n"
