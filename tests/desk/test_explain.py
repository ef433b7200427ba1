"""``explain``: the right cause first, nothing beyond what a text can tell, and no secret in what it says."""

from __future__ import annotations

import base64
import io
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orgscope_kit.ask.causes import CAUSES
from orgscope_kit.desk.explain import Explanation, explain, read_pasted
from orgscope_kit.errors import OrgscopeError
from orgscope_kit.read.masking import mask
from orgscope_kit.read.traces import MOST_CHARACTERS

TRACES = Path(__file__).parents[1] / "data" / "traces"
STORY = (TRACES / "story.json").read_text("utf-8")
MARKER = "mArk3r-S3cret/x+y"
BASIC = base64.b64encode(f"me:{MARKER}".encode()).decode()
ROUNDS = settings(max_examples=150, deadline=None)


def first(text: str, provider: str | None = None) -> str:
    """The likeliest cause."""
    causes = explain(text, provider=provider).causes
    return causes[0].cause if causes else "(nothing)"


def shown(explanation: Explanation) -> str:
    """Everything that an explanation can be seen as."""
    return "\n".join(
        [repr(explanation), explanation._repr_html_(), json.dumps(explanation.as_json()), str(vars(explanation))]
    )


def test_story_names_the_grant_first_and_leaves_the_rest_open() -> None:
    """The story's body alone speaks for a missing grant, and cannot rule out time, org or spelling."""
    explanation = explain(STORY)
    names = [each.cause for each in explanation.causes]
    assert "scope_not_granted" == names[0]
    assert {"propagating", "wrong_org_context", "scope_unknown"} <= set(names[1:])
    assert "customer_admin" == explanation.who
    assert ("integration:appfoundry:manage",) == explanation.facts["named"]
    assert {"wrong_secret", "redirect_uri_mismatch", "wrong_region"} <= {each.cause for each in explanation.ruled_out}
    assert "not authorized for this client" in (explanation.causes[0].quote or "")
    assert "appfoundry" == explanation.provider


FILES = [
    ("genesys-python-sdk.txt", "permission_missing", "genesys", 403),
    ("curl-v.txt", "scope_not_granted", "appfoundry", 403),
    ("go-oauth2.txt", "scope_not_granted", "keycloak", 400),
    ("node-openid-client.txt", "client_rejected", "oauth2", None),
    ("spring-security.txt", "scope_not_granted", "salesforce", None),
    ("dotnet-msal.txt", "scope_unknown", "entra", None),
    ("wrapped-log.json", "scope_not_granted", "auth0", 403),
]


@pytest.mark.parametrize(("name", "cause", "provider", "status"), FILES, ids=[each[0] for each in FILES])
def test_trace_of_a_tool_gives_its_cause(name: str, cause: str, provider: str, status: int | None) -> None:
    """What SDKs and tools print is read: cause, platform and status, and no planted secret is shown."""
    explanation = explain((TRACES / name).read_text("utf-8"))
    assert (cause, provider, status) == (
        explanation.causes[0].cause,
        explanation.provider,
        explanation.facts.get("status"),
    )
    assert "mArk3r" not in shown(explanation) and "bUFyazNy" not in shown(explanation)


BODIES: list[dict[str, Any]] = json.loads((TRACES / "bodies.json").read_text("utf-8"))
LINES: list[dict[str, str]] = json.loads((TRACES / "lines.json").read_text("utf-8"))


@pytest.mark.parametrize("case", BODIES, ids=lambda case: f"{case['platform']}-{case['cause']}")
def test_documented_body_gives_its_cause(case: dict[str, Any]) -> None:
    """Bodies that platforms document lead to their cause."""
    assert case["cause"] == first(json.dumps(case["body"]))


@pytest.mark.parametrize("case", LINES, ids=lambda case: case["text"][:30])
def test_other_forms_are_read(case: dict[str, str]) -> None:
    """Log lines, headers, redirects, reprs, network errors and token answers are read too."""
    assert case["cause"] == first(case["text"])


def test_undecided_refusal_asks_nobody_to_act() -> None:
    """Where a text leaves two causes alike, nobody is named."""
    assert "unknown" == explain('{"error": "invalid_scope"}').who


def test_curl_tells_host_scopes_and_correlation_id() -> None:
    """`curl -v` output gives what the request was, for whom, and the id for the support."""
    facts = explain((TRACES / "curl-v.txt").read_text("utf-8")).facts
    assert "login.example.com" == facts["host"] and "/api/v2/oauth/token" == facts["path"]
    assert ("admin:org:read", "integration:appfoundry:manage") == facts["requested"]
    assert ("integration:appfoundry:manage",) == facts["named"]
    assert "client_credentials" == facts["grant_type"] and "c-77" in facts["ids"].values()


@pytest.mark.parametrize("text", ["", "hello world", "\0\0", "{}", "[]", "{{{{", '{"a": 1}'])
def test_nothing_recognised_says_so_and_what_to_paste(text: str) -> None:
    """A text without an answer gives no cause, and says what to paste."""
    explanation = explain(text)
    assert () == explanation.causes and not explanation.recognised
    assert explanation.paste and "Nothing here is recognised" in repr(explanation)


FORMS = [
    f"Authorization: Basic {BASIC}",
    f'-H "Authorization: Bearer {MARKER}"',
    f"client_secret={MARKER}&scope=a",
    f"-u me:{MARKER}",
    f'"client_secret": "{MARKER}"',
    f"{{'password': '{MARKER}'}}",
    json.dumps(json.dumps({"client_secret": MARKER})),
    f"Cookie: sid={MARKER}",
    f"Set-Cookie: sid={MARKER}; Path=/",
    f"https://me:{quote(MARKER, safe='')}@host/",
    f"https://h/cb?code={MARKER}",
    f"client_secret%3D{quote(quote(MARKER, safe=''))}",
    f"PRIMARY_SECRET={MARKER}",
    f"<client_secret>{MARKER}</client_secret>",
    f'{{"name": "client_secret", "value": "{MARKER}"}}',
    f"refresh_token: {MARKER}",
    BASIC,
    f"('client_secret', '{MARKER}')",
    f"-----BEGIN PRIVATE KEY-----\n{MARKER}\n-----END PRIVATE KEY-----",
    f"client_secret={MARKER} and again {MARKER} {BASIC}",
]


@pytest.mark.parametrize("form", FORMS, ids=range(len(FORMS)))
@pytest.mark.parametrize("where", ["{form}\n{story}", "{story}\n{form}", "{story} {form}"])
def test_secret_is_never_shown(form: str, where: str) -> None:
    """A secret in any form is taken out before anything else, and the answer is still read."""
    explanation = explain(where.format(form=form, story=STORY.strip()))
    seen = shown(explanation)
    for secret in (MARKER, quote(MARKER, safe=""), quote(quote(MARKER, safe="")), BASIC):
        assert secret not in seen
    assert "scope_not_granted" == explanation.causes[0].cause


def test_html_escapes_what_the_server_wrote() -> None:
    """A server's text is no markup."""
    text = '{"error": "invalid_scope", "error_description": "<script>alert(1)</script> scope not granted \u202e"}'
    html = explain(text)._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html and "\u202e" not in html


def test_control_characters_do_no_harm() -> None:
    """Terminal sequences are not shown, and hide nothing."""
    seen = repr(explain("\x1b[31m" + STORY.replace("error", "err\x1b[0mor", 1) + "\x07\x1b]0;x\x07"))
    assert "\x1b" not in seen and "\x07" not in seen and "scope_not_granted" in seen


def test_text_beyond_the_limit_is_cut_and_said_so() -> None:
    """More than 1 MB is not read, and the explanation says so."""
    explanation = explain(STORY + "x" * MOST_CHARACTERS + " client_secret=zzz")
    assert "scope_not_granted" == explanation.causes[0].cause
    assert any("1 MB" in note for note in explanation.notes)


def test_provider_given_is_used_and_an_unknown_one_refused() -> None:
    """What the analyst knows counts; a typo is an error that names the known ones."""
    assert ("okta", "it was given") == (
        explain(STORY, provider="okta").provider,
        explain(STORY, provider="okta").provider_because,
    )
    with pytest.raises(OrgscopeError, match="oauth2"):
        explain(STORY, provider="octa")


def test_file_and_standard_input_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file in UTF-16, as Windows terminals write it, and standard input both give the text."""
    (tmp_path / "a.txt").write_text(STORY, "utf-16")
    assert STORY == read_pasted(str(tmp_path / "a.txt"))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(STORY.encode())))
    assert STORY == read_pasted("-")
    with pytest.raises(OrgscopeError, match="nowhere"):
        read_pasted(str(tmp_path / "nowhere"))


_PIECES = st.sampled_from(
    [
        "{",
        "}",
        '"',
        "'",
        "\\",
        "error",
        "scope",
        ":",
        "=",
        "invalid_scope",
        " ",
        "\n",
        "HTTP/1.1 403",
        "client_secret",
        "eyJ",
        "Basic ",
        "[",
        "]",
        "AADSTS70011",
        "> ",
        "< ",
        "a:b",
        ",",
        "%3D",
        "\x1b[",
        "error_description",
        "\ud800",
        "&",
        "?",
        "://",
        "@",
        "POST /x",
    ]
)


@given(st.lists(_PIECES | st.text(max_size=6), max_size=60).map("".join))
@ROUNDS
def test_any_text_is_explained(text: str) -> None:
    """No text makes it fail, and every cause it names is one of the kit's."""
    explanation = explain(text)
    assert all(each.cause in CAUSES for each in (*explanation.causes, *explanation.ruled_out))
    assert shown(explanation).encode("utf-8")


@given(
    st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=12, max_size=40),
    st.sampled_from(["'", '"', "`"]),
)
@ROUNDS
def test_any_quoted_secret_is_masked(value: str, sign: str) -> None:
    """Whatever stands quoted behind a secret's name is gone."""
    assert f"{sign}{value}{sign}" not in mask(f"{{client_secret: {sign}{value}{sign}, error: 'x'}}")


HOSTILE = [
    "{",
    '{"a":',
    "{a:b,",
    "{'",
    "a",
    "\\",
    '"',
    "pwd=a&",
    "://a",
    "error: ",
    "scope: a ",
    "HTTP/1.1 403\n",
    "invalid_scope ",
    "eyJaaaaaa.",
    "-----BEGIN PRIVATE KEY-----",
    " ",
    "\n",
    "scope=a&",
    "POST /x HTTP/1.1\n",
    "Error(",
    "AADSTS70011: ",
    "https://a/b ",
    "trace id: abcdefg ",
]


@pytest.mark.parametrize("piece", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_takes_no_time(piece: str) -> None:
    """A text made to be slow takes time in proportion to its length, and little of it."""
    text = piece * (200_000 // len(piece))
    start = time.monotonic()
    repr(explain(text))
    assert time.monotonic() - start < 5
