"""Fetching and storing files by HTTP or HTTPS with their own credentials; the names of failures.

TR-069 3.4.3, A.3.2.8, A.4.1.5; the codes are those of TransferComplete (A.3.3.2).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reference_cpe import urls
from reference_cpe.client import open_connection
from reference_cpe.fault import CwmpFault
from reference_cpe.http import Headers, HttpFailed, Response
from reference_cpe.login import AuthError, Login
from reference_cpe.network import NoSource
from reference_cpe.rim import ConnectFailed
from reference_cpe.urls import Target

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

_MOST_REDIRECTS = 5
_MOST_REQUESTS = 12
LONGEST: Final = 64 * 1024 * 1024
"""Bytes of a file."""
_TIME = 600.0
"""Seconds of device time for one response."""


@dataclass(frozen=True, slots=True)
class Method:
    """What differs between the two directions: the codes of failures, and which answers mean what."""

    name: str
    done: tuple[int, ...]
    redirects: tuple[int, ...]
    refused: tuple[int, str]
    broken: tuple[int, str]


_GET: Final = Method(
    "GET",
    (200,),
    (301, 302, 303, 307, 308),
    (9016, "Unable to access file"),
    (9017, "Unable to complete download"),
)
_PUT: Final = Method(
    "PUT",
    (200, 201, 202, 204),
    (301, 302, 307, 308),
    (9011, "Upload failure"),
    (9011, "Upload failure"),
)


async def fetch(parts: Parts, url: str, user: tuple[str, str]) -> bytes:
    """The file at *url*. No user name means no authentication; cookies and logins of the ACS stay out of it.

    Raises:
        CwmpFault: 9015 server not reached, 9012 login refused, 9016 no such file, 9017 incomplete.
    """
    return (await _transfer(parts, _GET, url, user, b"")).body


async def store(parts: Parts, url: str, user: tuple[str, str], data: bytes) -> None:
    """Put *data* to *url*, with a login as for `fetch`.

    Raises:
        CwmpFault: 9015 server not reached, 9012 login refused, 9011 anything else.
    """
    await _transfer(parts, _PUT, url, user, data)


async def _transfer(parts: Parts, method: Method, url: str, user: tuple[str, str], data: bytes) -> Response:
    home = target = urls.parse(url)
    login = Login(parts.digest, user)
    redirects = 0
    for _ in range(_MOST_REQUESTS):
        response = await _once(parts, method, target, login, data)
        if response.status == 401:
            wrong = login.challenged(
                response.get_all("www-authenticate"), home.host.lower() != target.host.lower()
            )
            if wrong:
                raise CwmpFault(9012, f"File server authentication failed: {wrong}")
        elif response.status in method.redirects and redirects < _MOST_REDIRECTS:
            redirects += 1
            target = _redirected(method, target, response)
        elif response.status in method.done:
            return response
        else:
            raise _fault(method.refused, f"HTTP status {response.status}")
    raise _fault(method.refused, "no end of challenges and redirects")


def _fault(kind: tuple[int, str], reason: str) -> CwmpFault:
    return CwmpFault(kind[0], f"{kind[1]}: {reason}")


def _redirected(method: Method, target: Target, response: Response) -> Target:
    try:
        new = urls.resolve(target, response.get("location") or "")
    except ValueError as error:
        raise _fault(method.refused, f"redirect to an unusable place: {error}") from error
    if target.secure and not new.secure:
        raise _fault(method.refused, "redirect from https to http")
    return new


async def _once(parts: Parts, method: Method, target: Target, login: Login, data: bytes) -> Response:
    headers: Headers = [("Host", target.authority), ("User-Agent", "reference-cpe")]
    if method is _PUT:
        headers += [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(data)))]
    try:
        authorization = login.authorization(method.name, target.target)
    except AuthError as error:
        raise CwmpFault(9012, f"File server authentication failed: {error}") from error
    if authorization:
        headers.append(("Authorization", authorization))
    try:
        connection = await open_connection(parts, target)
    except (ConnectFailed, NoSource) as error:
        raise CwmpFault(9015, f"Unable to contact file server: {error}") from error
    try:
        async with parts.clock.timeout(_TIME):
            return await connection.request(
                method.name, target.target, parts.http.style(headers), data, LONGEST
            )
    except (HttpFailed, TimeoutError) as error:
        raise _fault(method.broken, str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            await connection.close()
