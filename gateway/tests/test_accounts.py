"""Accounts in their file: hashed, checked, changed, and never without an administrator."""

from pathlib import Path

import pytest
from argon2 import PasswordHasher

from gateway.accounts import FILE, AccountError, AccountFile, new_code, reaches

PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(tmp_path: Path) -> AccountFile:
    found = AccountFile(tmp_path, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    found.add("boss", "admin", PASSWORD)
    return found


def test_password_is_kept_as_argon2id_only(accounts: AccountFile, tmp_path: Path) -> None:
    """Nobody reads it from the card, and nobody else reads the file."""
    path = tmp_path / FILE

    assert PASSWORD not in path.read_text()
    assert "$argon2id$" in path.read_text()
    assert path.stat().st_mode & 0o077 == 0


def test_right_password_is_told_from_wrong(accounts: AccountFile) -> None:
    """By name and password together."""
    assert accounts.check("boss", PASSWORD) is not None
    assert accounts.check("boss", PASSWORD + "x") is None
    assert accounts.check("nobody", PASSWORD) is None


@pytest.mark.parametrize(
    ("name", "role", "password", "key"),
    [
        ("", "viewer", PASSWORD, "account_name"),
        (" x", "viewer", PASSWORD, "account_name"),
        ("x" * 41, "viewer", PASSWORD, "account_name"),
        ("x", "king", PASSWORD, "account_role"),
        ("x", "viewer", "ninechars", "account_password"),
        ("boss", "viewer", PASSWORD, "account_taken"),
    ],
)
def test_bad_account_is_refused_with_its_reason(accounts: AccountFile, name: str, role: str, password: str, key: str) -> None:
    """And the file stays as it was."""
    with pytest.raises(AccountError) as caught:
        accounts.add(name, role, password)

    assert caught.value.key == key
    assert [each.name for each in accounts.accounts()] == ["boss"]


def test_last_administrator_stays(accounts: AccountFile) -> None:
    """Neither removed nor made something less."""
    for change in (lambda: accounts.remove("boss"), lambda: accounts.change("boss", role="viewer")):
        with pytest.raises(AccountError):
            change()

    accounts.add("second", "admin", PASSWORD)
    assert accounts.remove("boss")


def test_changed_password_replaces_the_old_one(accounts: AccountFile) -> None:
    """The old one is worth nothing any more."""
    accounts.change("boss", password="another long one")

    assert accounts.check("boss", PASSWORD) is None
    assert accounts.check("boss", "another long one") is not None


def test_roles_include_those_below() -> None:
    """An electrician may do what maintenance may, not what the administrator may."""
    assert reaches("electrician", "maintenance")
    assert not reaches("electrician", "admin")
    assert not reaches("", "viewer")


def test_codes_differ() -> None:
    """A code of one start is no code of another."""
    assert len({new_code() for _ in range(100)}) == 100
