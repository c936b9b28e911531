"""Fetching a file by HTTP or HTTPS with its own credentials; the names of failures (TR-069 A.3.2.8)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

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
_REDIRECTS = (301, 302, 303, 307, 308)
_LONGEST = 64 * 1024 * 1024
_TIME = 600.0
"""Seconds of device time for one response."""


async def fetch(parts: Parts, url: str, user: tuple[str, str]) -> bytes:
    """The file at *url*. No user name means no authentication; cookies and logins of the ACS stay out of it.

    Raises:
        CwmpFault: 9015 server not reached, 9012 login refused, 9016 no such file, 9017 incomplete.
    """
    target = urls.parse(url)
    login = Login(parts.digest, user)
    redirects = 0
    for _ in range(_MOST_REQUESTS):
        response = await _get(parts, target, login)
        if response.status == 401:
            foreign = urls.parse(url).host.lower() != target.host.lower()
            wrong = login.challenged(response.get_all("www-authenticate"), foreign)
            if wrong:
                raise CwmpFault(9012, f"File server authentication failed: {wrong}")
        elif response.status in _REDIRECTS and redirects < _MOST_REDIRECTS:
            redirects += 1
            target = _redirected(target, response)
        elif response.status == 200:
            return response.body
        else:
            raise CwmpFault(9016, f"Unable to access file: HTTP status {response.status}")
    raise CwmpFault(9016, "Unable to access file: no end of challenges and redirects")


def _redirected(target: Target, response: Response) -> Target:
    try:
        new = urls.resolve(target, response.get("location") or "")
    except ValueError as error:
        raise CwmpFault(9016, f"Unable to access file: redirect to an unusable place: {error}") from error
    if target.secure and not new.secure:
        raise CwmpFault(9016, "Unable to access file: redirect from https to http")
    return new


async def _get(parts: Parts, target: Target, login: Login) -> Response:
    headers: Headers = [("Host", target.authority), ("User-Agent", "reference-cpe")]
    try:
        authorization = login.authorization("GET", target.target)
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
            return await connection.request("GET", target.target, parts.http.style(headers), b"", _LONGEST)
    except (HttpFailed, TimeoutError) as error:
        raise CwmpFault(9017, f"Unable to complete download: {error}") from error
    finally:
        with contextlib.suppress(OSError):
            await connection.close()
