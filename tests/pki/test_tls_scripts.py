"""Servers made by hand: what goes out, what is written down, and how real clients take it."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import Any

import pytest

from harness.lab.pki import Authority
from harness.lab.tls import Script, TlsEngine, TlsFailed, TlsSettings
from harness.lab.tls_flight import Flight
from harness.lab.tls_script import Cut, Say, ScriptedEngine
from harness.verdict.transcript import Direction, TlsEvent, TlsRecord

ROOT = Authority.create("root", now=datetime.now(UTC))
EC, RSA = ROOT.ca().leaf("acs.bench.test"), ROOT.leaf("acs.bench.test", key="rsa2048")
ECDHE_ECDSA, ECDHE_RSA = 0xC02B, 0xC02F


class Talk:
    """One connection of OpenSSL, which verifies nothing but what the handshake itself proves."""

    def __init__(self, script: Script, *, newest: ssl.TLSVersion, identity: Any = EC) -> None:
        self.record = TlsRecord()
        self.over = False
        settings = TlsSettings(identity, script=script, maximum_version=newest)
        self.engine = ScriptedEngine(settings, self.record, self._event)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = newest
        context.set_ciphers("ALL:@SECLEVEL=0")
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._client = context.wrap_bio(self._in, self._out, server_hostname="acs.bench.test")
        for _ in range(4):
            self._turn()

    def _event(self, direction: Direction, kind: str, name: str, fatal: bool) -> None:
        self.record.events.append(TlsEvent(0, 0, direction, kind, name, fatal))

    def _turn(self) -> None:
        try:
            self._client.do_handshake()
        except ssl.SSLError:
            pass
        data = self._out.read()
        if data and not self.over:
            try:
                assert self.engine.feed(data) == b""
            except TlsFailed:
                self.over = True
        out = self.engine.outgoing()
        self._in.write(out)
        self.engine.left(len(out))

    def names(self, direction: Direction) -> list[str]:
        return [event.name for event in self.record.events if event.direction is direction]


TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
FLIGHT12 = ["ServerHello", "Certificate", "ServerKeyExchange", "ServerHelloDone"]
FLIGHT13 = ["ServerHello", "EncryptedExtensions", "Certificate", "CertificateVerify", "Finished"]


@pytest.mark.parametrize(
    ("newest", "flight", "count"),
    [(TLS12, FLIGHT12, count) for count in range(5)] + [(TLS13, FLIGHT13, count) for count in range(6)],
)
def test_a_cut_sends_the_true_beginning_and_no_more(
    newest: ssl.TLSVersion, flight: list[str], count: int
) -> None:
    talk = Talk(Cut((["ClientHello", *flight])[count]), newest=newest)
    assert talk.names(Direction.TO_DEVICE) == flight[:count]
    assert talk.record.certificate_sent is ("Certificate" in flight[:count])
    assert talk.record.client_hello
    assert talk.record.sni == "acs.bench.test"
    assert talk.over
    if count:
        assert talk.record.version == ("TLSv1.2" if newest is TLS12 else "TLSv1.3")


def test_an_alert_follows_where_it_is_asked_for_and_silence_where_that_is() -> None:
    assert Talk(Cut("ServerHello", "alert"), newest=TLS12).over
    silent = Talk(Cut("ServerHello", "wait"), newest=TLS12)
    assert not silent.over
    assert silent.names(Direction.TO_DEVICE) == ["ServerHello"]


@pytest.mark.parametrize(
    ("identity", "cipher", "more", "newest", "reaction"),
    [
        (EC, ECDHE_ECDSA, {"key_exchange": "ecdhe"}, TLS12, "ClientKeyExchange"),
        (RSA, ECDHE_RSA, {"key_exchange": "ecdhe"}, TLS12, "ClientKeyExchange"),
        (RSA, 0x009E, {"key_exchange": "dhe", "bits": 1024}, TLS12, "ClientKeyExchange"),
        (RSA, 0x0034, {"key_exchange": "anonymous", "bits": 1024}, TLS12, "ClientKeyExchange"),
        (RSA, 0x002F, {}, TLS12, "ClientKeyExchange"),
        (RSA, 0x002F, {"version": 0x0300}, TLS12, "protocol_version"),
        (RSA, 0x0003, {"version": 0x0301, "key_exchange": "export"}, TLS12, "protocol_version"),
        (RSA, 0x0005, {}, TLS12, "illegal_parameter"),
        (RSA, ECDHE_RSA, {"key_exchange": "ecdhe", "broken": True}, TLS12, "decrypt_error"),
        (RSA, ECDHE_RSA, {"key_exchange": "ecdhe", "downgraded": True}, TLS13, "illegal_parameter"),
        (RSA, ECDHE_RSA, {"key_exchange": "ecdhe"}, TLS13, "ClientKeyExchange"),
    ],
)
def test_a_flight_is_taken_by_who_offers_it_and_refused_for_what_is_wrong(
    identity: Any, cipher: int, more: dict[str, Any], newest: ssl.TLSVersion, reaction: str
) -> None:
    talk = Talk(Flight(cipher, "the suite", **more), newest=newest, identity=identity)
    assert talk.names(Direction.FROM_DEVICE)[1] == reaction
    assert talk.record.cipher == "the suite"
    assert talk.record.certificate_sent is (more.get("key_exchange") != "anonymous")
    assert talk.over


def test_clear_text_on_the_tls_port_is_told_apart_from_other_nonsense() -> None:
    for data, reason in (
        (b"POST /cwmp HTTP/1.1\r\n", "HTTP_REQUEST"),
        (b"\x80\x2e\x01", "WRONG_VERSION_NUMBER"),
    ):
        record = TlsRecord()
        engine = ScriptedEngine(TlsSettings(EC, script=Say(b"")), record, lambda *_: None)
        with pytest.raises(TlsFailed):
            engine.feed(data)
        assert record.error == reason
        assert not record.client_hello


def test_openssl_calls_clear_text_by_the_same_name() -> None:
    record = TlsRecord()
    with pytest.raises(TlsFailed):
        TlsEngine(TlsSettings(EC), record, lambda *_: None).feed(b"POST /cwmp HTTP/1.1\r\n")
    assert record.error == "HTTP_REQUEST"


def test_nothing_can_be_sent_over_a_script() -> None:
    engine = ScriptedEngine(TlsSettings(EC, script=Say(b"")), TlsRecord(), lambda *_: None)
    with pytest.raises(TlsFailed):
        engine.send(b"HTTP/1.1 200 OK")
