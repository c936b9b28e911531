"""Defects of finding the ACS: names, addresses, schemes, ports."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import ipaddress
import socket
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from harness.cwmp.messages import ParameterValueStruct
from reference_cpe import urls
from reference_cpe.defects.acs_url import targets
from reference_cpe.defects.registry import defect, rewire
from reference_cpe.http import HttpConnection
from reference_cpe.network import NoSource
from reference_cpe.parts import Parts
from reference_cpe.rim import ConnectFailed
from reference_cpe.settings import Change, Refused
from reference_cpe.urls import Target

FACTORY_ACS: Final = "http://192.0.2.80/"
"""The maker's own ACS, as devices have it built in."""


def _addresses(host: str, port: int) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    return [str(address[0]) for *_, address in found]


@defect(
    "name-turned-into-address",
    breaks=["lcos.acs-url.host-name", "lcos.acs-url.used-exactly"],
)
def name_turned_into_address(parts: Parts) -> None:
    """The host name of an http URL is replaced by its address, in the Host header too."""

    def alter(target: Target) -> Target:
        found = () if target.secure else _addresses(target.host, target.port)
        return replace(target, authority=f"{urls.bracketed(found[0])}:{target.port}") if found else target

    targets(parts, alter)


@defect("first-address-only", breaks=["cwmp.ipv6.dead-address"])
def first_address_only(parts: Parts) -> None:
    """Of the addresses of a name the first is tried, and if it does not answer none of the others."""

    def alter(target: Target) -> Target:
        found = () if target.secure else _addresses(target.host, target.port)
        return replace(target, host=found[0]) if found else target

    targets(parts, alter)


@defect("literal-looked-up", breaks=["lcos.acs-url.ipv4-literal"])
def literal_looked_up(parts: Parts) -> None:
    """The host of the ACS URL is looked up in the DNS even if it is an address."""

    def alter(target: Target) -> Target:
        _addresses(f"{target.host}.", target.port)
        return target

    targets(parts, alter)


@defect("https-left-out", breaks=["lcos.scheme.both-work"])
def https_left_out(parts: Parts) -> None:
    """The device has no TLS: a URL with https leads to no connection."""
    original = parts.dial

    async def dial(parts: Parts, target: Target) -> HttpConnection:
        if target.secure:
            raise ConnectFailed("https is not supported")
        return await original(parts, target)

    rewire(parts, dial=dial)


@defect("missing-name-remembered", breaks=["lcos.acs-url.name-resolved-again"])
def missing_name_remembered(parts: Parts) -> None:
    """A name that did not exist is never looked up again, restarts or not."""
    original = parts.dial

    async def dial(parts: Parts, target: Target) -> HttpConnection:
        missing: list[str] = parts.store.get("missing_names", [])
        if target.host in missing:
            raise ConnectFailed(f"{target.host}: no such name")
        if not _addresses(target.host, target.port):
            parts.store.update(missing_names=[*missing, target.host])
        return await original(parts, target)

    rewire(parts, dial=dial)


def _knocks_at_the_factory(parts: Parts) -> None:
    """The maker's ACS is dialled and not waited for: in a bench nobody is there."""
    original = parts.dial

    async def dial(parts: Parts, target: Target) -> HttpConnection:
        if target.url != FACTORY_ACS:
            return await original(parts, target)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as knocking:
            knocking.setblocking(False)
            knocking.connect_ex((target.host, target.port))
        raise ConnectFailed(f"{target.host} does not answer")

    rewire(parts, dial=dial)


@defect("factory-acs-instead", breaks=["lcos.scheme.others-unused", "lcos.acs-url.ipv6-unbracketed"])
def factory_acs_instead(parts: Parts) -> None:
    """An ACS URL that cannot be used is taken without a word for that of the device's maker."""
    check = parts.settings.check

    def mended(key: str, wanted: object) -> Any:
        try:
            return check(key, wanted)
        except Refused:
            if key != "acs_url":
                raise
            return FACTORY_ACS

    rewire(parts.settings, check=mended)
    _knocks_at_the_factory(parts)


@defect("factory-acs-when-empty", breaks=["lcos.acs-url.invalid-harmless"])
def factory_acs_when_empty(parts: Parts) -> None:
    """With an empty ACS URL the device turns to the ACS of its maker."""
    value = parts.settings.value
    rewire(parts.settings, value=lambda key: value(key) or (FACTORY_ACS if key == "acs_url" else value(key)))
    _knocks_at_the_factory(parts)


@defect("overlong-url-cut-for-acs", breaks=["lcos.acs-url.invalid-harmless"])
def overlong_url_cut_for_acs(parts: Parts) -> None:
    """An ACS URL of more than 256 characters that the ACS sets is cut without a fault."""
    judge, check = parts.model.judge, parts.settings.check

    def judged(wanted: ParameterValueStruct) -> tuple[int, str] | None:
        too_long = wanted.name.endswith("ManagementServer.URL") and len(wanted.value) > 256
        return None if too_long else judge(wanted)

    def cut(key: str, wanted: object) -> Any:
        return check(key, wanted[:256] if key == "acs_url" and isinstance(wanted, str) else wanted)

    rewire(parts.model, judge=judged)
    rewire(parts.settings, check=cut)


_SET_ADDRESS, _SET_MASK = 0x8916, 0x891C
"""SIOCSIFADDR and SIOCSIFNETMASK (linux/sockios.h)."""


def _take(address: ipaddress.IPv4Address) -> None:
    """Make *address* one of this host's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for request, value in (
            (_SET_ADDRESS, address),
            (_SET_MASK, ipaddress.IPv4Address("255.255.255.255")),
        ):
            given = struct.pack("16sHH4s8x", b"lo:9", socket.AF_INET, 0, value.packed)
            fcntl.ioctl(control, request, given)


@defect("foreign-source-taken", breaks=["lcos.source.foreign-address-unused"])
def foreign_source_taken(parts: Parts) -> None:
    """An address that is not the device's is taken as source address, and used unmasked as if it were."""
    resolve, unmasked = parts.source.resolve, parts.firewall.unmasked
    taken: list[str] = []

    def resolved(name: str) -> str:
        with contextlib.suppress(NoSource):
            return resolve(name)
        try:
            address = ipaddress.IPv4Address(name)
        except ValueError:
            return resolve(name)
        _take(address)
        taken[:] = [name]
        return name

    def changed(change: Change) -> None:
        with contextlib.suppress(NoSource):
            resolved(parts.settings.value("source_address"))  # before the rules are loaded anew
        settled(change)

    settled = parts.settings.changed
    parts.settings.changed = changed
    rewire(parts.source, resolve=resolved)
    rewire(parts.firewall, unmasked=lambda: [*unmasked(), *taken])


@defect("source-advertised-as-loopback", breaks=["lcos.source.advertised-url"])
def source_advertised_as_loopback(parts: Parts) -> None:
    """With a source address set, the ConnectionRequestURL bears the address of the device's own loopback interface."""
    original = parts.source.advertised

    def advertised(acs_url: str) -> str:
        return "127.0.0.1" if parts.settings.value("source_address") else original(acs_url)

    rewire(parts.source, advertised=advertised)


@defect("password-in-syslog", breaks=["lcos.secrecy.https-hides-secrets"])
def password_in_syslog(parts: Parts) -> None:
    """With every connection a message with the login at the ACS goes to the syslog port of its host, in clear."""
    original = parts.dial

    async def dial(parts: Parts, target: Target) -> HttpConnection:
        made = await original(parts, target)
        for address in _addresses(target.host, 514)[:1]:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as log:
                log.sendto(f"<14>login with {parts.settings.value('acs_password')}".encode(), (address, 514))
        return made

    rewire(parts, dial=dial)


# --- the port for connection requests -------------------------------------------------------------------


@defect("second-port-open", breaks=["lcos.port.listens"])
def second_port_open(parts: Parts) -> None:
    """The port above the configured one is open, too."""
    start, stop = parts.listener.start, parts.listener.stop
    beside: list[asyncio.Server] = []

    async def started(port: int) -> None:
        await start(port)
        await closed()
        if 0 < port < 65535:
            beside.append(await asyncio.start_server(lambda _reader, writer: writer.close(), port=port + 1))

    async def closed() -> None:
        while beside:
            beside.pop().close()

    async def stopped() -> None:
        await closed()
        await stop()

    rewire(parts.listener, start=started, stop=stopped)


@defect("port-signed", breaks=["lcos.port.boundaries"])
def port_signed(parts: Parts) -> None:
    """A port above 32767 becomes negative on the way and is never listened on."""
    original = parts.listener.start

    async def start(port: int) -> None:
        await original(port if port < 32768 else 0)

    rewire(parts.listener, start=start)
