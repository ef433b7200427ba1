"""``osk.explain(text)``: what an error that somebody pasted leaves open. Nothing is ever sent."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..ask.causes import CAUSES
from ..errors import OrgscopeError
from ..read.masking import mask
from ..read.traces import MOST_CHARACTERS, Trace, parse
from ..records import RuledOut
from .explain_causes import Judged, Suspect, weigh
from .explain_provider import guess, reader

__all__ = ["Explanation", "Suspect", "explain", "read_pasted"]

_PASTE_ALL = (
    "the answer's body, with its status line and headers (`curl -i`, or the SDK's whole error text)",
    "the address that was asked, and the request's grant_type, scope and org_id; secrets are taken out here",
)
_LEAST_SURE = 0.6


@dataclass(frozen=True)
class Explanation:
    """What a pasted text tells, and what it leaves open; as text or HTML.

    Attributes:
        recognised: whether the text holds anything of an answer.
        causes: those left, the likeliest first. ruled_out: those that the text excludes, and why.
        who: who acts on the first cause (``unknown`` where no cause is likely). advice, next_check: for it.
        facts: what was found: ``status``, ``error``, ``description``, ``host``, ``path``, ``grant_type``,
            ``client_id``, ``org_id``, ``requested``, ``named``, ``ids``.
        provider: the platform. provider_because: on what ground it is taken for that one.
        paste: what else to paste. notes: what to keep in mind in reading this.
    """

    recognised: bool
    causes: tuple[Suspect, ...]
    ruled_out: tuple[RuledOut, ...]
    who: str
    advice: str
    next_check: str
    facts: Mapping[str, Any]
    provider: str
    provider_because: str
    paste: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    text: str = field(default="", repr=False)

    def as_json(self) -> dict[str, Any]:
        """The same as data."""
        return {
            "schema": 1,
            "recognised": self.recognised,
            "provider": {"name": self.provider, "because": self.provider_because},
            "facts": {key: list(value) if isinstance(value, tuple) else value for key, value in self.facts.items()},
            "causes": [
                {
                    "cause": s.cause,
                    "probability": s.probability,
                    "likelihood": s.likelihood,
                    "why": s.why,
                    "quote": s.quote,
                }
                for s in self.causes
            ],
            "ruled_out": [{"cause": each.cause, "because": each.because} for each in self.ruled_out],
            "who": self.who,
            "advice": self.advice,
            "next_check": self.next_check,
            "paste": list(self.paste),
            "notes": list(self.notes),
        }

    def __repr__(self) -> str:
        from .explain_shown import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from .explain_shown import as_html

        return as_html(self)


def explain(text: str, *, provider: str | None = None) -> Explanation:
    """Say what a pasted error leaves open: the causes, who acts, the next check.

    Args:
        text: an error body, a log line, ``curl -v`` output, an SDK's trace, a raw HTTP message; up to 1 MB is read.
            Secrets in it are taken out before anything else reads it.
        provider: the platform, where it is known better than the text shows.

    Raises:
        OrgscopeError: the provider is unknown.

    >>> story = '{"error": "invalid_scope", "message": "The scope \\'a:b\\' is not authorized for this client."}'
    >>> explanation = explain(story)
    >>> explanation.causes[0].cause, explanation.who
    ('scope_not_granted', 'customer_admin')
    """
    trace = parse(text)
    name, because = guess(trace, provider)
    judged = weigh(trace, name, reader(name))
    suspects = judged.suspects
    left = {each.cause for each in suspects}
    first = suspects[0].cause if suspects else None
    sure = bool(suspects) and suspects[0].probability >= _LEAST_SURE
    entry = CAUSES.get(first or "inconclusive", CAUSES["inconclusive"])
    return Explanation(
        recognised=bool(suspects),
        causes=suspects,
        ruled_out=tuple(each for each in judged.ruled_out if each.cause not in left),
        who=entry.who if sure else "unknown",
        advice=_filled(entry.advice, trace) if sure else CAUSES["inconclusive"].advice,
        next_check=judged.next_check or (_filled(entry.next_check, trace) if suspects else f"Paste {_PASTE_ALL[0]}."),
        facts=_facts(trace),
        provider=name,
        provider_because=because,
        paste=_missing(trace, bool(suspects)),
        notes=_notes(trace, judged),
        text=trace.text,
    )


def read_pasted(file: str | None = None) -> str:
    """The text of a file, or of standard input for ``-`` or nothing; no more than is read of it.

    Raises:
        OrgscopeError: there is no such file, or it cannot be read.
    """
    most = 4 * MOST_CHARACTERS + 4  # bytes of that many characters at the most, and one more
    try:
        if file is None or file == "-":
            content = sys.stdin.buffer.read(most)
        else:
            with Path(file).open("rb") as stream:
                content = stream.read(most)
    except OSError as error:
        raise OrgscopeError(f"{file}: {error.strerror or 'cannot be read'}. Name a file, or paste into `-`.") from error
    for mark, coding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if content.startswith(mark):
            return content[2:].decode(coding, "replace")
    return content.decode("utf-8-sig", "replace")


class _Words(dict[str, str]):
    """Placeholders that this version does not know stay empty."""

    def __missing__(self, key: str) -> str:
        return ""


def _filled(template: str, trace: Trace) -> str:
    """A cause's sentence for what the text shows."""
    if trace.client_id is None:
        template = template.replace("client id {client}", "client id").replace("client {client}", "the client")
        template = template.replace("for the client", "for that client")
    words = _Words(
        org="the org",
        scopes=", ".join(trace.named) or "the scope",
        client=trace.client_id or "the client",
        endpoint=f"https://{trace.host}{trace.path or ''}" if trace.host else "the token endpoint",
        org_id=trace.org_id or "its id",
    )
    filled = template.format_map(words)
    return filled[:1].upper() + filled[1:]


def _facts(trace: Trace) -> dict[str, Any]:
    names = ("status", "error", "description", "method", "host", "path", "grant_type", "client_id", "org_id")
    found = {name: getattr(trace, name) for name in names}
    found |= {"broken": trace.broken, "requested": trace.requested, "named": trace.named, "ids": dict(trace.ids)}
    return {key: value for key, value in found.items() if value not in (None, (), {})}


def _missing(trace: Trace, recognised: bool) -> tuple[str, ...]:
    if not recognised:
        return _PASTE_ALL
    wanted = []
    if trace.status is None and trace.broken is None:
        wanted.append("the answer's status line (`curl -i`)")
    if trace.host is None:
        wanted.append("the address that was asked, host and path")
    if not trace.token and not trace.requested:
        wanted.append("the request's grant_type, scope and org_id; its secrets are taken out here")
    if not trace.ids and trace.broken is None:
        wanted.append("the answer's headers, for the id that the platform's support asks for")
    return tuple(wanted)


def _notes(trace: Trace, judged: Judged) -> tuple[str, ...]:
    notes = list(judged.notes)
    if trace.answers > 1:
        notes.append(f"The text holds {trace.answers} answers; the last one is read.")
    if trace.cut:
        notes.append("The text is longer than 1 MB; what comes after that was not read.")
    if "[redacted]" in trace.text:
        notes.append("Secrets in the text were taken out before it was read.")
    return tuple(mask(note) for note in notes)
