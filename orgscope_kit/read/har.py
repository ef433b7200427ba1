"""A browser's or API client's recording (HAR 1.2) as exchanges with token endpoints.

Requests to anything else are passed over. Tokens and secrets are read to tell requests apart and to take them out of
what servers wrote; none is kept.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets as randomness
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ..errors import OrgscopeError
from ..providers import OAuth2, Reading, named
from ..records import Exchange
from ..scopes import split
from ..send.answers import Received, decode
from ..send.redaction import Redactor
from .har_copy import copied
from .har_entries import Entry, entries, read_entry
from .har_secrets import found_in, presented
from .masking import mask, remover
from .traces_words import transport_word

__all__ = ["MOST_BYTES", "Recorded", "Recording", "load", "read"]

#: A larger file is refused.
MOST_BYTES = 100 * 2**20
_MOST_EXCHANGES = 5000
_SIMULATED = "orgscope-sandbox"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One exchange with a token endpoint, and what its request tells beside the columns of the frame.

    Attributes:
        row: its ``org`` and ``purpose`` are not decided here. client_id, org_id: as sent; ``None`` where not recorded.
        credential: equal for two requests with the same secret. way: equal where it was presented alike, too. Both
            mean nothing outside this process. has_secret: whether one was recorded.
        simulated: whether a sandbox answered.
    """

    row: Exchange
    client_id: str | None
    org_id: str | None
    grant_type: str
    credential: str = field(repr=False)
    way: str = field(repr=False)
    has_secret: bool = False
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """A file as read.

    Attributes:
        exchanges: in the order of their start. entries: how many requests the file holds.
        creator: the tool that wrote it. copy: the text of a HAR file with these exchanges and without any secret.
    """

    exchanges: tuple[Recorded, ...]
    entries: int
    creator: str
    copy: str = field(repr=False)


def load(path: str | Path, provider: str = "oauth2") -> list[Recorded]:
    """The exchanges with token endpoints in a HAR file, in the order of their start.

    Raises:
        OrgscopeError: the file cannot be read, is too large, or is no HAR file.
    """
    return list(read(path, provider).exchanges)


def read(path: str | Path, provider: str = "oauth2") -> Recording:
    """As ``load``, with the redacted copy of the file.

    Raises:
        OrgscopeError: the file cannot be read, is too large, or is no HAR file; or the provider is unknown.
    """
    place = Path(path)
    document = _document(place)
    try:
        reader = named(provider)
    except KeyError:
        raise OrgscopeError(f"provider: {provider[:60]!r} is unknown to this version. Leave it out.") from None
    raws = entries(document)
    every = [(raw, entry) for raw in raws if (entry := read_entry(raw)) is not None]
    asked = [(raw, entry) for raw, entry in every if entry.asks_for_token][:_MOST_EXCHANGES]
    known = found_in([entry for _, entry in asked])
    first = min((entry.at for _, entry in asked if entry.at), default=datetime.now(UTC))
    clean = remover(known)
    key = randomness.token_bytes(32)
    connections: dict[str, int] = {}
    found = [_recorded(entry, entry.at or first, reader, clean, key, connections) for _, entry in asked]
    found.sort(key=lambda each: each.row.sent_at)
    creator = _creator(document)
    return Recording(tuple(found), len(raws), mask(creator), copied([raw for raw, _ in every], asked, known, creator))


def _document(place: Path) -> Any:
    try:
        with place.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise OrgscopeError(f"{place}: {error.strerror or 'cannot be read'}. Name a HAR file.") from error
    if len(content) > MOST_BYTES:
        raise OrgscopeError(
            f"{place}: larger than {MOST_BYTES >> 20} MB. Record again, or save the token requests alone."
        )
    try:
        document = json.loads(content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not isinstance(document.get("log"), dict):
        raise OrgscopeError(f"{place}: no HAR file (JSON with `log`). Save it as HAR from the browser's network view.")
    return document


def _creator(document: Any) -> str:
    log = document["log"]
    told = log.get("browser") if isinstance(log.get("browser"), dict) else log.get("creator")
    told = told if isinstance(told, dict) else {}
    parts = [told.get(name) for name in ("name", "version")]
    return " ".join(part[:60] for part in parts if isinstance(part, str)) or "unknown tool"


def _recorded(
    entry: Entry, at: datetime, reader: OAuth2, clean: Callable[[str], str], key: bytes, connections: dict[str, int]
) -> Recorded:
    shown = presented(entry)
    scope = entry.parameter("scope")
    org_id = entry.parameter("org_id") or entry.parameter("organization")
    requested = split(clean(scope)) if scope is not None else None
    row = _timed(entry, at, connections, shown.method)
    row = replace(row, scope_requested=requested, org_id_sent=org_id if reader.has_org_parameter else None)
    reading = _reading(entry, reader, requested, clean)
    named_ones = {name: getattr(reading, name) for name in Reading.__dataclass_fields__ if name in _READ}
    return Recorded(
        replace(row, **named_ones),
        shown.client_id,
        org_id,
        (entry.parameter("grant_type") or "client_credentials")[:100],
        _seal(key, shown.secret),
        _seal(key, shown.method, shown.literal),
        bool(shown.secret),
        any(name == "server" and value == _SIMULATED for name, value in entry.response_headers),
    )


_READ = frozenset(Reading.__dataclass_fields__) & frozenset(Exchange.__dataclass_fields__)


def _seal(key: bytes, *parts: str) -> str:
    return hmac.new(key, "\0".join(parts).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


def _timed(entry: Entry, at: datetime, connections: dict[str, int], method: str) -> Exchange:
    """The row as far as request and timings fill it. ``blocked`` is the tool's own queue."""
    ms = entry.ms
    fresh = entry.reused is not True
    queue = ms.get("blocked", 0.0)
    parts = [ms[name] for name in ("dns", "connect", "ssl", "send", "wait", "receive") if name in ms]
    number = connections.setdefault(entry.connection, len(connections) + 1) if entry.connection else None
    return Exchange(
        exchange_id=0, probe_id="", org="", purpose="baseline", scope_requested=None, org_id_sent=None,
        credentials_of="", auth_method=method, endpoint=entry.url, attempt=1, planned_at=at,
        sent_at=at + timedelta(milliseconds=queue), queue_ms=queue,
        dns_ms=ms.get("dns") if fresh else None,
        connect_ms=ms.get("connect") if fresh else None,
        tls_ms=ms.get("ssl") if fresh else None,
        first_byte_ms=ms.get("wait"), total_ms=sum(parts) if parts else None,
        connection_id=number, connection_reused=entry.reused, loop_lag_ms=None,
        timing_clock="recording", status=entry.status or None, outcome="unreadable", error=None,
        error_description=None, named_scopes=(), scope_granted=None, scope_stated=None, token_org=None,
        expires_in_s=None, retry_after_s=None, correlation_id=None,
    )  # fmt: skip


def _reading(entry: Entry, reader: OAuth2, requested: tuple[str, ...] | None, clean: Callable[[str], str]) -> Reading:
    if not entry.status:
        word = transport_word(entry.failure or "") or ("cancelled" if "ABORT" in (entry.failure or "") else "no_answer")
        return Reading("unreachable", word)
    headers = dict(entry.response_headers)
    answer = decode(Received(entry.status, headers, entry.body), Redactor(), *found_in([entry]))
    try:
        reading = reader.read(answer.reply, requested)
        if answer.claims is not None and reading.outcome in ("granted", "narrowed"):
            reading = reader.with_claims(reading, answer.claims, requested)
    except Exception as error:  # a provider that stumbles over an answer ends no import
        return Reading("unreadable", "undecodable", f"the provider cannot read it ({type(error).__name__})")
    words = reading.scope_granted

    def cleaned(text: str | None) -> str | None:
        return None if text is None else mask(clean(text))

    return replace(
        reading,
        error=cleaned(reading.error),
        error_description=cleaned(reading.error_description),
        correlation_id=cleaned(reading.correlation_id),
        token_org=cleaned(reading.token_org),
        scope_granted=None if words is None else split(" ".join(mask(clean(each)) for each in words)),
    )
