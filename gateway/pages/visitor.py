"""Who asks for a page: a name and role if signed in, a language, and what forms must carry. A value; no behaviour of HTTP."""

from dataclasses import dataclass

from gateway.accounts import reaches
from gateway.language import Language


@dataclass(frozen=True)
class Visitor:
    """`role` is "" for somebody who is not signed in and may see what is public."""

    language: Language
    path: str
    name: str = ""
    role: str = ""
    form_token: str = ""
    query: str = ""

    @property
    def is_signed_in(self) -> bool:
        return bool(self.name)

    def may(self, role: str) -> bool:
        return reaches(self.role, role)
