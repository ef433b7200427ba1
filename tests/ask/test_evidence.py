"""What exchanges show before any cause is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from orgscope_kit.ask.answers import alike, token_rows
from orgscope_kit.ask.evidence import Style, conflicts, grants, learn
from orgscope_kit.records import COLUMNS, Exchange, Org
from orgscope_kit.scopes import CONTROL_SCOPE

ORG = Org("secondary", "oauth2", "https://login.example/token", "app", ("a:x", "b:y"))
AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def row(number: int, scopes: tuple[str, ...] | None, **changes: Any) -> Exchange:
    """A request of ORG, granted without `scope` unless said otherwise."""
    values: dict[str, Any] = dict.fromkeys(COLUMNS)
    values |= {"exchange_id": number, "probe_id": f"secondary/{number}", "org": "secondary", "purpose": "isolate"}
    values |= {"scope_requested": scopes, "endpoint": ORG.token_url, "attempt": 1, "sent_at": AT, "planned_at": AT}
    values |= {"auth_method": "client_secret_basic", "outcome": "granted", "status": 200, "named_scopes": ()}
    return replace(Exchange(**values), **changes)


def refused(number: int, scopes: tuple[str, ...] | None, text: str = "scope not granted", **changes: Any) -> Exchange:
    """A refusal about the scope."""
    said = {"outcome": "refused", "status": 400, "error": "invalid_scope", "error_description": text}
    return row(number, scopes, **{**said, **changes})


def test_answers_are_compared_without_what_differs_in_each() -> None:
    """Scopes, also as words of the sentence, ids and times make no difference; another sentence does."""
    one = refused(1, ("a",), "a scope is refused: a. Trace ID: 12ab-7")
    assert alike(one, refused(2, ("b:y",), "a scope is refused: b:y. Trace ID: 99ff-1"))
    assert not alike(one, refused(3, ("b:y",), "scope b:y is unknown"))
    assert alike(
        refused(1, ("a:x",), "a:x: no for app-one"), refused(2, ("b:y",), "b:y: no for app-two"), "app-one", "app-two"
    )


def test_only_the_last_attempt_counts() -> None:
    """Earlier attempts and inspections are no answers."""
    rows = [
        row(1, ("a:x",), probe_id="p", outcome="limited"),
        row(2, ("a:x",), probe_id="p", attempt=2),
        row(3, None, probe_id="p", purpose="inspect"),
    ]
    assert [2] == [each.exchange_id for each in token_rows(ORG, rows)]


def test_style_is_learned_from_answers_only() -> None:
    """A stated grant shows that silence grants nothing; a made-up scope refused like others, that it grants all."""
    stated = row(1, ("a:x",), scope_granted=("a:x",))
    assert "nothing" == learn(ORG, [stated]).absent_means
    assert "all" == learn(ORG, [row(1, ("a:x",)), refused(2, ("a:x", CONTROL_SCOPE))]).absent_means
    assert None is learn(ORG, [row(1, ("a:x",)), row(2, ("a:x", CONTROL_SCOPE))]).absent_means


def test_scope_refused_as_unknown_shows_nothing_of_known_ones() -> None:
    """A server that says `unknown` may still drop what is not granted, until a refusal shows otherwise."""
    said = [row(1, ("a:x",)), refused(2, ("a:x", CONTROL_SCOPE), f"Unknown scope '{CONTROL_SCOPE}'")]
    assert None is learn(ORG, said).absent_means
    assert "all" == learn(ORG, [*said, refused(3, ("b:y",))]).absent_means


def test_control_that_failed_shows_nothing() -> None:
    """A rate limit or a rejected client is no refusal of the made-up scope."""
    for changes in ({"outcome": "limited", "status": 429}, {"error": "invalid_client", "status": 401}):
        assert Style() == learn(ORG, [row(1, ("a:x",)), refused(2, ("a:x", CONTROL_SCOPE), **changes)])


def test_control_of_another_org_is_no_answer_about_this_one() -> None:
    """A shared control teaches the style, and nothing of the org's own grants."""
    shared = row(1, ("a:x", "b:y", CONTROL_SCOPE), org="primary", probe_id="primary/2", scope_granted=("a:x", "b:y"))
    assert {"unknown"} == {grant.state for grant in grants(ORG, [shared], Style()).values()}


def test_refused_client_says_nothing_of_scopes() -> None:
    """A baseline that was refused for its client does not stand against a later grant."""
    rejected = refused(1, ("a:x",), "client authentication failed", error="invalid_client", status=401)
    found = grants(replace(ORG, scopes=("a:x",)), [rejected, row(2, ("a:x",), scope_granted=("a:x",))], Style())
    assert ("granted", ()) == (found["a:x"].state, found["a:x"].against)


def test_answer_to_the_scope_itself_outweighs_its_name_in_a_refusal() -> None:
    """A scope that a text mentions and that is granted alone is granted."""
    rows = [refused(1, ("a:x", "b:y"), named_scopes=("a:x",)), row(2, ("a:x",), scope_granted=("a:x",))]
    found = grants(ORG, rows, Style())
    assert ("granted", ()) == (found["a:x"].state, found["a:x"].against)
    assert ("missing", "inferred") == (found["b:y"].state, found["b:y"].basis)


def test_named_and_then_granted_whole_contradict_each_other() -> None:
    """A token with all that was refused stands against the refusal."""
    rows = [refused(1, ("a:x", "b:y"), named_scopes=("a:x",)), row(2, ("a:x", "b:y"), scope_granted=("a:x", "b:y"))]
    assert (1,) == grants(ORG, rows, Style())["a:x"].against
    assert [(1, 2)] == conflicts(ORG, rows)


def test_same_request_answered_in_two_ways_contradicts_itself() -> None:
    """Without `scope` in the answer, too."""
    rows = [refused(1, ("a:x",)), row(2, ("a:x",))]
    assert (1,) == grants(ORG, rows, Style())["a:x"].against
    assert [(3, 4)] == conflicts(ORG, [refused(3, ("a:x", "b:y")), row(4, ("a:x", "b:y"))])


def test_request_without_scope_shows_what_is_granted() -> None:
    """Scopes that an answer to no scope lists are granted; those that it does not list stay open."""
    found = grants(ORG, [row(1, ("a:x", "b:y")), row(2, None, purpose="control", scope_granted=("a:x",))], Style())
    assert {"a:x": "granted", "b:y": "unknown"} == {scope: grant.state for scope, grant in found.items()}


def test_other_context_says_nothing() -> None:
    """A request with another org_id says nothing of this org's grants."""
    assert "unknown" == grants(ORG, [refused(1, ("a:x",), org_id_sent="7d0c")], Style())["a:x"].state
