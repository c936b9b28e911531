"""TLS in detail: literals, redirects, resumption, stalled handshakes; ports that are taken."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from cpe_lab import DEADLINE, Acs, ManualClock, run_device, serve_acs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from test_cpe_client_certificate import DAY, NOW

from reference_cpe import network, rim, urls
from reference_cpe.client import open_connection
from reference_cpe.parts import Parts
from reference_cpe.rim import ConnectFailed
from reference_cpe.session import RESPONSE_TIME
from reference_cpe.trust import BadCertificate, read_certificate

ROOT, OTHER = trustme.CA(), trustme.CA()


@asynccontextmanager
async def tls_server(
    leaf: trustme.LeafCert, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[int, list[bool], list[str | None]]]:
    """Its port; for every handshake whether it resumed a session; and the server names it was asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    resumed: list[bool] = []
    names: list[str | None] = []
    context.sni_callback = lambda _tls, name, _context: names.append(name)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ssl.SSLError, OSError):
            await writer.start_tls(context)
            resumed.append(bool(writer.get_extra_info("ssl_object").session_reused))
            await reader.read(1)
        with contextlib.suppress(OSError):
            writer.close()

    listening = await asyncio.start_server(serve, host, 0)
    try:
        yield listening.sockets[0].getsockname()[1], resumed, names
    finally:
        listening.close()


async def visit(parts: Parts, url: str) -> None:
    connection = await open_connection(parts, urls.parse(url))
    await connection.close()


async def settled(seen: list[bool], count: int) -> list[bool]:
    async with asyncio.timeout(DEADLINE):
        while len(seen) < count:  # noqa: ASYNC110 - the server notes it
            await asyncio.sleep(0.005)
    return seen


@pytest.mark.parametrize(
    ("host", "right", "wrong"),
    [
        ("127.0.0.1", "127.0.0.1", "localhost"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.2"),
        ("::1", "::1", "::2"),
        ("localhost", "localhost", "127.0.0.1"),
    ],
)
async def test_hosts_and_their_certificates(parts: Parts, host: str, right: str, wrong: str) -> None:
    if host == "::1" and not _has_ipv6():
        pytest.skip("no IPv6 on this machine")
    parts.trust.store_root(ROOT.cert_pem.bytes())
    listen = "127.0.0.1" if host.startswith("local") else host
    async with tls_server(ROOT.issue_cert(right), listen) as (port, _, names):
        await visit(parts, f"https://{urls.bracketed(host)}:{port}/")
        assert names == ["localhost" if host.startswith("local") else None]
    async with tls_server(ROOT.issue_cert(wrong), listen) as (port, _, _):
        with pytest.raises(ConnectFailed, match="refused"):
            await visit(parts, f"https://{urls.bracketed(host)}:{port}/")


async def test_a_rooted_name(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """The dot at the end belongs to DNS: neither the certificate nor SNI has it."""

    async def resolve(host: str, _port: int, _family: int) -> list[str]:
        assert host == "acs.test."
        return ["127.0.0.1"]

    monkeypatch.setattr(rim, "_addresses", resolve)
    parts.trust.store_root(ROOT.cert_pem.bytes())
    async with tls_server(ROOT.issue_cert("acs.test")) as (port, _, names):
        await visit(parts, f"https://acs.test.:{port}/")
        assert names == ["acs.test"]


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


async def test_no_session_is_resumed(parts: Parts) -> None:
    parts.trust.store_root(ROOT.cert_pem.bytes())
    async with tls_server(ROOT.issue_cert("127.0.0.1")) as (port, resumed, _):
        for _ in range(3):
            await visit(parts, f"https://127.0.0.1:{port}/")
        assert await settled(resumed, 3) == [False] * 3
        parts.trust.store_root(OTHER.cert_pem.bytes())
        with pytest.raises(ConnectFailed, match="refused"):
            await visit(parts, f"https://127.0.0.1:{port}/")
        parts.trust.remove_root()
        with pytest.raises(ConnectFailed, match="refused"):
            await visit(parts, f"https://127.0.0.1:{port}/")
        assert len(resumed) == 3


async def test_a_stalled_handshake_ends_by_the_device_clock(parts: Parts, clock: ManualClock) -> None:
    accepted = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        while await reader.read(4096):
            pass
        writer.close()

    server = await asyncio.start_server(stall, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    attempt = asyncio.create_task(visit(parts, f"https://127.0.0.1:{port}/"))
    await asyncio.wait_for(accepted.wait(), DEADLINE)
    clock.advance(RESPONSE_TIME - 1)
    done, _ = await asyncio.wait([attempt], timeout=0.1)
    assert not done
    clock.advance(2)
    with pytest.raises(ConnectFailed, match="no connection in time"):
        await asyncio.wait_for(attempt, DEADLINE)
    server.close()


def server_context(*names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ROOT.issue_cert(*names).configure_cert(context)
    return context


@pytest.mark.parametrize(("name", "followed"), [("localhost", True), ("127.0.0.1", False)])
async def test_a_redirect_target_must_show_its_own_name(home: Path, name: str, followed: bool) -> None:
    """The second ACS is reached as localhost; a certificate for the first one's host will not do."""
    async with (
        serve_acs(server_context("127.0.0.1")) as first,
        serve_acs(server_context(name)) as second,
        run_device(home) as device,
    ):
        place = f"https://localhost:{second.base.rpartition(':')[2]}/acs"

        async def redirect(_request: web.Request, _body: bytes) -> web.Response:
            return web.Response(status=307, headers={"Location": place})

        first.intercept = redirect
        await device.call("PUT", "/certificates/root-ca", data=ROOT.cert_pem.bytes())
        await device.configure(acs_url=f"{first.base}/acs")
        outcome = "successful" if followed else "failed"
        async with asyncio.timeout(DEADLINE):
            while not (await device.state())["sessions"][outcome]:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)
        assert len(second.informs) == (1 if followed else 0)
        assert followed or "certificate of localhost refused" in device.log


async def test_https_never_becomes_http(home: Path, acs: Acs) -> None:
    """An https URL at a port that speaks plain HTTP: no Inform arrives, now or on the retry."""
    async with run_device(home) as device:
        await device.configure(acs_url=f"{acs.base.replace('http:', 'https:')}/acs")
        for failures in (1, 2):
            async with asyncio.timeout(DEADLINE):
                while (await device.state())["sessions"]["failed"] < failures:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await device.call("POST", "/actions/wake")
        assert acs.requests == []


# --- what may be stored as root


def root(key: object = None, *, ca: bool = True, issuer: str = "r", sign: bool = True) -> bytes:
    own = key or ec.generate_private_key(ec.SECP256R1())
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (issuer, "r")]
    usage = [False] * 9
    usage[5] = sign
    builder = (
        x509.CertificateBuilder(names[0], names[1], own.public_key(), 1, NOW - DAY, NOW + DAY)  # type: ignore[attr-defined]
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .add_extension(x509.KeyUsage(*usage), critical=True)
    )
    made = builder.sign(own, hashes.SHA256())  # type: ignore[arg-type]
    return made.public_bytes(Encoding.DER)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (root(ca=False), "not a CA"),
        (root(sign=False), "may not sign"),
        (root(issuer="another"), "issued by another"),
        (root()[:-1] + b"\x00", "signature is wrong"),
        (root(rsa.generate_private_key(65537, 1024)), "1024 bits"),
    ],
)
def test_roots_that_would_never_do_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(BadCertificate, match=reason):
        read_certificate(data)
    assert read_certificate(root())


# --- ports


def test_port_obstacle() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert network.port_obstacle(port) == f"port {port}: Address already in use"
    assert network.port_obstacle(port) == ""


async def test_a_change_back_to_the_own_port_is_no_collision(parts: Parts) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    await parts.listener.start(port)
    assert network.port_obstacle(port)
    assert parts.listener.obstacle(port) == ""
    parts.settings.change({"port": port})
    await parts.listener.stop()
