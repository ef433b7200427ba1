"""Recordings: token exchanges found and read, timings mapped, nothing secret kept, and no file that makes it fail."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orgscope_kit.errors import OrgscopeError
from orgscope_kit.read import har, observations
from orgscope_kit.read.har import Recorded

HARS = Path(__file__).parents[1] / "data" / "har"
ROUNDS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
URL = "https://login.example/oauth/token"


def entry(**changes: Any) -> dict[str, Any]:
    """A token request as the standard wants it, refused."""
    request = {
        "method": "POST",
        "url": URL,
        "headers": [],
        "postData": {
            "mimeType": "application/x-www-form-urlencoded",
            "text": "grant_type=client_credentials&client_id=c&scope=a",
        },
    }
    response = {"status": 400, "headers": [], "content": {"text": '{"error": "invalid_scope"}'}}
    timings = {"blocked": 1, "dns": 2, "connect": 30, "ssl": 20, "send": 1, "wait": 40, "receive": 2}
    base = {"startedDateTime": "2026-11-24T10:15:30Z", "time": 76, "timings": timings}
    return {**base, "request": {**request, **changes.get("request", {})}, **changes.get("entry", {})} | {
        "response": {**response, **changes.get("response", {})}
    }


def loaded(tmp_path: Path, *entries: Any, provider: str = "oauth2") -> list[Recorded]:
    """What a file with these entries holds."""
    path = tmp_path / "a.har"
    path.write_text(
        json.dumps({"log": {"version": "1.2", "creator": {"name": "t"}, "entries": list(entries)}}), "utf-8"
    )
    return har.load(path, provider)


def test_chrome_recording_holds_its_token_requests_only() -> None:
    """Pages and preflights are passed over; outcomes, scopes and ids are read."""
    rows = [each.row for each in har.load(HARS / "chrome.har", "appfoundry")]
    assert ["granted", "refused", "refused", "granted"] == [row.outcome for row in rows]
    assert ("integration:appfoundry:manage",) == rows[1].named_scopes == rows[2].scope_requested
    assert "7d0c1f00-0000-4000-8000-000000000002" == rows[1].org_id_sent
    assert "client_secret_basic" == rows[0].auth_method and "invalid_scope" == rows[1].error
    assert rows[0].correlation_id == "c-77-.250" and rows[0].expires_in_s == 86400


def test_firefox_recording_is_decoded_and_counted_in_utc() -> None:
    """Base64 contents are read, local time becomes UTC, TLS that Firefox counts apart stays apart."""
    refused, dead = [each.row for each in har.load(HARS / "firefox.har")]
    assert ("refused", 401, "invalid_client") == (refused.outcome, refused.status, refused.error)
    assert datetime(2026, 11, 24, 10, 15, 30, 250_000, UTC) == refused.sent_at
    assert (7, 20, 35, 88, 150) == (
        refused.dns_ms,
        refused.connect_ms,
        refused.tls_ms,
        refused.first_byte_ms,
        refused.total_ms,
    )
    assert ("unreachable", None, "dns_failure") == (dead.outcome, dead.status, dead.error)


def test_api_client_recording_with_json_body_is_read() -> None:
    """A request in JSON, without connection timings, is read like any other."""
    (only,) = har.load(HARS / "api-client.har")
    assert ("m2m-app", "client_secret_post", ("read:users",)) == (
        only.client_id,
        only.row.auth_method,
        only.row.named_scopes,
    )
    assert only.row.connect_ms is None and only.row.connection_reused is None


def test_timings_are_mapped_to_phases(tmp_path: Path) -> None:
    """By the standard `connect` includes `ssl`, and `blocked` is the tool's own queue."""
    row = loaded(tmp_path, entry())[0].row
    assert (1, 2, 10, 20, 40, 75) == (
        row.queue_ms,
        row.dns_ms,
        row.connect_ms,
        row.tls_ms,
        row.first_byte_ms,
        row.total_ms,
    )
    assert 1000 == (row.sent_at - row.planned_at).microseconds and row.connection_reused is False


def test_kept_connection_has_no_connect_times(tmp_path: Path) -> None:
    """-1 for dns, connect and ssl means that a kept connection served."""
    kept = {"dns": -1, "connect": -1, "ssl": -1, "send": 0, "wait": 5, "receive": 1}
    row = loaded(tmp_path, entry(entry={"timings": kept, "connection": "7"}))[0].row
    assert (None, None, None, True, 1) == (
        row.dns_ms,
        row.connect_ms,
        row.tls_ms,
        row.connection_reused,
        row.connection_id,
    )


def test_secrets_tell_credentials_apart_and_are_not_kept(tmp_path: Path) -> None:
    """Two secrets of one client are two credentials; the same one in two encodings is one, presented in two ways."""

    def basic(secret: str) -> dict[str, Any]:
        value = "Basic " + base64.b64encode(f"c:{secret}".encode()).decode()
        return entry(request={"headers": [{"name": "Authorization", "value": value}]})

    raw, percent, other = loaded(tmp_path, basic("one/secret+x"), basic("one%2Fsecret%2Bx"), basic("another"))
    assert raw.way != percent.way and raw.credential == percent.credential != other.credential
    assert "secret+" not in repr((raw, percent, other))


def test_secret_echoed_by_the_server_is_taken_out(tmp_path: Path) -> None:
    """A server that writes the secret into its answer gets it redacted, whatever the form."""
    secret = "qZ7-echoed/secret"
    body = {"error": "invalid_client", "error_description": f"no: {secret}"}
    text = f"grant_type=client_credentials&client_id=c&client_secret={secret}"
    found = loaded(
        tmp_path, entry(request={"postData": {"text": text}}, response={"content": {"text": json.dumps(body)}})
    )
    assert "no: [redacted]" == found[0].row.error_description


@pytest.mark.parametrize(
    "content", ["", "nope", "[]", "{}", '{"log": 1}', "[" * 100_000, '{"log":' * 5000, '{"log": ' + "9" * 9999 + "}"]
)
def test_file_that_is_no_har_is_refused(content: str, tmp_path: Path) -> None:
    """What is no HAR file is an error that names the file and what to do."""
    (tmp_path / "x.har").write_text(content, "utf-8")
    with pytest.raises(OrgscopeError, match=r"x\.har: no HAR file"):
        har.load(tmp_path / "x.har")


def test_missing_and_oversized_files_are_refused(tmp_path: Path) -> None:
    """A file that is not there, and one beyond the limit, are told as such."""
    with pytest.raises(OrgscopeError, match="Name a HAR file"):
        har.load(tmp_path / "nowhere.har")
    with (tmp_path / "big.har").open("wb") as file:
        file.truncate(har.MOST_BYTES + 1)
    with pytest.raises(OrgscopeError, match="larger than"):
        har.load(tmp_path / "big.har")


_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["\ud800", URL, "401"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_KEYS = ["request", "response", "timings", "startedDateTime", "time", "connection", "_error"]
_INNER = ["method", "url", "headers", "postData", "status", "content", "text", "encoding", "mimeType", "params"]


@given(st.dictionaries(st.sampled_from(_KEYS), _ANY | st.dictionaries(st.sampled_from(_INNER), _ANY)), st.data())
@ROUNDS
def test_any_entry_is_read_or_passed_over(tmp_path: Path, strange: dict[str, Any], data: st.DataObject) -> None:
    """Members of any type, missing or strange, make no failure, and what is read fits into the frame."""
    sound = entry()
    part = data.draw(st.sampled_from(["request", "response"]))
    sound[part] |= data.draw(st.dictionaries(st.sampled_from(_INNER), _ANY, max_size=3))
    mixed = {**entry(), **strange}
    document = {"log": {"entries": [strange, sound, mixed, None, 1], "creator": data.draw(_ANY)}}
    (tmp_path / "h.har").write_text(json.dumps(document), "utf-8")
    recording = har.read(tmp_path / "h.har")
    observations.write_parquet(observations.frame([each.row for each in recording.exchanges]), tmp_path / "o.parquet")
    json.loads(recording.copy.encode("utf-8"))
