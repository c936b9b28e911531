"""One POST of a session on HTTP level, without I/O: cookies, 401, redirects (TR-069 3.4.2 to 3.4.7).

`Exchange.request` gives the HTTP request for a POST; `Exchange.judge` says of the response whether it is
the answer (``None``), whether the same POST must be sent again (``Again``), or that the session has failed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reference_cpe import coding, urls
from reference_cpe.http import Headers, Response
from reference_cpe.login import AuthError, Login
from reference_cpe.model_table import COMPRESSION
from reference_cpe.urls import Target

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

MOST_REDIRECTS = 5
_REDIRECTS = (302, 307)


class ExchangeFailed(Exception):
    """The session cannot go on; the message says why."""


@dataclass(frozen=True, slots=True)
class Again:
    """Send the same POST again, with what was learnt."""


class HttpStyle:
    """How the device's HTTP looks. Seams: `post_headers`, `style`."""

    def post_headers(self, target: Target, body: bytes) -> Headers:
        """The headers of a POST, but for Cookie and Authorization; the empty POST has no Content-Type."""
        headers: Headers = [("Host", target.authority), ("User-Agent", "reference-cpe")]
        if body:
            headers += [("Content-Type", 'text/xml; charset="utf-8"'), ("SOAPAction", "")]
        return [*headers, ("Content-Length", str(len(body)))]

    def style(self, headers: Headers) -> Headers:
        """The last word on every header list that is sent."""
        return headers


class Exchange:
    """HTTP state of one session. Seams: `request`, `encode`, `decode`, `judge`, `redirected`, `may_follow`."""

    def __init__(self, parts: Parts, target: Target) -> None:
        self.parts = parts
        self.home = target
        self.target = target
        self.cookies = parts.new_jar()
        self.logins: dict[tuple[str, str, int], Login] = {}
        self.coding = coding.CODINGS.get(parts.model.text(COMPRESSION), "")
        """Content coding of what is sent, empty for none: HTTPCompression when the session began."""
        self._redirects = 0

    def encode(self, body: bytes) -> bytes:
        """*body* as it is sent."""
        return coding.encode(self.coding, body) if self.coding and body else body

    def decode(self, response: Response) -> bytes:
        """The body of *response* without its content coding.

        Raises:
            BadCoding: it cannot be unpacked.
        """
        return coding.decode(response.get("content-encoding"), response.body)

    def login(self) -> Login:
        """The login at the present target; each server has its own nonces."""
        place = self.target.place
        if place not in self.logins:
            settings = self.parts.settings
            user = (settings.value("acs_username"), settings.value("acs_password"))
            self.logins[place] = Login(self.parts.digest, user)
        return self.logins[place]

    def request(self, body: bytes) -> Headers:
        """The headers of a POST with *body*, encoded already, to `target`.

        Raises:
            ExchangeFailed: the server's challenge cannot be answered.
        """
        headers = self.parts.http.post_headers(self.target, body)
        if self.coding:
            headers.append(("Accept-Encoding", self.coding))
            if body:
                headers.append(("Content-Encoding", self.coding))
        to, now = self.target, self.parts.clock.unix()
        cookie = self.cookies.header(host=to.host, path=to.target, secure=to.secure, now=now)
        if cookie:
            headers.append(("Cookie", cookie))
        try:
            authorization = self.login().authorization("POST", self.target.target)
        except AuthError as error:
            raise ExchangeFailed(f"challenge cannot be answered: {error}") from error
        if authorization:
            headers.append(("Authorization", authorization))
        return self.parts.http.style(headers)

    def judge(self, response: Response) -> Again | None:
        """What a response means.

        Raises:
            ExchangeFailed: refused login, or a redirect that is not followed.
        """
        for value in (*response.get_all("set-cookie"), *response.get_all("set-cookie2")):
            now = self.parts.clock.unix()
            self.cookies.store(value, host=self.target.host, path=self.target.target, now=now)
        if response.status == 401:
            foreign = self.target.host.lower() != self.home.host.lower()
            exposed = foreign or not self.target.secure
            wrong = self.login().challenged(response.get_all("www-authenticate"), exposed)
            if wrong:
                raise ExchangeFailed(wrong)
            return Again()
        self.login().accepted()
        if response.status == 415 and self.coding:
            self.coding = ""
            return Again()
        if response.status in _REDIRECTS:
            self.redirected(response.get("location"))
            return Again()
        self._redirects = 0
        return None

    def redirected(self, location: str | None) -> None:
        """Go on at *location* for the rest of the session; the ACS URL itself stays as it is."""
        self._redirects += 1
        if self._redirects > MOST_REDIRECTS:
            raise ExchangeFailed(f"more than {MOST_REDIRECTS} redirects in a row")
        if not location:
            raise ExchangeFailed("redirect without Location")
        try:
            target = urls.resolve(self.target, location)
        except ValueError as error:
            raise ExchangeFailed(f"redirect to an unusable place: {error}") from error
        if not self.may_follow(target):
            raise ExchangeFailed("redirect from https to http")
        self.target = target

    def may_follow(self, target: Target) -> bool:
        """https is never left for http."""
        return target.secure or not self.target.secure
