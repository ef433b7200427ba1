"""What the network and servers can do to an exchange: each is a row with the kit's own word, and the rest goes on."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from raw_server import GRANTED, Play, RawServer, Talk
from send_asking import SECRET, Settled, settle

from orgscope_kit.send.answers import Received
from orgscope_kit.send.transport import MOST_BODY, Wire

TIMEOUT_S = 1.5


def whole(status: int = 200, body: object = None, **headers: str) -> Play:
    """Always the same answer."""
    return lambda talk: talk.answer(status, body, **headers)


def cut(data: bytes, *, reset: bool = False) -> Play:
    """These bytes, and then the end of the connection."""

    async def play(talk: Talk) -> None:
        await talk.send(data)
        if reset:
            await asyncio.sleep(0.05)  # a reset discards what the other end has not read yet
        (talk.reset if reset else talk.close)()

    return play


async def mute(talk: Talk) -> None:
    """No answer within anyone's patience."""
    await asyncio.sleep(60)


async def endless_slow(talk: Talk) -> None:
    """A byte now and then, each within the timeout of a single read."""
    await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{")
    while True:
        await asyncio.sleep(0.1)
        await talk.send(b" ")


async def endless_headers(talk: Talk) -> None:
    """A head without end."""
    await talk.send(b"HTTP/1.1 200 OK\r\n")
    while True:
        await talk.send(b"X-More: " + b"x" * 4000 + b"\r\n")


async def endless_interim(talk: Talk) -> None:
    """1xx answers, and never a final one."""
    while True:
        await talk.send(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await asyncio.sleep(0.05)


async def huge(talk: Talk) -> None:
    """A body without end."""
    await talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    while True:
        await talk.send(b"x" * 65536)


async def limited_once(talk: Talk) -> None:
    """The first request is one too many; the answer says until when to wait, as a date."""
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)
    await (talk.answer(429, b"", Retry_After=until) if talk.nth == 1 else talk.answer())


BOMB = gzip.compress(b"0" * (200 << 20), 9)
OK = json.dumps(GRANTED).encode()


class Case(NamedTuple):
    """How a server behaves, and the last row that comes of it; ``tries`` in all."""

    play: Play
    outcome: str
    error: str | None
    status: int | None
    tries: int = 1


CASES = {
    "reset_before": Case(cut(b"", reset=True), "unreachable", "connection_reset", None, 2),
    "closed_before": Case(cut(b""), "unreachable", "connection_reset", None, 2),
    "reset_in_head": Case(cut(b"HTTP/1.1 200 OK\r\nConte", reset=True), "unreachable", "connection_reset", None, 2),
    "closed_in_head": Case(cut(b"HTTP/1.1 200 OK\r\nConte"), "unreachable", "connection_reset", None, 2),
    "reset_after_head": Case(
        cut(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", reset=True), "unreadable", "truncated", 200, 2
    ),
    "short_body": Case(cut(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "unreadable", "truncated", 200, 2),
    "short_chunk": Case(
        cut(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n{"), "unreadable", "truncated", 200, 2
    ),
    "bad_chunk": Case(
        cut(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"), "unreadable", "truncated", 200, 2
    ),
    "no_http": Case(cut(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "unreachable", "protocol_error", None, 2),
    "endless_headers": Case(endless_headers, "unreachable", "protocol_error", None, 2),
    "mute": Case(mute, "unreachable", "timeout", None, 2),
    "endless_interim": Case(endless_interim, "unreachable", "timeout", None, 2),
    "endless_slow": Case(endless_slow, "unreadable", "timeout", 200, 2),
    "huge": Case(huge, "unreadable", None, 200),
    "bomb": Case(whole(200, BOMB, Content_Encoding="gzip"), "unreadable", None, 200),
    "gzip": Case(whole(200, gzip.compress(OK), Content_Encoding="gzip"), "granted", None, 200),
    "no_gzip": Case(whole(200, OK, Content_Encoding="gzip"), "unreadable", "undecodable", 200),
    "brotli": Case(whole(200, OK, Content_Encoding="br"), "unreadable", "undecodable", 200),
    "http_1_0": Case(cut(b"HTTP/1.0 200 OK\r\n\r\n" + OK), "granted", None, 200),
    "interim": Case(
        cut(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n" + OK), "granted", None, 200
    ),
    "limited": Case(whole(429, {"error": "slow_down"}, Retry_After="1"), "limited", "slow_down", 429, 2),
    "limited_once": Case(limited_once, "granted", None, 200, 2),
    "limited_for_years": Case(whole(429, b"", Retry_After="99999999"), "limited", None, 429),
    "status_500": Case(whole(500, {"error": "server_error"}), "failed", "server_error", 500),
    "status_502": Case(whole(502, b"<html>Bad Gateway</html>"), "failed", None, 502, 2),
    "status_503": Case(whole(503, b""), "failed", None, 503, 2),
    "status_504": Case(whole(504, b""), "failed", None, 504, 2),
    "html": Case(whole(200, b"<html><body>Sign in</body></html>"), "unreadable", None, 200),
    "no_utf_8": Case(whole(400, b'{"error": "no", "error_description": "\xff\xe9"}'), "refused", "no", 400),
    "half_a_pair": Case(whole(400, b'{"error": "\\ud800", "error_description": "\\udfff"}'), "refused", "\ufffd", 400),
    "large_number": Case(whole(200, OK.replace(b"60", b"9" * 999)), "granted", None, 200),
    "not_a_number": Case(whole(200, OK.replace(b"60", b"NaN")), "granted", None, 200),
    "deep": Case(whole(200, b"[" * 100_000), "unreadable", None, 200),
    "date": Case(whole(200, None, Date="1 Jan 99999999999999999999999 1:1:1"), "granted", None, 200),
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in between."""
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def server() -> Iterator[RawServer]:
    """Every case has its path."""
    with RawServer({f"/{name}": case.play for name, case in CASES.items()}) as running:
        yield running


@pytest.fixture(scope="module")
def settled(server: RawServer, tmp_path_factory: pytest.TempPathFactory) -> Settled:
    """All cases in one batch, a good org before them and one after."""
    orgs = {name: {"token_url": server.url(f"/{name}")} for name in ("first", *CASES, "last")}
    limits = {"attempts": 2, "timeout_s": TIMEOUT_S, "concurrency": 12}
    return settle(tmp_path_factory.mktemp("faults"), orgs, limits=limits)


@pytest.mark.parametrize("name", CASES)
def test_fault(settled: Settled, server: RawServer, name: str) -> None:
    """A fault has its outcome, its word and its number of tries; the org is settled."""
    case = CASES[name]
    rows = [row for row in settled.rows[name] if row.probe_id == f"{name}/1"]
    assert (case.outcome, case.error, case.status) == (rows[-1].outcome, rows[-1].error, rows[-1].status)
    assert list(range(1, case.tries + 1)) == [row.attempt for row in rows]
    assert "settled" == settled.endings[name]
    assert len(settled.rows[name]) == len(server.at(f"/{name}"))


def test_the_rest_goes_on(settled: Settled) -> None:
    """Orgs beside those that fail are settled as ever."""
    assert settled.complete
    assert {"granted"} == {row.outcome for name in ("first", "last") for row in settled.rows[name]}


def test_total_timeout(settled: Settled) -> None:
    """The timeout is of the whole exchange, not of each read."""
    for name in ("mute", "endless_interim", "endless_slow"):
        assert all(TIMEOUT_S * 1000 <= row.total_ms < 3000 * TIMEOUT_S for row in settled.rows[name] if row.total_ms)


def test_waits_as_told(settled: Settled) -> None:
    """A Retry-After is waited for, in seconds or as a date; one beyond all patience is kept and not waited for."""
    one, two = settled.rows["limited"]
    assert (1.0, 1.0) == (one.retry_after_s, two.retry_after_s)
    assert (two.sent_at - one.sent_at) >= timedelta(seconds=1)
    assert 0 <= settled.rows["limited_once"][0].retry_after_s <= 1
    assert 99999999 == settled.rows["limited_for_years"][0].retry_after_s


@pytest.mark.parametrize("path", ["/huge", "/bomb"])
def test_memory_is_bounded(server: RawServer, path: str) -> None:
    """Of a body without end, or one that unpacks to 200 MB, a megabyte is read and the connection is closed."""

    async def ask() -> tuple[Received | str, int]:
        wire = Wire()
        await wire.prepare([(server.url(path), True)])
        tracemalloc.start()
        try:
            received, _, _ = await wire.send(httpx.Request("POST", server.url(path)), verify=True, timeout_s=20)
            return received, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            await wire.aclose()

    received, peak = asyncio.run(ask())
    assert isinstance(received, Received) and MOST_BODY == len(received.body)
    assert peak < 6 * MOST_BODY
    assert server.sent[path] < 64 << 20


def test_redirects_are_not_followed(tmp_path: Path) -> None:
    """A redirect is a refusal; the place that it names is not asked, so no credential gets there."""
    with RawServer() as trap:
        plays = {f"/{status}": whole(status, b"", Location=trap.url("/trap")) for status in (301, 302, 303, 307, 308)}
        with RawServer(plays) as server:
            settled = settle(tmp_path, {path[1:]: {"token_url": server.url(path)} for path in plays})
        assert {("refused", int(row.org)) for row in settled.every} == {
            (row.outcome, row.status) for row in settled.every
        }
        assert 0 == trap.connections


def test_nobody_there(tmp_path: Path) -> None:
    """A refused connection, a name that does not exist and one that cannot be one are told apart."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    urls = {
        "refused": f"http://127.0.0.1:{port}/token",
        "unknown": "https://nowhere.invalid/token",
        "impossible": f"https://{'x' * 70}.invalid/token",
    }
    settled = settle(tmp_path, {name: {"token_url": url} for name, url in urls.items()}, limits={"attempts": 2})
    assert {"refused": "connection_refused", "unknown": "dns_failure", "impossible": "dns_failure"} == {
        row.org: row.error for row in settled.every
    }
    assert [1, 2] == [row.attempt for row in settled.rows["unknown"]]
    assert {"unreachable"} == {row.outcome for row in settled.every}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, with its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "raw")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(signed.public_bytes(pem) + private)
    return path


@pytest.fixture(scope="module")
def tls_server(certificate: Path) -> Iterator[RawServer]:
    """Behind TLS, with that certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with RawServer(tls=context) as server:
        yield server


def test_tls(tls_server: RawServer, certificate: Path, tmp_path: Path) -> None:
    """A certificate of its own making is not trusted, and not tried again; with its CA file it is."""
    orgs = {
        "untrusted": {"token_url": tls_server.url("/untrusted")},
        "trusted": {"token_url": tls_server.url("/trusted"), "verify": str(certificate)},
        "wrong_name": {"token_url": tls_server.url("/x").replace("127.0.0.1", "localhost"), "verify": str(certificate)},
    }
    settled = settle(tmp_path, orgs)
    told = {row.org: (row.outcome, row.error, row.attempt) for row in settled.every}
    assert ("granted", None, 1) == told["trusted"]
    assert ("unreachable", "tls_untrusted", 1) == told["untrusted"] == told["wrong_name"]
    assert [] == tls_server.at("/untrusted")


def test_no_tls(tmp_path: Path) -> None:
    """A server without TLS and one that hangs up amid the handshake are told apart."""

    async def hang_up(talk: Talk) -> None:
        talk.reset()

    with RawServer(on_connect=cut(b"HTTP/1.1 400 X\r\n\r\n")) as plain, RawServer(on_connect=hang_up) as gone:
        urls = {"plain": plain.url(), "gone": gone.url()}
        orgs = {name: {"token_url": url.replace("http://", "https://")} for name, url in urls.items()}
        settled = settle(tmp_path, orgs, limits={"attempts": 1})
    assert {"plain": "tls_failure", "gone": "connection_reset"} == {row.org: row.error for row in settled.every}


def test_connections(tmp_path: Path) -> None:
    """A kept connection serves again under its number; a fresh probe gets a new one, and its number is not reused."""

    async def all_but_b(talk: Talk) -> None:
        granted = [scope for scope in talk.seen.form["scope"].split() if scope != "b"]
        refused = {"error": "invalid_scope"}
        await (talk.answer(200, GRANTED | {"scope": " ".join(granted)}) if granted else talk.answer(400, refused))

    with RawServer({"/token": all_but_b}) as server:
        rows = settle(tmp_path, {"org": {"token_url": server.url()}}, scopes=["a", "b", "c"]).rows["org"]
        seen = server.seen
    assert len(seen) == len(rows) > 3
    assert [row.connection_id for row in rows] == _numbered([each.connection for each in seen])
    fresh = [row for row in rows if row.purpose == "verify"]
    assert fresh and {False} == {row.connection_reused for row in (rows[0], *fresh)}
    assert {True} == {row.connection_reused for row in rows[1:] if row.purpose != "verify"}


def _numbered(connections: list[int]) -> list[int]:
    """Numbers in order of first appearance, from 1."""
    first = list(dict.fromkeys(connections))
    return [first.index(each) + 1 for each in connections]


def test_presents_the_secret_to_the_endpoint_alone(server: RawServer, settled: Settled) -> None:
    """Each request carries its own org's secret, and asks for an answer that needs no unpacking."""
    for each in server.at("/first"):
        assert httpx.BasicAuth("first-client", SECRET.format(org="first"))._auth_header == each.headers["authorization"]
        assert "identity" == each.headers["accept-encoding"]
