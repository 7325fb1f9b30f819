"""/metrics as Prometheus itself reads it: present values with their decimals, bounded, and nothing old that looks new."""

from dataclasses import replace

from prometheus_client.parser import text_string_to_metric_families

from gateway.deliver import metrics
from gateway.deliver.metrics import SERIES_MAX, samples_of, text
from gateway.status import ClockStatus, ForwardStatus, GatewayStatus, MeterStatus, OutboxStatus, PollCounters, StoreStatus

_COUNTERS = PollCounters(requests=9, answers=7, timeouts=2)
_VALUES = {"active_power": -1_500_001, "frequency": 50_010}
METER = MeterStatus("main", "m", "l", 1, "import", "", "", "ok", values=_VALUES, counters=_COUNTERS)
STATUS = GatewayStatus(
    "works", 0, 0, 1, (METER,), (), ClockStatus("set", ""),
    OutboxStatus("reachable", "", 3, 12, None, None, batches_refused=1), StoreStatus("ok", "", "", 0, 77, None, 0, 0),
    forwards=(ForwardStatus("mqtt", "reachable", "", behind=5), ForwardStatus("webhook", "unreachable", "away", behind=6)),
)  # fmt: skip


def read(status: GatewayStatus) -> dict[tuple[str, str], float]:
    """What Prometheus makes of it, by name and labels."""
    families = text_string_to_metric_families(text({"ok": True}, samples_of(status)))
    found = [sample for family in families for sample in family.samples]
    assert len({(sample.name, str(sample.labels)) for sample in found}) == len(found)
    return {(sample.name, ",".join(sample.labels.values())): sample.value for sample in found}


def test_present_values() -> None:
    """A series per meter and quantity in outer units, counters of the bus, the queue, and how far each other system is behind."""
    found = read(STATUS)

    assert found["shiftwatt_value", "main,active_power,kW"] == -1.500001
    assert found["shiftwatt_value", "main,frequency,Hz"] == 50.01
    assert [found[f"shiftwatt_{name}_total", "main"] for name in ("polls", "answers", "timeouts")] == [9, 7, 2]
    assert (found["shiftwatt_outbox_refused_batches", ""], found["shiftwatt_outbox_waiting_records", ""]) == (1, 12)
    assert (found["shiftwatt_forward_behind_records", "webhook"], found["shiftwatt_forward_reachable", "webhook"]) == (6, 0)


def test_decimals_are_exact() -> None:
    """The text has all decimals of the integer; no float is in between."""
    energy = replace(METER, values={"active_energy_import": 123_456_789_012_345_678})

    assert " 123456789012.345678\n" in text({}, samples_of(replace(STATUS, meters=(energy,))))


def test_absent_meter_has_no_values() -> None:
    """A meter that does not answer is 0 in meter_ok and gone from the values."""
    found = read(replace(STATUS, meters=(replace(METER, state="absent"),)))

    assert found["shiftwatt_meter_ok", "main"] == 0
    assert not [key for key in found if key[0] == "shiftwatt_value"]


def test_series_are_bounded() -> None:
    """However many meters a site declares, a scrape has no more series than the bound."""
    many = tuple(replace(METER, name=f"meter-{number}") for number in range(SERIES_MAX))
    lines = text({}, samples_of(replace(STATUS, meters=many))).splitlines()

    assert sum(not line.startswith("#") for line in lines) == SERIES_MAX + 1


def test_label_of_any_text() -> None:
    """Quotes, backslashes and line ends in a label survive."""
    sample = metrics.Sample("value", (("meter", 'a"b\\c\nd'),), "1")
    (family,) = [each for each in text_string_to_metric_families(text({}, [sample])) if each.name == "shiftwatt_value"]

    assert family.samples[0].labels == {"meter": 'a"b\\c\nd'}
