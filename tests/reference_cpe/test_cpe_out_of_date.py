"""Stored certificates that are out of date; files over HTTPS in the direction of the server."""

from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
import trustme
from aiohttp import web
from cpe_lab import Acs, ManualClock, free_port, run_device
from cryptography import x509
from cryptography.hazmat.primitives.serialization import NoEncryption, load_pem_private_key, pkcs12
from test_cpe_web import visited

from harness.cwmp.messages import TransferComplete, Upload
from reference_cpe.store import Store
from reference_cpe.trust import Trust, out_of_date

DAY = dt.timedelta(days=1)
NOW = dt.datetime.now(dt.UTC)
ROOT, OTHER = trustme.CA(), trustme.CA()


def container(leaf: trustme.LeafCert) -> bytes:
    key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    own = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    return pkcs12.serialize_key_and_certificates(b"cpe", key, own, None, NoEncryption())  # type: ignore[arg-type]


EXPIRED = ROOT.issue_cert("cpe.test", not_before=NOW - 9 * DAY, not_after=NOW - 3 * DAY)
FUTURE = ROOT.issue_cert("cpe.test", not_before=NOW + 3 * DAY, not_after=NOW + 9 * DAY)
VALID = ROOT.issue_cert("cpe.test", not_before=NOW - 3 * DAY, not_after=NOW + 3 * DAY)


@pytest.mark.parametrize(
    ("leaf", "word"), [(EXPIRED, "expired on"), (FUTURE, "not valid before"), (VALID, "")]
)
def test_dates(leaf: trustme.LeafCert, word: str) -> None:
    pem = leaf.cert_chain_pems[0].bytes().decode()
    found = out_of_date(pem, NOW.timestamp())
    assert found.startswith(word)
    assert bool(found) is bool(word)
    assert out_of_date(pem, None) == out_of_date("", NOW.timestamp()) == ""


def test_nobody_is_warned_without_a_clock(tmp_path: Path, clock: ManualClock) -> None:
    trust = Trust(Store(tmp_path), clock)
    trust.store_client(container(EXPIRED), "")
    clock.time = NOW.timestamp() - clock.unix()
    assert [warning.partition(":")[0] for warning in trust.warnings()] == ["CWMP container"]
    clock.absolute = False
    assert trust.warnings() == []


async def test_log_and_page_warn(home: Path) -> None:
    async with visited(home) as (device, visitor):
        assert await visitor.post("/certificates/client", file=container(EXPIRED), passphrase="") == 200
        assert "out of date: expired on" in visitor.text
        assert "CWMP container: expired on" in device.log
        assert await visitor.post("/certificates/client", file=container(VALID), passphrase="") == 200
        assert "out of date" not in visitor.text
        status, _ = await device.call("PUT", "/certificates/client", data=container(FUTURE))
        assert status == 204
        assert "CWMP container: not valid before" in device.log
        before = device.log.count("not valid before")
        await device.call("POST", "/actions/reboot")
        assert device.log.count("not valid before") == before + 1


@pytest.mark.parametrize(("signer", "code"), [(ROOT, 0), (OTHER, 9015)])
async def test_upload_over_https(acs: Acs, home: Path, signer: trustme.CA, code: int) -> None:
    """The file server's certificate is judged by the CWMP slot; nothing of the file goes to another's."""
    taken: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        taken.append(await request.read())
        return web.Response(status=201)

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    signer.issue_cert("127.0.0.1").configure_cert(context)
    app = web.Application()
    app.router.add_put("/log", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
    try:
        async with run_device(home) as device:
            await device.call("PUT", "/certificates/root-ca", data=ROOT.cert_pem.bytes())
            acs.queue.append(Upload("key", "4 Vendor Log File 1", f"https://127.0.0.1:{port}/log"))
            await device.configure(acs_url=f"{acs.base}/acs")
            await acs.until(lambda: any(isinstance(message, TransferComplete) for message in acs.got))
    finally:
        await runner.cleanup()
    report = next(message for message in acs.got if isinstance(message, TransferComplete))
    assert report.fault_struct.fault_code == code
    assert [b"booted" in body for body in taken] == ([True] if code == 0 else [])
