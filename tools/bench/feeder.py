"""A gateway without meters as a process: the real store, outbox and sender, fed as fast as a busy factory would.

`python -m tools.bench.feeder FOLDER URL` reads its one-time token from FOLDER/hub.token. It stops feeding at SIGTERM and
ends with 0 when the hub has everything. Made to be killed: what it has committed must arrive, whatever happens.
"""

import logging
import random
import signal
import sys
import threading
import time
from pathlib import Path

from gateway.buffer.store import Store
from gateway.deliver.client import HubClient
from gateway.deliver.enrolment import Enrolment
from gateway.deliver.key import gateway_key
from gateway.deliver.sender import Sender
from gateway.deliver.upstream import Upstream, open_session
from tools.bench.backlog import INTERVAL_MS, readings

READY = "feeding"
METERS = 8
PAUSE_S = 0.1
DRAIN_S_MAX = 90.0


def main(folder: Path, url: str) -> int:
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    print(READY, flush=True)
    key = gateway_key(folder)
    store = Store(folder, key.gateway, key.sign)
    client = HubClient(open_session(Upstream(url)), url)
    enrolment = Enrolment(folder, url, folder / "hub.token", key)
    sender = Sender(store.outbox, client, enrolment, now_ms=lambda: time.time_ns() // 1_000_000, random=random.random)
    stop = threading.Event()
    thread = threading.Thread(target=sender.run, args=(stop,))
    thread.start()
    try:
        return _work(store, asked)
    finally:
        stop.set()
        thread.join()
        store.close()


def _work(store: Store, asked: threading.Event) -> int:
    at_ms, wobble = time.time_ns() // 1_000_000, random.Random(store.boot)
    while not asked.wait(PAUSE_S):
        store.add([each._replace(boot=store.boot) for each in readings(METERS, at_ms, at_ms + INTERVAL_MS, wobble)])
        store.commit(at_ms)
        store.outbox.seal(at_ms)
        at_ms += INTERVAL_MS
    until = time.monotonic() + DRAIN_S_MAX
    while store.outbox.depth().batches and time.monotonic() < until:
        time.sleep(PAUSE_S)
    return 1 if store.outbox.depth().batches else 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.exit(main(Path(sys.argv[1]), sys.argv[2]))
