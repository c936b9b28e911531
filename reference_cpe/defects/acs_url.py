"""Defects of the ACS URL: what is taken, what is made of it, where the device connects."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.cwmp import events
from reference_cpe import urls
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.exchange import Exchange, ExchangeFailed
from reference_cpe.http import Headers
from reference_cpe.parts import Parts
from reference_cpe.settings import Change
from reference_cpe.urls import BadUrl, Target


def targets(parts: Parts, alter: Callable[[Target], Target]) -> None:
    """Sessions go to what *alter* makes of the ACS URL."""
    base = parts.exchange

    class Altered(base):  # type: ignore[misc,valid-type]
        def __init__(self, parts: Parts, target: Target) -> None:
            super().__init__(parts, alter(target))

    parts.exchange = Altered


def _aimed(alter: Callable[[Target], Target]) -> Callable[[Parts], None]:
    return lambda parts: targets(parts, alter)


def _default_port(target: Target) -> Target:
    return replace(target, port=443 if target.secure else 80, authority=urls.bracketed(target.host))


for _name, _summary, _alter in (
    ("url-path-dropped", "Every request goes to the path /, whatever the ACS URL says.",
     lambda target: replace(target, target="/")),
    ("url-query-dropped", "The query of the ACS URL is left out.",
     lambda target: replace(target, target=target.target.partition("?")[0])),
    ("url-path-lower-case", "The path of the ACS URL is turned to lower case.",
     lambda target: replace(target, target=target.target.lower())),
    ("url-port-ignored", "The port of the ACS URL is ignored in favour of the default one.", _default_port),
):  # fmt: skip
    tabled(_name, _summary, ["lcos.acs-url.used-exactly"], _aimed(_alter))


@defect("url-change-once-late", breaks=["lcos.acs-url.change"])
def url_change_once_late(parts: Parts) -> None:
    """After a change of the ACS URL one more session goes to the old ACS."""
    original, old = parts.settings.changed, [""]

    def changed(change: Change) -> None:
        if "acs_url" in change:
            old[0] = change["acs_url"][0]
        original(change)

    def alter(target: Target) -> Target:
        late, old[0] = old[0], ""
        return urls.parse(late) if late else target

    parts.settings.changed = changed
    targets(parts, alter)


@defect("url-change-without-bootstrap", breaks=["lcos.acs-url.change"], seen="netcwmp")
def url_change_without_bootstrap(parts: Parts) -> None:
    """The first session with a new ACS reports 4 VALUE CHANGE and no 0 BOOTSTRAP."""
    rewire(parts.events, bootstrap=lambda: parts.events.add(events.VALUE_CHANGE))


def checked(parts: Parts, alter: Callable[[str, Any], Any]) -> None:
    """*alter* sees every value of a setting before it is judged."""
    original = parts.settings.check
    rewire(parts.settings, check=lambda key, value: original(key, alter(key, value)))


def _url_made(make: Callable[[str], str]) -> Callable[[Parts], None]:
    return lambda parts: checked(
        parts, lambda key, value: make(value) if key == "acs_url" and isinstance(value, str) else value
    )


def _other_scheme_as_http(url: str) -> str:
    scheme, colon, rest = url.partition("://")
    return url if not colon or scheme in ("http", "https") else f"http://{rest}"


def _crash(url: str) -> str:
    if url:
        try:
            urls.parse(url)
        except BadUrl:
            os._exit(139)
    return url


for _name, _summary, _breaks, _make, _seen in (
    ("url-cut-at-256", "An ACS URL that is too long is cut instead of refused.",
     "lcos.acs-url.invalid-harmless", lambda url: url[:256], ""),
    ("url-cut-at-64", "Only the first 64 characters of the ACS URL are kept.",
     "lcos.acs-url.used-exactly", lambda url: url[:64], "MitraStar, with 31"),
    ("url-other-scheme-taken", "An ACS URL of any scheme is taken for http.",
     "lcos.scheme.others-unused", _other_scheme_as_http, "easycwmp"),
):  # fmt: skip
    tabled(_name, _summary, [_breaks], _url_made(_make), _seen)

# It may well be in a session that the URL comes.
tabled("url-crash", "A malformed ACS URL makes the device crash.",
       ["lcos.acs-url.invalid-harmless", "cwmp.session.answers-each-request"], _url_made(_crash))  # fmt: skip


@defect("url-invalid-empties", breaks=["lcos.acs-url.invalid-harmless"])
def url_invalid_empties(parts: Parts) -> None:
    """An ACS URL that cannot be used is taken without a word, and the device then talks to its last ACS for ever."""
    last = [str(parts.settings.value("acs_url"))]

    def alter(key: str, value: Any) -> Any:
        if key != "acs_url" or not isinstance(value, str):
            return value
        try:
            urls.parse(value)
        except BadUrl:
            return last[0]
        last[0] = value
        return value

    checked(parts, alter)


@defect("ipv6-brackets-lost", breaks=["lcos.acs-url.ipv6-literal"])
def ipv6_brackets_lost(parts: Parts) -> None:
    """An IPv6 address stands in the Host header without its brackets."""
    original = parts.http.post_headers

    def post_headers(target: Target, body: bytes) -> Headers:
        plain = replace(target, authority=target.authority.replace("[", "").replace("]", ""))
        return original(plain, body)

    rewire(parts.http, post_headers=post_headers)


@defect("ipv6-literal-unusable", breaks=["lcos.acs-url.ipv6-literal", "lcos.firewall6.outbound-free"])
def ipv6_literal_unusable(parts: Parts) -> None:
    """With an IPv6 address in the ACS URL no session is ever opened."""

    class Limited(Exchange):
        def request(self, body: bytes) -> Headers:
            if ":" in self.target.host:
                raise ExchangeFailed("address family not supported")
            return super().request(body)

    parts.exchange = Limited


def _resolved(target: Target, family: socket.AddressFamily) -> str:
    try:
        return str(socket.getaddrinfo(target.host, target.port, family, socket.SOCK_STREAM)[0][4][0])
    except OSError:
        raise BadUrl(f"{target.host} has no address") from None


@defect("name-resolved-once", breaks=["lcos.acs-url.name-resolved-again"])
def name_resolved_once(parts: Parts) -> None:
    """The first address of the ACS's name is kept until the device restarts."""
    known: dict[str, str] = {}

    def alter(target: Target) -> Target:
        if target.host not in known:
            known[target.host] = _resolved(target, socket.AF_UNSPEC)
        return replace(target, host=known[target.host])

    targets(parts, alter)


@defect("name-needs-ipv4", breaks=["lcos.acs-url.host-name"])
def name_needs_ipv4(parts: Parts) -> None:
    """A name of the ACS that has an IPv6 address only is not reached."""

    def alter(target: Target) -> Target:
        return target if ":" in target.host else replace(target, host=_resolved(target, socket.AF_INET))

    targets(parts, alter)


@defect("http-upgraded", breaks=["lcos.scheme.http-honoured"])
def http_upgraded(parts: Parts) -> None:
    """Once it has used https, the device uses https for http URLs of the same host too."""
    seen: set[str] = set()

    def alter(target: Target) -> Target:
        if target.secure:
            seen.add(target.host)
            return target
        if target.host not in seen:
            return target
        return replace(target, scheme="https", port=443, authority=urls.bracketed(target.host))

    targets(parts, alter)


@defect("falls-back-to-http", breaks=["lcos.scheme.no-downgrade"])
def falls_back_to_http(parts: Parts) -> None:
    """After a failed session by https the next attempt is made by http."""
    original, failed = parts.events.session_failed, [False]

    def session_failed() -> None:
        failed[0] = True
        original()

    def alter(target: Target) -> Target:
        again, failed[0] = failed[0], False
        if not (again and target.secure):
            return target
        return replace(target, scheme="http", port=80, authority=urls.bracketed(target.host))

    rewire(parts.events, session_failed=session_failed)
    targets(parts, alter)
