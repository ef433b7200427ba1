"""Secrets: resolved by reference, shown nowhere."""

from __future__ import annotations

import base64
import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgscope_kit.ask.spec import Reference, Spec, from_mapping
from orgscope_kit.errors import CredentialError, InvestigationError
from orgscope_kit.send.credentials import Credentials, Secret, problems, resolve

VALUE = "p&ss wörd/+=%:1"


def spec_of(folder: Path, **orgs: dict[str, Any]) -> Spec:
    plain = {"token_url": "https://auth.example/token", "client_id": "me"}
    draft = from_mapping(
        {"scopes": "a", "orgs": {name: {**plain, **keys} for name, keys in orgs.items()}}, folder=folder
    )
    assert draft.spec is not None, draft.problems
    return draft.spec


def private(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(0o600)
    return path


@given(value=st.text(min_size=4), spec=st.sampled_from(["", "s", ">30", "r"]))
def test_secret_shows_nothing(value: str, spec: str) -> None:
    """No text made of a secret holds it."""
    secret = Secret(value)
    shown = [repr(secret), str(secret), format(secret, spec), f"{secret!r:>50}", repr([secret]), "%s" % secret]  # noqa: UP031
    assert value == secret.reveal()
    assert {"Secret(…)"} == {each.strip(" []") for each in shown}


@pytest.mark.parametrize(
    "act", [copy.copy, copy.deepcopy, pickle.dumps, hash, vars, lambda s: copy.deepcopy({"a": [s]})]
)
def test_secret_cannot_leave(act: Callable[[Any], Any]) -> None:
    """A secret is not copied, pickled or hashed, and the refusal does not show it."""
    with pytest.raises(TypeError) as caught:
        act(Secret(VALUE))
    assert VALUE not in str(caught.value)


@given(one=st.text(), two=st.text())
def test_equality(one: str, two: str) -> None:
    """Secrets are equal where their values are, and never equal to a text."""
    assert (one == two) == (Secret(one) == Secret(two))
    assert Secret(one) != one


def test_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable of the environment is read as it is."""
    monkeypatch.setenv("A_SECRET", VALUE)
    assert VALUE == resolve(Reference("env", "A_SECRET", tmp_path)).reveal()


@pytest.mark.parametrize(
    ("content", "expected"),
    [("x", "x"), ("x\n", "x"), ("x\r\n", "x"), ("x\n\n", "x\n"), (" x ", " x "), ("\ufeffx", "x"), ("x\r", "x\r")],
)
def test_file(tmp_path: Path, content: str, expected: str) -> None:
    """One newline at a file's end is no part of the secret, everything else is."""
    private(tmp_path / "s", content)
    assert expected == resolve(Reference("file", "s", tmp_path)).reveal()


def test_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `.env` is read afresh at every call, without interpolation, and other files by their path."""
    monkeypatch.setenv("HOME_OF", "x")
    private(tmp_path / ".env", "A='a${HOME_OF}b'\n")
    assert "a${HOME_OF}b" == resolve(Reference("dotenv", "A", tmp_path)).reveal()
    private(tmp_path / ".env", "A=later\n")
    assert "later" == resolve(Reference("dotenv", "A", tmp_path)).reveal()
    private(tmp_path / "b.env", "A=other\n")
    assert "other" == resolve(Reference("dotenv", "b.env#A", tmp_path)).reveal()


@pytest.mark.parametrize(
    ("kind", "value", "part"),
    [
        ("env", "ORGSCOPE_UNSET", "not set"),
        ("env", "ORGSCOPE_EMPTY", "is empty"),
        ("file", "gone", "there is no file"),
        ("file", "empty", "is empty"),
        ("file", "big", "larger"),
        ("file", "binary", "UTF-8"),
        ("file", ".", "no ordinary file"),
        ("dotenv", "GONE", "no variable GONE"),
        ("dotenv", "BARE", "is empty"),
        ("dotenv", "gone.env#A", "there is no file"),
    ],
)
def test_unresolved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any, value: str, part: str) -> None:
    """A secret that cannot be read is an error that names its reference."""
    monkeypatch.setenv("ORGSCOPE_EMPTY", "")
    private(tmp_path / "empty", "\n")
    private(tmp_path / "big", "x" * 70_000)
    private(tmp_path / "binary", b"\xff\xfe")
    private(tmp_path / ".env", "BARE\nOTHER=s3cr3t-value\n")
    with pytest.raises(CredentialError, match=part) as caught:
        resolve(Reference(kind, value, tmp_path))
    assert f"{kind}:{value}" == caught.value.reference


@pytest.mark.parametrize(
    ("value", "part"),
    [("s3cr3t-value ", "ends with a space"), ("\ts3cr3t-value", "begins with white"), ("s3cr3t\x07-value", "control")],
)
def test_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str, part: str) -> None:
    """What was probably pasted by mistake is a warning that does not show it."""
    monkeypatch.setenv("A_SECRET", value)
    (problem,) = problems({"acme": Reference("env", "A_SECRET", tmp_path)}, "acme.yaml")
    assert ("warning", "acme.yaml: orgs.acme.client_secret") == (problem.severity, problem.place)
    assert part in problem.what and "s3cr3t" not in str(problem)


@pytest.mark.parametrize(
    ("mode", "expected"), [(0o600, []), (0o640, ["its group"]), (0o644, ["everyone on this machine"])]
)
def test_readable(tmp_path: Path, mode: int, expected: list[str]) -> None:
    """A `.env` that others can read is told once, for all orgs in it."""
    private(tmp_path / ".env", "A=abcdefgh\nB=abcdefgi\n").chmod(mode)
    references = {name: Reference("dotenv", name, tmp_path) for name in "AB"}
    found = problems(references, "acme.yaml")
    assert expected == [each.what.rpartition("by ")[2] for each in found]


def test_every_missing_secret(tmp_path: Path) -> None:
    """All missing secrets are told together, and stop unless orgs may be left out."""
    spec = spec_of(
        tmp_path, a={"client_secret": "env:NO_A"}, b={"client_secret": "env:NO_B"}, c={"auth_method": "none"}
    )
    with pytest.raises(InvestigationError) as caught:
        Credentials.of(spec)
    places = ["investigation: orgs.a.client_secret", "investigation: orgs.b.client_secret"]
    assert places == [each.place for each in caught.value.problems]
    assert ("a", "b") == Credentials.of(spec, skip_incomplete=True).missing


def test_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Secrets are held by org until they are dropped; a public client has none."""
    monkeypatch.setenv("A_SECRET", VALUE)
    held = Credentials.of(spec_of(tmp_path, a={"client_secret": "env:A_SECRET"}, c={"auth_method": "none"}))
    assert (Secret(VALUE), None, ()) == (held.secret("a"), held.secret("c"), held.missing)
    assert VALUE not in repr(held)
    held.drop()
    assert (None, []) == (held.secret("a"), held.forms())


def test_twins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orgs with the same client and the same secret are pairs, wherever the secret stands."""
    for name, value in {"A": "same-secret", "B": "same-secret", "C": "else"}.items():
        monkeypatch.setenv(name, value)
    orgs = {name: {"client_secret": f"env:{name.upper()}"} for name in "abc"}
    held = Credentials.of(spec_of(tmp_path, **orgs, d={"client_secret": "env:A", "client_id": "you"}))
    assert (("a", "b"),) == held.twins()


def test_one_secret_two_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same value under two names for two hosts is an error that does not show it."""
    for name in "AB":
        monkeypatch.setenv(name, "same-secret")
    there = {"client_secret": "env:B", "token_url": "https://other.example/token"}
    (problem,) = Credentials.of(spec_of(tmp_path, a={"client_secret": "env:A"}, b=there)).one_secret_two_hosts()
    assert ("warning", "investigation: orgs.b.client_secret") == (problem.severity, problem.place)
    assert "env:A" in problem.what and "env:B" in problem.what and "same-secret" not in str(problem)


def test_two_secrets_two_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each host with its own secret, or one host with one secret twice, is fine."""
    for name, value in {"A": "same-secret", "B": "same-secret", "C": "else"}.items():
        monkeypatch.setenv(name, value)
    there = {"client_secret": "env:C", "token_url": "https://other.example/token"}
    orgs = {"a": {"client_secret": "env:A"}, "b": {"client_secret": "env:B"}, "c": there}
    assert [] == Credentials.of(spec_of(tmp_path, **orgs)).one_secret_two_hosts()


def test_forms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every form that a request or its echo can hold is listed, longest first."""
    monkeypatch.setenv("A", VALUE)
    forms = Credentials.of(spec_of(tmp_path, a={"client_secret": "env:A"})).forms()
    basic = base64.b64encode(f"me:{VALUE}".encode()).decode()
    encoded = base64.b64encode(f"me:{quote(VALUE, safe='')}".encode()).decode()
    expected = {VALUE, quote(VALUE, safe=""), quote_plus(VALUE), quote(VALUE).lower(), "p&ss w\\u00f6rd/+=%:1"}
    expected |= {basic, encoded, base64.b64encode(VALUE.encode()).decode()}
    assert set() == expected - set(forms)
    assert sorted(map(len, forms), reverse=True) == list(map(len, forms))


def test_forms_of_short_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short secret is looked for in Basic credentials only."""
    monkeypatch.setenv("A", "abc")
    basic = base64.b64encode(b"me:abc").decode()
    assert {basic, basic.rstrip("=")} == set(Credentials.of(spec_of(tmp_path, a={"client_secret": "env:A"})).forms())
