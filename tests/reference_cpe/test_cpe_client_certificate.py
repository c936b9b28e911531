"""The client certificate: containers that are taken and refused, and what a server sees of them."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import trustme
from cpe_lab import DEADLINE, Process, run_device
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from reference_cpe.container import BadContainer, read_container

DAY = dt.timedelta(days=1)
NOW = dt.datetime.now(dt.UTC)
PBES = pkcs12.PBES

Signer = tuple[x509.Certificate, Any]


def certificate(name: str, signer: Signer | None, key: Any, ca: bool = False) -> Signer:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer = signer[0].subject if signer else subject
    builder = (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - DAY)
        .not_valid_after(NOW + DAY)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )
    return builder.sign(signer[1] if signer else key, hashes.SHA256()), key


def ec_key() -> Any:
    return ec.generate_private_key(ec.SECP256R1())


CPE_ROOT = certificate("devices' root", None, ec_key(), ca=True)
BETWEEN = certificate("devices' intermediate", CPE_ROOT, ec_key(), ca=True)
LEAF = certificate("cpe-1", BETWEEN, ec_key())
OTHER = certificate("cpe-2", CPE_ROOT, ec_key())
MODERN = (
    PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(1000)
    .key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC)
    .hmac_hash(hashes.SHA256())
)
LEGACY = (
    PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(1000)
    .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
    .hmac_hash(hashes.SHA1())
)


def container(
    encryption: Any = None,
    *,
    own: Signer = LEAF,
    key: Any = None,
    more: tuple[Signer, ...] = (CPE_ROOT, BETWEEN),
) -> bytes:
    encryption = encryption or MODERN.build(b"pass")
    others = [signer[0] for signer in more]
    return pkcs12.serialize_key_and_certificates(b"cpe", key or own[1], own[0], others, encryption)


def subjects(chain: str) -> list[str]:
    found = x509.load_pem_x509_certificates(chain.encode())
    return [item.subject.rfc4514_string().removeprefix("CN=") for item in found]


# --- what a container may be


@pytest.mark.parametrize(
    ("encryption", "passphrase"),
    [
        pytest.param(MODERN.build(b"pass"), "pass", id="AES"),
        pytest.param(LEGACY.build(b"pass"), "pass", id="3DES"),
        pytest.param(
            BestAvailableEncryption("p\u00e4ss \u20ac".encode()), "p\u00e4ss \u20ac", id="not ASCII"
        ),
        pytest.param(NoEncryption(), "", id="no passphrase"),
    ],
)
def test_containers(encryption: Any, passphrase: str) -> None:
    found = read_container(container(encryption), passphrase)
    assert subjects(found.chain) == ["cpe-1", "devices' intermediate"]
    assert "PRIVATE KEY" in found.key


def test_rc2_container() -> None:
    """Made by OpenSSL 3 with its legacy provider: `pkcs12 -export -legacy` (RC2-40 and 3DES, SHA-1 MAC)."""
    data = (Path(__file__).parent / "data" / "rc2.p12").read_bytes()
    assert subjects(read_container(data, "legacy").chain) == ["rc2-cpe"]


@pytest.mark.parametrize(
    ("data", "passphrase", "reason"),
    [
        (b"", "", "empty file"),
        (b"junk", "", "not a PKCS#12 container"),
        (b"0", "", "not a PKCS#12 container"),
        (b"\x30\x82\x00\x04junk", "", "wrong passphrase, or not"),
        (b"\x30\x80\x00\x00", "", "wrong passphrase, or not"),
        (container(), "wrong", "wrong passphrase"),
        (container(), "", "wrong passphrase"),
        (container(LEGACY.build(b"pass")), "Pass", "wrong passphrase"),
        (container()[:-1], "pass", "truncated"),
        (container()[: len(container()) // 2], "pass", "truncated"),
        (container() + b"\0" * 300_000, "pass", "more than"),
        (container(own=certificate("weak", CPE_ROOT, rsa.generate_private_key(65537, 1024))), "pass", "cannot be used: EE_KEY_TOO_SMALL"),
    ],
)  # fmt: skip
def test_bad_containers(data: bytes, passphrase: str, reason: str) -> None:
    with pytest.raises(BadContainer, match=reason):
        read_container(data, passphrase)


def test_a_key_of_another_certificate() -> None:
    """In a container that is neither encrypted nor authenticated the key is exchanged for another."""
    mine, other = (
        key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()) for key in (LEAF[1], OTHER[1])
    )
    data = container(NoEncryption())
    assert data.count(mine) == 1
    assert read_container(without_mac(data), "").key
    with pytest.raises(BadContainer, match="does not belong"):
        read_container(without_mac(data.replace(mine, other)), "")


def without_mac(data: bytes) -> bytes:
    """PFX is a SEQUENCE of version, authSafe and macData (RFC 7292 4): here without the last."""
    start, version = 4, 3
    length = int.from_bytes(data[start + version + 2 : start + version + 4], "big")
    kept = data[start : start + version + 4 + length]
    return b"\x30\x82" + len(kept).to_bytes(2, "big") + kept


def test_no_key() -> None:
    """Made with ``openssl pkcs12 -export -nokeys``."""
    data = (Path(__file__).parent / "data" / "no-key.p12").read_bytes()
    with pytest.raises(BadContainer, match="no private key"):
        read_container(data, "pass")


def test_every_truncation_is_refused() -> None:
    whole = container(NoEncryption())
    for length in range(0, len(whole), 7):
        with pytest.raises(BadContainer):
            read_container(whole[:length], "")


# --- what a server sees

SERVER_ROOT = trustme.CA()


class Server:
    """A TLS server that asks for a certificate, or does not; notes what came."""

    def __init__(self, demand: ssl.VerifyMode) -> None:
        self.seen: asyncio.Queue[tuple[str, list[str] | None]] = asyncio.Queue()
        self.port = 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        SERVER_ROOT.issue_cert("127.0.0.1").configure_cert(self.context)
        self.context.verify_mode = demand
        self.context.load_verify_locations(cadata=CPE_ROOT[0].public_bytes(Encoding.PEM).decode())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await writer.start_tls(self.context)
            data = await reader.read(4)
            tls = writer.get_extra_info("ssl_object")
            own = tls.getpeercert(binary_form=True)
            self.seen.put_nowait((data.decode(), [_subject(own)] if own else None))
        except (ssl.SSLError, OSError) as error:
            self.seen.put_nowait((getattr(error, "reason", None) or type(error).__name__, None))
        finally:
            with contextlib.suppress(OSError):
                writer.close()


def _subject(der: bytes) -> str:
    return x509.load_der_x509_certificate(der).subject.rfc4514_string().removeprefix("CN=")


@asynccontextmanager
async def asked(home: Path, demand: ssl.VerifyMode) -> AsyncIterator[tuple[Server, Process]]:
    server = Server(demand)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    async with run_device(home) as device:
        root = SERVER_ROOT.cert_pem.bytes()
        assert (await device.call("PUT", "/certificates/root-ca", data=root))[0] == 204
        yield server, device
    listening.close()


async def upload(device: Process, data: bytes, passphrase: str = "pass") -> tuple[int, Any]:
    headers = {"Passphrase": quote(passphrase, safe="")}
    return await device.call("PUT", "/certificates/client", data=data, headers=headers)


async def contact(server: Server, device: Process) -> tuple[str, list[str] | None]:
    await device.configure(acs_url=f"https://127.0.0.1:{server.port}/{os.urandom(4).hex()}")
    return await asyncio.wait_for(server.seen.get(), DEADLINE)


async def test_shown_with_its_chain_when_asked(home: Path) -> None:
    """The server knows the root alone: it can only be satisfied by leaf and intermediate."""
    async with asked(home, ssl.CERT_REQUIRED) as (server, device):
        assert await upload(device, container()) == (204, None)
        assert await contact(server, device) == ("POST", ["cpe-1"])
        assert (await upload(device, container(), "wrong"))[0] == 422
        assert await contact(server, device) == ("POST", ["cpe-1"])
        assert await upload(device, container(own=OTHER)) == (204, None)
        assert await contact(server, device) == ("POST", ["cpe-2"])
        device.process.kill()
        await device.process.wait()
    async with asked(home, ssl.CERT_REQUIRED) as (server, device):
        assert await contact(server, device) == ("POST", ["cpe-2"])


async def test_not_shown_unasked(home: Path) -> None:
    async with asked(home, ssl.CERT_NONE) as (server, device):
        await upload(device, container())
        assert await contact(server, device) == ("POST", None)


async def test_nothing_to_show(home: Path) -> None:
    async with asked(home, ssl.CERT_OPTIONAL) as (server, device):
        assert await contact(server, device) == ("POST", None)
        await upload(device, container())
        assert await contact(server, device) == ("POST", ["cpe-1"])
        assert (await device.call("DELETE", "/certificates/client"))[0] == 204
        assert await contact(server, device) == ("POST", None)


async def test_a_demand_that_cannot_be_met_ends_the_session(home: Path) -> None:
    async with asked(home, ssl.CERT_REQUIRED) as (server, device):
        outcome, shown = await contact(server, device)
        assert (outcome, shown) == ("PEER_DID_NOT_RETURN_A_CERTIFICATE", None)
        async with asyncio.timeout(DEADLINE):
            while not (await device.state())["sessions"]["failed"]:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.01)


async def test_a_ca_of_the_container_is_not_trusted(home: Path) -> None:
    """The container brings the very root of the server; the CWMP slot stays the only trust."""
    brought = x509.load_pem_x509_certificate(SERVER_ROOT.cert_pem.bytes())
    with_root = pkcs12.serialize_key_and_certificates(
        b"cpe", LEAF[1], LEAF[0], [brought], MODERN.build(b"pass")
    )
    async with asked(home, ssl.CERT_NONE) as (server, device):
        await upload(device, with_root)
        assert (await contact(server, device))[0] == "POST"
        await device.call("DELETE", "/certificates/root-ca")
        assert await contact(server, device) == ("TLSV1_ALERT_UNKNOWN_CA", None)


async def test_the_key_is_readable_nowhere(home: Path) -> None:
    key = LEAF[1].private_numbers().private_value
    encoded = key.to_bytes(32, "big")
    async with run_device(home) as device:
        await upload(device, container())
        for path in ("/state", "/settings", "/settings/schema", "/certificates/client", "/health"):
            _, answer = await device.call("GET", path)
            assert "PRIVATE" not in str(answer)
            assert encoded.hex() not in str(answer).lower()
        assert "PRIVATE" not in device.log
    file = home / "state" / "state.json"
    assert "PRIVATE KEY" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


async def test_factory_reset_empties_the_slot(home: Path) -> None:
    async with run_device(home) as device:
        await upload(device, container())
        assert (await device.state())["client_certificate_stored"]
        await device.call("POST", "/actions/factory-reset")
        assert not (await device.state())["client_certificate_stored"]


async def test_bad_passphrase_header(home: Path) -> None:
    async with run_device(home) as device:
        headers = {"Passphrase": "%ff"}
        assert (await device.call("PUT", "/certificates/client", data=b"x", headers=headers))[0] == 400
