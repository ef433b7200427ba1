"""The diagnosis in words."""

from __future__ import annotations

import subprocess
import sys
from string import Formatter

import pytest
import story

from orgscope_kit.ask.causes import CAUSES
from orgscope_kit.show.pieces import diagnosis_html, diagnosis_text, grouped
from orgscope_kit.show.words import ACTIONS, WHO

CLIENTS = {"primary": "primary-client", "secondary": "secondary-client"}


def test_text_says_first_who_must_act() -> None:
    """The story in the terminal: title, who must act, then the org that fails."""
    lines = diagnosis_text(story.diagnosis(), CLIENTS).splitlines()
    assert [
        f"Secondary org refuses {story.MANAGE}",
        "",
        "Who must act",
        f"  secondary — ask the customer's admin: grant {story.MANAGE} to client",
        "      secondary-client",
        "  primary — works: every scope asked for is granted",
        "",
        "secondary: the client lacks a grant (almost certain, 96 %)",
    ] == lines[:8]
    assert max(map(len, lines)) <= 100


def test_text_names_exchanges_and_what_is_ruled_out() -> None:
    """Evidence carries the numbers of its exchanges, and each cause that is ruled out its reason."""
    text = " ".join(diagnosis_text(story.diagnosis()).split())
    assert "is refused with 403 invalid_scope, twice. #4 #6" in text
    assert "not that the org lives in another region: the host knows the client #3" in text
    assert "still open a grant was changed and has not arrived yet (3 %)" in text


def test_text_strips_control_characters() -> None:
    """Nothing from a server can move the cursor or turn the text around."""
    found = story.diagnosis()
    found["investigation"] = "a\x1b[2J\u202e"
    found["orgs"]["secondary"]["evidence"][0]["says"] = "b\x07\x9b31m\r\n\u2066"
    text = diagnosis_text(found)
    assert not set(text) & set("\x1b\x07\x9b\r\u202e\u2066")
    assert "a␛[2J‹U+202E›" in text


def test_orgs_alike_are_one_line() -> None:
    """Orgs of the same cause, scopes and actor share a line; a shared fix names each org's own client."""
    orgs = {f"c{n}": story.secondary() for n in range(20)}
    text = diagnosis_text({**story.diagnosis(), "orgs": orgs}, {org: f"client-{org}" for org in orgs})
    assert "20 orgs (c0, c1, c2 and 17 more) — ask the customer's admin" in text
    assert "to each org's own client" in " ".join(text.split())
    assert 1 == text.count("the client lacks a grant")


def test_groups_are_sorted_by_who_acts_and_works_is_last() -> None:
    """Those who act come first, in one order; orgs that work come last."""
    entry = story.works(1)
    whos = ["nobody", "unknown", "wait", "us", "customer_admin", "platform"]
    causes = ["works", "inconclusive", "propagating", "wrong_secret", "scope_not_granted", "server_error"]
    orgs = {who: {**entry, "who": who, "cause": cause} for who, cause in zip(whos, causes, strict=True)}
    found = [next(iter(group.entries)) for group in grouped({"orgs": orgs})]
    assert ["customer_admin", "us", "platform", "wait", "unknown", "nobody"] == found


def test_faults_beside_the_first_are_named() -> None:
    """What must be mended next stands in the line, too."""
    entry = {**story.secondary(), "also": [{"cause": "redirect_uri_mismatch", "scopes": []}]}
    assert "also: the redirect URI is not the registered one" in grouped({"orgs": {"a": entry}})[0].todo


def test_every_cause_and_actor_has_words() -> None:
    """No cause of the contract is without its action, and no action asks for what is not known."""
    assert set(CAUSES) == set(ACTIONS)
    assert {cause.who for cause in CAUSES.values()} <= set(WHO)
    places = {name for text in ACTIONS.values() for _, name, _, _ in Formatter().parse(text) if name}
    assert {"scopes", "client"} == places


@pytest.mark.parametrize("attack", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "`<b>`"])
def test_html_escapes_everything(attack: str) -> None:
    """No value of a diagnosis becomes markup."""
    entry = {**story.secondary(), "advice": attack, "next_check": attack, "scopes": [attack]}
    entry["evidence"] = [{"says": attack, "exchanges": [1]}]
    entry["ruled_out"] = [{"cause": attack, "because": attack, "exchanges": []}]
    html = diagnosis_html({**story.diagnosis(), "orgs": {attack: entry}}, {attack: attack})
    assert not [tag for tag in ("<script", "<img", "<b>") if tag in html]


def test_terminal_text_needs_no_pandas() -> None:
    """The words for a terminal come without pandas, matplotlib and Jinja2."""
    code = (
        "import sys; from orgscope_kit.show.pieces import diagnosis_text; "
        "diagnosis_text({'investigation': '', 'orgs': {}});"
        "sys.exit(bool({'pandas', 'matplotlib', 'jinja2'} & set(sys.modules)))"
    )
    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
