"""What each class of answer means for a batch."""

import pytest

from gateway.deliver.answer import Verdict, answer_of, holds

JSON = {"Content-Type": "application/json"}
HTML = {"Content-Type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (200, Verdict.ACCEPTED), (201, Verdict.ACCEPTED),
        (400, Verdict.REFUSED), (409, Verdict.REFUSED), (413, Verdict.REFUSED), (422, Verdict.REFUSED),
        (401, Verdict.UNAUTHORISED), (403, Verdict.UNAUTHORISED),
        (404, Verdict.AGAIN), (408, Verdict.AGAIN), (415, Verdict.AGAIN), (429, Verdict.AGAIN),
        (500, Verdict.AGAIN), (501, Verdict.AGAIN), (502, Verdict.AGAIN), (503, Verdict.AGAIN),
    ],
)  # fmt: skip
def test_status_of_a_hub(status: int, verdict: Verdict) -> None:
    """The hub's own status decides, and its sentence is passed on."""
    answer = answer_of(status, JSON, b'{"error": "because", "highest": 1}')

    assert answer.verdict is verdict
    assert ("because" in answer.sentence) == (verdict is not Verdict.ACCEPTED)


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 413, 422, 500, 503])
@pytest.mark.parametrize("content", [b"<html>Welcome, please sign in</html>", b"", b"[]", b"7", b"[" * 100_000])
def test_nothing_but_json_is_the_hub(status: int, content: bytes) -> None:
    """A web page or other stuff never acknowledges, refuses or unauthorises a batch, whatever its status."""
    answer = answer_of(status, HTML, content)

    assert answer.verdict is Verdict.AGAIN
    assert "sign-in page" in answer.sentence


def test_other_contents_are_named() -> None:
    """An answer that is neither JSON nor a web page is described by its type."""
    answer = answer_of(200, {"Content-Type": "text/plain"}, b"OK")

    assert answer.verdict is Verdict.AGAIN
    assert "text/plain (status 200)" in answer.sentence


def test_redirect_is_not_followed() -> None:
    """A redirect is said with its target and tried again later."""
    answer = answer_of(302, {"Location": "http://portal.example/login"}, b"")

    assert answer.verdict is Verdict.AGAIN
    assert "http://portal.example/login" in answer.sentence


@pytest.mark.parametrize(("text", "wait_s"), [("30", 30.0), ("-1", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("9" * 30, None)])
def test_retry_after(text: str, wait_s: float | None) -> None:
    """Seconds are heeded, anything else is not."""
    assert answer_of(503, {**JSON, "Retry-After": text}, b"{}").wait_s == wait_s


def test_long_sentence_is_cut() -> None:
    """A foreign error of a megabyte does not go to pages and tombstones."""
    answer = answer_of(422, JSON, b'{"error": "' + b"x" * 10**6 + b'"}')

    assert len(answer.sentence) < 600


@pytest.mark.parametrize(
    ("document", "held"),
    [
        ({"highest": 7, "beyond": []}, True),
        ({"highest": 8}, True),
        ({"highest": 6, "beyond": [7, 9]}, True),
        ({"highest": 6, "beyond": [8]}, False),
        ({"highest": 6}, False),
        ({}, False),
        ({"highest": "9"}, False),
        ({"highest": None, "beyond": None}, False),
        ({"highest": True, "beyond": {"7": 1}}, False),
    ],
)
def test_holds(document: dict[str, object], held: bool) -> None:
    """A number is held if it is within the gap-free ones or named beyond; odd answers hold nothing."""
    assert holds(document, 7) is held
