"""Whom the device believes: real TLS against certificates made for the purpose."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from cpe_lab import DEADLINE, run_device

from reference_cpe.clock import RealClock
from reference_cpe.store import Store
from reference_cpe.trust import BadCertificate, Trust, read_certificate

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


class TlsServer:
    """Notes how each handshake ended and what it got; answers nothing."""

    def __init__(self) -> None:
        self.outcomes: asyncio.Queue[str] = asyncio.Queue()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await writer.start_tls(self.context)
            data = await reader.read(4)
            self.outcomes.put_nowait("request" if data == b"POST" else f"got {data!r}")
        except (ssl.SSLError, OSError) as error:
            self.outcomes.put_nowait(getattr(error, "reason", None) or type(error).__name__)
        finally:
            with contextlib.suppress(OSError):
                writer.close()

    async def outcome(self) -> str:
        return await asyncio.wait_for(self.outcomes.get(), DEADLINE)


@asynccontextmanager
async def tls_server(leaf: trustme.LeafCert) -> AsyncIterator[TlsServer]:
    server = TlsServer()
    server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(server.context)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


ROOT, OTHER = trustme.CA(), trustme.CA()


@pytest.mark.parametrize(
    ("leaf", "root", "outcome"),
    [
        pytest.param(ROOT.issue_cert("127.0.0.1"), ROOT, "request", id="right"),
        pytest.param(ROOT.issue_cert("127.0.0.2"), ROOT, "got b''", id="wrong name"),
        pytest.param(ROOT.issue_cert(common_name="127.0.0.1"), ROOT, "got b''", id="name in CN alone"),
        pytest.param(OTHER.issue_cert("127.0.0.1"), ROOT, "TLSV1_ALERT_UNKNOWN_CA", id="other root"),
        pytest.param(ROOT.issue_cert("127.0.0.1"), None, "TLSV1_ALERT_UNKNOWN_CA", id="empty slot"),
        pytest.param(
            ROOT.issue_cert("127.0.0.1", not_before=NOW - 9 * DAY, not_after=NOW - 3 * DAY),
            ROOT,
            "SSLV3_ALERT_CERTIFICATE_EXPIRED",
            id="expired",
        ),
        pytest.param(
            ROOT.issue_cert("127.0.0.1", not_before=NOW + 3 * DAY, not_after=NOW + 9 * DAY),
            ROOT,
            "SSLV3_ALERT_BAD_CERTIFICATE",
            id="not yet valid",
        ),
    ],
)
async def test_certificates(
    home: Path, leaf: trustme.LeafCert, root: trustme.CA | None, outcome: str
) -> None:
    async with tls_server(leaf) as server, run_device(home) as device:
        if root is not None:
            assert (await device.call("PUT", "/certificates/root-ca", data=root.cert_pem.bytes()))[0] == 204
        await device.configure(acs_url=f"https://127.0.0.1:{server.port}/acs")
        seen = await server.outcome()
        if outcome == "got b''":
            assert "ALERT" in seen or seen == outcome
        else:
            assert seen == outcome


async def test_dates_are_not_judged_without_a_clock(home: Path) -> None:
    config = home / "cpe.toml"
    config.write_text("[time]\nset = false\n")
    leaf = ROOT.issue_cert("127.0.0.1", not_before=NOW - 9 * DAY, not_after=NOW - 3 * DAY)
    async with tls_server(leaf) as server, run_device(home, "--config", str(config)) as device:
        await device.call("PUT", "/certificates/root-ca", data=ROOT.cert_pem.bytes())
        await device.configure(acs_url=f"https://127.0.0.1:{server.port}/acs")
        assert await server.outcome() == "request"


@pytest.mark.parametrize(
    ("defect", "leaf", "root"),
    [
        ("no-certificate-check", OTHER.issue_cert("wrong.test"), ROOT),
        ("no-certificate-check", OTHER.issue_cert("wrong.test"), None),
        ("empty-store-trusts-all", OTHER.issue_cert("127.0.0.1"), None),
        ("no-host-name-check", ROOT.issue_cert("wrong.test"), ROOT),
        (
            "dates-ignored",
            ROOT.issue_cert("127.0.0.1", not_before=NOW - 9 * DAY, not_after=NOW - 3 * DAY),
            ROOT,
        ),
    ],
)
async def test_defects_of_trust(
    home: Path, defect: str, leaf: trustme.LeafCert, root: trustme.CA | None
) -> None:
    async with tls_server(leaf) as server, run_device(home, "--defect", defect) as device:
        if root is not None:
            await device.call("PUT", "/certificates/root-ca", data=root.cert_pem.bytes())
        await device.configure(acs_url=f"https://127.0.0.1:{server.port}/acs")
        assert await server.outcome() == "request"


async def test_root_slot(home: Path) -> None:
    async with run_device(home) as device:
        put = "/certificates/root-ca"
        assert (await device.call("PUT", put, data=ROOT.cert_pem.bytes()))[0] == 204
        for junk in (b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            assert (await device.call("PUT", put, data=junk))[0] == 422
        assert (await device.state())["root_ca_stored"]
        assert (await device.call("DELETE", put))[0] == 204
        assert not (await device.state())["root_ca_stored"]


def test_what_may_be_stored() -> None:
    pem = ROOT.cert_pem.bytes()
    der = ssl.PEM_cert_to_DER_cert(pem.decode())
    assert read_certificate(der) == read_certificate(pem)
    leaf = ROOT.issue_cert("a.test").cert_chain_pems[0].bytes()
    for wrong in (leaf, pem + OTHER.cert_pem.bytes(), der[:-1], b"\x30" * 70000):
        with pytest.raises(BadCertificate):
            read_certificate(wrong)


async def test_tls_policy(tmp_path: Path) -> None:
    context = Trust(Store(tmp_path), RealClock()).context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.hostname_checks_common_name
    assert context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.security_level == 2
    assert context.get_ca_certs() == []
