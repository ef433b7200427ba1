"""The report: complete, escaped, small, and silent on the network."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import story
from chromium import chromium
from report_inputs import fleet_inputs, run, story_inputs

from orgscope_kit.read.observations import frame
from orgscope_kit.show.report import ReportInputs, render


class _Page(HTMLParser):
    """Ids, links within the page, and tags."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.tags.append((tag, held))
        if held.get("id"):
            self.ids.append(str(held["id"]))
        if tag == "a":
            self.links.append(str(held["href"]))


def _text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", re.sub(r"<style>.*?</style>", "", html, flags=re.S)).split())


def test_report_says_first_who_must_act() -> None:
    """The first section names the org, the actor, the scope and the client; the org that works comes last."""
    text = _text(render(story_inputs()))
    act = text.index("ask the customer&#39;s admin: grant integration:appfoundry:manage to client secondary-client")
    assert (
        act < text.index("primary — works: every scope asked for is granted") < text.index("The client lacks a grant.")
    )


def test_report_marks_simulations() -> None:
    """Answers of the sandbox carry a banner; real ones do not."""
    banner = "Simulation: answers of the embedded sandbox."
    assert banner in render(story_inputs())
    assert banner not in render(story_inputs(run=run(11, 4, simulation=False)))


@pytest.mark.parametrize("inputs", [story_inputs(), fleet_inputs(90, each=9)], ids=["story", "fleet"])
def test_every_link_has_its_anchor(inputs: ReportInputs) -> None:
    """Links to exchanges and sections lead somewhere, and no id stands twice."""
    page = _Page(render(inputs))
    assert set(page.links) <= {f"#{name}" for name in page.ids}
    assert any(link.startswith("#x") for link in page.links)
    assert len(page.ids) == len(set(page.ids))


def test_reference_to_an_exchange_that_is_not_shown_is_no_link() -> None:
    """Evidence of an exchange that is not in the frame is named without a link."""
    html = render(story_inputs(observations=frame(story.exchanges()[:3])))
    assert 'href="#x3"' in html
    assert 'href="#x4"' not in html
    assert ">#4<" in html


def test_report_is_escaped() -> None:
    """Whatever a server, a file or a name holds, it never becomes markup."""
    attack = "</td><script>alert(1)</script><img src=x onerror=alert(1)>"
    texts = ("error", "error_description", "token_org", "correlation_id", "org_id_sent", "credentials_of", "org")
    held: dict[str, Any] = {**dict.fromkeys(texts, attack), "scope_granted": (attack,), "named_scopes": (attack,)}
    rows = frame([replace(story.exchange(1), **held)])
    inputs = story_inputs()
    orgs = [{**org, "label": attack, "ticket": attack, "client_id": attack} for org in inputs.investigation["orgs"]]
    investigation = {"title": attack, "provider": attack, "reference": attack, "orgs": orgs}
    states, marks = inputs.states.rename(index={"primary": attack}), inputs.marks.rename(index={"primary": attack})
    page = _Page(render(replace(inputs, investigation=investigation, observations=rows, states=states, marks=marks)))
    assert not [tag for tag, held in page.tags if tag == "script" or held.get("src") == "x" or "onerror" in held]


def test_server_text_is_capped_and_made_visible() -> None:
    """Control and bidi characters are signs, and text ends at 300 characters."""
    rows = frame([story.refused(1, error="\x1b[31m\u202e\0", error_description="z" * 5000)])
    html = render(story_inputs(observations=rows))
    assert "␛[31m‹U+202E›␀" in html
    assert not set(html) & set("\x1b\u202e\0")
    assert 299 == max(map(len, re.findall("z+", html)))


def test_pictures_and_tables_are_described() -> None:
    """Every image has alternative text, every table a caption, the page a language and landmarks."""
    html = render(story_inputs())
    page = _Page(html)
    images = [held for tag, held in page.tags if tag == "img"]
    assert 3 == len(images)
    assert all(held["alt"] and str(held["src"]).startswith("data:image/png") for held in images)
    assert html.count("<caption>") == len([tag for tag, _ in page.tags if tag == "table"])
    assert {"header", "nav", "main", "footer"} <= {tag for tag, _ in page.tags}
    assert ("html", {"lang": "en-GB"}) in page.tags


def test_retries_are_marked() -> None:
    """A second attempt is told from a first."""
    assert 1 == render(story_inputs()).count("attempt 2")


def test_beyond_500_rows_only_evidence_is_shown() -> None:
    """Of many exchanges those that evidence rests on are shown, and the page says how many there are."""
    rows = [*story.exchanges(), *(story.exchange(n) for n in range(12, 700))]
    html = render(story_inputs(observations=frame(rows)))
    assert "7 of 699 exchanges: those that evidence rests on." in _text(html)
    assert {"x1", "x3", "x4", "x6", "x8", "x10", "x11"} == {
        name for name in _Page(html).ids if re.fullmatch(r"x\d+", name)
    }


def test_report_of_nothing() -> None:
    """A run that was stopped before its first answer has a report, too."""
    inputs = story_inputs(observations=frame([]), minted=(), diagnosis={**story.diagnosis(), "orgs": {}})
    text = _text(render(replace(inputs, run={**run(0, 0), "ended_at": None, "state": "interrupted"})))
    assert "No token was minted." in text
    assert "interrupted" in text


def test_fleet_report_is_small_and_quick() -> None:
    """500 orgs: at most 2 MB, within 5 s, orgs alike on one card."""
    inputs = fleet_inputs(500)
    started = time.perf_counter()
    html = render(inputs)
    assert time.perf_counter() - started < 5
    assert len(html.encode()) < 2_000_000
    assert 2 == html.count("<article")


def test_fleet_of_many_patterns_is_small() -> None:
    """500 orgs that lack each its own scopes: those of one cause share a card, which tells the scopes of each."""
    inputs = fleet_inputs(500)
    entries = {
        name: {**entry, "scopes": [f"module{number}:entity:view"]} if entry["cause"] == "scope_not_granted" else entry
        for number, (name, entry) in enumerate(inputs.diagnosis["orgs"].items())
    }
    html = render(replace(inputs, diagnosis={**inputs.diagnosis, "orgs": entries}))
    assert len(html.encode()) < 2_000_000
    assert 2 == html.count("<article")
    assert "In the words for customer-000; the others differ in their scopes." in html
    assert "<td>module498:entity:view</td>" in html


def test_cited_first_is_what_each_verdict_rests_on() -> None:
    """Where not all that is cited can be shown, each org that fails has its first exchange shown."""
    inputs = fleet_inputs(700)
    html = render(inputs)
    failing = [entry for entry in inputs.diagnosis["orgs"].values() if entry["cause"] != "works"]
    shown = set(_Page(html).ids)
    assert not [entry for entry in failing if f"x{entry['evidence'][0]['exchanges'][0]}" not in shown]
    assert "1000 of 4200 exchanges: some of those that evidence rests on." in _text(html)


@pytest.mark.browser
def test_report_asks_nothing_of_the_network(tmp_path: Path) -> None:
    """In a browser without network the page loads alone, says nothing on the console, and fits its window."""
    path = tmp_path / "report.html"
    path.write_text(render(story_inputs()), encoding="utf-8")
    asked: list[str] = []
    said: list[str] = []
    with chromium() as browser:
        page = browser.new_context(offline=True, viewport={"width": 800, "height": 900}).new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        page.click('article a[href="#x4"]')
        landed = page.evaluate("document.querySelector(':target').id")
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        loaded = page.evaluate("[...document.images].every(image => image.naturalWidth > 100)")
    assert ("x4", 0, True) == (landed, wide, loaded)
    assert [] == [url for url in asked if not url.startswith(("data:", path.as_uri()))]
    assert [] == said
