"""Figures: what stands on the axes, not which pixels."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
import story
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from orgscope_kit.read import summary
from orgscope_kit.read.observations import frame
from orgscope_kit.records import Org
from orgscope_kit.show import figures
from orgscope_kit.show.alt import alt_text
from orgscope_kit.show.palette import PHASE_LOOKS, shades

OBSERVATIONS = frame(story.exchanges())
STATES, MARKS = summary.matrix(story.orgs(), story.GRANTS), summary.marks(story.orgs(), story.GRANTS)


def _texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def _legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def _fleet(orgs: int, scopes: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    named = [Org(f"org-{n}", "oauth2", "https://x/", "c", tuple(f"s{m}" for m in range(scopes))) for n in range(orgs)]
    grants = {org.name: dict.fromkeys(org.scopes[n % scopes :], ("granted", "asked")) for n, org in enumerate(named)}
    return summary.matrix(named, grants), summary.marks(named, grants)


def test_matrix_draws_a_letter_a_cell() -> None:
    """Capitals were asked, small letters are inferred."""
    assert ["G", "G", "G", "g", "g", "M"] == _texts(figures.matrix(STATES, MARKS))


def test_matrix_tells_inferred_by_letter_slant_and_fill() -> None:
    """An inferred cell differs from one that was asked in more than colour."""
    texts = figures.matrix(STATES, MARKS).axes[0].texts
    assert ("normal", "italic") == (texts[0].get_fontstyle(), texts[3].get_fontstyle())
    assert to_hex(texts[0].get_color()) != to_hex(texts[3].get_color())


def test_matrix_names_orgs_scopes_and_signs() -> None:
    """Rows are orgs, columns scopes, and the legend explains every sign."""
    figure = figures.matrix(STATES, MARKS)
    axes = figure.axes[0]
    assert list(STATES.index) == [label.get_text() for label in axes.get_yticklabels()]
    assert list(STATES.columns) == [label.get_text() for label in axes.get_xticklabels()]
    assert ["G  granted", "M  missing", "?  unknown", "g, m  inferred", "not asked for"] == _legend(figure)


@pytest.mark.parametrize(("orgs", "scopes", "rows"), [(60, 40, 60), (61, 3, 3), (200, 70, 60)])
def test_matrix_stays_legible(orgs: int, scopes: int, rows: int) -> None:
    """Up to 60 orgs each has its row; beyond, orgs alike share one, and what is left out is said."""
    figure = figures.matrix(*_fleet(orgs, scopes))
    assert rows == len(figure.axes[0].get_yticks())
    assert (orgs > 60) == any("patterns" in text for text in _texts(figure))
    assert (scopes > 40) == any("30 more scopes not drawn" in text for text in _texts(figure))


def test_many_cells_are_drawn_by_kind() -> None:
    """Beyond some hundred cells, all that look alike are one collection of tiles and one of letters."""
    states, marks = _fleet(60, 30)
    figure = figures.matrix(states, marks)
    tiles, letters = figure.axes[0].collections[::2], figure.axes[0].collections[1::2]
    assert [] == _texts(figure)
    assert {int((states == state).sum().sum()) for state in ("granted", "unknown")} == {
        len(np.asarray(each.get_offsets())) for each in letters
    }
    assert [len(each.get_paths()) for each in tiles] == [len(np.asarray(each.get_offsets())) for each in letters]


def test_latency_without_timings_warns_of_nothing() -> None:
    """Answers of which no time is known make a figure, and no noise."""
    rows = frame([story.exchange(n, first_byte_ms=None, total_ms=None) for n in (1, 2)])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = figures.latency(rows)
        assert figures.png(figure)
    assert (0.0, 1.0) == figure.axes[0].get_xlim()


def test_latency_stacks_the_phases_of_each_org() -> None:
    """Five bars an org, one beside the other, and one mark for the 90th percentile."""
    axes = figures.latency(OBSERVATIONS).axes[0]
    assert 10 == len(axes.patches)
    assert sum(summary.phases(OBSERVATIONS).loc["primary"]) == pytest.approx(
        sum(bar.get_bbox().width for bar in axes.patches[::2] if isinstance(bar, Rectangle))
    )
    assert summary.by_org(OBSERVATIONS)["p90_total_ms"].tolist() == pytest.approx(
        list(np.asarray(axes.lines[0].get_xdata()))
    )
    assert "ms" in axes.get_xlabel()


def test_latency_leaves_our_queue_out() -> None:
    """Waiting on our side changes nothing in the figure."""
    waited = frame([story.exchange(1, queue_ms=9e5), story.exchange(2)])
    at_once = frame([story.exchange(1, queue_ms=0.0), story.exchange(2)])
    assert _texts(figures.latency(at_once)) == _texts(figures.latency(waited))


def test_latency_of_many_shows_the_slowest() -> None:
    """Above forty orgs, the slowest forty stand in the figure, and it says so."""
    rows = [story.exchange(n, f"org-{n}", total_ms=100.0 + n) for n in range(1, 61)]
    figure = figures.latency(frame(rows))
    assert "org-60" in [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "the slowest 40 of 60 orgs" in _texts(figure)


def test_timeline_gives_each_outcome_its_shape() -> None:
    """Outcomes differ in marker as well as in colour, and only those that came are in the legend."""
    figure = figures.timeline(OBSERVATIONS)
    shapes = {str(marks.get_paths()[0].vertices) for marks in figure.axes[0].collections}
    assert (["granted", "refused", "unreachable"], 3) == (_legend(figure), len(shapes))
    assert "seconds since 2026-11-24 10:15:30 UTC" == figure.axes[0].get_xlabel()


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize("draw", [figures.latency, figures.timeline])
def test_figures_of_next_to_nothing(draw: object, rows: int) -> None:
    """An empty frame and a single row are drawn, too."""
    assert figures.png(draw(OBSERVATIONS.iloc[:rows])).startswith(b"\x89PNG")  # type: ignore[operator]


def test_matrix_of_nothing() -> None:
    """No org and no scope make an empty figure that says so."""
    figure = figures.matrix(STATES.iloc[:0, :0], MARKS.iloc[:0, :0])
    assert figure.axes[0].get_xlabel() == "no org asks for a scope"
    assert figures.png(figure).startswith(b"\x89PNG")


def test_names_are_never_read_as_formulas() -> None:
    """Dollar signs, control and bidi characters in a name are drawn as they are."""
    rows = frame([story.exchange(1, "$\\frac{$"), story.exchange(2, "a\u202eb\x1b[0m")])
    labels = [label.get_text() for label in figures.timeline(rows).axes[0].get_yticklabels()]
    assert ["$\\frac{$", "a‹U+202E›b␛[0m"] == labels
    assert figures.png(figures.latency(rows))


def test_small_pictures_keep_the_colours() -> None:
    """The PNG holds every colour of the legend, however rare."""
    assert len(shades()) <= 256
    with Image.open(io.BytesIO(figures.png(figures.latency(OBSERVATIONS)))) as image:
        raw = image.convert("RGB").tobytes()
    found = {raw[place : place + 3].hex() for place in range(0, len(raw), 3)}
    assert raw[:3] == b"\xff\xff\xff"
    assert {look.colour.removeprefix("#") for look in PHASE_LOOKS.values()} <= found


def test_pictures_are_the_same_each_time() -> None:
    """Drawing twice gives the same bytes."""
    assert figures.png(figures.timeline(OBSERVATIONS)) == figures.png(figures.timeline(OBSERVATIONS))


def test_notebook_image_carries_the_alt_text() -> None:
    """In a notebook the figure is an image with its alternative text."""
    figure = figures.matrix(STATES, MARKS)
    assert f'alt="{alt_text("matrix", STATES)}"' in figure._repr_html_()


def test_alt_texts_tell_the_story() -> None:
    """The alternative texts say what the figures show."""
    matrix = "Table of letters, 2 orgs by 3 scopes: 5 granted, 1 missing, 0 unknown."
    assert f"{matrix} Missing: {story.MANAGE} in secondary." == alt_text("matrix", STATES)
    assert "At the median, secondary takes 48 ms and primary takes 59 ms." in alt_text("latency", OBSERVATIONS)
    timeline = "11 exchanges of 2 orgs within 5.0 s, 5 granted, 5 refused, 1 unreachable."
    assert f"Chart of outcomes over time: {timeline}" == alt_text("timeline", OBSERVATIONS)


def test_alt_text_of_late_exchanges_counts_from_the_first() -> None:
    """The span is that between the first and the last request."""
    first = story.exchange(1)
    later = story.exchange(2, sent_at=first.sent_at + timedelta(seconds=90))
    assert "within 90.0 s" in alt_text("timeline", frame([first, later]))


def test_drawing_never_touches_pyplot() -> None:
    """Importing and drawing leaves pyplot out of the process."""
    code = (
        "import sys; from orgscope_kit.read.observations import frame; from orgscope_kit.show import figures;"
        "figures.png(figures.timeline(frame([]))); sys.exit('matplotlib.pyplot' in sys.modules)"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
