"""A cookie jar for a CWMP session: RFC 6265 for a client, sans-IO; RFC 2965-era syntax is understood too.

TR-069 3.4.2 has a CPE return the cookies of the session and forget them at its end: `CookieJar.clear`.
"""

from __future__ import annotations

import calendar
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

MOST_COOKIES: Final = 300
LONGEST_COOKIE: Final = 16 * 1024
"""Bytes of name and value; RFC 6265 6.1 asks for 4096 at least, TR-069 for 512 in all."""

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DATE_DELIMITERS = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_DAY = re.compile(r"([0-9]{1,2})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_YEAR = re.compile(r"([0-9]{2,4})(?:[^0-9].*)?", re.ASCII | re.DOTALL)
_MAX_AGE = re.compile(r"-?[0-9]+", re.ASCII)
_VERSION = re.compile(r";\s*version\s*=", re.IGNORECASE)
_NEXT_COOKIE = re.compile(r'("[^"]*")|,(?=\s*[^\s;,="]+\s*=)')
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Cookie:
    """One stored cookie. ``expires`` is in the caller's seconds, infinity for a session cookie."""

    name: str
    value: str
    domain: str
    path: str
    host_only: bool
    secure: bool
    expires: float
    created: int


def parse_date(text: str) -> float | None:
    """A cookie-date as seconds since 1970 (RFC 6265 5.1.1), or ``None`` where it is none."""
    time = day = month = year = None
    for token in filter(None, _DATE_DELIMITERS.split(text)):
        if time is None and (match := _TIME.fullmatch(token)):
            time = tuple(int(part) for part in match.groups())
        elif day is None and (match := _DAY.fullmatch(token)):
            day = int(match[1])
        elif month is None and token[:3].lower() in _MONTHS:
            month = _MONTHS.index(token[:3].lower()) + 1
        elif year is None and (match := _YEAR.fullmatch(token)):
            year = int(match[1])
    if time is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    hour, minute, second = time
    if year < 1601 or hour > 23 or minute > 59 or second > 59:
        return None
    if not 1 <= day <= calendar.monthrange(year, month)[1]:
        return None
    return float(calendar.timegm((year, month, day, hour, minute, second)))


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def domain_matches(host: str, domain: str) -> bool:
    """RFC 6265 5.1.3: the same, or *host* is a name below *domain*."""
    return host == domain or (host.endswith("." + domain) and not _is_address(host))


def path_matches(path: str, cookie_path: str) -> bool:
    """RFC 6265 5.1.4."""
    if path == cookie_path:
        return True
    return path.startswith(cookie_path) and (cookie_path.endswith("/") or path[len(cookie_path)] == "/")


def default_path(path: str) -> str:
    """RFC 6265 5.1.4: the request path up to, not including, its last slash."""
    return path.rpartition("/")[0] or "/" if path.startswith("/") else "/"


def split_old_header(value: str) -> list[str]:
    """The cookies of one header: one; with commas between where a Version marks RFC 2109 or 2965."""
    if not _VERSION.search(value):
        return [value]
    parts, start = [], 0
    for match in _NEXT_COOKIE.finditer(value):
        if match[1] is None:
            parts.append(value[start : match.start()])
            start = match.end()
    return [*parts, value[start:]]


class CookieJar:
    """The cookies of one user agent. Times are Unix seconds, passed in."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}
        self._count = 0

    def __len__(self) -> int:
        return len(self._cookies)

    def __iter__(self) -> Iterator[Cookie]:
        return iter(tuple(self._cookies.values()))

    def clear(self) -> None:
        """Forget everything: the end of a session."""
        self._cookies.clear()

    def store(self, set_cookie: str, *, host: str, path: str, now: float) -> None:
        """Take one Set-Cookie (or Set-Cookie2) header of a response to a request for *path* at *host*.

        What RFC 6265 5.2 and 5.3 have a user agent ignore is ignored.
        """
        for text in split_old_header(set_cookie):
            self._store_one(text, host.lower().rstrip("."), path.partition("?")[0], now)

    def _store_one(self, text: str, host: str, path: str, now: float) -> None:
        pair, *rest = text.split(";")
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not equals or not name or len(name) + len(value) > LONGEST_COOKIE or _CONTROL.search(text):
            return
        attributes = {}
        for part in rest:
            key, _, content = part.partition("=")
            attributes[key.strip().lower()] = content.strip().strip('"')
        domain = attributes.get("domain", "").lower().removeprefix(".")
        if domain and not self._may_set(host, domain):
            return
        given_path = attributes.get("path", "")
        self._count += 1
        cookie = Cookie(
            name=name,
            value=value,
            domain=domain or host,
            path=given_path if given_path.startswith("/") else default_path(path),
            host_only=not domain or _is_address(host),
            secure="secure" in attributes,
            expires=_expiry(attributes, now),
            created=self._count,
        )
        self._keep(cookie, now)

    @staticmethod
    def _may_set(host: str, domain: str) -> bool:
        """A name without a dot is a top level: a cookie for it is refused unless it is the host itself."""
        return domain_matches(host, domain) and ("." in domain or domain == host)

    def _keep(self, cookie: Cookie, now: float) -> None:
        key = (cookie.domain, cookie.path, cookie.name)
        old = self._cookies.pop(key, None)
        if cookie.expires <= now:
            return
        self._cookies[key] = cookie if old is None else replace(cookie, created=old.created)
        if len(self._cookies) > MOST_COOKIES:
            self._drop_expired(now)
        while len(self._cookies) > MOST_COOKIES:
            del self._cookies[min(self._cookies, key=lambda k: self._cookies[k].created)]

    def _drop_expired(self, now: float) -> None:
        self._cookies = {key: cookie for key, cookie in self._cookies.items() if cookie.expires > now}

    def header(self, *, host: str, path: str, secure: bool, now: float) -> str | None:
        """The value of Cookie for a request, or ``None`` where there is nothing to send (RFC 6265 5.4).

        *secure*: the request goes over TLS. Longer paths come first, then older cookies.
        """
        self._drop_expired(now)
        host, path = host.lower().rstrip("."), path.partition("?")[0] or "/"
        fitting = [
            cookie
            for cookie in self._cookies.values()
            if (host == cookie.domain or (not cookie.host_only and domain_matches(host, cookie.domain)))
            and path_matches(path, cookie.path)
            and (secure or not cookie.secure)
        ]
        fitting.sort(key=lambda cookie: (-len(cookie.path), cookie.created))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in fitting) or None


def _expiry(attributes: dict[str, str], now: float) -> float:
    """When a cookie ends: Max-Age before Expires, what cannot be read counts as not given."""
    age = attributes.get("max-age", "")
    if _MAX_AGE.fullmatch(age):
        seconds = int(age[:12])
        return now + seconds if seconds > 0 else -_NEVER
    date = parse_date(attributes.get("expires", ""))
    return _NEVER if date is None else date
