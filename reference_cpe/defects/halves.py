"""Defects of half a job: one family, scheme, spelling or kind of file is right, the other is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from harness.cwmp.digest import DigestChallenge
from harness.cwmp.http_auth_syntax import Challenge
from harness.cwmp.soap import Reading
from reference_cpe import fetch
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.http import HttpConnection
from reference_cpe.parts import Parts
from reference_cpe.session import Action, Session
from reference_cpe.settings import Rule
from reference_cpe.transfers import Transfer
from reference_cpe.urls import Target


def _dialling(aim: Callable[[Parts, Target], Target]) -> Callable[[Parts], None]:
    def alter(parts: Parts) -> None:
        dial = parts.dial

        async def dialled(parts: Parts, target: Target) -> HttpConnection:
            return await dial(parts, aim(parts, target))

        parts.dial = dialled

    return alter


def _signed(_parts: Parts, target: Target) -> Target:
    return replace(target, port=target.port & 0x7FFF) if target.port > 0x7FFF else target


def _by_port(_parts: Parts, target: Target) -> Target:
    return replace(target, scheme={80: "http", 443: "https"}.get(target.port, target.scheme))


def _by_letters(parts: Parts, target: Target) -> Target:
    capital = str(parts.settings.value("acs_url")).startswith("HTTPS:")
    return replace(target, scheme="http") if capital else target


for _name, _summary, _breaks, _aim in (
    ("acs-port-signed", "A port of the ACS above 32767 is taken for a negative number.",
     ["lcos.acs-url.used-exactly"], _signed),
    ("tls-by-port", "Whether there is TLS follows from the port, not from the scheme.",
     ["lcos.scheme.http-honoured", "lcos.scheme.no-downgrade"], _by_port),
    ("https-in-capitals-in-clear", "A scheme written HTTPS is taken for http.",
     ["lcos.scheme.no-downgrade"], _by_letters),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _dialling(_aim))


def _logging_in(change: Callable[[str], str]) -> Callable[[Parts], None]:
    """The password for the ACS is sent as *change* makes it."""

    def alter(parts: Parts) -> None:
        right = parts.digest.authorization

        def authorization(
            challenge: DigestChallenge | Challenge,
            user: tuple[str, str],
            method: str,
            uri: str,
            nc: int,
            cnonce: str,
        ) -> str:
            return right(challenge, (change(user[0]), change(user[1])), method, uri, nc, cnonce)

        rewire(parts.digest, authorization=authorization)

    return alter


for _name, _summary, _change in (
    ("login-percent-decoded", "Percent signs in the ACS pair are decoded.", unquote),
    ("login-stripped", "Blanks at the ends of the ACS pair are dropped.", str.strip),
    ("login-domain-dropped", "Of an ACS user with a domain only the name is sent.",
     lambda text: text.rpartition("\\")[2]),
):  # fmt: skip
    tabled(
        _name, _summary, ["lcos.acs-credentials.digest", "lcos.acs-credentials.basic"], _logging_in(_change)
    )


@defect("request-password-cut", breaks=["lcos.connection-request.credentials"])
def request_password_cut(parts: Parts) -> None:
    """Of the connection request password 64 characters count."""
    right = parts.gate.credentials
    rewire(parts.gate, credentials=lambda: (right()[0], right()[1][:64]))


@defect("off-but-transfer-reported", breaks=["lcos.activation.off-silent"])
def transfer_reported(parts: Parts) -> None:
    """Switched off, the device still reports the end of a transfer."""
    active = parts.active
    parts.active = lambda: active() or any(each.done for each in parts.transfers.pending())


@defect("old-port-open-over-ipv6", breaks=["lcos.port.change"])
def old_port_open(parts: Parts) -> None:
    """After a change of port the old one stays open over IPv6."""
    start, left = parts.listener.start, []

    async def started(port: int) -> None:
        old = parts.listener.port
        await start(port)
        if port and old and port != old:
            left.append(await asyncio.start_server(lambda _reader, writer: writer.close(), "::", old))

    rewire(parts.listener, start=started)


@defect("upload-with-acs-pair", breaks=["lcos.acs-credentials.kept-from-others"])
def upload_with_acs_pair(parts: Parts) -> None:
    """An Upload without a user logs in at the file server with the ACS pair."""
    pair = ("acs_username", "acs_password")

    async def store(transfer: Transfer, data: bytes) -> None:
        user = (transfer.username, transfer.password)
        value = parts.settings.value
        await fetch.store(parts, transfer.url, user if user[0] else (value(pair[0]), value(pair[1])), data)

    rewire(parts.transfers, store=store)


def _for_files(kind: str) -> Callable[[Parts], None]:
    def alter(parts: Parts) -> None:
        right = parts.transfers.carry_out

        async def carry_out(transfer: Transfer) -> bool:
            parts.trust.verify = kind != ("upload" if transfer.upload else transfer.kind)
            try:
                return await right(transfer)
            finally:
                parts.trust.verify = True

        rewire(parts.transfers, carry_out=carry_out)

    return alter


for _kind in ("firmware", "upload"):
    tabled(f"{_kind}-unverified", f"For {_kind} the certificate of the file server is not verified.",
           ["lcos.tls.file-server"], _for_files(_kind))  # fmt: skip


@defect("twelve-questions", breaks=["lcos.session.acs-may-query", "cwmp.session.answers-each-request"])
def twelve_questions(parts: Parts) -> None:
    """After twelve RPCs the device ends the session."""

    class Impatient(Session):
        asked = 0

        def serve(self, reading: Reading) -> Action:
            self.asked += 1
            return self.end(True) if self.asked > 12 else super().serve(reading)

    parts.session = Impatient


def _ruled(change: Callable[[list[Rule]], list[Rule]]) -> Callable[[Parts], None]:
    def alter(parts: Parts) -> None:
        right = parts.firewall.inbound_rules
        rewire(parts.firewall, inbound_rules=lambda: change(list(right())))

    return alter


def _around(parts: Parts) -> None:
    def rule(rule: Rule) -> str:
        sources = f"ip6 saddr {{ {', '.join(rule.sources)} }} " if rule.sources else ""
        ports = f"tcp dport {min(rule.ports)}-{max(rule.ports)}" if rule.ports else "meta l4proto tcp"
        return f"{sources}{ports} {rule.action}"

    rewire(parts.firewall, rule=rule)


def _inactive_denials(parts: Parts) -> None:
    def inbound_rules() -> list[Rule]:
        rules = [
            each
            for each in parts.settings.value("ipv6_inbound_rules")
            if each.active or each.action == "drop"
        ]
        return sorted(rules, key=lambda rule: -rule.priority)

    rewire(parts.firewall, inbound_rules=inbound_rules)


for _name, _summary, _broken, _alter in (
    ("rule6-first-port", "Of several ports of an inbound rule only the first counts.", "lcos.firewall6.open-with-rule",
     _ruled(lambda rules: [replace(rule, ports=rule.ports[:1]) for rule in rules])),
    ("rule6-first-source", "Of several sources of an inbound rule only the first counts.", "lcos.firewall6.open-with-rule",
     _ruled(lambda rules: [replace(rule, sources=rule.sources[:1]) for rule in rules])),
    ("rule6-priority-as-text", "Priorities of inbound rules are compared as text.", "lcos.firewall6.deny-wins",
     _ruled(lambda rules: sorted(rules, key=lambda rule: str(rule.priority), reverse=True))),
    ("rule6-several-open-all", "Where there are several inbound rules their sources are ignored.", "lcos.firewall6.rule-exact",
     _ruled(lambda rules: [replace(rule, sources=()) if len(rules) > 1 else rule for rule in rules])),
    ("rule6-ports-between", "Two ports of an inbound rule open all between them.", "lcos.firewall6.rule-exact", _around),
    ("rule6-inactive-denial", "A denying inbound rule denies although it is not active.", "lcos.firewall6.open-with-rule",
     _inactive_denials),
):  # fmt: skip
    tabled(_name, _summary, [_broken], _alter)
