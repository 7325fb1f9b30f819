"""Pull the sealed batches of one gateway from a hub (or gateway) and prove that none is missing or changed.

    python pull_and_check.py https://hub.example TOKEN GATEWAY PUBLIC_KEY [PUBLIC_KEY ...]

PUBLIC_KEY is what `shiftwatt identity show` prints at the gateway, or all that it has had. Needs: pip install requests cryptography
"""

import hashlib
import json
import sys

import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def pulled(url: str, token: str, gateway: str) -> dict[int, dict]:
    """All batches of the gateway by number; keep the last cursor to go on from there another day."""
    found, query, more = {}, {"limit": "100"}, True
    while more:
        answer = requests.get(f"{url}/v1/batches", params=query, headers={"Authorization": f"Bearer {token}"}, timeout=60)
        answer.raise_for_status()
        page = answer.json()
        found |= {batch["number"]: batch for batch in page["batches"] if batch["gateway"] == gateway}
        query, more = {"limit": "100", "after": page["cursor"]}, page["more"]
    return found


def signed(batch: dict, digest: bytes, key: str) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(batch["signature"]), digest)
    except InvalidSignature:
        return False
    return True


def check(batches: dict[int, dict], keys: list[str]) -> tuple[int, str]:
    """The last number and its hash, if every batch from 1 on is there, signed, and linked; SystemExit with the reason if not."""
    link, last_sequence = "0" * 64, 0
    for number in range(1, max(batches, default=0) + 1):
        if number not in batches:
            raise SystemExit(f"batch {number} is missing")
        batch = batches[number]
        plain = {name: value for name, value in batch.items() if name not in ("hash", "signature")}
        canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        digest = hashlib.sha256(bytes.fromhex(batch["previous"]) + canonical)
        if digest.hexdigest() != batch["hash"] or batch["previous"] != link or batch["first_sequence"] != last_sequence + 1:
            raise SystemExit(f"batch {number} was changed, or does not follow the one before")
        if not any(signed(batch, digest.digest(), key) for key in keys):
            raise SystemExit(f"batch {number} was not signed by this gateway")
        if "tombstone" in batch:
            print(f"batch {number}: records {batch['first_sequence']} to {batch['last_sequence']} dropped: {batch['tombstone']['reason']}")
        # A tombstone keeps the place of the batch that it stands for.
        link, last_sequence = batch.get("tombstone", batch)["hash"], batch["last_sequence"]
    return max(batches, default=0), link


if __name__ == "__main__":
    url, token, gateway, *public_keys = sys.argv[1:]
    last, head = check(pulled(url, token, gateway), public_keys)
    print(f"complete: batches 1 to {last}, head {head}")
