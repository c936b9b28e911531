"""The connection request: how an ACS asks a CPE for a session (TR-069 3.2.2), right and wrong on purpose."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.cwmp.digest import (
    DigestChallenge,
    basic_authorization,
    choose,
    digest_authorization,
    parse_challenges,
)
from harness.cwmp.http_auth_syntax import AuthError
from harness.lab.client import Client, ConnectFailed
from harness.lab.http1_head import head, list_members
from harness.lab.recorder import Recorder
from harness.verdict.transcript import HttpMessage, Role

SocketFactory = Callable[[socket.AddressFamily], socket.socket]
"""Gives a fresh non-blocking TCP socket of that family, in whatever namespace the request is to come from."""


@dataclass(frozen=True, slots=True)
class Variation:
    """How a request departs from the right one.

    *authorization* is sent as it is in the first request (the replay of an old one), in the header field *field*; *credentials* off gives
    up at the challenge; *target* replaces path and query, *method* GET; *new_connection* sends the second
    request on a connection of its own.
    """

    credentials: bool = True
    authorization: str = ""
    field: str = "Authorization"
    method: str = "GET"
    target: str = ""
    new_connection: bool = False
    note: str = ""


@dataclass(slots=True)
class Outcome:
    """What came of a connection request.

    ``status`` is that of the last response, 0 where there is none; ``reason`` then says why. ``reached``: a
    TCP connection came about; ``refused``: the device's TCP said no.
    """

    status: int = 0
    challenge: str = ""
    """The WWW-Authenticate headers of the 401, joined by ", "."""
    first: HttpMessage | None = None
    second: HttpMessage | None = None
    reached: bool = False
    refused: bool = False
    reason: str = ""
    authorization: str = ""
    """The Authorization that was sent last, for a replay."""

    @property
    def accepted(self) -> bool:
        """The CPE has promised a session: 200 or 204 (3.2.2)."""
        return self.status in (200, 204)


async def request(
    sock_factory: SocketFactory,
    url: str,
    *,
    recorder: Recorder,
    username: str = "",
    password: str = "",
    variation: Variation | None = None,
    address: tuple[str, int] | None = None,
    timeout_s: float = 10.0,
    connect_timeout_s: float = 5.0,
    cnonce: Callable[[], str] = lambda: secrets.token_hex(8),
) -> Outcome:
    """GET *url*; when challenged, GET it again with Digest, or Basic where nothing else is offered.

    *address* is used in place of the URL's host, which else must be an address: nothing is resolved. Never
    raises for anything that a device does.

    Raises:
        ValueError: *url* is not ``http://host[:port]/...`` or its host is a name and no *address* is given.
    """
    attempt = _Attempt(
        sock_factory, url, recorder, variation or Variation(), address, (connect_timeout_s, timeout_s)
    )
    outcome = Outcome()
    try:
        await attempt.run(outcome, username, password, cnonce)
    except ConnectFailed as error:
        outcome.refused = error.refused
        outcome.reason = str(error)
    finally:
        await attempt.close()
    return outcome


class _Attempt:
    def __init__(
        self,
        sock_factory: SocketFactory,
        url: str,
        recorder: Recorder,
        variation: Variation,
        address: tuple[str, int] | None,
        timeouts: tuple[float, float],
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"not a ConnectionRequestURL: {url!r} (http://host:port/path is wanted)")
        self._address = address or (parts.hostname, parts.port or 80)
        self._family = _family(self._address[0])
        self._host = parts.netloc.rpartition("@")[2]
        self._target = variation.target or (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._factory = sock_factory
        self._recorder = recorder
        self._variation = variation
        self._connect_timeout, self._timeout = timeouts
        self._client: Client | None = None

    async def run(self, outcome: Outcome, username: str, password: str, cnonce: Callable[[], str]) -> None:
        given = self._variation.authorization
        first = outcome.first = await self._get(outcome, given)
        if first is None or first.status != 401:
            return
        challenges = first.header_values("WWW-Authenticate")
        outcome.challenge = ", ".join(challenges)
        if given or not self._variation.credentials:
            return
        try:
            answer = self._answer(challenges, username, password, cnonce)
        except AuthError as error:
            outcome.reason = str(error)
            return
        if self._variation.new_connection or "close" in list_members(first.header_values("Connection")):
            await self.close()
        outcome.second = await self._get(outcome, answer)
        again = self._fresh(outcome.second)
        if again and not self._variation.new_connection:
            # RFC 2617 3.2.1: right, but for a nonce that is over; the same login with the new one.
            outcome.second = await self._get(outcome, self._answer(again, username, password, cnonce))

    @staticmethod
    def _fresh(response: HttpMessage | None) -> list[str]:
        """The challenges of a refusal that calls the nonce stale; empty for any other answer."""
        if response is None or response.status != 401:
            return []
        offered = response.header_values("WWW-Authenticate")
        chosen = choose(parse_challenges(offered))
        return offered if isinstance(chosen, DigestChallenge) and chosen.stale else []

    def _answer(self, challenges: list[str], username: str, password: str, cnonce: Callable[[], str]) -> str:
        chosen = choose(parse_challenges(challenges))
        if chosen is None:
            raise AuthError("no challenge that can be answered")
        if not isinstance(chosen, DigestChallenge):
            return basic_authorization(username, password)
        return digest_authorization(
            chosen,
            username=username,
            password=password,
            method=self._variation.method,
            uri=self._target,
            nc=1,
            cnonce=cnonce(),
        )

    async def _get(self, outcome: Outcome, authorization: str) -> HttpMessage | None:
        headers = [("Host", self._host)]
        if authorization:
            headers.append((self._variation.field, authorization))
            outcome.authorization = authorization
        client = await self._connected()
        outcome.reached = True
        data = head(f"{self._variation.method} {self._target} HTTP/1.1", headers)
        fetched = await client.exchange(data, timeout=self._timeout, note=self._variation.note)
        if fetched.response is None and client.used_before:
            # A device may close after its 401 without saying so: the request is owed a connection of its own.
            await self.close()
            client = await self._connected()
            fetched = await client.exchange(data, timeout=self._timeout, note=self._variation.note)
        outcome.status = fetched.response.status if fetched.response else 0
        outcome.reason = fetched.reason
        return fetched.response

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await Client.connect(
                self._factory(self._family),
                self._address,
                recorder=self._recorder,
                role=Role.CONNECTION_REQUEST,
                name="connection-request",
                timeout=self._connect_timeout,
            )
        return self._client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _family(host: str) -> socket.AddressFamily:
    version = ipaddress.ip_address(host).version
    return socket.AF_INET if version == 4 else socket.AF_INET6
