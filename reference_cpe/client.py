"""The I/O of the device's own connections: sessions with the ACS, and fetching files."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reference_cpe import rim, urls
from reference_cpe.coding import BadCoding
from reference_cpe.exchange import Again, Exchange, ExchangeFailed
from reference_cpe.http import HttpConnection, HttpFailed, Response
from reference_cpe.network import NoSource
from reference_cpe.rim import ConnectFailed
from reference_cpe.session import Action, End, Post
from reference_cpe.urls import Target

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

_CONNECT_WATCHDOG = 6.0
"""Seconds of real time for TCP to connect: device time may stand still meanwhile."""
_LONGEST = 16 * 1024 * 1024
"""Bytes of one response of the ACS."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session went. ``informed``: the Inform was acknowledged."""

    successful: bool
    informed: bool
    reason: str = ""


async def open_connection(parts: Parts, target: Target) -> HttpConnection:
    """A connection to *target*, from the source address of the settings; TLS where the URL says https.

    Raises:
        ConnectFailed: address, TCP or TLS.
        NoSource: the source address setting cannot be used.
    """
    source = parts.source.address()
    try:
        async with parts.clock.timeout(parts.response_time):
            async with asyncio.timeout(_CONNECT_WATCHDOG):
                made = await rim.connect(parts.wire, target.host, target.port, source, parts.rim)
            try:
                if target.secure:
                    await made.start_tls(parts.trust.context(), target.host)
            except BaseException:
                await made.close()
                raise
    except TimeoutError as error:
        raise ConnectFailed(f"{target.authority}: no connection in time") from error
    return HttpConnection(made)


class Conversation:
    """The HTTP of one session: one connection at a time, opened again when the ACS has closed it."""

    def __init__(self, parts: Parts, exchange: Exchange) -> None:
        self._parts = parts
        self._exchange = exchange
        self._connection: HttpConnection | None = None
        self._place: tuple[str, str, int] | None = None

    async def open(self) -> HttpConnection:
        """The connection for the next request."""
        target = self._exchange.target
        if self._connection is not None and self._place == target.place and self._connection.reusable():
            return self._connection
        await self.close()
        self._connection = await self._parts.dial(self._parts, target)
        self._place = target.place
        self._parts.source.last_used = self._connection.rim.local_address
        self._exchange.login().new_connection()
        return self._connection

    async def post(self, body: bytes) -> Response:
        """Send one POST until there is an answer that is neither 401 nor a redirect.

        Raises:
            ExchangeFailed, ConnectFailed, HttpFailed, NoSource, TimeoutError: the session has failed.
        """
        while True:
            response = await self._once(body)
            if not isinstance(self._exchange.judge(response), Again):
                return response

    async def _once(self, body: bytes) -> Response:
        while True:
            connection = await self.open()
            encoded = self._exchange.encode(body)
            headers = self._exchange.request(encoded)
            try:
                async with self._parts.clock.timeout(self._parts.response_time):
                    response = await connection.request(
                        "POST", self._exchange.target.target, headers, encoded, _LONGEST
                    )
                return replace(response, body=self._exchange.decode(response))
            except BadCoding as error:
                raise HttpFailed(f"response: {error}") from error
            except HttpFailed as error:
                await self.close()
                if not error.stale:
                    raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                await connection.close()


async def run_session(parts: Parts, url: str) -> Outcome:
    """One session with the ACS at *url*, from the first connection to the last."""
    try:
        exchange = parts.exchange(parts, urls.parse(url))
    except urls.BadUrl as error:
        return Outcome(False, False, f"ACS URL: {error}")
    session = parts.session(parts)
    conversation = Conversation(parts, exchange)
    try:
        await conversation.open()
        parts.timers.session_started()
        action: Action = session.start()
        while isinstance(action, Post):
            response = await conversation.post(action.body)
            action = await session.take(response.status, response.body)
        assert isinstance(action, End)
        return Outcome(action.successful, session.informed, action.reason)
    except (ExchangeFailed, ConnectFailed, HttpFailed, NoSource, TimeoutError, OSError) as error:
        return Outcome(False, session.informed, str(error) or type(error).__name__)
    finally:
        await conversation.close()
