"""The main job on a real authorization server: `oidc-provider`, one issuer an org."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from servers.oidc import ANALYTICS, MANAGE, ORGS, UNKNOWN, VIEW, OidcServer, credentials, require, serve

from orgscope_kit.desk.investigation import Investigation
from orgscope_kit.desk.run import Run

pytestmark = pytest.mark.server
ALL = [VIEW, ANALYTICS, MANAGE]


@pytest.fixture(scope="module")
def server() -> Iterator[OidcServer]:
    """One server for the module."""
    require()
    with serve(ORGS) as running:
        yield running


@pytest.fixture
def ask(server: OidcServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run an investigation over the named orgs; `orgs` maps a name to the keys that differ from its own client's."""

    def run(orgs: Mapping[str, Mapping[str, Any]], scopes: list[str] = ALL, **keys: Any) -> Run:
        entries = {}
        for name, changed in orgs.items():
            at = changed.get("at", name)
            client, secret = credentials(changed.get("client_of", at))
            monkeypatch.setenv(f"SECRET_{name.upper()}", changed.get("secret", secret))
            own = {
                "token_url": server.token_url(at),
                "client_id": client,
                "client_secret": {"env": f"SECRET_{name.upper()}"},
            }
            entries[name] = own | {
                key: value for key, value in changed.items() if key not in ("at", "client_of", "secret")
            }
        limits = {"rate_per_s": 200, "concurrency": 4}
        investigation = Investigation(
            title="oidc-provider", scopes=scopes, orgs=entries, limits=limits | keys.pop("limits", {}), **keys
        )
        return investigation.run_here(out=tmp_path / "runs")

    return run


def cause(run: Run, org: str) -> tuple[str, tuple[str, ...]]:
    """What the diagnosis says of an org."""
    return run.diagnosis[org].cause, run.diagnosis[org].scopes


def open_causes(run: Run, org: str) -> set[str]:
    """The runners-up."""
    return {each.cause for each in run.diagnosis[org].runners_up}


def test_all_granted(ask: Any) -> None:
    """An org that grants everything works."""
    assert ("works", ()) == cause(ask({"acme": {}}), "acme")


def test_one_scope_missing(ask: Any) -> None:
    """The scope that the reference has and the other org refuses is not granted there."""
    run = ask({"acme": {}, "beta": {}}, reference="acme")
    assert ("scope_not_granted", (MANAGE,)) == cause(run, "beta")
    assert "scope_unknown" in {each.cause for each in run.diagnosis["beta"].ruled_out}


def test_one_scope_missing_without_a_reference(ask: Any) -> None:
    """This server drops unknown scopes and refuses ungranted ones: the made-up scope tells them apart."""
    assert ("scope_not_granted", (MANAGE,)) == cause(ask({"beta": {}}), "beta")


def test_wrong_secret(ask: Any) -> None:
    """The server answers alike for a wrong secret and an unknown client, so the pair is named."""
    run = ask({"acme": {}, "gamma": {"secret": "not-the-secret-of-gamma"}})
    assert ("client_rejected", ()) == cause(run, "gamma")
    assert {"wrong_secret", "unknown_client"} <= open_causes(run, "gamma")


def test_unknown_client(ask: Any) -> None:
    """An unknown client id gets the same pair."""
    run = ask({"acme": {}, "gamma": {"client_id": "nobody"}})
    assert ("client_rejected", ()) == cause(run, "gamma")
    assert {"wrong_secret", "unknown_client"} <= open_causes(run, "gamma")


def test_credentials_of_another_org(ask: Any) -> None:
    """Credentials that work in acme and are refused in gamma are acme's."""
    run = ask({"acme": {}, "gamma": {"client_of": "acme"}})
    assert ("credentials_of_another_org", ()) == cause(run, "gamma")
    assert ("works", ()) == cause(run, "acme")


def test_unreachable(ask: Any) -> None:
    """A port where nothing listens is unreachable, and the other orgs are settled all the same."""
    run = ask(
        {"acme": {}, "gone": {"at": "gamma", "token_url": "http://127.0.0.1:9/oauth/token"}}, limits={"attempts": 2}
    )
    assert ("unreachable", ()) == cause(run, "gone")
    assert ("works", ()) == cause(run, "acme")
    assert [1, 2] == run.observations.query("org == 'gone'")["attempt"].tolist()


def test_wrong_path(ask: Any, server: OidcServer) -> None:
    """A path without a token endpoint is the wrong endpoint."""
    run = ask({"acme": {}, "gamma": {"token_url": f"{server.url}/gamma/api/v2/oauth/token"}})
    assert ("wrong_endpoint", ()) == cause(run, "gamma")


def test_mistyped_org(ask: Any, server: OidcServer) -> None:
    """An org that the server does not know is a wrong endpoint too."""
    run = ask({"acme": {}, "gamma": {"token_url": f"{server.url}/gama/oauth/token"}})
    assert ("wrong_endpoint", ()) == cause(run, "gamma")


def test_silently_dropped_scope(ask: Any) -> None:
    """A scope that the answer leaves out without a word is missing."""
    run = ask({"acme": {}, "delta": {}}, reference="acme")
    assert ("scope_not_granted", (MANAGE,)) == cause(run, "delta")


def test_everything_silently_dropped(ask: Any) -> None:
    """A token without `scope` means nothing on a server that states what it grants."""
    run = ask({"acme": {}, "zeta": {}}, reference="acme")
    assert ("scope_not_granted", tuple(ALL)) == cause(run, "zeta")


def test_everything_silently_dropped_and_nothing_to_compare(ask: Any) -> None:
    """Without any org that shows what the answer means, nothing is claimed."""
    run = ask({"zeta": {}})
    assert ("inconclusive", ()) == cause(run, "zeta")
    assert {"works", "scope_not_granted"} <= open_causes(run, "zeta")


def test_introspection_settles_it(ask: Any, server: OidcServer) -> None:
    """With introspection, a token without scopes shows itself."""
    run = ask({"acme": {}, "zeta": {"introspection_url": server.introspection_url("zeta")}}, reference="acme")
    assert ("scope_not_granted", tuple(ALL)) == cause(run, "zeta")


def test_unknown_scope(ask: Any) -> None:
    """A scope that no org knows and the server drops in silence: ungranted or unknown, both stay open."""
    run = ask({"acme": {}}, scopes=[VIEW, UNKNOWN])
    assert "inconclusive" == run.diagnosis["acme"].cause
    assert {"scope_not_granted", "scope_unknown"} <= open_causes(run, "acme")


def test_grant_not_allowed(ask: Any) -> None:
    """A client that may not use client credentials is told from a wrong one."""
    assert ("grant_not_allowed", ()) == cause(ask({"acme": {}, "theta": {}}), "theta")


def test_special_characters(ask: Any) -> None:
    """A secret with `+ % : /` is percent-encoded in Basic as RFC 6749 §2.3.1 asks, and works in the body too."""
    assert ("works", ()) == cause(ask({"epsilon": {}}), "epsilon")
    assert ("works", ()) == cause(ask({"epsilon": {"auth_method": "client_secret_post"}}), "epsilon")


def test_no_secret_in_the_folder(ask: Any) -> None:
    """No file of the run folder holds a secret."""
    run = ask({"acme": {}, "epsilon": {}, "gamma": {"secret": "not-the-secret-of-gamma"}})
    held = [credentials("acme")[1], credentials("epsilon")[1], "not-the-secret-of-gamma"]
    for path in run.path.iterdir():
        content = path.read_bytes()
        assert not [secret for secret in held if secret.encode() in content], path.name
