"""The real firmware before a strange master, and a meter that deviates."""

from tools.bench import modbus_conformance
from tools.bench.modbus_cases import cases
from tools.bench.modbus_conformance import crc
from tools.tests.test_submeter import needs_micropython


@needs_micropython
def test_the_meter_does_what_the_standard_says() -> None:
    """Over the pair and over TCP, all of the proof."""
    found = modbus_conformance.run()

    assert found["deviations"] == []
    assert isinstance(found["asked"], int)
    assert found["asked"] > 400


def test_each_expectation_can_fail() -> None:
    """Silence, an echo, and an exception that does not exist satisfy none but those that want the echo."""
    echoes = [case.what for case in cases() if case.good(case.request)]

    assert all(what[:2] in ("6:", "8:") for what in echoes)
    assert [case.what for case in cases() if case.good(b"") or case.good(bytes((case.request[0] | 0x80, 0x55)))] == []


def test_the_check_sum_is_the_standards() -> None:
    """Its own example: the frame 02 07 ends with 41 12."""
    assert crc(b"\x02\x07") == b"\x41\x12"
