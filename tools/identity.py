"""Which gateway this device is: taking another one's place, becoming one of its own, changing the key.

All of it is done while the gateway does not run; every step can be repeated after a power cut or a lost answer.
"""

from pathlib import Path
from typing import NamedTuple

from gateway.buffer.store import Store
from gateway.deliver import key as key_file
from gateway.deliver import key_history
from gateway.deliver.answer import Answer, Verdict
from gateway.deliver.client import HubClient
from gateway.deliver.enrolment import FILE as ENROLMENT_FILE
from gateway.deliver.enrolment import Enrolment
from gateway.deliver.upstream import Upstream, open_session
from gateway.site import Site
from protocols.reading import iso

# So many batches at once are offered while a device takes over; each is some kilobytes.
OFFERED_AT_ONCE = 16


class IdentityError(Exception):
    """It was not done; the sentence says why and what to do. Nothing is half done."""


class Adopted(NamedTuple):
    gateway: str
    number: int
    offered: int
    moved: int


def adopt(site: Site, token: str, now_ms: int) -> Adopted:
    """Go on with the chain that the hub holds, under the id that the one-time token is for."""
    key = key_file.gateway_key(site.data_folder)
    client, enrolment = _hub(site, key)
    try:
        answer = client.enrol(enrolment.request(token))
        gateway, head, bearer = (_accepted(answer).get(field) for field in ("gateway", "head", "token"))
        if not (isinstance(gateway, str) and isinstance(head, dict) and isinstance(bearer, str)):
            raise IdentityError(f"{client.url} enrols, but cannot say where the chain goes on; update the hub")
        store = Store(site.data_folder, gateway, key.sign)
        try:
            offered = _offer(store, client, bearer, head["number"], now_ms) if gateway == key.gateway else 0
            moved = store.outbox.go_on_from(head["number"], head["last_sequence"], head["hash"])
        finally:
            store.close()
        if gateway != key.gateway:
            key_file.keep_id(site.data_folder, gateway)
        enrolment.keep(token, bearer)
    finally:
        client.close()
    return Adopted(gateway, head["number"], offered, moved)


def _offer(store: Store, client: HubClient, bearer: str, number: int, now_ms: int) -> int:
    """Batches of before that the hub may still lack; the first one that it does not take ends it: from there on they are another branch."""
    offered = 0
    while True:
        waiting = [batch for batch in store.outbox.waiting(OFFERED_AT_ONCE) if batch.number <= number]
        for batch in waiting:
            if client.push(batch, bearer).verdict is not Verdict.ACCEPTED:
                return offered
            store.outbox.acknowledge([batch.number], now_ms)
            offered += 1
        if not waiting:
            return offered


def begin_anew(site: Site, now_ms: int) -> str:
    """The new id. The key of before is kept beside the new one, under the time it was put aside."""
    folder = site.data_folder
    before = key_file.gateway_key(folder)
    store = Store(folder, before.gateway, before.sign)
    try:
        store.outbox.begin_anew()
    finally:
        store.close()
    aside = f".{iso(now_ms - now_ms % 1000).replace(':', '')}"
    for name in (key_file.FILE, key_file.ID_FILE, key_history.FILE, ENROLMENT_FILE):
        path = folder / name
        if path.exists():
            path.rename(path.with_name(name + aside))
    after = key_file.gateway_key(folder)
    store = Store(folder, after.gateway, after.sign)
    try:
        store.outbox.vouch()
    finally:
        store.close()
    return after.gateway


def rotate(site: Site) -> tuple[str, int]:
    """A new key, vouched for by the old one, from the next batch on; the new public key and that number."""
    folder = site.data_folder
    old = key_file.key_in(folder, key_file.FILE)
    client, enrolment = _hub(site, old)
    bearer = enrolment.bearer()
    if bearer is None:
        client.close()
        raise IdentityError("this gateway is not enrolled at its hub yet; a new key needs a hub that knows the old one")
    store = Store(folder, old.gateway, old.sign)
    try:
        from_number = store.outbox.last_number() + 1
    finally:
        store.close()
    new = key_file.key_in(folder, key_file.NEXT_FILE)
    statement = key_file.rotation_statement(old.gateway, from_number, new.public_key)
    request = {"gateway": old.gateway, "from_number": from_number, "public_key": new.public_key, "signature": old.sign(statement).hex()}
    try:
        answer = client.change_key(request, bearer)
    finally:
        client.close()
    if answer.verdict in (Verdict.REFUSED, Verdict.UNAUTHORISED):
        (folder / key_file.NEXT_FILE).unlink()  # the hub has said no: everything is as before
    _accepted(answer)
    key_file.keep_id(folder, old.gateway)
    key_history.note(folder, old.public_key, request)
    (folder / key_file.NEXT_FILE).replace(folder / key_file.FILE)
    return new.public_key, from_number


def _accepted(answer: Answer) -> dict[str, object]:
    if answer.verdict is not Verdict.ACCEPTED:
        raise IdentityError(answer.sentence)
    return dict(answer.document)


def _hub(site: Site, key: key_file.GatewayKey) -> tuple[HubClient, Enrolment]:
    table = site.upstream
    if table is None:
        raise IdentityError("the site file has no [upstream]; an identity matters to a hub only")
    ca_file = str(site.folder / table.ca_file) if table.ca_file else ""
    session = open_session(Upstream(table.url, ca_file, table.proxy, table.allow_plain_http))
    token_file: Path | None = site.folder / table.enrol_token_file if table.enrol_token_file else None
    return HubClient(session, table.url), Enrolment(site.data_folder, table.url, token_file, key)
