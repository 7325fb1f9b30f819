"""One exchange with the hub over HTTP: a batch or an enrolment goes out, an `Answer` comes back.

Every failure on the way becomes an `Answer`, too. No retry, no queue; no token is ever logged.
"""

import json
import logging
from collections.abc import Mapping

import requests

from gateway.deliver import compression
from gateway.deliver.answer import Answer, Verdict, answer_of
from gateway.deliver.failure import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, failure
from protocols.batch import PackedBatch

log = logging.getLogger(__name__)

ANSWER_BYTES_MAX = 2**20  # a hub's answer has some kilobytes; a portal may send a film
_CHUNK_BYTES = 2**16


class HubClient:
    """`session` comes from `open_session`; it is used by one thread."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self.url = url.rstrip("/")
        self._session = session
        self._takes_zstd = False  # said anew by the hub with every answer

    def push(self, batch: PackedBatch, bearer: str) -> Answer:
        coding = compression.ZSTD if self._takes_zstd else compression.GZIP
        content = compression.repacked_for_zstd(batch.content) if self._takes_zstd else batch.content
        answer = self._post("/v1/batches", content, {"Content-Encoding": coding, "Authorization": f"Bearer {bearer}"})
        self._takes_zstd = answer.takes_zstd and compression.ZSTD in compression.CODINGS
        return answer

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
            return Answer(Verdict.AGAIN, failure(error, self.url, "[upstream]"))


def _content(response: requests.Response) -> bytes:
    content = b""
    for chunk in response.iter_content(_CHUNK_BYTES):
        content += chunk
        if len(content) > ANSWER_BYTES_MAX:
            return b""  # no hub says so much
    return content
