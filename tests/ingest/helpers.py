"""Messages as the worker sends them."""

import base64
import gzip
from typing import Any
from uuid import uuid4


def packed(raw: bytes) -> str:
    """Raw bytes as a capture carries them."""
    return base64.b64encode(gzip.compress(raw, mtime=0)).decode()


def session_report(clock: Any, **more: Any) -> dict[str, Any]:
    return {"batch_id": str(uuid4()), "observed_at": clock.now.isoformat(), "account": "demo_owner",
            "state": "signed_in"} | more


def page(clock: Any, *names: Any, **more: Any) -> dict[str, Any]:
    """One page of the followers list with these people."""
    people = [name if isinstance(name, dict) or not isinstance(name, str) else {"username": name} for name in names]
    return {"batch_id": str(uuid4()), "observed_at": clock.now.isoformat(), "scan_id": str(uuid4()),
            "account": "demo_owner", "list": "followers", "facts": {"part": "followers", "cards": len(people)},
            "people": people} | more


def send(client: Any, kind: str, body: Any, **more: Any) -> Any:
    return client.post(f"/api/ingest/{kind}", json=body, **more)
