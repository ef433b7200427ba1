"""Figures: org by scope, latency by phase, outcomes over time.

One way in for all of them: frames in, a [`Picture`][orgscope_kit.show.figures.Picture] out. What is drawn has been
computed in `read`; ``pyplot`` is never touched, so that no figure outlives its reader.
"""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from orgscope_kit.read import summary
from orgscope_kit.show.alt import alt_text
from orgscope_kit.show.palette import INK, LINE, OUTCOME_LOOKS, PAPER, PHASE_LOOKS, QUIET, STATE_LOOKS, Look, shades
from orgscope_kit.show.words import visible

__all__ = ["Picture", "latency", "matrix", "png", "timeline"]

_MOST_ORGS, _MOST_SCOPES, _MOST_BARS, _MOST_LABELS = 60, 40, 40, 60
_X_HEIGHT = 3.3  # the middle of a small letter of 12 points, in points above its line
_SINGLE_CELLS = 480  # more are drawn kind by kind, in a tenth of the time
_FEW = 4  # as many scopes have room for their names lying flat


class Picture(Figure):
    """A figure with its alternative text in ``alt``; notebooks show it as an image that carries the text."""

    alt: str = ""

    def _repr_html_(self) -> str:
        data = base64.b64encode(png(self)).decode()
        return Markup('<img alt="{}" style="max-width:100%" width="{:.0f}" src="data:image/png;base64,{}">').format(
            self.alt, self.get_figwidth() * 96, data
        )


def matrix(states: pd.DataFrame, marks: pd.DataFrame) -> Picture:
    """Which org grants which scope: a letter and a colour a cell; inferred ones pale, with a small letter.

    Above 60 orgs, orgs of the same pattern share a row; what does not fit then is counted below.
    """
    shown, known, note = states, marks, []
    if len(shown) > _MOST_ORGS:
        shown, known = summary.alike(states, marks)
        note.append(f"{len(states)} orgs in {len(shown)} patterns")
    note += _more(len(shown) - _MOST_ORGS, "patterns") + _more(shown.shape[1] - _MOST_SCOPES, "scopes")
    shown, known = shown.iloc[:_MOST_ORGS, :_MOST_SCOPES], known.iloc[:_MOST_ORGS, :_MOST_SCOPES]
    few = shown.shape[1] <= _FEW
    cell_width, cell_height = (2.1, 0.5) if few else (0.34, 0.34)
    size = (2.6 + cell_width * shown.shape[1], 1.9 + cell_height * len(shown) + (0.0 if few else 1.6))
    picture, axes = _canvas("Which org grants which scope?", size, alt_text("matrix", states))
    (_cells if shown.size <= _SINGLE_CELLS else _cells_by_kind)(axes, shown, known)
    axes.set_xlim(-0.5, max(shown.shape[1], 1) - 0.5)
    axes.xaxis.tick_top()
    slant: dict[str, Any] = {} if few else {"rotation": 45, "ha": "left", "rotation_mode": "anchor"}
    axes.set_xticks(range(shown.shape[1]), _short(shown.columns), parse_math=False, **slant)
    _rows(axes, shown.index)
    if not shown.size:
        axes.set_xlabel("no org asks for a scope")
    _legend(picture, [*map(_state_key, STATE_LOOKS.values()), _INFERRED_KEY, _BLANK_KEY])
    return _noted(picture, note, top=False)


def latency(observations: pd.DataFrame) -> Picture:
    """How long the answers took: medians of the phases stacked, org by org, with the 90th percentile of the whole.

    Waiting in our own queue is not drawn. Above 40 orgs, the slowest 40 by that percentile.
    """
    medians, totals = summary.phases(observations), summary.by_org(observations)
    slowest = totals["p90_total_ms"].reindex(medians.index).sort_values(ascending=False).index[:_MOST_BARS]
    shown = medians.loc[medians.index.isin(slowest)]
    note = [f"the slowest {len(shown)} of {len(medians)} orgs"] if len(medians) > len(shown) else []
    size = (8.6, 2.0 + (0.42 if len(shown) <= 12 else 0.27) * max(len(shown), 1))
    picture, axes = _canvas("How long does each org's server take to answer?", size, alt_text("latency", observations))
    ends = _stacked(axes, shown)
    p90 = totals["p90_total_ms"].reindex(shown.index).astype("float64")
    axes.plot(
        p90, range(len(shown)), "|", color=INK, markersize=17, markeredgewidth=2.2, label="90th percentile of the whole"
    )
    for row, (exchange, whole, tail) in enumerate(zip(ends["rest_ms"], ends["tls_ms"], p90, strict=True)):
        text = f"{exchange:,.0f} ms" + (f"  + {whole - exchange:,.0f} ms to connect" if whole > exchange else "")
        axes.annotate(
            text, (max(whole, tail), row), (8, 0), textcoords="offset points", va="center", color=INK, fontsize=9,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    longest = pd.concat([ends["tls_ms"], p90]).max()
    axes.set_xlim(0.0, float(longest) * 1.3 if longest > 0 else 1.0)
    _rows(axes, shown.index)
    axes.set_xlabel(
        "median time of each phase, ms (our own queue left out)" if len(shown) else "ms; nothing was answered"
    )
    axes.grid(axis="x", color=LINE, linewidth=0.8)
    handles = axes.get_legend_handles_labels()[0]
    _legend(picture, [*handles[1:], *handles[:1]] if len(shown) else [])
    return _noted(picture, note)


def timeline(observations: pd.DataFrame) -> Picture:
    """When each org was asked and what it answered: one mark an exchange, its shape and colour the outcome."""
    orgs = list(dict.fromkeys(observations["org"].astype("str")))
    height = 2.0 + min((0.42 if len(orgs) <= 12 else 0.27) * max(len(orgs), 1), 12.0)
    picture, axes = _canvas(
        "When was each org asked, and what came back?", (8.6, height), alt_text("timeline", observations)
    )
    start = observations["sent_at"].min()
    row = observations["org"].astype("str").map({org: number for number, org in enumerate(orgs)})
    seconds = (observations["sent_at"] - start).dt.total_seconds()
    for outcome, look in OUTCOME_LOOKS.items():
        chosen = (observations["outcome"] == outcome).to_numpy()
        if chosen.any():
            axes.scatter(
                seconds[chosen], row[chosen], 74 if len(orgs) <= _MOST_LABELS else 26,
                marker=look.shape, color=look.colour, edgecolors=PAPER, linewidths=0.7, label=look.word, zorder=3,
            )  # fmt: skip
    _rows(axes, orgs)
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.margins(x=0.04)
    since = f"seconds since {start:%Y-%m-%d %H:%M:%S} UTC" if len(observations) else "seconds; no exchanges"
    axes.set_xlabel(since)
    _legend(picture, axes.get_legend_handles_labels()[0])
    return _noted(picture, [f"{len(orgs)} orgs, not all of them named"] if len(orgs) > _MOST_LABELS else [])


def png(figure: Figure) -> bytes:
    """The figure as PNG in the palette's own colours, a fifth of the size. Letters that the font lacks become boxes."""
    from PIL import Image  # comes with matplotlib, which cannot do without it

    dots = figure.get_dpi()
    canvas: Any = FigureCanvasAgg(figure)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")
        figure.set_dpi(144 if figure.get_figwidth() * figure.get_figheight() < 150 else 96)
        canvas.draw()  # once; `savefig` draws twice, and encodes what is decoded again below
    drawn = Image.fromarray(np.asarray(canvas.buffer_rgba())[:, :, :3])
    figure.set_dpi(dots)
    palette = Image.new("P", (1, 1))
    palette.putpalette([channel for colour in shades() for channel in colour])
    small = io.BytesIO()
    drawn.quantize(palette=palette, dither=Image.Dither.NONE).save(small, format="png", optimize=True)
    return small.getvalue()


def _canvas(question: str, size: tuple[float, float], alt: str) -> tuple[Picture, Axes]:
    picture = Picture(
        figsize=(max(size[0], 7.2), size[1]), layout=ConstrainedLayoutEngine(h_pad=0.12, w_pad=0.12), facecolor=PAPER
    )
    picture.alt = alt
    picture.suptitle(question, x=0.12 / picture.get_figwidth(), ha="left", fontsize=14, fontweight="bold", color=INK)
    axes = picture.add_subplot()
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=10, labelcolor=INK)
    axes.set_axisbelow(True)
    axes.xaxis.label.set_color(QUIET)
    return picture, axes


def _cells(axes: Axes, states: pd.DataFrame, marks: pd.DataFrame) -> None:
    gap = 0.012 if states.shape[1] <= _FEW else 0.05
    for row, (state_row, mark_row) in enumerate(zip(states.to_numpy(), marks.to_numpy(), strict=True)):
        for column, (state, mark) in enumerate(zip(state_row, mark_row, strict=True)):
            look = STATE_LOOKS.get(state) if isinstance(state, str) else None
            if look is None:
                axes.plot(column, row, ".", color=QUIET, markersize=3)
                continue
            inferred = isinstance(mark, str) and mark == "inferred"
            pale = inferred or state == "unknown"
            tile = (column - 0.5 + gap, row - 0.45), 1 - 2 * gap, 0.9
            fill = look.pale if pale else look.colour
            axes.add_artist(Rectangle(*tile, facecolor=fill, edgecolor=look.colour, in_layout=False))
            axes.text(
                column, row, look.sign.lower() if inferred else look.sign, color=look.colour if pale else PAPER,
                style="italic" if inferred else "normal", weight="bold", fontsize=12, ha="center", va="center_baseline",
                in_layout=False,  # it lies within the axes; to lay out a thousand takes a second
            )  # fmt: skip


def _cells_by_kind(axes: Axes, states: pd.DataFrame, marks: pd.DataFrame) -> None:
    """As ``_cells``, all cells that look alike at once."""
    places: dict[tuple[str, bool], list[tuple[int, int]]] = {}
    for row, (state_row, mark_row) in enumerate(zip(states.to_numpy(), marks.to_numpy(), strict=True)):
        for column, (state, mark) in enumerate(zip(state_row, mark_row, strict=True)):
            kind = (state, isinstance(mark, str) and mark == "inferred") if isinstance(state, str) else ("", False)
            places.setdefault(kind, []).append((column, row))
    for (state, inferred), cells in places.items():
        look = STATE_LOOKS.get(state)
        if look is None:
            axes.plot(*zip(*cells, strict=True), ".", color=QUIET, markersize=3)
            continue
        pale = inferred or state == "unknown"
        tiles = [Rectangle((column - 0.45, row - 0.45), 0.9, 0.9) for column, row in cells]
        fill = look.pale if pale else look.colour
        axes.add_artist(PatchCollection(tiles, facecolor=fill, edgecolor=look.colour, in_layout=False))
        letter, points = _letter(look.sign.lower() if inferred else look.sign, "italic" if inferred else "normal")
        columns, rows = zip(*cells, strict=True)
        axes.scatter(columns, rows, points**2, marker=letter, color=look.colour if pale else PAPER, linewidths=0)


def _letter(sign: str, style: str) -> tuple[Path, float]:
    """A letter as a marker, and the size in points at which it is as large as text of 12 points."""
    drawn = TextPath((0, 0), sign, size=12, prop=FontProperties(style=style, weight="bold"))  # type: ignore[arg-type]
    box = drawn.get_extents()
    centred = drawn.vertices - ((box.x0 + box.x1) / 2, _X_HEIGHT if sign.islower() else (box.y0 + box.y1) / 2)
    return Path(centred, drawn.codes), 2 * float(np.abs(centred).max())


def _stacked(axes: Axes, medians: pd.DataFrame) -> pd.DataFrame:
    """Bars of the phases, one beside the other; where each of them ends."""
    widths = medians[list(PHASE_LOOKS)].astype("float64").fillna(0.0)
    ends = widths.cumsum(axis=1)
    for phase, look in PHASE_LOOKS.items():
        axes.barh(
            range(len(widths)), widths[phase], 0.56, left=ends[phase] - widths[phase],
            color=look.colour, hatch=look.shape, edgecolor=PAPER, linewidth=0.8, label=look.word,
        )  # fmt: skip
    return ends


def _rows(axes: Axes, names: Sequence[str] | pd.Index[str]) -> None:
    """Orgs down the side, first one on top; every n-th is named where there are many."""
    step = -(-max(len(names), 1) // _MOST_LABELS)
    labels = _short(list(names)[::step], 44)
    axes.set_yticks(range(0, len(names), step), labels, parse_math=False)
    axes.set_ylim(max(len(names), 1) - 0.4, -0.6)


def _short(names: Sequence[str] | pd.Index[str], most: int = 34) -> list[str]:
    return [visible(str(name), most) for name in names]


def _legend(picture: Picture, handles: Sequence[Any]) -> None:
    if handles:
        widths = [0.6 + 0.08 * len(str(handle.get_label())) for handle in handles]  # inches, near enough
        room = picture.get_figwidth() - 0.3
        columns = len(widths) if sum(widths) <= room else max(1, int(room // max(widths)))
        picture.legend(
            handles=handles, loc="outside lower left", ncols=columns, frameon=False, fontsize=9, labelcolor=INK,
            handlelength=1.9, handleheight=1.2, columnspacing=1.6,
        )  # fmt: skip


def _noted(picture: Picture, note: Sequence[str], top: bool = True) -> Picture:
    """What the figure leaves out, in a corner of the axes that has no labels."""
    if note:
        height, offset, edge = (1, 6, "bottom") if top else (0, -8, "top")
        picture.axes[0].annotate(
            "; ".join(note), (1, height), (0, offset), "axes fraction", "offset points",
            ha="right", va=edge, color=QUIET, fontsize=9,
        )  # fmt: skip
    return picture


def _more(count: int, what: str) -> list[str]:
    return [f"{count} more {what} not drawn"] if count > 0 else []


def _state_key(look: Look) -> Patch:
    face = look.pale if look.sign == "?" else look.colour
    return Patch(facecolor=face, edgecolor=look.colour, label=f"{look.sign}  {look.word}")


_INFERRED_KEY = Patch(
    facecolor=STATE_LOOKS["granted"].pale, edgecolor=STATE_LOOKS["granted"].colour, label="g, m  inferred"
)
_BLANK_KEY = Line2D([], [], marker=".", linestyle="", color=QUIET, label="not asked for")
