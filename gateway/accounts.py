"""The people who may sign in at this gateway: names, roles and hashed passwords, in a file of its data folder.

Knows no HTTP and no session. Nobody is in the file at first: the one who can read the console enrols as administrator.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from gateway.private_file import write_private

VIEWER, MAINTENANCE, ELECTRICIAN, ADMIN = "viewer", "maintenance", "electrician", "admin"
# Each may do what those before it may.
ROLES = (VIEWER, MAINTENANCE, ELECTRICIAN, ADMIN)
FILE = "accounts.json"
# Length is what resists guessing; rules about signs only make people write passwords down.
PASSWORD_MIN, PASSWORD_MAX = 10, 200
NAME_MAX = 40
# A Raspberry Pi 4 takes about a quarter of a second for it, and two sign-ins at once fit its memory (OWASP's first choice for Argon2id).
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# No letter or digit that another looks like: it is read from a screen and typed on a phone.
_CODE_SIGNS, _CODE_LENGTH = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789", 10


class AccountError(Exception):
    """`key` names the sentence; it is shown to who typed it."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass(frozen=True)
class Account:
    name: str
    role: str
    password_hash: str


def new_code() -> str:
    """A first-start code: about 50 bits, and guesses are slowed down."""
    return "".join(secrets.choice(_CODE_SIGNS) for _ in range(_CODE_LENGTH))


def reaches(role: str, wanted: str) -> bool:
    return role in ROLES and ROLES.index(role) >= ROLES.index(wanted)


class AccountFile:
    """Read at every question, since a command may write it meanwhile."""

    def __init__(self, folder: Path, hasher: PasswordHasher = _HASHER) -> None:
        self._path = folder / FILE
        self._hasher = hasher
        self._stranger = ""

    def accounts(self) -> list[Account]:
        try:
            return [Account(**row) for row in json.loads(self._path.read_bytes())]
        except FileNotFoundError:
            return []

    def role_of(self, name: str) -> str | None:
        return next((each.role for each in self.accounts() if each.name == name), None)

    def check(self, name: str, password: str) -> Account | None:
        """The account if the password is its own. A name nobody has takes as long as a wrong password."""
        found = next((each for each in self.accounts() if each.name == name), None)
        try:
            self._hasher.verify(found.password_hash if found else self._of_a_stranger(), password[:PASSWORD_MAX])
        except (VerifyMismatchError, InvalidHashError):
            return None
        return found

    def add(self, name: str, role: str, password: str) -> None:
        if not 0 < len(name) <= NAME_MAX or not name.isprintable() or name != name.strip():
            raise AccountError("account_name")
        if role not in ROLES:
            raise AccountError("account_role")
        if any(each.name == name for each in self.accounts()):
            raise AccountError("account_taken")
        self._write(lambda known: [*known, Account(name, role, self._hashed(password))])

    def change(self, name: str, *, role: str | None = None, password: str | None = None) -> None:
        hashed = None if password is None else self._hashed(password)

        def changed(each: Account) -> Account:
            return replace(each, role=role or each.role, password_hash=hashed or each.password_hash) if each.name == name else each

        self._write(lambda known: [changed(each) for each in known])

    def remove(self, name: str) -> bool:
        known = self.accounts()
        self._write(lambda accounts: [each for each in accounts if each.name != name])
        return len(self.accounts()) < len(known)

    def _hashed(self, password: str) -> str:
        if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
            raise AccountError("account_password")
        return self._hasher.hash(password)

    def _of_a_stranger(self) -> str:
        if not self._stranger:
            self._stranger = self._hasher.hash(secrets.token_urlsafe())
        return self._stranger

    def _write(self, change: Callable[[list[Account]], list[Account]]) -> None:
        left = change(self.accounts())
        if self.accounts() and not any(each.role == ADMIN for each in left):
            raise AccountError("account_last_admin")
        write_private(self._path, json.dumps([asdict(each) for each in left], indent=1).encode())
