"""What is kept of the wire for a person who looks: the last exchanges of each meter, as they were."""

from gateway.acquire.tests.fakes import OwnerBench
from gateway.acquire.tests.watching import meter, watched
from gateway.acquire.unit import EXCHANGES_KEPT, Exchange


def _exchanges(bench: OwnerBench, index: int = 0) -> list[Exchange]:
    return list(bench.owner.stations[index].exchanges)


def test_good_exchange_holds_request_and_answer() -> None:
    """Address and function in both, check sums included, and nothing of another meter."""
    bench = watched(30, meter(1), meter(2))

    for index in (0, 1):
        for each in _exchanges(bench, index):
            assert (each.outcome, each.sent[:1], each.heard[:2]) == ("", bytes([index + 1]), each.sent[:2])
            assert len(each.heard) == 5 + 2 * int.from_bytes(each.sent[4:6], "big")


def test_silence_is_kept_as_silence() -> None:
    """A time-out shows what was asked, and that nothing came."""
    found = _exchanges(watched(10, meter(silent=True)))

    assert found
    assert {(each.outcome, each.heard) for each in found} == {("no_answer", b"")}
    assert all(each.sent for each in found)


def test_refusal_is_kept_with_its_frame() -> None:
    """The exception reply itself stands there."""
    (refused, *_) = [each for each in _exchanges(watched(10, meter(holes=frozenset(range(1_000))))) if each.outcome]

    assert refused.outcome == "exception_2"
    assert refused.heard[1] == refused.sent[1] | 0x80


def test_only_the_last_exchanges_are_kept() -> None:
    """Hours of polling keep as much as minutes do, the newest last."""
    found = _exchanges(watched(600, meter()))

    assert len(found) == EXCHANGES_KEPT
    assert [each.at for each in found] == sorted(each.at for each in found)
