"""An explanation for people: text for terminals, HTML for notebooks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from ..ask.causes import CAUSES
from ..show.words import WHO, percent, visible

if TYPE_CHECKING:
    from .explain import Explanation, Suspect

__all__ = ["as_html", "as_text"]

_WIDTH = 100
_NOTHING = "Nothing here is recognised as an answer of an authorization server."


def as_text(shown: Explanation) -> str:
    """Plain text; characters that could move a cursor are shown as signs."""
    lines = [_head(shown), ""]
    if shown.causes:
        lines.append("Causes left, the likeliest first:")
        for number, each in enumerate(shown.causes, start=1):
            lines += _wrapped(f"{number}. {_titled(each)}", "  ", "     ")
            lines += _wrapped(_why(each), "     ", "     ")
        lines += ["", *_wrapped(f"Who acts: {_who(shown)}.", "", "  ")]
        lines += _wrapped(shown.advice, "  ", "  ")
    lines += _wrapped(f"Next check: {shown.next_check}", "", "  ")
    if shown.ruled_out:
        lines.append("Ruled out by the text:")
        for because, causes in _grouped(shown):
            lines += _wrapped(f"{', '.join(causes)}: {because}", "  ", "    ")
    for title, items in (("Found:", list(_facts(shown))), ("To tell more, paste:", list(shown.paste))):
        lines += [title] if items else []
        for item in items:
            lines += _wrapped(f"- {item}", "  ", "    ")
    for note in shown.notes:
        lines += _wrapped(note, "", "  ")
    return "\n".join(lines)


def as_html(shown: Explanation) -> str:
    """HTML; every text of the server is escaped."""
    parts = ['<div class="orgscope-explanation">', f"<p><strong>{_html(_head(shown))}</strong></p>"]
    if shown.causes:
        parts.append("<ol>")
        parts += [f"<li><strong>{_html(_titled(each))}</strong><br>{_html(_why(each))}</li>" for each in shown.causes]
        parts.append(f"</ol><p><strong>Who acts:</strong> {_html(_who(shown))}. {_html(shown.advice)}</p>")
    parts.append(f"<p><strong>Next check:</strong> {_html(shown.next_check)}</p>")
    if shown.ruled_out:
        items = "".join(f"<li>{_html(', '.join(names))}: {_html(why)}</li>" for why, names in _grouped(shown))
        parts.append(f"<details><summary>Ruled out by the text</summary><ul>{items}</ul></details>")
    for heading, found in (
        ("Found", list(_facts(shown))),
        ("To tell more, paste", list(shown.paste)),
        ("Notes", list(shown.notes)),
    ):
        listed = "".join(f"<li>{_html(item)}</li>" for item in found)
        if listed:
            parts.append(f"<p><strong>{heading}</strong></p><ul>{listed}</ul>")
    return "".join([*parts, "</div>"])


def _head(shown: Explanation) -> str:
    if not shown.causes:
        return _NOTHING
    first = shown.causes[0]
    return (
        f"{'Likely' if first.likelihood == 'likely' else 'Not settled; first'}: {_title(first.cause)} ({first.cause})"
    )


def _title(cause: str) -> str:
    entry = CAUSES.get(cause)
    return entry.title if entry else cause


def _titled(each: Suspect) -> str:
    return f"{each.cause} ({each.likelihood}, {percent(each.probability)}): {_title(each.cause)}"


def _why(each: Suspect) -> str:
    return f"{each.why} “{each.quote}”" if each.quote else each.why


def _who(shown: Explanation) -> str:
    return WHO.get(shown.who, shown.who)


def _grouped(shown: Explanation) -> list[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for each in shown.ruled_out:
        groups.setdefault(each.because, []).append(each.cause)
    return list(groups.items())


def _facts(shown: Explanation) -> Iterator[str]:
    yield f"platform: {shown.provider} ({shown.provider_because})"
    for key, value in shown.facts.items():
        if isinstance(value, dict):
            yield from (f"{name}: {text}" for name, text in value.items())
        else:
            yield f"{key.replace('_', ' ')}: {' '.join(value) if isinstance(value, tuple) else value}"


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    plain = visible(" ".join(text.split()))
    return textwrap.wrap(
        plain, _WIDTH, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def _html(text: str) -> str:
    return escape(visible(text))
