"""Who may use the web configuration: login, sessions, the lock after failures. Without I/O; time is passed in."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from reference_cpe.users import same_text

IDLE = 900.0
"""Seconds without a request after which a session is over."""
FAILURES = 5
LOCK = 300.0
"""Seconds for which nobody can log in after `FAILURES` wrong logins in a row, as on LCOS."""
MOST_VISITORS = 64
"""Sessions at one time; the one unused for longest makes room, those without login first."""


@dataclass(slots=True)
class Visitor:
    """One browser. ``token`` stands in its cookie, ``proof`` in its forms (against forged requests)."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    proof: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    logged_in: bool = False
    seen: float = 0.0

    def proves(self, given: str) -> bool:
        """Whether a form is one that this visitor was given."""
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.proof.encode("ascii"))


class Doorkeeper:
    """The sessions of all browsers, and the count of wrong logins. Times are seconds of device time."""

    def __init__(
        self, user: str, password: str, admits: Callable[[str, str], bool] = lambda _user, _password: False
    ) -> None:
        """The operator's *user* and *password*; *admits* says who else may log in."""
        self._admits = admits
        self._user = user
        self._password = password
        self._visitors: dict[str, Visitor] = {}
        self._failures = 0
        self._locked_until = 0.0

    def visitor(self, token: str, now: float) -> Visitor | None:
        """The session of a cookie, ``None`` for one that is unknown or over."""
        visitor = self._visitors.get(token)
        if visitor is None or now - visitor.seen > IDLE:
            self._visitors.pop(token, None)
            return None
        visitor.seen = now
        return visitor

    def welcome(self, now: float, logged_in: bool = False) -> Visitor:
        """A new session."""
        while len(self._visitors) >= MOST_VISITORS:
            oldest = min(self._visitors.values(), key=lambda other: (other.logged_in, other.seen))
            del self._visitors[oldest.token]
        visitor = Visitor(logged_in=logged_in, seen=now)
        self._visitors[visitor.token] = visitor
        return visitor

    def locked_for(self, now: float) -> float:
        """Seconds until the next login can be tried, 0 when it can be now."""
        return max(0.0, self._locked_until - now)

    def log_in(self, before: Visitor, user: str, password: str, now: float) -> Visitor | None:
        """A session with login in place of *before*; ``None`` when the login is wrong or locked."""
        if self.locked_for(now):
            return None
        operator = same_text(user, self._user) & same_text(password, self._password)
        right = operator | self._admits(user, password)
        if not right:
            self._failures += 1
            if self._failures >= FAILURES:
                self._failures, self._locked_until = 0, now + LOCK
            return None
        self._failures = 0
        self.log_out(before)
        return self.welcome(now, logged_in=True)

    def log_out(self, visitor: Visitor) -> None:
        self._visitors.pop(visitor.token, None)
