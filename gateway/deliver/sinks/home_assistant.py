"""Home Assistant's MQTT discovery: one retained config message per quantity of a meter and per shift. Pure."""

from collections.abc import Iterator
from typing import Any

from gateway.deliver.sinks.topics import OFFLINE, ONLINE, Message, Topics, level, text
from gateway.status import GatewayStatus
from protocols.quantity import COUNTER, QUANTITIES

# Two hundred meters with ten quantities each; Home Assistant itself is slow beyond some thousands of entities.
ENTITIES_MAX = 2_000
# Outer unit -> device class and the unit as Home Assistant writes it.
_CLASSES: dict[str, tuple[str | None, str | None]] = {
    "kWh": ("energy", "kWh"),
    "GJ": ("energy", "GJ"),
    "kvarh": ("reactive_energy", "kvarh"),
    "kW": ("power", "kW"),
    "kvar": ("reactive_power", "kvar"),
    "kVA": ("apparent_power", "kVA"),
    "V": ("voltage", "V"),
    "A": ("current", "A"),
    "Hz": ("frequency", "Hz"),
    "°C": ("temperature", "°C"),
    "kg": ("weight", "kg"),
    "h": ("duration", "h"),
    "m³": (None, "m³"),  # gas or water: the meter does not say
    "degrees": (None, "°"),
    "%": (None, "%"),
}


def discovery(prefix: str, topics: Topics, gateway: str, status: GatewayStatus) -> Iterator[Message]:
    """`prefix` is Home Assistant's own, usually homeassistant."""
    made = (message for meter in status.meters for message in _meter(prefix, topics, gateway, meter.name, tuple(meter.values)))
    yield from (message for _, message in zip(range(ENTITIES_MAX), made, strict=False))
    yield _alarm(prefix, topics, gateway, status.site)


def _meter(prefix: str, topics: Topics, gateway: str, meter: str, quantities: tuple[str, ...]) -> Iterator[Message]:
    for quantity in quantities:
        known = QUANTITIES[quantity]
        kind, unit = ("power_factor", None) if quantity.startswith("power_factor") else _CLASSES.get(known.unit, (None, known.unit or None))
        config: dict[str, Any] = {
            "name": quantity.replace("_", " "),
            "unique_id": f"{gateway}_{level(meter)}_{quantity}",
            "state_topic": topics.meter(meter),
            # A meter that gives no such value now is "unknown", not 0.
            "value_template": f"{{{{ value_json['values'].get('{quantity}', None) }}}}",
            "state_class": "total_increasing" if known.kind == COUNTER else "measurement",
            "device": {"identifiers": [f"{gateway}_{level(meter)}"], "name": meter, "via_device": gateway},
            **_availability(topics),
        }
        config |= {key: value for key, value in (("device_class", kind), ("unit_of_measurement", unit)) if value}
        yield Message(f"{prefix}/sensor/{gateway}/{level(meter)}_{quantity}/config", text(config))


def _alarm(prefix: str, topics: Topics, gateway: str, site: str) -> Message:
    config = {
        "name": "alarm",
        "unique_id": f"{gateway}_alarm",
        "state_topic": topics.alarms,
        "value_template": "{{ 'ON' if value_json.count else 'OFF' }}",
        "json_attributes_topic": topics.alarms,
        "device_class": "problem",
        "device": {"identifiers": [gateway], "name": f"Shiftwatt {site}"},
        **_availability(topics),
    }
    return Message(f"{prefix}/binary_sensor/{gateway}/alarm/config", text(config))


def _availability(topics: Topics) -> dict[str, str]:
    return {"availability_topic": topics.status, "payload_available": ONLINE, "payload_not_available": OFFLINE}
