"""What it costs to take the secrets of a fleet out of an answer."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from uuid import UUID

from orgscope_kit.ask.reference import Reference
from orgscope_kit.records import Org
from orgscope_kit.send.answers import Received, decode
from orgscope_kit.send.credentials import Credentials, Secret
from orgscope_kit.send.redaction import Redactor

from .rows import Row, at_most, cpu_s, seen

__all__ = ["measure"]

_HEADERS = {"content-type": "application/json", "cache-control": "no-store", "x-request-id": "1-18.25"}


def measure() -> list[Row]:
    """CPU µs an answer of 300 bytes; and CPU seconds to get ready, once a run."""
    rows = []
    drawn = random.Random(5)
    (ready_1, each_1), (ready_n, each_n) = _costs(1, drawn), _costs(2000, drawn)
    rows.append(seen("redaction of an answer, 2,000 secrets, CPU µs (peer: one secret)", each_n, each_1))
    rows.append(at_most("getting ready to redact 2,000 secrets, CPU s (peer: one secret)", ready_n, 0.3, ready_1))
    return rows


def _costs(secrets: int, drawn: random.Random) -> tuple[float, float]:
    names = [f"org-{n:05d}" for n in range(secrets)]
    orgs = [
        Org(name, "oauth2", "https://login.example/token", str(UUID(int=drawn.getrandbits(128))), ("a",))
        for name in names
    ]
    held = {name: Secret(_text(drawn, 32)) for name in names}
    references = {name: Reference("env", "SECRET", Path()) for name in names}
    credentials = Credentials(orgs, references, held, "benchmark")
    redactors: list[Redactor] = []
    ready_s = cpu_s(lambda: redactors.append(Redactor(credentials.forms())), 1)
    received = [_answer(drawn) for _ in range(200)]
    each_s = cpu_s(lambda: [decode(answer, redactors[0]) for answer in received], 1)
    return ready_s, 1e6 * each_s / len(received)


def _answer(drawn: random.Random) -> Received:
    body = {"access_token": _text(drawn, 144), "token_type": "bearer", "expires_in": 3600, "scope": "a"}
    return Received(200, _HEADERS, json.dumps(body).encode())


def _text(drawn: random.Random, size: int) -> str:
    return base64.b64encode(drawn.randbytes(size)).decode()
