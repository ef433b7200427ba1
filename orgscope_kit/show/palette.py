"""Colours, letters and shapes: the same in figures, reports and notebooks.

The hues are Okabe and Ito's, some darkened so that white letters stay legible on them. Nothing is told by colour
alone: states have letters, outcomes have shapes, phases have hatches.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["INK", "LINE", "OUTCOME_LOOKS", "PAPER", "PHASE_LOOKS", "QUIET", "STATE_LOOKS", "Look", "shades"]

INK, QUIET, LINE, PAPER = "#17212b", "#5b6773", "#d5dae0", "#ffffff"


@dataclass(frozen=True, slots=True)
class Look:
    """How one value is drawn.

    Attributes:
        sign: a letter of the matrix, or the text twin of a marker.
        pale: the fill where the letter takes the colour.
        shape: a marker or a hatch of matplotlib's.
    """

    word: str
    colour: str
    sign: str = ""
    shape: str = ""
    pale: str = ""


STATE_LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "granted": Look("granted", "#0b6aa2", "G", pale="#dcedf8"),
        "missing": Look("missing", "#c24a00", "M", pale="#fbe6d8"),
        "unknown": Look("unknown", "#5f6a76", "?", pale="#f1f3f5"),
    }
)

OUTCOME_LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "granted": Look("granted", "#0b6aa2", "●", "o"),
        "narrowed": Look("narrowed", "#56b4e9", "◆", "D"),
        "refused": Look("refused", "#c24a00", "✖", "X"),
        "limited": Look("limited (rate)", "#e69f00", "▲", "^"),
        "failed": Look("failed (5xx)", "#a8487c", "■", "s"),
        "unreachable": Look("unreachable", "#17212b", "✚", "P"),
        "unreadable": Look("unreadable", "#6b7682", "★", "*"),
    }
)

#: In the order drawn: what every exchange takes, then what opening a connection adds.
PHASE_LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "first_byte_ms": Look("request to first byte", "#0b6aa2"),
        "rest_ms": Look("rest (request out, body in)", "#8cc7ea", shape="\\\\\\\\"),
        "dns_ms": Look("new connection: name look-up", "#efc94c", shape="...."),
        "connect_ms": Look("new connection: connect", "#e69f00", shape="////"),
        "tls_ms": Look("new connection: TLS", "#c97fa8", shape="xxxx"),
    }
)


def shades() -> tuple[tuple[int, int, int], ...]:
    """Every colour as red, green, blue; the strong ones also blended with the paper, as the edges of shapes are."""
    looks = [*STATE_LOOKS.values(), *OUTCOME_LOOKS.values(), *PHASE_LOOKS.values()]
    strong = [INK, QUIET, *(look.colour for look in looks)]
    shares = dict.fromkeys(strong, (1.0, 0.85, 0.7, 0.55, 0.4, 0.25))
    pale = [PAPER, LINE, *(look.pale for look in looks if look.pale)]
    blends: dict[tuple[int, int, int], None] = {}
    for name, of in [*shares.items(), *((name, (1.0,)) for name in pale)]:
        for share in of:
            red, green, blue = (round(255 - (255 - part) * share) for part in bytes.fromhex(name[1:]))
            blends[red, green, blue] = None
    return tuple(blends)
