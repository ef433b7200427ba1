"""A recording becomes a run like any other: diagnosis, frames, report; its secrets stay behind."""

from __future__ import annotations

import base64
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from orgscope_kit.ask.spec import from_mapping
from orgscope_kit.desk.importing import import_har
from orgscope_kit.desk.run import Run
from orgscope_kit.errors import OrgscopeError
from orgscope_kit.read import observations

HARS = Path(__file__).parents[1] / "data" / "har"
SECRETS = (
    "mArk3r-S3cret-Value/x+y==",
    "mArk3r-S3cret-Other",
    "mArk3r-T0ken-Value.abcDEF123456",
    "mArk3r-C00kie-Value-9Zz8Yy",
)
FILES = {"run.json", "journal.sqlite", "observations.parquet", "observations.csv", "diagnosis.json", "report.html"}


def basic(secret: str, client: str = "app") -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"name": "Authorization", "value": "Basic " + base64.b64encode(f"{client}:{secret}".encode()).decode()}


def recording(tmp_path: Path, *requests: tuple[str, list[dict[str, str]], int, dict[str, Any]]) -> Path:
    """A file with these requests to one token endpoint: form, headers, status, answer."""
    entries = [
        {
            "startedDateTime": f"2026-11-24T10:15:{second:02}Z",
            "request": {
                "method": "POST",
                "url": "https://login.example/token",
                "headers": headers,
                "postData": {"text": form},
            },
            "response": {"status": status, "content": {"text": json.dumps(answer)}},
        }
        for second, (form, headers, status, answer) in enumerate(requests)
    ]
    path = tmp_path / "made.har"
    path.write_text(json.dumps({"log": {"version": "1.2", "entries": entries}}), "utf-8")
    return path


CC = "grant_type=client_credentials&scope=a"
REFUSED = (401, {"error": "invalid_client"})
GRANTED = (200, {"access_token": "mArk3r-T0ken", "token_type": "bearer", "scope": "a"})


@pytest.mark.parametrize("provider", ["oauth2", "appfoundry"])
def test_story_recorded_by_chrome_is_diagnosed(provider: str, tmp_path: Path) -> None:
    """The secondary client's refused scope is named as not granted, with the primary's token as evidence."""
    run = import_har(HARS / "chrome.har", out=tmp_path, provider=provider)
    assert {"primary-client": "works", "secondary-client": "scope_not_granted"} == {
        org: verdict.cause for org, verdict in run.diagnosis.items()
    }
    assert ("integration:appfoundry:manage",) == run.diagnosis["secondary-client"].scopes
    assert ["baseline", "baseline", "verify", "isolate"] == run.observations["purpose"].tolist()
    assert ("done", 1) == (run.state, run.exit_status)


def test_firefox_recording_is_diagnosed(tmp_path: Path) -> None:
    """A refused client and a host that is not found are told apart, each named by its host."""
    run = import_har(HARS / "firefox.har", out=tmp_path)
    assert {"sso.example.org": "client_rejected", "sso.example.net": "unreachable"} == {
        org: verdict.cause for org, verdict in run.diagnosis.items()
    }


def test_run_folder_is_like_any_other(tmp_path: Path) -> None:
    """Everything of the contract is there, says where it comes from, and opens again by its id."""
    run = import_har(HARS / "api-client.har", out=tmp_path)
    assert FILES | {"recording.har"} == {path.name for path in run.path.iterdir()}
    assert "api-client.har" == run.info["imported_from"]
    again = Run.open(run.id, tmp_path)
    assert run.exchanges == again.exchanges and run.spec == again.spec
    assert run.exchanges == observations.exchanges(observations.read_parquet(run.path / "observations.parquet"))
    assert from_mapping(run.info["investigation"]).spec == run.spec


def test_secret_is_a_reference_to_be_filled_in(tmp_path: Path) -> None:
    """The investigation names a variable for each credential, and two credentials never share one."""
    spec = import_har(HARS / "chrome.har", out=tmp_path).spec
    references = [str(each) for each in spec.secrets.values()]
    assert 2 == len(set(references)) and all(each.startswith("env:IMPORTED_") for each in references)


def forms(secret: str) -> set[bytes]:
    """A secret as it may stand in a file: raw, percent-encoded, in base64 alone and with each client id before it."""
    texts = {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
    for prefix in ("", "primary-client:", "secondary-client:", "batch-job:", "m2m-app:"):
        texts.add(base64.b64encode((prefix + secret).encode()).decode().rstrip("="))
    return {text.encode() for text in texts}


@pytest.mark.parametrize("name", ["chrome.har", "firefox.har", "api-client.har"])
def test_no_secret_is_in_any_file(name: str, tmp_path: Path) -> None:
    """Client secrets, tokens and cookies of the recording are in no file of the run, in no form."""
    assert any(form in (HARS / name).read_bytes() for secret in SECRETS for form in forms(secret))
    run = import_har(HARS / name, out=tmp_path)
    for path in run.path.iterdir():
        content = path.read_bytes()
        assert not [secret for secret in SECRETS for form in forms(secret) if form in content], path.name
        assert b"mArk3r" not in content, path.name


def test_redacted_copy_is_a_recording_again(tmp_path: Path) -> None:
    """The copy can be imported, and gives the same outcomes; other requests show their host alone."""
    run = import_har(HARS / "chrome.har", out=tmp_path / "a")
    shutil.copy(run.path / "recording.har", tmp_path / "again.har")
    again = import_har(tmp_path / "again.har", out=tmp_path / "b")
    assert run.observations["outcome"].tolist() == again.observations["outcome"].tolist()
    assert run.observations["total_ms"].tolist() == again.observations["total_ms"].tolist()
    urls = [
        each["request"]["url"] for each in json.loads((tmp_path / "again.har").read_text("utf-8"))["log"]["entries"]
    ]
    assert "https://admin.example.com/" == urls[0]


def test_another_secret_of_one_client_is_no_other_encoding(tmp_path: Path) -> None:
    """A wrong secret that was replaced is not taken for an encoding that did not fit."""
    path = recording(tmp_path, (CC, [basic("wrong-secret")], *REFUSED), (CC, [basic("right-secret")], *GRANTED))
    causes = [each.cause for each in import_har(path, out=tmp_path).diagnosis.values()]
    assert ["client_rejected", "works"] == causes


def test_same_secret_encoded_otherwise_is_recognised(tmp_path: Path) -> None:
    """The same secret, refused percent-encoded and accepted as it is, is a matter of encoding."""
    path = recording(tmp_path, (CC, [basic("se%2Bcret%2F1")], *REFUSED), (CC, [basic("se+cret/1")], *GRANTED))
    assert ["secret_encoding"] == [each.cause for each in import_har(path, out=tmp_path).diagnosis.values()]


def test_grant_that_is_not_served_is_kept_as_a_tag(tmp_path: Path) -> None:
    """A grant that investigations do not take is imported all the same, and named."""
    form = "grant_type=urn:example:own&scope=a&client_id=app&client_secret=abcDEF123"
    run = import_har(recording(tmp_path, (form, [], *GRANTED)), out=tmp_path)
    assert "urn:example:own" in run.spec.orgs[0].tags.values() and "works" == run.diagnosis["login.example"].cause


def test_request_without_scope_or_client_is_imported(tmp_path: Path) -> None:
    """Where a browser left out the Authorization header, the run says that no client was recorded."""
    run = import_har(recording(tmp_path, ("grant_type=client_credentials", [], *GRANTED)), out=tmp_path)
    assert "not-recorded" == run.spec.orgs[0].client_id
    assert 1 == len(run.observations)


def test_http_endpoint_is_left_out_and_named(tmp_path: Path) -> None:
    """An endpoint that an investigation must not name is left out; where none is left, the error says why."""
    path = recording(tmp_path, (CC, [basic("abcDEF123")], *GRANTED))
    path.write_text(path.read_text("utf-8").replace("https:", "http:"), "utf-8")
    with pytest.raises(OrgscopeError, match="in the clear"):
        import_har(path, out=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_recording_without_token_request_is_refused(tmp_path: Path) -> None:
    """A recording of something else makes no run, and says what to record."""
    with pytest.raises(OrgscopeError, match="Record again"):
        import_har(recording(tmp_path), out=tmp_path / "runs")
