"""TLS against real clients: what a rejection looks like to the bench, and that the record is right."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import ssl
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from harness.lab import stream as stream_module
from harness.lab.pki import Authority, Identity, self_signed
from harness.lab.recorder import Recorder
from harness.lab.stream import Stream
from harness.lab.tls import ClientTls, TlsSettings, alert_name, read_client_hello
from harness.lab.wire import Listener, Reply, fetch
from harness.verdict.transcript import Closed, Connection, Direction, HttpMessage

DEADLINE = 20.0
TLS12 = ssl.TLSVersion.TLSv1_2
HOST = "acs.bench.test"
GET = b"GET / HTTP/1.1\r\nHost: acs.bench.test\r\nConnection: close\r\n\r\n"


async def hello(_stream: Stream, _message: HttpMessage) -> Reply:
    return Reply(200, body=b"hello")


def python_client(port: int, trust: bytes, host: str = HOST, version: ssl.TLSVersion | None = None) -> str:
    """Fetch with blocking ssl, which sends its alerts; the error's reason, or the answer's body."""
    context = ssl.create_default_context(cadata=trust.decode())
    if version is not None:
        context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE) as raw:
        try:
            with context.wrap_socket(raw, server_hostname=host) as sock:
                sock.sendall(GET)
                answer = b""
                while data := sock.recv(4096):
                    answer += data
                return answer.partition(b"\r\n\r\n")[2].decode()
        except ssl.SSLError as error:
            return str(error.reason)


async def attempt(listener: Listener, *client: Any) -> tuple[str, Connection]:
    """Run the blocking client beside the listener; its result, and the connection once it has ended."""
    watch = listener.watch()
    async with asyncio.timeout(DEADLINE):
        result = await asyncio.to_thread(*client)
        connection = await watch.future
        await listener.drained()
    return result, connection


def tls_of(connection: Connection) -> Any:
    assert connection.tls is not None
    return connection.tls


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_right_identity_is_accepted_and_recorded(
    listen: Any, root: Authority, version: ssl.TLSVersion
) -> None:
    identity = root.ca().leaf(HOST)
    listener = listen(hello, tls=TlsSettings(identity))
    result, connection = await attempt(listener, python_client, listener.address[1], root.pem, HOST, version)
    tls = tls_of(connection)
    assert result == "hello"
    assert connection.data(Direction.FROM_DEVICE) == GET
    assert (tls.sni, tls.version, tls.handshake_done, tls.certificate_sent) == (
        HOST,
        "TLSv1.2" if version is ssl.TLSVersion.TLSv1_2 else "TLSv1.3",
        True,
        True,
    )
    assert (tls.client_hello, tls.resumed, tls.error, tls.identity) == (True, False, "", identity.name)
    assert tls.certificate_sha256 == identity.leaf.fingerprint(hashes.SHA256()).hex()
    assert tls.cipher
    assert tls.offered_versions[0] == tls.version
    assert connection.closed is Closed.BY_BENCH


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("defect", "alert"),
    [
        ("other-root", "unknown_ca"),
        ("same-name-root", "unknown_ca"),
        ("self-signed", "unknown_ca"),
        ("wrong-name", "bad_certificate"),
        ("expired", "certificate_expired"),
        ("not-yet-valid", "bad_certificate"),
    ],
)
async def test_rejection_shows_certificate_sent_zero_bytes_and_the_alert(
    listen: Any, root: Authority, version: ssl.TLSVersion, defect: str, alert: str
) -> None:
    identities: dict[str, Identity] = {
        "other-root": Authority.create("another root", now=root.now).leaf(HOST),
        "same-name-root": Authority.create("bench root", now=root.now).leaf(HOST),
        "self-signed": self_signed(HOST, now=root.now),
        "wrong-name": root.leaf("other.bench.test"),
        "expired": root.leaf(HOST, not_before=-90, not_after=-30),
        "not-yet-valid": root.leaf(HOST, not_before=30, not_after=90),
    }
    listener = listen(hello, tls=TlsSettings(identities[defect]))
    result, connection = await attempt(listener, python_client, listener.address[1], root.pem, HOST, version)
    tls = tls_of(connection)
    assert result == "CERTIFICATE_VERIFY_FAILED"
    assert tls.certificate_sent
    assert connection.bytes_from_device() == 0
    assert connection.closed in (Closed.BY_DEVICE, Closed.BY_DEVICE_RESET)
    assert tls.alert_received == alert
    assert tls.handshake_done is False
    assert [e.name for e in tls.events if e.kind == "alert"] == [alert]
    assert tls.error


async def test_no_common_version_is_no_rejection_of_a_certificate(listen: Any, root: Authority) -> None:
    settings = TlsSettings(root.leaf(HOST), minimum_version=ssl.TLSVersion.TLSv1_3)
    listener = listen(hello, tls=settings)
    result, connection = await attempt(
        listener, python_client, listener.address[1], root.pem, HOST, ssl.TLSVersion.TLSv1_2
    )
    tls = tls_of(connection)
    assert result == "TLSV1_ALERT_PROTOCOL_VERSION"
    assert (tls.certificate_sent, tls.alert_sent, tls.client_hello) == (False, "protocol_version", True)
    assert tls.offered_versions == ("TLSv1.2",)
    assert tls.error == "UNSUPPORTED_PROTOCOL"


async def test_identity_is_swapped_between_connections(listen: Any, root: Authority) -> None:
    good, wrong = root.leaf(HOST), root.leaf("other.bench.test")
    listener = listen(hello, tls=TlsSettings(good))
    port = listener.address[1]
    results = []
    for identity in (good, wrong, good):
        listener.tls = TlsSettings(identity)
        result, connection = await attempt(listener, python_client, port, root.pem)
        results.append((result, tls_of(connection).certificate_sha256 == identity.leaf_sha256))
    assert results == [("hello", True), ("CERTIFICATE_VERIFY_FAILED", True), ("hello", True)]


async def run(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(DEADLINE):
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


@pytest.fixture
def trust(tmp_path: Path, root: Authority) -> str:
    path = tmp_path / "root.pem"
    path.write_bytes(root.pem)
    return str(path)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
@pytest.mark.parametrize("right", [True, False])
async def test_curl_with_a_wrong_name_completes_the_handshake_and_sends_nothing(
    listen: Any, recorder: Recorder, root: Authority, trust: str, right: bool
) -> None:
    listener = listen(hello, tls=TlsSettings(root.leaf(HOST if right else "other.bench.test")))
    port = listener.address[1]
    watch = listener.watch()
    code, output = await run(
        "curl", "-sS", "--noproxy", "*", "--cacert", trust, "--resolve", f"{HOST}:{port}:127.0.0.1",
        f"https://{HOST}:{port}/",
    )  # fmt: skip
    connection = await asyncio.wait_for(watch.future, DEADLINE)
    tls = tls_of(connection)
    assert (code, output) == (0, "hello") if right else code == 60
    assert tls.certificate_sent
    if not right:
        assert connection.bytes_from_device() == 0
        assert connection.closed is Closed.BY_DEVICE


@pytest.mark.skipif(not shutil.which("node"), reason="needs node")
async def test_node_rejects_without_an_alert(listen: Any, root: Authority, trust: str) -> None:
    listener = listen(hello, tls=TlsSettings(Authority.create("another root", now=root.now).leaf(HOST)))
    watch = listener.watch()
    script = (
        "const https=require('https'),fs=require('fs');"
        f"https.get({{host:'127.0.0.1',port:{listener.address[1]},servername:'{HOST}',"
        f"ca:fs.readFileSync('{trust}')}},r=>console.log(r.statusCode)).on('error',e=>console.log(e.code))"
    )
    code, output = await run("node", "-e", script)
    connection = await asyncio.wait_for(watch.future, DEADLINE)
    assert (code, connection.bytes_from_device(), tls_of(connection).certificate_sent) == (0, 0, True)
    assert output.strip() == "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
    assert connection.closed in (Closed.BY_DEVICE, Closed.BY_DEVICE_RESET)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("tickets", [True, False])
async def test_resumption_happens_with_tickets_alone(
    listen: Any, root: Authority, tickets: bool, version: ssl.TLSVersion
) -> None:
    listener = listen(hello, tls=TlsSettings(root.leaf(HOST), tickets=tickets))
    context = ssl.create_default_context(cadata=root.pem.decode())
    context.maximum_version = version

    def twice() -> list[bool]:
        session: ssl.SSLSession | None = None
        reused = []
        for _ in range(2):
            with (
                socket.create_connection(listener.address, timeout=DEADLINE) as raw,
                context.wrap_socket(raw, server_hostname=HOST, session=session) as sock,
            ):
                sock.sendall(GET)
                while sock.recv(4096):
                    pass
                session = sock.session if sock.session and sock.session.id else None
                reused.append(bool(sock.session_reused))
        return reused

    async with asyncio.timeout(DEADLINE):
        assert await asyncio.to_thread(twice) == [False, tickets]


def client_certificate(authority: Authority) -> tuple[x509.Certificate, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cpe")]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(authority.now - timedelta(days=1))
        .not_valid_after(authority.now + timedelta(days=1))
        .sign(authority.key, hashes.SHA256())
    )
    return certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


async def test_client_certificate_is_asked_for_and_recorded(
    listen: Any, root: Authority, tmp_path: Path
) -> None:
    clients = Authority.create("client root", now=root.now)
    mine = tmp_path / "client.pem"
    certificate, key = client_certificate(clients)
    mine.write_bytes(key + certificate.public_bytes(Encoding.PEM))
    settings = TlsSettings(root.leaf(HOST), client_ca=clients.pem, require_client_cert=True)
    listener = listen(hello, tls=settings)
    _, connection = await attempt(listener, python_client, listener.address[1], root.pem, HOST, TLS12)
    assert tls_of(connection).error == "PEER_DID_NOT_RETURN_A_CERTIFICATE"
    assert tls_of(connection).alert_sent == "handshake_failure"
    assert not tls_of(connection).client_certificate_sha256

    def showing_one() -> str:
        context = ssl.create_default_context(cadata=root.pem.decode())
        context.load_cert_chain(mine)
        with (
            socket.create_connection(listener.address, timeout=DEADLINE) as raw,
            context.wrap_socket(raw, server_hostname=HOST) as sock,
        ):
            sock.sendall(GET)
            return sock.recv(100).decode().split()[1]

    result, connection = await attempt(listener, showing_one)
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    assert (result, tls_of(connection).client_certificate_sha256) == ("200", fingerprint)


async def test_plain_http_on_a_tls_port_and_the_other_way_round(listen: Any, root: Authority) -> None:
    plain = listen(hello)
    secret = listen(hello, tls=TlsSettings(root.leaf(HOST)))
    result, connection = await attempt(plain, python_client, plain.address[1], root.pem)
    assert result == "WRONG_VERSION_NUMBER"
    assert connection.messages[0].anomalies == ("not HTTP: a TLS record on a plain-text port",)
    assert connection.messages[0].complete is False

    def plain_client() -> str:
        with socket.create_connection(secret.address, timeout=DEADLINE) as sock:
            sock.sendall(GET)
            data = b""
            with contextlib.suppress(ConnectionResetError):
                while chunk := sock.recv(100):
                    data += chunk
            return data.hex()

    result, connection = await attempt(secret, plain_client)
    assert tls_of(connection).error == "HTTP_REQUEST"
    assert tls_of(connection).client_hello is False
    assert connection.bytes_from_device() == 0


async def test_own_client_speaks_tls_too(listen: Any, recorder: Recorder, root: Authority) -> None:
    listener = listen(hello, tls=TlsSettings(root.leaf(HOST)))
    for trusted, expected in ((root.pem, b"hello"), (Authority.create("x", now=root.now).pem, None)):
        sock = socket.socket()
        sock.setblocking(False)
        fetched = await fetch(sock, listener.address, GET, recorder=recorder, tls=ClientTls(HOST, trusted))
        assert (fetched.response.body if fetched.response else None) == expected
    assert "CERTIFICATE_VERIFY_FAILED" in fetched.reason


async def test_device_that_alerts_and_keeps_tcp_open_has_ended_the_connection(
    listen: Any, root: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "LINGER", 0.05)
    listener = listen(hello, tls=TlsSettings(self_signed(HOST, now=root.now)))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context(cadata=root.pem.decode())
    client = context.wrap_bio(incoming, outgoing, server_hostname=HOST)
    watch = listener.watch()
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)
        with pytest.raises(ssl.SSLCertVerificationError):
            await handshake(client, incoming, outgoing, reader, writer)
        writer.write(outgoing.read())
        connection = await watch.future
        assert await reader.read() == b""
        writer.close()
    assert (connection.closed, tls_of(connection).alert_received) == (Closed.BY_DEVICE, "unknown_ca")


async def handshake(
    client: ssl.SSLObject,
    incoming: ssl.MemoryBIO,
    outgoing: ssl.MemoryBIO,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    while True:
        try:
            client.do_handshake()
            return
        except ssl.SSLWantReadError:
            writer.write(outgoing.read())
            incoming.write(await reader.read(65536))


@pytest.mark.parametrize("step", range(1, 60, 7))
async def test_cut_or_garbled_handshakes_are_recorded_and_end(
    listen: Any, root: Authority, step: int
) -> None:
    listener = listen(hello, tls=TlsSettings(root.leaf(HOST)))
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=HOST)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    flight = bytearray(outgoing.read())
    if step % 2:
        flight[step] ^= 0xFF
    else:
        del flight[step:]
    watch = listener.watch()
    async with asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(*listener.address)
        writer.write(flight)
        writer.write_eof()
        with contextlib.suppress(ConnectionResetError):
            await reader.read()
        writer.close()
        connection = await watch.future
        await listener.drained()
    assert connection.bytes_from_device() == 0
    assert connection.closed is not Closed.OPEN
    assert not tls_of(connection).handshake_done
    assert tls_of(connection).error


async def test_keylog_gets_the_secrets_of_both_versions(listen: Any, root: Authority, tmp_path: Path) -> None:
    keylog = tmp_path / "keys"
    listener = listen(hello, tls=TlsSettings(root.leaf(HOST), keylog=keylog))
    for version in (TLS12, ssl.TLSVersion.TLSv1_3):
        await attempt(listener, python_client, listener.address[1], root.pem, HOST, version)
    labels = {line.split()[0] for line in keylog.read_text().splitlines() if not line.startswith("#")}
    assert {"CLIENT_RANDOM", "CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"} <= labels


def test_identity_that_openssl_refuses_is_reported_to_the_case(root: Authority) -> None:
    broken = root.leaf(HOST)
    other = Identity("mixed", root.leaf(HOST).path, broken.key_pem, (0,))
    with pytest.raises(ssl.SSLError, match="KEY_VALUES_MISMATCH"):
        TlsSettings(other).context()


def test_every_alert_has_its_name() -> None:
    # RFC 8446 6: the two that clients that judge certificates differ in, and one that Python does not know
    assert [alert_name(code) for code in (0, 42, 48, 116, 250)] == [
        "close_notify",
        "bad_certificate",
        "unknown_ca",
        "certificate_required",
        "alert_250",
    ]


@given(st.binary(max_size=300))
def test_any_client_hello_is_read_without_an_exception(data: bytes) -> None:
    read_client_hello(data)


def test_leaf_is_made_as_rfc_5280_wants_it(root: Authority) -> None:
    leaf = root.leaf(HOST, "192.0.2.1", "[2001:db8::1]").leaf
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [HOST]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.1", "2001:db8::1"]
    assert leaf.not_valid_after_utc.year < 2038
    assert root.certificate.not_valid_after_utc.year < 2038
    leaf.verify_directly_issued_by(root.certificate)


def test_sent_order(root: Authority) -> None:
    identity = root.ca("one").ca("two").leaf(HOST)
    assert identity.sent(0, 2, 1).chain_pem.count(b"BEGIN") == 3
    assert identity.sent(0, 1, 2).chain_pem == identity.chain_pem
    assert identity.sent(0, 1, 2, 3).chain_pem.endswith(root.pem)
    with pytest.raises(ValueError, match="leaf"):
        identity.sent(1, 0)
    with pytest.raises(IndexError):
        identity.sent(0, 9)


def test_strict_verification_accepts_good_chains(root: Authority) -> None:
    context = ssl.create_default_context(cadata=root.pem.decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for identity in (root.leaf(HOST), root.ca().leaf(HOST)):
        server, client = ssl.MemoryBIO(), ssl.MemoryBIO()
        near = TlsSettings(identity).context().wrap_bio(server, client, server_side=True)
        far = context.wrap_bio(client, server, server_hostname=HOST)
        for _ in range(4):
            for side in (far, near):
                with contextlib.suppress(ssl.SSLWantReadError):
                    side.do_handshake()
        assert far.version() == "TLSv1.3"
