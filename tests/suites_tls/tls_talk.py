"""A client and a server of the bench in memory: the connection that a case would judge, without a socket."""

from __future__ import annotations

import ssl
import warnings

from harness.lab.tls import TlsEngine, TlsFailed, TlsSettings
from harness.lab.tls_script import ScriptedEngine
from harness.verdict.transcript import Chunk, Closed, Connection, Direction, Role, TlsEvent, TlsRecord

REQUEST = b"POST /cwmp HTTP/1.1\r\nHost: acs\r\nContent-Length: 0\r\n\r\n"


def blind(minimum: ssl.TLSVersion = ssl.TLSVersion.TLSv1_2) -> ssl.SSLContext:
    """A client that takes everything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:eNULL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = minimum
    return context


def stock(root_pem: bytes) -> ssl.SSLContext:
    """Python's own verification, trusting one root."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT:@SECLEVEL=2")
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=root_pem.decode("ascii"))
    return context


def talk(settings: TlsSettings, client_context: ssl.SSLContext, host: str) -> Connection:
    """Let the client connect, send a request where it gets that far, and leave; what the bench has on record."""
    record = TlsRecord()

    def event(direction: Direction, kind: str, name: str, fatal: bool) -> None:
        record.events.append(TlsEvent(0, 0, direction, kind, name, fatal))

    engine = (ScriptedEngine if settings.script else TlsEngine)(settings, record, event)
    connection = Connection(
        "c1", Role.ACS, "acs-https", ("198.51.100.2", 4000), ("198.51.100.10", 443), 0, 0, tls=record
    )
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    sent = gone = over = False
    for _ in range(12):
        if not gone:
            try:
                client.do_handshake()
                if not sent:
                    client.write(REQUEST)
                    sent = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                gone = True
        data = to_server.read()
        if over:
            break
        over = _serve(engine, data, connection)
        out = engine.outgoing()
        engine.left(len(out))
        to_client.write(out)
        if over:
            to_client.write_eof()
    connection.closed = Closed.BY_DEVICE if gone or sent else Closed.BY_BENCH
    return connection


def _serve(engine: TlsEngine | ScriptedEngine, data: bytes, connection: Connection) -> bool:
    if not data:
        return False
    try:
        plain = engine.feed(data)
    except TlsFailed:
        return True
    if plain:
        connection.chunks.append(Chunk(0, 0, Direction.FROM_DEVICE, plain))
    return False
