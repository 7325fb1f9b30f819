"""[mqtt], [webhook] and [influx] of the site file: what is accepted, and mistakes in words that repeat no secret."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gateway.site import Site
from gateway.site_check import SiteError, site_of

SITE = {"name": "works", "timezone": "Asia/Shanghai"}
MQTT = {"url": "mqtts://broker.example:8883"}
WEBHOOK = {"url": "https://receiver.example/hook", "secret_file": "webhook.secret"}
INFLUX = {"url": "https://influx.example:8086", "bucket": "energy"}


def checked(**tables: Mapping[str, object]) -> Site:
    return site_of({"site": SITE, **tables}, Path("/nowhere/site.toml"), {})


def mistakes(**tables: Mapping[str, object]) -> list[str]:
    with pytest.raises(SiteError) as caught:
        checked(**tables)
    return [str(each) for each in caught.value.mistakes]


def test_all_three_at_once() -> None:
    """Sound tables are taken; what is left out has its default."""
    site = checked(mqtt=MQTT, webhook=WEBHOOK, influx=INFLUX)

    assert site.mqtt is not None
    assert (site.mqtt.topic, site.mqtt.home_assistant, site.influx is None) == ("shiftwatt", False, False)


@pytest.mark.parametrize(
    ("table", "row", "said"),
    [
        ("mqtt", {**MQTT, "url": "mqtt://broker.example"}, "allow_plain_mqtt"),
        ("mqtt", {**MQTT, "url": "broker.example:1883"}, "no address such as 'mqtts://broker.example:8883'"),
        ("mqtt", {**MQTT, "url": "mqtts://broker.example:port"}, "no address"),
        ("mqtt", {**MQTT, "topic": "shiftwatt/#"}, "without + and #"),
        ("mqtt", {**MQTT, "pasword_file": "x"}, "did you mean 'password_file'"),
        ("webhook", {"url": "https://receiver.example/"}, "is missing"),
        ("webhook", {**WEBHOOK, "url": "http://receiver.example/"}, "allow_plain_http"),
        ("influx", {**INFLUX, "url": "ftp://influx.example"}, "no address"),
        ("upstream", {"url": "http://hub.example/"}, "allow_plain_http"),
    ],
)
def test_mistake_has_its_place(table: str, row: Mapping[str, object], said: str) -> None:
    """Each is one mistake, named with table and key."""
    (found,) = mistakes(**{table: row})

    assert found.startswith(f"[{table}]")
    assert said in found


@pytest.mark.parametrize("table", ["upstream", "webhook", "influx", "mqtt"])
def test_password_in_an_address_is_refused_unseen(table: str) -> None:
    """It belongs into a file, and the mistake does not repeat it."""
    rows = {"upstream": {"url": ""}, "webhook": dict(WEBHOOK), "influx": dict(INFLUX), "mqtt": dict(MQTT)}
    (found,) = mistakes(**{table: {**rows[table], "url": "https://user:hunter2@example.com/"}})

    assert "user name or password" in found
    assert "hunter2" not in found


def test_loopback_and_a_risk_that_is_taken_are_fine() -> None:
    """Plain text stays allowed on this machine, and where a person says so."""
    site = checked(mqtt={"url": "mqtt://127.0.0.1"}, influx={**INFLUX, "url": "http://10.0.0.5:8086", "allow_plain_http": True})

    assert site.mqtt is not None
