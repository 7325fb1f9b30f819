"""POST to another system's HTTP address: what its answer means, and secrets from files. Shared by the sinks that speak HTTP."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from gateway.deliver.failure import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, failure
from gateway.deliver.sinks.sink import AwayError, RejectedError
from gateway.deliver.upstream import Upstream, open_session

SECRET_BYTES_MAX = 4096  # a secret has some fifty; a larger file is a mistake
_ANSWER_BYTES_MAX = 300  # of what the other system says, so much goes into a sentence
# The system was there and means this content: trying the same for ever would hold up all that follows.
_MEANS_THIS = (400, 405, 409, 410, 413, 415, 422, 500, 501)


class Http:
    def __init__(self, address: Upstream) -> None:
        """OurMistake if the address is not safe."""
        self._session = open_session(address)
        self._address = address
        parts = urlsplit(address.url)
        self.place = f"{parts.scheme}://{parts.netloc}"  # the path of a webhook may be its secret

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> None:
        """Done if it returns; AwayError or RejectedError else."""
        try:
            with self._session.post(
                url,
                data=content,
                headers=dict(headers),
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,  # a redirect is never followed with a secret in hand
                stream=True,
            ) as response:
                status, wait_s = response.status_code, response.headers.get("Retry-After", "")
                said = next(response.iter_content(_ANSWER_BYTES_MAX), b"").decode(errors="replace").strip()
        except OSError as error:
            raise AwayError(failure(error, self.place, self._address.table)) from None
        if 200 <= status < 300:
            return
        sentence = f"{self.place} answers with status {status}" + (f": {said}" if said else ".")
        if status in _MEANS_THIS:
            raise RejectedError(sentence)
        raise AwayError(f"{sentence} Check {self._address.table}.", float(wait_s) if wait_s.isdecimal() and len(wait_s) < 9 else None)

    def close(self) -> None:
        self._session.close()


def secret(path: Path, table: str) -> str:
    """Read at every use, so that a changed one needs no restart."""
    try:
        found = path.read_bytes()[:SECRET_BYTES_MAX].decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if not found:
        raise AwayError(f"The secret of {table} cannot be read from {path}: put it there, readable by the gateway only.")
    return found
