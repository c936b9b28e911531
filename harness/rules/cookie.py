"""Wire rules of cookies (TR-069 3.4.2; RFC 6265 for matching, RFC 2965 forms tolerated)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from harness.cwmp.cookies import default_path, domain_matches, parse_date, path_matches
from harness.rules.rule import Report, rule, shown
from harness.rules.view import Session, Turn, View
from harness.verdict.transcript import HttpMessage

STORAGE: Final = 512
"""Bytes of cookies that every device has to be able to keep."""
_LONG_AGO: Final = 946_684_800.0
"""2000-01-01, in Unix time."""


@dataclass(frozen=True, slots=True)
class Cookie:
    name: str
    value: str
    host: str
    """The host that set it, port left out."""
    path: str
    secure: bool

    @property
    def pair(self) -> str:
        return f"{self.name}={self.value}"


Jar = dict[tuple[str, str, str], Cookie]


def host_of(request: HttpMessage) -> str:
    """The host of a request without its port, in lower case."""
    host = (request.header("Host") or "").strip().lower()
    return host.partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def path_of(request: HttpMessage) -> str:
    """The path of a request's target, without query."""
    target = request.target.partition("?")[0]
    if "://" in target:
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    return target if target.startswith("/") else "/"


def keep(jar: Jar, request: HttpMessage, response: HttpMessage) -> None:
    """Put what *response* sets into *jar*, and take out what it deletes."""
    for header in response.header_values("Set-Cookie"):
        first, *attributes = header.split(";")
        name, equals, value = first.partition("=")
        if not equals or not name.strip():
            continue
        said = {key.strip().lower(): text.strip() for key, _, text in (a.partition("=") for a in attributes)}
        path = said.get("path", "")
        cookie = Cookie(
            name.strip(),
            value.strip(),
            host_of(request),
            path if path.startswith("/") else default_path(path_of(request)),
            "secure" in said,
        )
        key = (cookie.name, cookie.host, cookie.path)
        jar.pop(key, None)
        if not _gone(said) and _own_domain(said.get("domain", ""), cookie.host):
            jar[key] = cookie


def _gone(said: dict[str, str]) -> bool:
    """The attributes delete the cookie: Max-Age of 0 or less, or an Expires long past."""
    age = said.get("max-age", "").strip('"')
    if age.lstrip("-").isdigit():
        return int(age) <= 0
    # A deletion names a date far back (1970); the device's own clock, which nobody knows, is left out of it.
    expires = parse_date(said.get("expires", ""))
    return expires is not None and expires < _LONG_AGO


def _own_domain(domain: str, host: str) -> bool:
    domain = domain.lstrip(".").lower()
    return not domain or domain_matches(host, domain)


def sent_pairs(request: HttpMessage) -> list[tuple[str, str]]:
    """The cookies of a request; RFC 2965 attributes ($Version ...) are left out, quotes taken off."""
    pairs = []
    for header in request.header_values("Cookie"):
        # Only RFC 2965 separates by commas; elsewhere a comma may stand in a value.
        text = header.replace(",", ";") if header.lstrip().startswith("$") else header
        for part in text.split(";"):
            name, equals, value = part.strip().partition("=")
            if equals and not name.startswith("$"):
                pairs.append((name.strip(), _bare(value)))
    return pairs


def _bare(value: str) -> str:
    return value.strip().strip('"')


def _owed(jar: Jar, turn: Turn, secure: bool) -> list[Cookie]:
    host, path = host_of(turn.request), path_of(turn.request)
    return [
        cookie
        for cookie in jar.values()
        if cookie.host == host and path_matches(path, cookie.path) and (secure or not cookie.secure)
    ]


@rule("cookie-returned", verifies="cwmp.cookie.returned")
def returned(view: View, report: Report) -> None:
    """Every cookie that the ACS set stands unaltered in the following requests of the session."""
    for session in view.sessions:
        jar: Jar = {}
        for turn in session.turns:
            owed = _owed(jar, turn, view.secure(turn.request))
            if owed and sum(len(cookie.pair) for cookie in jar.values()) <= STORAGE:
                _judge_returned(turn, owed, report)
            if turn.response is None:
                continue
            if turn.response.note:
                break
            keep(jar, turn.request, turn.response)


def _judge_returned(turn: Turn, owed: list[Cookie], report: Report) -> None:
    sent = sent_pairs(turn.request)
    missing = [cookie.pair for cookie in owed if (cookie.name, _bare(cookie.value)) not in sent]
    report.check(
        not missing,
        turn.request,
        expected="Cookie: " + "; ".join(cookie.pair for cookie in owed),
        observed=", ".join(map(shown, turn.request.header_values("Cookie"))) or "no Cookie header",
    )


@rule("cookie-discarded", verifies="cwmp.cookie.discarded")
def discarded(view: View, report: Report) -> None:
    """No cookie outlives the session in which the ACS set it."""
    old: set[tuple[str, str]] = set()
    for session in sorted(view.sessions, key=lambda each: each.record.started_real):
        new: set[tuple[str, str]] = set()
        for turn in session.turns:
            if old:
                kept = [
                    f"{name}={value}"
                    for name, value in sent_pairs(turn.request)
                    if (name, value) in old - new
                ]
                report.check(
                    not kept,
                    turn.request,
                    expected="no cookie of an earlier session",
                    observed="; ".join(map(shown, kept)),
                )
            new |= _set_by(turn)
        old |= _all_set(session)


def _set_by(turn: Turn) -> set[tuple[str, str]]:
    jar: Jar = {}
    if turn.response is not None:
        keep(jar, turn.request, turn.response)
    return {(cookie.name, _bare(cookie.value)) for cookie in jar.values()}


def _all_set(session: Session) -> set[tuple[str, str]]:
    return {pair for turn in session.turns for pair in _set_by(turn)}
