"""Who is signed in: sessions in memory only, known by the hash of what the browser holds. A restart signs everybody out.

Knows no HTTP; instants are milliseconds handed in.
"""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

# A shift and its handover; whoever goes away for two hours has left the screen to others.
LONGEST_MS, IDLE_MS = 10 * 3_600_000, 2 * 3_600_000
# A works has some dozen people; the oldest session goes when more come.
SESSIONS_MAX = 200
_TOKEN_BYTES = 32


@dataclass
class Session:
    """`form_token` goes into every form: what a page of ours did not make cannot know it."""

    name: str
    form_token: str
    began_ms: int
    seen_ms: int


class Sessions:
    def __init__(self) -> None:
        self._known: OrderedDict[str, Session] = OrderedDict()
        self._lock = Lock()

    def begin(self, name: str, now_ms: int) -> str:
        """What the browser keeps; it is not kept here."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._lock:
            self._known[_hash(token)] = Session(name, secrets.token_urlsafe(_TOKEN_BYTES), now_ms, now_ms)
            while len(self._known) > SESSIONS_MAX:
                self._known.popitem(last=False)
        return token

    def find(self, token: str, now_ms: int) -> Session | None:
        with self._lock:
            session = self._known.get(_hash(token))
            if session is None:
                return None
            if now_ms - session.began_ms > LONGEST_MS or now_ms - session.seen_ms > IDLE_MS:
                del self._known[_hash(token)]
                return None
            session.seen_ms = now_ms
            return session

    def end(self, token: str) -> None:
        with self._lock:
            self._known.pop(_hash(token), None)

    def end_all_of(self, name: str) -> None:
        """A changed password or role ends what was begun under the old one."""
        with self._lock:
            for key in [key for key, session in self._known.items() if session.name == name]:
                del self._known[key]


def is_form_token(session: Session, given: str) -> bool:
    return hmac.compare_digest(session.form_token, given)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
