"""URLs of ACS and file servers, taken apart without being rewritten (RFC 3986, RFC 7230 2.7)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
_LEGAL = re.compile(r"[!#-;=?-Z\[\]_a-z~%]*", re.ASCII)
_NAME = re.compile(r"(?=.{1,253}\.?$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?)+", re.ASCII)


class BadUrl(ValueError):
    """Not a usable http or https URL; the message says why in a few words."""


class UnknownScheme(BadUrl):
    """A URL of another scheme."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes: ``host`` without brackets, ``target`` the request target with its query."""

    scheme: str
    host: str
    port: int
    target: str
    authority: str
    """Host and port as the URL has them: the Host header."""
    user_info: bool = False

    @property
    def secure(self) -> bool:
        return self.scheme == "https"

    @property
    def place(self) -> tuple[str, str, int]:
        """What a connection can be shared for."""
        return self.scheme, self.host.lower(), self.port

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


@lru_cache(maxsize=64)
def parse(url: str) -> Target:
    """Take *url* apart; settings are looked at again and again, so that what came out is kept.

    Raises:
        UnknownScheme: neither http nor https.
        BadUrl: no host, a bad port, illegal characters ...
    """
    if not _LEGAL.fullmatch(url):
        raise BadUrl("holds characters that a URL may not have")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadUrl(str(error)) from None
    if parts.scheme not in _PORTS:
        raise UnknownScheme("neither http:// nor https://")
    if not parts.hostname or not _host(parts.hostname, parts.netloc):
        raise BadUrl("no valid host")
    if port == 0:
        raise BadUrl("port 0")
    authority = parts.netloc.rpartition("@")[2]
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query or url.endswith("?") else "")
    return Target(
        parts.scheme, parts.hostname, port or _PORTS[parts.scheme], target, authority, "@" in parts.netloc
    )


def _host(host: str, netloc: str) -> bool:
    if "[" in netloc:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            return False
        return True
    if re.fullmatch(r"[0-9.]+", host):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            return False
        return True
    return _NAME.fullmatch(host) is not None


def resolve(base: Target, location: str) -> Target:
    """The target of a redirect: *location*, absolute or relative to *base* (RFC 7231 7.1.2).

    Raises:
        BadUrl: see `parse`.
    """
    return parse(urljoin(base.url, location.strip()))


def bracketed(address: str) -> str:
    """*address* as it stands in a URL: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address
