"""Who may read and write."""

from pathlib import Path

import pytest

from gateway.deliver.refusal import Refused
from gateway.deliver.tokens import FILE, PUBLIC, READ, WRITE, TokenFile, authoriser


def test_token_grants_its_scopes_only(tmp_path: Path) -> None:
    """A token is good for the scopes it was made with; for others it is forbidden, not unknown."""
    tokens = TokenFile(tmp_path)
    reader, both = tokens.add("erp", [READ]), tokens.add("hub", [READ, WRITE])
    authorise = authoriser(tokens.grants)

    assert [authorise(reader, READ).name, authorise(both, READ).name, authorise(both, WRITE).name] == ["erp", "hub", "hub"]
    with pytest.raises(Refused, match="has scope read") as caught:
        authorise(reader, WRITE)
    assert caught.value.status == 403


@pytest.mark.parametrize("bearer", [None, "", "sw_guess", "ü"])
def test_unknown_token(tmp_path: Path, bearer: str | None) -> None:
    """No token and an unknown one are unauthorised, and the answer says what is needed."""
    tokens = TokenFile(tmp_path)
    tokens.add("erp", [READ])

    with pytest.raises(Refused, match="with scope read") as caught:
        authoriser(tokens.grants)(bearer, READ)
    assert (caught.value.status, caught.value.headers) == (401, {"WWW-Authenticate": "Bearer"})


def test_public_read_opens_reading_only() -> None:
    """With public_read anybody may read; writing needs a token as ever."""
    authorise = authoriser(list, public_read=True)

    assert authorise(None, READ) is PUBLIC
    with pytest.raises(Refused):
        authorise(None, WRITE)


def test_revoked_token_ends_at_once(tmp_path: Path) -> None:
    """Another process revokes a token; the next request with it is refused."""
    authorise = authoriser(TokenFile(tmp_path).grants)
    token = TokenFile(tmp_path).add("erp", [READ])
    before = authorise(token, READ).name
    revoked = TokenFile(tmp_path).revoke("erp"), TokenFile(tmp_path).revoke("erp")

    assert (before, revoked) == ("erp", (True, False))
    with pytest.raises(Refused):
        authorise(token, READ)


def test_file_holds_no_token(tmp_path: Path) -> None:
    """The file has mode 0600 and hashes only."""
    token = TokenFile(tmp_path).add("erp", [READ])

    assert token not in (tmp_path / FILE).read_text()
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("name", "scopes"), [("erp", ["read"]), ("new", []), ("new", ["admin"])])
def test_mistakes_are_said(tmp_path: Path, name: str, scopes: list[str]) -> None:
    """A taken name, no scope and an unknown scope are refused."""
    TokenFile(tmp_path).add("erp", [READ])

    with pytest.raises(ValueError, match=r"already|scopes are read and write"):
        TokenFile(tmp_path).add(name, scopes)
