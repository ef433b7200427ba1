"""What is wrong with a file: everything at once, each with its place and fix, and never a secret."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgscope_kit.ask.schema import LATER
from orgscope_kit.ask.spec import Draft, from_mapping, read
from orgscope_kit.errors import Problem

SECRET = "s3cr3t-Kx9!vQ"


def org(**keys: Any) -> dict[str, Any]:
    plain = {"token_url": "https://auth.example/token", "client_id": "me", "client_secret": {"env": "MY_SECRET"}}
    return {key: value for key, value in {**plain, **keys}.items() if value is not ...}


def drafted(text: str, folder: Path) -> Draft:
    path = folder / "acme.yaml"
    path.write_text(text, encoding="utf-8")
    return read(path)


def one(**keys: Any) -> Problem:
    """The only problem of an investigation of one org with these keys."""
    (problem,) = from_mapping({"scopes": "a", "orgs": {"acme": org(**keys)}}).problems
    return problem


def whole(**keys: Any) -> Problem:
    """The only problem of an investigation with these keys at its top."""
    (problem,) = from_mapping({"scopes": "a", "orgs": {"acme": org()}, **keys}).problems
    return problem


def test_everything_at_once(tmp_path: Path) -> None:
    """Faults in every part are told together, in the order of the file, with their lines."""
    text = """\
provider: oauth
scopes: [good, 'b"d']
limits: {budget: 0, rate: 1}
orgs:
  one: {token_url: http://auth.example/token, client_secret: env:A}
  two:
    client_id: you
    token_uri: https://auth.example/token
reference: three
"""
    expected = [
        "acme.yaml: provider (line 1)",
        "acme.yaml: scopes[1] (line 2)",
        "acme.yaml: limits.budget (line 3)",
        "acme.yaml: limits.rate (line 3)",
        "acme.yaml: orgs.one.client_id (line 5)",
        "acme.yaml: orgs.one.token_url (line 5)",
        "acme.yaml: orgs.two.client_secret (line 6)",
        "acme.yaml: orgs.two.token_url (line 6)",
        "acme.yaml: orgs.two.token_uri (line 8)",
        "acme.yaml: reference (line 9)",
    ]
    assert expected == [each.place for each in drafted(text, tmp_path).problems]


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("token_ur", "Did you mean `token_url`?"),
        ("org_id", "Set `provider: appfoundry`, or remove it"),
        ("limits", "Move it to the top of the file"),
        ("password", "Give a secret by reference: `client_secret: {env: NAME}`"),
    ],
)
def test_unknown_key(key: str, fix: str) -> None:
    """An unknown key is told with what was probably meant, and its value is not shown."""
    problem = one(**{key: SECRET})
    assert (f"investigation: orgs.acme.{key}", fix) == (problem.place, problem.fix)
    assert SECRET not in str(problem)


@pytest.mark.parametrize("key", sorted(LATER))
def test_later_key(key: str) -> None:
    """A key of the contract that this version does not serve says so."""
    assert "not supported yet" in one(**{key: "x"}).what


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("grant_type", "authorization_code"),
        ("client_secret", {"keyring": "x"}),
        ("client_secret", "prompt"),
    ],
)
def test_later_value(key: str, value: Any) -> None:
    """So does a grant type, or a kind of reference."""
    assert "not supported yet" in one(**{key: value}).what


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://auth.example/token", "is http"),
        ("http://127.1/token", "is http"),
        ("http://localhost.evil.example/token", "is http"),
        ("http://[::ffff:127.0.0.1]/token", "is http"),
        ("ftp://auth.example/token", "scheme ftp"),
        ("auth.example/token", "no absolute URL"),
        ("auth.example:443/token", "no absolute URL"),
        ("https:///token", "names no host"),
        ("https://me:pass@auth.example/token", "user name or password"),
        ("https://auth.example/token#x", "fragment"),
        ("https://auth.example:99999/token", "port"),
        ("https://auth.example:0/token", "port"),
        ("https://auth.example:x/token", "port"),
        ("https://[::1/token", "no valid URL"),
        ("https://au\nth.example/token", "character"),
        ("https://bücher.example/token", "character"),
        ("https://auth%2eexample/token", "host name"),
        ("", "empty"),
    ],
)
@pytest.mark.parametrize("key", ["token_url", "introspection_url", "resource_url"])
def test_bad_url(key: str, url: str, part: str) -> None:
    """A URL that requests must not go to is refused, without showing a password in it."""
    problem = one(**{key: url})
    assert f"investigation: orgs.acme.{key}" == problem.place
    assert part in problem.what and "pass@" not in str(problem)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1:8080", "localhost:1", "[::1]:9"])
def test_loopback(host: str) -> None:
    """Plain http is fine on loopback."""
    assert () == from_mapping({"scopes": "a", "orgs": {"acme": org(token_url=f"http://{host}/token")}}).problems


@pytest.mark.parametrize(
    "uri", ["https://a.example/cb", "http://127.0.0.1:1/cb", "com.app:/cb", "urn:ietf:wg:oauth:2.0:oob"]
)
def test_redirect_uri(uri: str) -> None:
    """Any absolute URI can be a redirect URI."""
    assert () == from_mapping({"scopes": "a", "orgs": {"acme": org(redirect_uri=uri)}}).problems


@pytest.mark.parametrize("uri", ["/cb", "https:///cb", "https://a.example/cb#x", "app:"])
def test_bad_redirect_uri(uri: str) -> None:
    """A relative one, or one with a fragment, cannot."""
    assert "investigation: orgs.acme.redirect_uri" == one(redirect_uri=uri).place


@pytest.mark.parametrize(
    "secret",
    [
        SECRET,
        {"env": "NAME", "value": SECRET},
        {"envv": SECRET},
        {SECRET: None},
        {"env": SECRET},
        {"dotenv": SECRET},
        {"file": f"-----BEGIN\n{SECRET}\n"},
        {"env": {"value": SECRET}},
        [SECRET],
        f"env:{SECRET}",
        f"keyring:{SECRET}",
        {"keyring": SECRET},
    ],
)
def test_no_secret_is_shown(secret: Any) -> None:
    """However a literal secret is written, it is refused at its place and not shown."""
    problem = one(client_secret=secret)
    assert "investigation: orgs.acme.client_secret" == problem.place
    assert SECRET not in str(problem)


@pytest.mark.parametrize(
    "line",
    [
        "client_secret: SECRET",
        "client_secret: *SECRET",
        "client_secret: !SECRET x",
        "client_secret: {SECRET}",
        "client_secret: '%SECRET",
        "secret: SECRET\n    secret: SECRET",
        "password: {client_secret:SECRET}",
        "client_secret:SECRET",
        "token_url: https://x:SECRET@auth.example/?a=SECRET#SECRET",
        "label: [SECRET]\n    passwd: SECRET",
    ],
)
def test_no_secret_of_yaml_is_shown(line: str, tmp_path: Path) -> None:
    """Nor is one that YAML stumbles over."""
    secret = "s3cr3tKx9"
    text = f"scopes: [a]\norgs:\n  acme:\n    client_id: me\n    {line.replace('SECRET', secret)}\n"
    draft = drafted(text, tmp_path)
    assert draft.spec is None
    assert [] == [str(each) for each in draft.problems if secret in str(each)]


@given(value=st.recursive(st.text(min_size=9), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_value_of_a_secret_key_is_shown(value: Any) -> None:
    """No text under a key that speaks of a secret is ever in a message."""
    draft = from_mapping({"scopes": "a", "orgs": {"acme": org(client_secret=value, password=value)}, "secret": value})
    told = "\n".join(map(str, draft.problems))
    texts = [value] if isinstance(value, str) else []
    assert [] == [each for each in texts if each in told]
    assert len(draft.problems) >= 2


@pytest.mark.parametrize(
    ("keys", "what", "fix"),
    [
        ({"client_id": "  "}, "is empty", "as the authorization server shows it"),
        ({"client_id": 12}, "is 12, not text", "Put it in quotes"),
        ({"client_id": "a\x00b"}, "has control characters or line breaks", "Write it on one line"),
        ({"client_secret": ...}, "is missing", "or `auth_method: none` for a public client"),
        (
            {"auth_method": "client_secret_basics"},
            "'client_secret_basics' is unknown",
            "Did you mean client_secret_basic?",
        ),
        ({"scopes": []}, "names no scope", "Name at least one scope"),
        ({"scopes": ["x y"]}, "'x y' is no scope (RFC 6749 §3.3)", "One scope an entry"),
        ({"verify": "gone.pem"}, "there is no file 'gone.pem'", "Give a CA file"),
    ],
)
def test_org(keys: dict[str, Any], what: str, fix: str) -> None:
    """Each rule of an org tells what is wrong and what to do."""
    problem = one(**keys)
    assert (what, True) == (problem.what, fix in problem.fix)


def test_verify_false() -> None:
    """Certificate checks cannot be switched off."""
    assert one(verify=False).fix.startswith("Give a CA file")


def test_control_scope() -> None:
    """The kit's own control scope cannot be investigated."""
    assert "control request" in one(scopes=["orgscope:control:none"]).what


def test_no_scopes() -> None:
    """An org without scopes, and none at the top, is an error of that org."""
    (problem,) = from_mapping({"orgs": {"acme": org()}}).problems
    assert "investigation: orgs.acme.scopes" == problem.place


@pytest.mark.parametrize("orgs", [{}, None, ...])
def test_no_orgs(orgs: Any) -> None:
    """An investigation without orgs is an error."""
    mapping = {"scopes": "a", **({} if orgs is ... else {"orgs": orgs})}
    assert ["no org is named"] == [each.what for each in from_mapping(mapping).problems]


@pytest.mark.parametrize("name", ["a/b", "a\nb", " a", "", "x" * 101])
def test_org_name(name: str) -> None:
    """Names that cannot be shown or used in a path are refused."""
    (problem,) = from_mapping({"scopes": "a", "orgs": {name: org()}}).problems
    assert "cannot be used" in problem.what


@pytest.mark.parametrize("value", [0, -1, True, "3", 1.5, None])
@pytest.mark.parametrize("key", ["concurrency", "attempts", "budget", "auth_tries"])
def test_bad_count(key: str, value: Any) -> None:
    """A count is a whole number from 1."""
    assert f"investigation: limits.{key}" == whole(limits={key: value}).place


@pytest.mark.parametrize("value", [0, -0.5, float("inf"), float("nan"), "3", True])
@pytest.mark.parametrize(("part", "key"), [("limits", "rate_per_s"), ("limits", "timeout_s"), ("watch", "for_s")])
def test_bad_amount(part: str, key: str, value: Any) -> None:
    """A rate or a duration is a positive finite number."""
    assert f"investigation: {part}.{key}" == whole(**{part: {key: value}}).place


def test_unknown_limit() -> None:
    """An unknown limit is told with the one that was meant."""
    assert "Did you mean `timeout_s`?" == whole(limits={"timeout": 3}).fix


@pytest.mark.parametrize(
    ("change", "key", "part"),
    [
        ({"at": "2026-11-24T09:00:00"}, "at", "no time zone"),
        ({"at": "2026-11-24"}, "at", "no time zone"),
        ({"at": "soon"}, "at", "no time"),
        ({"org": "nobody"}, "org", "no org"),
        ({"scope": "b"}, "scope", "not asked"),
    ],
)
def test_bad_change(change: dict[str, str], key: str, part: str) -> None:
    """A change names an org, a scope asked there, and a time with its zone."""
    problem = whole(changes=[{"org": "acme", "scope": "a", "at": "2026-11-24T09:00:00Z", **change}])
    assert f"investigation: changes[0].{key}" == problem.place
    assert part in problem.what


def test_one_secret_two_hosts(tmp_path: Path) -> None:
    """One reference for two hosts is an error that names both places, however the path is written."""
    text = """\
scopes: [a]
orgs:
  one: {token_url: https://a.example/token, client_id: x, client_secret: file:s.txt}
  two: {token_url: https://b.example/token, client_id: y, client_secret: file:./s.txt}
"""
    (problem,) = drafted(text, tmp_path).problems
    assert "Give each host its own reference" == problem.fix
    assert "(line 3)" in problem.what and "(line 4)" in problem.what


def test_introspection_elsewhere() -> None:
    """Introspection sends the secret too, so it counts as a host."""
    problem = one(introspection_url="https://other.example/introspect")
    assert ("error", True) == (problem.severity, "for introspection" in problem.what)


def test_same_host_may_share() -> None:
    """One reference for two orgs of one host is fine; a default port is the same port."""
    orgs = {"one": org(), "two": org(client_id="you", token_url="https://AUTH.example:443/other")}
    assert () == from_mapping({"scopes": "a", "orgs": orgs}).problems


def test_warnings() -> None:
    """What is only suspicious is a warning, and the investigation is read."""
    draft = from_mapping({"scopes": "a a b,c", "orgs": {"acme": org(), "ACME": org()}})
    assert draft.spec is not None and draft.problems == draft.spec.warnings
    expected = ["differ only by case", "is shared by acme, ACME", "stands twice", "holds a comma"]
    assert [True] * 4 == [part in each.what for part, each in zip(expected, draft.problems, strict=True)]


def test_provider_needs() -> None:
    """What the provider misses is a warning."""
    (problem,) = from_mapping({"provider": "appfoundry", "scopes": "a", "orgs": {"acme": org()}}).problems
    assert ("warning", "investigation: orgs.acme.org_id") == (problem.severity, problem.place)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "empty"),
        (b"- a", "no mapping"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: [", "not valid YAML"),
        (b"a: 1\n---\nb: 2", "not valid YAML"),
        (b"[" * 100_000, "nesting"),
        (b"a: " + b"[" * 40 + b"]" * 40, "nested"),
        (b"a: &a [*a]", "without bound"),
        (b"a: &a {<<: *a}", "without bound"),
        (b"x: " + b"a" * (6 * 2**20), "larger"),
        (b"a: !!python/object/apply:os.system [x]", "unknown"),
        (b"title: !!python/name:os.system x", "tag"),
        (b"title: 2026-99-99", "number or date"),
        (b"? [a]\n: b", "key is a list"),
    ],
)
def test_bad_yaml(content: bytes, part: str, tmp_path: Path) -> None:
    """Whatever is in the file, it is told and not raised."""
    path = tmp_path / "acme.yaml"
    path.write_bytes(content)
    draft = read(path)
    assert draft.spec is None
    assert any(part in each.what for each in draft.problems), draft.problems


def test_alias_bomb(tmp_path: Path) -> None:
    """A small file whose aliases multiply is stopped."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    (problem,) = drafted("\n".join(lines), tmp_path).problems
    assert "aliases" in problem.what


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there, or a folder, is a problem like any other."""
    assert ["there is no such file", "is a folder or no ordinary file"] == [
        each.problems[0].what for each in (read(tmp_path / "gone.yaml"), read(tmp_path))
    ]


KEYS = [
    "orgs",
    "scopes",
    "limits",
    "watch",
    "changes",
    "token_url",
    "client_id",
    "client_secret",
    "tags",
    "from",
    "org",
]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates()
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=20,
)


@given(data=ANYTHING)
def test_never_raises(data: Any) -> None:
    """No content makes reading raise."""
    assert isinstance(from_mapping(data), Draft)
