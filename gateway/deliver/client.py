"""One exchange with the hub over HTTP: a batch or an enrolment goes out, an `Answer` comes back.

Every failure on the way becomes an `Answer`, too. No retry, no queue; no token is ever logged.
"""

import json
import logging
from collections.abc import Iterator, Mapping

import requests
from requests import exceptions

from gateway.deliver.answer import Answer, Verdict, answer_of
from protocols.batch import PackedBatch

log = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 10.0  # a satellite or a tired LTE link needs seconds for TLS
READ_TIMEOUT_S = 60.0  # the hub answers once the batch is on its disk, which may be busy
ANSWER_BYTES_MAX = 2**20  # a hub's answer has some kilobytes; a portal may send a film
_CHUNK_BYTES = 2**16


class HubClient:
    """`session` comes from `open_session`; it is used by one thread."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = session

    def push(self, batch: PackedBatch, bearer: str) -> Answer:
        return self._post("/v1/batches", batch.content, {"Content-Encoding": "gzip", "Authorization": f"Bearer {bearer}"})

    def enrol(self, request: Mapping[str, str]) -> Answer:
        return self._post("/v1/enrol", json.dumps(request).encode(), {})

    def change_key(self, request: Mapping[str, object], bearer: str) -> Answer:
        return self._post("/v1/keys", json.dumps(request).encode(), {"Authorization": f"Bearer {bearer}"})

    def close(self) -> None:
        self._session.close()

    def _post(self, path: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            with self._session.post(
                self.url + path,
                data=content,
                headers={"Content-Type": "application/json", **headers},
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
                allow_redirects=False,  # a redirect is never followed with our token in hand
                stream=True,
            ) as response:
                return answer_of(response.status_code, response.headers, _content(response))
        except OSError as error:  # every error of requests is one; so is a `ca_file` that is not there
            log.debug("no answer from the hub: %s", type(error).__name__)
            return Answer(Verdict.AGAIN, _sentence(error, self.url))


def _content(response: requests.Response) -> bytes:
    content = b""
    for chunk in response.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > ANSWER_BYTES_MAX:
            return b""  # no hub says so much
    return content


# The first that fits: what happened, and what to do next.
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.ProxyError, "The proxy on the way to {url} cannot be used; check [upstream] proxy."),
    (
        exceptions.SSLError,
        "The certificate of {url} is not trusted{why}: name the hub's own authority in [upstream] ca_file, or set this gateway's clock.",
    ),
    (exceptions.ConnectTimeout, "{url} cannot be reached: no answer within {connect:.0f} s. Check the network."),
    (exceptions.ReadTimeout, "{url} took the batch but did not answer within {read:.0f} s; it will be sent again."),
    (exceptions.ConnectionError, "{url} cannot be reached{why}. Check the network and whether the hub runs."),
    (exceptions.RequestException, "{url} cannot be used ({kind}); check [upstream]."),
    (OSError, "{url} cannot be used{why}; check [upstream] ca_file."),
)


def _sentence(error: OSError, url: str) -> str:
    text = next(text for kind, text in _FAILURES if isinstance(error, kind))
    reason = next((each.strerror for each in _causes(error) if isinstance(each, OSError) and each.strerror), "")
    return text.format(
        url=url,
        why=f" ({reason})" if reason else "",
        kind=type(error).__name__,
        connect=CONNECT_TIMEOUT_S,
        read=READ_TIMEOUT_S,
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what led to it; the operating system's own words lie at the bottom."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
