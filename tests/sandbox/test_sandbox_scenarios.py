"""Scenario files: the shipped ones, and what is said of wrong ones."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
import yaml
from dotenv import dotenv_values
from sandbox_asking import BASE, merged

from orgscope_kit.errors import ScenarioError
from orgscope_kit.simulator import Sandbox, load, parse, shipped

SCENARIOS = {name: load(name) for name in shipped()}
CAUSES = {
    "scope-missing": "scope_not_granted", "story": "scope_not_granted", "clone-drift": "scope_not_granted",
    "silent-narrowing": "scope_not_granted", "org-id-missing": "wrong_org_context",
    "per-org-integration": "integration_per_org",
}  # fmt: skip


SYMPTOMS = {
    "story": (403, "'integration:appfoundry:manage'"),
    "scope-missing": (403, "A requested scope is not"),
    "clone-drift": (403, "'integration:appfoundry:manage'"),
    "silent-narrowing": (200, '"scope":"admin:org:read user:chat:write"'),
    "org-id-missing": (200, "access_token"),
    "per-org-integration": (403, "unauthorized_client"),
    "credentials-of-another-org": (403, "unauthorized_client"),
    "wrong-endpoint": (404, "not.found"),
    "wrong-secret": (401, "authentication failed"),
    "unknown-client": (401, "client not found"),
    "client-rejected": (401, "Client authentication failed."),
    "grant-not-allowed": (400, "unauthorized_client"),
    "scope-unknown": (400, "Unknown scope 'integration:appfoundry:mange'"),
    "auth-method-mismatch": (401, "authentication failed"),
    "secret-encoding": (401, "authentication failed"),
    "redirect-uri-mismatch": (200, "access_token"),
    "server-error": (503, "service.unavailable"),
    "rate-limited": (429, "too.many.requests"),
    "replicas-disagree": (403, "'integration:appfoundry:manage'"),
    "propagating": (403, "'integration:appfoundry:manage'"),
    "propagation-overdue": (403, "'integration:appfoundry:manage'"),
    "unreachable": (0, "reset"),
    "genesys-permission-missing": (200, "access_token"),
    "genesys-scope-not-applicable": (200, "access_token"),
    "genesys-wrong-secret": (400, "authentication failed"),
    "genesys-unknown-client": (400, "client not found"),
    "genesys-credentials-of-another-org": (200, "access_token"),
}


def first_answer(
    http: httpx.Client, investigation: dict[str, Any], org: str, held: Mapping[str, str | None]
) -> tuple[int, str]:
    """What a correct client that asks for ``org``, as the file says, hears first."""
    entry = investigation["orgs"][org]
    scopes = entry.get("scopes", investigation.get("scopes", []))
    form = {"grant_type": "client_credentials"} | ({"scope": " ".join(scopes)} if scopes else {})
    form |= {"org_id": entry["org_id"]} if "org_id" in entry and investigation["provider"] == "appfoundry" else {}
    secret = quote_plus(held[entry["client_secret"]["dotenv"]] or "")
    try:
        answer = http.post(entry["token_url"], data=form, auth=(entry["client_id"], secret))
    except (httpx.ReadError, httpx.RemoteProtocolError):
        return 0, "reset"
    return answer.status_code, answer.text


@pytest.mark.parametrize("name", SCENARIOS)
def test_first_symptom(name: str, http: httpx.Client) -> None:
    """Asked as its file says, each scenario shows its symptom where it should, and grants everything elsewhere."""
    status, text = SYMPTOMS[name]
    with Sandbox(SCENARIOS[name]) as box:
        investigation = yaml.safe_load(box.investigation_file.read_text())
        held = dotenv_values(box.folder / ".env")
        for org, truth in box.truth.items():
            heard = first_answer(http, investigation, org, held)
            assert (200 if truth.cause == "works" else status) == heard[0]
            assert ("access_token" if truth.cause == "works" else text) in heard[1]


@pytest.mark.parametrize("name", SCENARIOS)
def test_shipped(name: str) -> None:
    """Every shipped scenario loads, fills in its placeholders, and has one failing cause, the one it is named for."""
    with Sandbox(SCENARIOS[name], base_url="http://localhost:8000") as box:
        text = box.investigation_file.read_text()
        investigation = yaml.safe_load(text)
    assert not re.search(r"\{[^}\n]*\}", text.replace("{}", ""))
    assert (box.scenario.server.dialect, "primary") == (investigation["provider"], investigation["reference"])
    assert (20, 4) == (investigation["limits"]["rate_per_s"], investigation["limits"]["concurrency"])
    assert 2 <= len(investigation["orgs"]) <= 6
    named = name.removeprefix("genesys-").replace("-", "_")
    assert {CAUSES.get(name, named), "works"} == {truth.cause for truth in box.truth.values()}
    assert all(org["token_url"].startswith("http://localhost:8000/") for org in investigation["orgs"].values())


def test_secrets_are_unique_and_long() -> None:
    """No two clients share a secret, and each is long enough for a search to find it."""
    secrets = [org.client.secret for each in SCENARIOS.values() for org in each.orgs.values() if org.client]
    assert len(secrets) == len(set(secrets))
    assert all(len(secret) >= 20 and secret.startswith("sandbox") for secret in secrets)


def test_now_relative_times() -> None:
    """``{now-300s}`` becomes a time, as YAML has it."""
    with Sandbox("propagating", base_url="http://localhost") as box:
        at = yaml.safe_load(box.investigation_file.read_text())["changes"][0]["at"]
    assert abs(datetime.now(UTC) - timedelta(seconds=300) - at) < timedelta(seconds=5)


def test_every_problem_at_once() -> None:
    """Problems of the schema and disagreements between the parts come together, each with place and fix."""
    changes = {
        "colour": "red",
        "server": {"names": "second"},
        "integration": {"home": "nowhere"},
        "orgs": {"secondary": {"org_id": "org-1", "granted": ["a b"], "replicas": 2, "delays_s": [1]}},
        "investigation": {"orgs": {"primary": {"client_secret": {"dotenv": "ABSENT"}}}, "title": "{bse}"},
        "truth": {"third": {"cause": "works"}},
    }
    with pytest.raises(ScenarioError) as caught:
        parse(merged(BASE, changes), "x.yaml")
    lines = str(caught.value).splitlines()
    places = [
        "x.yaml: colour", "x.yaml: server.names", "x.yaml: orgs.secondary.granted.0", "x.yaml: integration.home",
        "x.yaml: orgs", "x.yaml: orgs.secondary.delays_s", "x.yaml: truth.third",
        "x.yaml: investigation.orgs.primary.client_secret", "x.yaml: investigation.title",
    ]  # fmt: skip
    assert f"{len(places)} problems in the scenario:" == lines[0]
    assert not [place for place in places if not any(line.strip().startswith(f"{place}: ") for line in lines)]


def test_literal_secrets_are_not_repeated() -> None:
    """A literal secret in the investigation is refused, and not shown."""
    changes = {"investigation": {"orgs": {"primary": {"client_secret": "hunter2hunter2"}}}}
    with pytest.raises(ScenarioError, match="literal secret") as caught:
        parse(merged(BASE, changes))
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a: [", "bad.yaml: line"), ("- a", "not a mapping"), ("title: x", "integration: this key is missing")],
)
def test_wrong_files(tmp_path: Path, text: str, expected: str) -> None:
    """A file that is no scenario says where and why."""
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ScenarioError, match=expected):
        load(tmp_path / "bad.yaml")


def test_no_such_scenario() -> None:
    """A name that is not shipped lists those that are."""
    with pytest.raises(ScenarioError, match="story, auth-method-mismatch"):
        load("storey")


def test_a_file_can_be_loaded(tmp_path: Path) -> None:
    """A scenario of one's own is loaded by its path."""
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(BASE))
    assert "A test" == load(str(tmp_path / "mine.yaml")).title


def test_nothing_listens_without_need() -> None:
    """A sandbox with a base URL opens no socket."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Sandbox("story", base_url=f"http://localhost:{port}"), pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=0.2)


@pytest.mark.parametrize(
    ("name", "org", "scopes", "queues"),
    [
        ("genesys-permission-missing", "secondary", [], 403),
        ("genesys-scope-not-applicable", "secondary", [], 200),
        ("genesys-credentials-of-another-org", "staging", [], 200),
    ],
)
def test_what_the_token_shows(name: str, org: str, scopes: list[str], queues: int, http: httpx.Client) -> None:
    """Where a login succeeds, the API shows the fault: another org, no scopes, or a read that is refused."""
    with Sandbox(SCENARIOS[name]) as box:
        entry = yaml.safe_load(box.investigation_file.read_text())["orgs"]["secondary"]
        held = dotenv_values(box.folder / ".env")["SECONDARY_SECRET"] or ""
        form = {"grant_type": "client_credentials", "scope": " ".join(entry.get("scopes", []))}
        login = http.post(entry["token_url"], data=form, auth=(entry["client_id"], held)).json()
        bearer = {"Authorization": f"Bearer {login['access_token']}"}
        me = http.get(box.url + "/api/v2/tokens/me", headers=bearer).json()
        assert (org, scopes) == (me["organization"]["name"], me["authorizedScope"])
        assert (entry["org_id"] == me["organization"]["id"]) == (org == "secondary")
        assert queues == http.get(entry["resource_url"], headers=bearer).status_code
