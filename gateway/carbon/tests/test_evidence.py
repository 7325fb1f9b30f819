"""C7, C20: the evidence of a figure is whole: everything it names is in it."""

from gateway.carbon import Reset
from gateway.carbon.evidence import evidence
from gateway.carbon.tests.builders import IMPORT, KWH, Document, counter, documents, ms, rows, site, steady
from gateway.carbon.tests.evidenced import exports


def test_c20_the_evidence_holds_the_row_of_every_factor_that_a_line_names() -> None:
    """Annual ones, hours of a series and certificates alike."""
    for each in exports():
        named = {line["factor"]["sha256"] for line in each["figure"]["carbon"]["lines"]}

        assert {factor["sha256"] for factor in each["factors"]} == named


def test_c7_the_evidence_reaches_from_the_reading_before_to_the_reading_after() -> None:
    """Readings at every quarter; the shift begins and ends between two."""
    readings = steady("2026-03-02 05:50", "2026-03-02 23:50", KWH)
    early = documents(site(), readings)[1]

    found = evidence(site(), {("main", IMPORT): readings}, (), early)["counters"][0]

    assert (found["readings"][0]["time"], found["readings"][-1]["time"]) == ("2026-03-02T05:50:00Z", "2026-03-02T14:05:00Z")
    assert [each["edges"][1] for each in found["divisions"]] == ["2026-03-02T06:00:00Z", "2026-03-02T14:00:00Z"]
    assert len(found["pairs"]) == len(found["readings"]) - 1


def test_c8_an_unknown_pair_has_no_advance_and_its_declaration_stands_beside() -> None:
    """A declared reset."""
    readings = rows(("2026-03-02 06:00", 90), ("2026-03-02 08:00", 99), ("2026-03-02 10:00", 3), ("2026-03-02 14:00", 9))
    declared = (Reset("main", IMPORT, ms("2026-03-02 09:00"), "7"),)
    inputs = site(counter())
    figure = documents(inputs, readings, declared)[0]

    found = evidence(inputs, {("main", IMPORT): readings}, declared, figure)["counters"][0]

    assert [pair["advance"] for pair in found["pairs"]] == ["0.000009", None, "0.000006"]
    assert found["breaks"] == [{"kind": "reset", "time": "2026-03-02T09:00:00Z", "id": "7"}]
    assert [event["adjustment"] for event in found["events"]] == ["-0.000096"]


def test_c7_a_counter_that_was_never_read_has_evidence_of_nothing() -> None:
    """No readings, no pairs; its amount is null."""
    specs = (counter(), counter("second"))
    readings = {specs[0].key: rows(("2026-03-02 06:00", 0), ("2026-03-02 14:00", 9))}
    figure = documents(site(*specs), readings)[0]

    found: Document = evidence(site(*specs), readings, (), figure)["counters"][1]

    assert (found["readings"], found["pairs"], found["divisions"]) == ([], [], [])
