"""What a server echoes, and what libraries log: no secret and no token comes out of `send`, in any form."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from raw_server import RawServer, Talk
from send_asking import settle

from orgscope_kit.desk.investigation import Investigation
from orgscope_kit.desk.run import Run
from orgscope_kit.send.redaction import Redactor

SECRET = "p&ss wörd/+=%<1>\"'~secret"
TOKEN = "tok&n/+=%<2> ~of;the'server"
CLIENT = "me:and/you"


def forms(value: str) -> set[str]:
    """What would give ``value`` away."""
    encoded = {quote(value), quote(value, safe=""), quote_plus(value)}
    encoded |= {html.escape(value), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    encoded |= {
        each.decode() for code in (base64.b64encode, base64.urlsafe_b64encode) for each in [code(value.encode())]
    }
    return {value, *encoded, *(each.rstrip("=") for each in encoded)}


PAIRS = {base64.b64encode(f"{quote_plus(CLIENT)}:{quote_plus(SECRET)}".encode()).decode().rstrip("=")}
PAIRS |= {base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode().rstrip("=")}
FORBIDDEN = forms(SECRET) | forms(TOKEN) | PAIRS


given: set[str] = set()


async def parrot(talk: Talk) -> None:
    """Refuses scope b; says all it was sent and all that it gave, everywhere it can."""
    seen = talk.seen
    sent = [*seen.headers.values(), *seen.form.values(), *sorted(forms(SECRET))]
    refuses = "b" in seen.form.get("scope", "").split()
    if not refuses:
        given.add(seen.path)
    told = " ".join([*sent, *(sorted(forms(TOKEN)) if seen.path in given else [])])
    plain = {"X-Correlation-Id": quote(told[:2000], safe=" /=+"), "Set-Cookie": f"t={quote(TOKEN)}"}
    if refuses:
        body = {"error": f"invalid {seen.headers.get('authorization', '')}", "error_description": told}
        await talk.answer(400, body, **plain)
    else:
        body = {"access_token": TOKEN, "scope": "a", "note": told, "refresh_token": f"r-{TOKEN}"}
        await talk.answer(200, body, **plain)


async def page(talk: Talk) -> None:
    """The same on a page, at a place where cutting it would leave half."""
    told = "".join(f"<li>{html.escape(each)}</li>" for each in sorted(forms(SECRET) | PAIRS))
    await talk.answer(400, f"<html>{told}</html>".encode())


async def known(talk: Talk) -> None:
    """Introspection that repeats the token."""
    body = {"active": True, "scope": "a", "org_id": TOKEN, "error_description": TOKEN, "token": TOKEN}
    await talk.answer(200, body, X_Correlation_Id=quote(TOKEN))


@pytest.fixture
def server() -> Iterator[RawServer]:
    """A server that cannot keep anything to itself."""
    given.clear()
    with RawServer({"/token": parrot, "/other": parrot, "/page": page, "/introspect": known}) as running:
        yield running


@pytest.fixture
def investigation(server: RawServer, monkeypatch: pytest.MonkeyPatch) -> Investigation:
    """Each way of presenting the secret."""
    monkeypatch.setenv("RAW_SECRET", SECRET)
    entry = {"client_id": CLIENT, "client_secret": {"env": "RAW_SECRET"}, "token_url": server.url()}
    orgs = {
        "basic": {**entry, "introspection_url": server.url("/introspect")},
        "post": {**entry, "auth_method": "client_secret_post", "token_url": server.url("/other")},
        "page": {**entry, "token_url": server.url("/page")},
    }
    limits = {"rate_per_s": 500, "concurrency": 4, "auth_tries": 3}
    return Investigation(title="Echoes", scopes=["a", "b"], orgs=orgs, limits=limits)


def test_nothing_in_the_folder_or_the_logs(
    investigation: Investigation, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No file of the run folder, no log at DEBUG and no repr of the run holds a secret or a token in any form."""
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection", "asyncio"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        run = investigation.run_here(out=tmp_path)
    finally:
        for name in ("httpx", "httpcore", "httpcore.http11", "httpcore.connection", "asyncio"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert {"granted", "narrowed", "refused"} <= {row.outcome for row in run.exchanges}
    told = {path.name: path.read_text("utf-8", "replace") for path in run.path.iterdir()}
    assert "journal.sqlite" in told and "observations.csv" in told
    told["parquet"] = run.observations.to_csv()
    told["log"] = "\n".join(f"{record.getMessage()} {record.args!r}" for record in caplog.records)
    told["repr"] = repr([run, run.diagnosis, run.exchanges, investigation, investigation.spec])
    found = {(where, form) for where, text in told.items() for form in FORBIDDEN if form in text}
    assert set() == found
    assert "[redacted]" in told["observations.csv"]


def test_reprs(investigation: Investigation, tmp_path: Path) -> None:
    """No object of a batch shows a secret, and what failed does not either."""

    class Broken(Exception):
        pass

    def fail(*_: object) -> None:
        raise Broken

    with pytest.raises(Broken) as caught:
        investigation.run_here(out=tmp_path, observer=fail)
    assert not [form for form in FORBIDDEN if form in f"{caught.value!r} {caught.getrepr(style='short')}"]


def test_objects_of_a_batch(server: RawServer, tmp_path: Path) -> None:
    """Batch, sender, credentials, redactor and whatever they hold have reprs without a secret."""
    orgs = {"org": {"token_url": server.url(), "client_id": CLIENT, "secret": SECRET}}
    batch = settle(tmp_path, orgs, scopes=["a", "b"]).batch
    pending, met, shown = [batch], set(), []
    while pending:
        each = pending.pop()
        if id(each) in met:
            continue
        met.add(id(each))
        if type(each).__module__.startswith(("orgscope_kit", "httpx")) and type(each).__name__ != "Secret":
            shown.append(repr(each))
            pending += list(vars(each).values()) if hasattr(each, "__dict__") else []
    assert len(shown) > 5
    assert not [form for form in FORBIDDEN if form in "\n".join(shown)]


def test_others_keep_their_logs(caplog: pytest.LogCaptureFixture, server: RawServer) -> None:
    """What another user of httpx in this process logs is left alone."""
    import httpx

    from orgscope_kit.send.transport import Wire

    async def both() -> None:
        await Wire().send(httpx.Request("POST", server.url("/quiet")), verify=True, timeout_s=5)
        async with httpx.AsyncClient(trust_env=False) as client:
            await client.post(server.url("/quiet"))

    caplog.set_level(logging.DEBUG, logger="httpcore.http11")
    asyncio.run(both())
    heads = [record for record in caplog.records if "receive_response_headers.complete" in record.getMessage()]
    assert 1 == len(heads)


@pytest.mark.parametrize("before", range(1900, 2020, 7))
def test_nothing_is_cut_in_two(before: int) -> None:
    """Where a long text is cut, no beginning of a secret is left."""
    text = "x" * before + SECRET + " " + html.escape(TOKEN)
    cleaned = Redactor([SECRET]).with_tokens([TOKEN], 2000)(text)
    assert len(cleaned) <= 2000
    assert SECRET[:4] not in cleaned and TOKEN[:4] not in cleaned


def test_a_long_page_costs_little() -> None:
    """Of a megabyte only what is kept is looked at, though the secrets of many orgs are looked for."""
    redactor = Redactor([f"secret-of-org-{n:05}" for n in range(3000)])
    assert "x" * 2000 == redactor.with_tokens([], 2000)("x" * (1 << 20))


def test_run_is_opened_again_without_secrets(
    investigation: Investigation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run can be read where the secrets are not."""
    path = investigation.run_here(out=tmp_path).path
    monkeypatch.delenv("RAW_SECRET")
    assert {"basic", "post", "page"} == set(Run.open(path).diagnosis)
