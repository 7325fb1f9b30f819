"""The exchange of a one-time token for a bearer token, as far as files go."""

from pathlib import Path

from gateway.deliver.enrolment import FILE, Enrolment
from gateway.deliver.tests.fakes import a_key

URL = "https://hub.example"


def enrolment(folder: Path, url: str = URL) -> Enrolment:
    return Enrolment(folder, url, folder / "hub.token", a_key(folder))


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    """Without a token file there is neither a bearer token nor an invitation."""
    fresh = enrolment(tmp_path)

    assert (fresh.bearer(), fresh.invitation()) == (None, None)


def test_invitation_is_used_once(tmp_path: Path) -> None:
    """After the exchange the same one-time token is no invitation any more, also after a restart."""
    (tmp_path / "hub.token").write_text("once\n")
    first = enrolment(tmp_path)
    invitation = first.invitation()
    first.keep("once", "bearer")

    assert invitation == "once"
    assert (first.bearer(), first.invitation()) == ("bearer", None)
    assert (enrolment(tmp_path).bearer(), enrolment(tmp_path).invitation()) == ("bearer", None)


def test_new_token_invites_again(tmp_path: Path) -> None:
    """A person who puts another one-time token there has the gateway enrolled anew."""
    enrolment(tmp_path).keep("once", "bearer")
    (tmp_path / "hub.token").write_text("twice")

    assert enrolment(tmp_path).invitation() == "twice"


def test_bearer_is_for_its_hub_only(tmp_path: Path) -> None:
    """A token of one hub is never shown to another, and the new hub may be given the old invitation."""
    (tmp_path / "hub.token").write_text("once")
    enrolment(tmp_path).keep("once", "bearer")
    moved = enrolment(tmp_path, "https://other.example")

    assert (moved.bearer(), moved.invitation()) == (None, "once")


def test_bearer_is_private(tmp_path: Path) -> None:
    """Only the owner may read the kept token; the one-time token itself is not kept."""
    enrolment(tmp_path).keep("once", "bearer")

    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert "once" not in (tmp_path / FILE).read_text()


def test_damaged_file_means_enrol_again(tmp_path: Path) -> None:
    """A half-written file of another program does not stop the gateway."""
    (tmp_path / FILE).write_text("{")

    assert enrolment(tmp_path).bearer() is None
