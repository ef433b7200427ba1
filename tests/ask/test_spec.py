"""The investigation file: what a good one says, and what comes back from its frozen form."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgscope_kit.ask.spec import Draft, Reference, Spec, Watch, differences, from_mapping, read
from orgscope_kit.errors import InvestigationError
from orgscope_kit.records import Change, Limits

STORY = """\
title: Secondary org refuses integration:appfoundry:manage
provider: appfoundry
reference: primary
contact: iam-team@vendor.example
scopes: [admin:org:read, user:chat:write, integration:appfoundry:manage]
orgs:
  primary:
    token_url: https://api.platform.example/api/v2/oauth/token
    client_id: primary-client
    client_secret: {env: PRIMARY_SECRET}
    org_id: 7d0c
  secondary:
    token_url: https://api.platform.example/api/v2/oauth/token
    client_id: secondary-client
    client_secret: dotenv:SECONDARY_SECRET
    org_id: 81aa
    scopes: admin:org:read integration:appfoundry:manage
    tags: [eu]
changes:
  - {org: secondary, scope: integration:appfoundry:manage, at: 2026-11-24T10:00:00+01:00}
limits: {rate_per_s: 5}
"""


def write(folder: Path, text: str, name: str = "acme.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def good(draft: Draft) -> Spec:
    assert draft.spec is not None, [str(each) for each in draft.problems]
    return draft.spec


def org(**keys: Any) -> dict[str, Any]:
    plain = {"token_url": "https://auth.example/token", "client_id": "me", "client_secret": {"env": "MY_SECRET"}}
    return {**plain, **keys}


def test_story(tmp_path: Path) -> None:
    """The story's file is read whole, without a warning."""
    spec = good(read(write(tmp_path, STORY)))
    assert ((), "primary", "iam-team@vendor.example") == (spec.warnings, spec.reference, spec.contact)
    assert ["primary", "secondary"] == [each.name for each in spec.orgs]
    assert ("admin:org:read", "user:chat:write", "integration:appfoundry:manage") == spec.orgs[0].scopes
    assert ("admin:org:read", "integration:appfoundry:manage") == spec.orgs[1].scopes
    assert ("81aa", "global", {"eu": ""}) == (spec.orgs[1].org_id, spec.orgs[1].integration, spec.orgs[1].tags)
    assert "https://api.platform.example/api/v2/oauth/authorize" == spec.orgs[0].authorization_url
    assert Reference("env", "PRIMARY_SECRET", tmp_path) == spec.secrets["primary"]
    assert "dotenv:SECONDARY_SECRET" == str(spec.secrets["secondary"])


def test_change_in_utc(tmp_path: Path) -> None:
    """The time of a change is kept in UTC."""
    expected = Change("secondary", "integration:appfoundry:manage", datetime(2026, 11, 24, 9, tzinfo=UTC))
    assert (expected,) == good(read(write(tmp_path, STORY))).changes


def test_defaults(tmp_path: Path) -> None:
    """Absent limits and watch are the contract's defaults, a given one leaves the others."""
    spec = good(read(write(tmp_path, STORY)))
    assert (Limits(rate_per_s=5.0), Watch(900.0, 1800.0)) == (spec.limits, spec.watch)


def test_byte_order_mark(tmp_path: Path) -> None:
    """A file saved with a byte order mark reads like one without."""
    marked = tmp_path / "marked.yaml"
    marked.write_bytes(b"\xef\xbb\xbf" + STORY.encode())
    assert good(read(write(tmp_path, STORY))) == good(read(marked))


def test_frozen_returns(tmp_path: Path) -> None:
    """The frozen form survives JSON, makes an equal Spec with the same digest, and holds references only."""
    spec = good(read(write(tmp_path, STORY)))
    again = good(from_mapping(json.loads(json.dumps(spec.frozen)), source=spec.source))
    assert (spec, spec.digest(), spec.frozen) == (again, again.digest(), again.frozen)
    assert {"env": "PRIMARY_SECRET"} == spec.frozen["orgs"]["primary"]["client_secret"]


SCOPES = st.lists(st.text(st.sampled_from("ab:/.#*[]~"), min_size=1, max_size=8), min_size=1, max_size=4)
REFERENCES = st.one_of(
    st.sampled_from(["env:A", "dotenv:B", "dotenv:conf/x.env#B", "file:secret.txt", {"file": "a b"}, {"env": "C"}])
)
ORGS = st.dictionaries(
    st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/"), min_size=1, max_size=12),
    st.fixed_dictionaries(
        {"client_id": st.text(st.sampled_from("abc-1"), min_size=1), "client_secret": REFERENCES, "scopes": SCOPES},
        optional={
            "auth_method": st.sampled_from(["client_secret_basic", "client_secret_post", "none"]),
            "redirect_uri": st.sampled_from(["https://a.example/cb", "com.app:/cb", "http://127.0.0.1/cb"]),
            "label": st.text(st.characters(exclude_categories=["C", "Z"]), max_size=9),
            "tags": st.lists(st.sampled_from(["x", "y", "z"]), max_size=3),
        },
    ),
    min_size=1,
    max_size=4,
)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "rate_per_s": st.floats(1e-3, 1e6),
        "timeout_s": st.integers(1, 1000),
        "budget": st.integers(1, 2**53),
    },
)


@given(orgs=ORGS, limits=LIMITS)
def test_any_investigation_returns(orgs: dict[str, Any], limits: dict[str, Any]) -> None:
    """Whatever can be read comes back equal from its frozen form, through JSON."""
    for entry in orgs.values():
        entry["token_url"] = "https://auth.example/token"
    orgs = {name: entry for name, entry in orgs.items() if name != "from"} or {"acme": org(scopes="a")}
    spec = good(from_mapping({"orgs": orgs, "limits": limits}))
    again = good(from_mapping(json.loads(json.dumps(spec.frozen))))
    assert (spec, spec.digest()) == (again, again.digest())
    assert [] == differences(spec, again)


def test_digest_of_same_question(tmp_path: Path) -> None:
    """Scopes at the top or in each org, defaults written or not: the digest is the same."""
    top = good(from_mapping({"title": "t", "scopes": "a b", "orgs": {"x": org()}}))
    inside = good(from_mapping({"title": "t", "orgs": {"x": org(scopes=["a", "b"])}, "limits": {"attempts": 3}}))
    assert top.digest() == inside.digest()


def test_only() -> None:
    """A part keeps its orgs and their secrets and changes, and loses a reference org that is left out."""
    change = {"org": "b", "scope": "a", "at": "2026-11-24T09:00:00Z"}
    mapping = {"reference": "a", "scopes": "a", "orgs": {"a": org(), "b": org()}, "changes": [change]}
    part = good(from_mapping(mapping)).only(["b"])
    assert (["b"], ["b"], None, 1) == (
        [o.name for o in part.orgs],
        list(part.secrets),
        part.reference,
        len(part.changes),
    )
    assert part == good(from_mapping(part.frozen))


@pytest.mark.parametrize("names", [["nobody"], []])
def test_only_unknown(names: list[str]) -> None:
    """An org that is not in the file is an error that lists those that are."""
    spec = good(from_mapping({"scopes": "a", "orgs": {"a": org(), "b": org()}}))
    with pytest.raises(InvestigationError, match="It has a, b"):
        spec.only(names)


def test_differences() -> None:
    """A difference names the key, the old and the new value."""
    one = good(from_mapping({"scopes": "a", "orgs": {"a": org(), "b": org()}}))
    two = good(from_mapping({"scopes": "a", "orgs": {"a": org(client_id="you")}, "limits": {"budget": 7}}))
    told = differences(one, two)
    assert ['orgs.a.client_id: "me" → "you"', "limits.budget: 40 → 7"] == [told[0], told[2]]
    assert told[1].startswith("orgs.b: {") and told[1].endswith("→ (absent)")


def test_ca_file(tmp_path: Path) -> None:
    """A CA file is found beside the investigation; the frozen form keeps the path as it is written."""
    write(tmp_path, "pem", "ca.pem")
    spec = good(from_mapping({"scopes": "a", "orgs": {"a": org(verify="ca.pem")}}, folder=tmp_path))
    assert (str(tmp_path / "ca.pem"), "ca.pem") == (spec.orgs[0].verify, spec.frozen["orgs"]["a"]["verify"])


def test_merge_keys(tmp_path: Path) -> None:
    """YAML's own anchors and merge keys work, the org's own keys win, and a key like `no` names an org."""
    text = """\
scopes: [a]
orgs:
  first: &first {token_url: https://auth.example/token, client_id: me, client_secret: env:A}
  no: {<<: *first, client_id: you}
"""
    spec = good(read(write(tmp_path, text)))
    assert [("first", "me"), ("no", "you")] == [(each.name, each.client_id) for each in spec.orgs]
