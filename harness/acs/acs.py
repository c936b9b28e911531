"""The test ACS: correct by default, wrong only when a case tells it to be.

It answers every session that comes. A case claims the next one and then leads it (`Session`); what nobody
claims is served at once, recorded, and told to the subscribers. It reads leniently and never raises or hangs
for anything that a device sends.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import socket
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from harness.acs.auth import Basic, Digest, Gate
from harness.acs.dialogue import VersionError, agree, fault, is_response, namespace_of
from harness.acs.endpoints import Endpoint, Endpoints
from harness.acs.session import SOAP_HEADERS, Answer, Session, SessionOver, Timing
from harness.cwmp import soap
from harness.cwmp.messages import DeviceIdStruct, Envelope, Header, Inform, InformResponse, Message
from harness.lab.recorder import Clock, Recorder
from harness.lab.reply import Reply
from harness.lab.stream import Stream
from harness.lab.tls import TlsSettings
from harness.verdict.transcript import HttpMessage, Role

__all__ = [
    "Acs",
    "Answer",
    "Basic",
    "Claim",
    "Cookie",
    "Digest",
    "NoSession",
    "Session",
    "SessionOver",
    "Timing",
]

_REMEMBERED = 256
"""Ended sessions whose cookie is still known, so that a POST after the end is counted to its session."""
_PRELUDE = 16
"""Messages before an Inform (challenges, redirects) that are kept for the session that follows."""


class NoSession(TimeoutError):
    """The session that a case waited for did not start."""


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that the ACS sets. Without *value* it holds the session's token and leads back to it."""

    name: str = "session"
    value: str | None = None
    attributes: str = "Path=/"

    def header(self, token: str) -> tuple[str, str]:
        """The Set-Cookie field."""
        pair = f"{self.name}={token if self.value is None else self.value}"
        return "Set-Cookie", f"{pair}; {self.attributes}" if self.attributes else pair


class Claim:
    """A case's word for the next session (that *matches*, where it is given)."""

    def __init__(
        self,
        note: str,
        matches: Callable[[Inform], bool] | None,
        inform_reply: Reply | None,
        hold: bool,
    ) -> None:
        self.note = note
        self.matches = matches or (lambda _inform: True)
        self.inform_reply = inform_reply
        self.hold = hold
        self.future: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        """Done with the session when its Inform has come."""

    async def started(self, timeout_s: float) -> Session:
        """The session, once it has started.

        Raises:
            NoSession: it did not within *timeout_s* real seconds; the claim is withdrawn.
        """
        await asyncio.wait({self.future}, timeout=timeout_s)
        if not self.future.done():
            self.withdraw()
        if self.future.cancelled():
            raise NoSession(f"no session for {self.note!r} within {timeout_s:g} s")
        return self.future.result()

    def withdraw(self) -> None:
        """Give the claim up, if its session has not started."""
        self.future.cancel()


class Acs:
    """The ACS. Attributes are settings that a case may change between sessions; `reset` restores them.

    *token* gives unguessable texts for session cookies and nonces.
    """

    def __init__(
        self,
        clock: Clock,
        recorder: Recorder,
        *,
        token: Callable[[], str] = lambda: secrets.token_hex(16),
        timing: Timing | None = None,
    ) -> None:
        self.endpoints = Endpoints(Role.ACS, clock, recorder, self._handle)
        self.sessions: list[Session] = []
        """Every session so far, claimed or not, in order of their Informs."""
        self.timing = timing or Timing()
        self.interrupted_at: Callable[[], float] = lambda: -math.inf
        """The host's monotonic clock when the bench last set about ending the device's process."""
        self._recorder = recorder
        self._token = token
        self._subscribers: list[Callable[[Session], None]] = []
        self._by_token: OrderedDict[str, Session] = OrderedDict()
        self._by_connection: OrderedDict[str, Session] = OrderedDict()
        self._open: dict[str, Session] = {}
        self._preludes: dict[str, list[tuple[Stream, HttpMessage]]] = {}
        self._claims: list[Claim] = []
        self.reset()

    def reset(self) -> None:
        """Correct again: no authentication, one session cookie, all CWMP versions, no redirects or claims.

        Sessions that a case has left open are ended at the ACS's next turn.
        """
        self._preludes.clear()
        for claim in self._claims:
            claim.withdraw()
        for session in self.open_sessions:
            session.release()
        self._claims = []
        self._redirects: dict[str, Reply] = {}
        self.cookies: tuple[Cookie, ...] = (Cookie(),)
        self.cwmp_version = "1.4"
        """The newest version that the ACS admits to speak."""
        self.auth = None

    @property
    def auth(self) -> Basic | Digest | None:
        """What the ACS asks of a session's first request; ``None`` is nothing."""
        return self._gate.scheme if self._gate else None

    @auth.setter
    def auth(self, scheme: Basic | Digest | None) -> None:
        self._gate = Gate(scheme, self._token) if scheme else None

    # --- what the bench and the cases use ---

    def add_endpoint(
        self,
        name: str,
        sock: socket.socket,
        scheme: str,
        host_names: Sequence[str],
        tls: TlsSettings | None = None,
    ) -> Endpoint:
        """Listen on *sock* too; see `Endpoints.add`."""
        return self.endpoints.add(name, sock, scheme, host_names, tls)

    def url(self, endpoint: str, host: str | None = None, path: str = "/cwmp") -> str:
        """The ACS URL of an endpoint. The ACS answers on every path."""
        return self.endpoints[endpoint].url(host, path)

    def claim(
        self,
        note: str,
        *,
        matches: Callable[[Inform], bool] | None = None,
        inform_reply: Reply | None = None,
        hold: bool = False,
    ) -> Claim:
        """Claim the next session that starts.

        *inform_reply* is sent in place of the InformResponse, *hold* sets HoldRequests from there on.
        """
        claim = Claim(note, matches, inform_reply, hold)
        self._claims.append(claim)
        return claim

    def redirect(self, path: str, to: str, status: int = 302) -> None:
        """Answer requests for *path* with a redirect to the URL *to*."""
        note = "" if status in (302, 307) else f"redirect with {status}"
        self._redirects[path] = Reply(status, headers=[("Location", to)], note=note)

    def on_session(self, callback: Callable[[Session], None]) -> Callable[[], None]:
        """Call *callback* when a session starts, its Inform read; the returned function ends that."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    @property
    def open_sessions(self) -> list[Session]:
        """Sessions that have not ended."""
        return list(self._open.values())

    async def close(self) -> None:
        """Close the listeners and end all sessions."""
        for session in self.sessions:
            await session.close()
        await self.endpoints.close()

    # --- serving ---

    async def _handle(self, stream: Stream, http: HttpMessage) -> Reply | None:
        session = self._session_of(stream, http)
        redirect = self._redirects.get(http.target.partition("?")[0])
        if redirect is not None:
            return self._aside(stream, http, session, redirect)
        reading = soap.read(http.body) if http.body else None
        starts = session is None or (session.ended.is_set() and _informs(reading))
        if self._gate is not None and starts:
            challenge = self._gate.challenge(http)
            if challenge is not None:
                return self._aside(stream, http, session, challenge)
        if http.method.upper() != "POST":
            return Reply(405, headers=[("Allow", "POST")])
        reply = await self._post(stream, http, session, reading)
        owner = self._by_connection.get(stream.record.id)
        return reply if owner is None else _counted(reply, owner, stream)

    async def _post(
        self, stream: Stream, http: HttpMessage, session: Session | None, reading: soap.Reading | None
    ) -> Reply:
        envelope = reading.envelope if reading is not None else None
        if envelope is not None and isinstance(envelope.message, Inform):
            return self._inform(stream, http, session, envelope, envelope.message)
        if session is not None:
            self._bind(stream, session)
            return await session.post(stream, http, reading)
        if not http.body and self._at_rest():
            # Wrong (3.7.1.3), yet nothing that the device must fail for: what follows shows what it is up to.
            return self._aside(
                stream, http, None, Reply(204, note="the answer to an empty POST before an Inform")
            )
        if reading is None or envelope is None or is_response(envelope.message):
            return Reply(400, close=True, body=b"a session starts with an Inform\n")
        return _fault(envelope, 8003, "Invalid arguments: a session starts with an Inform")

    def _at_rest(self) -> bool:
        """No session has been broken off, to which a request without a cookie might belong."""
        return not self.sessions or self.sessions[-1].record.ended == "complete"

    def _session_of(self, stream: Stream, http: HttpMessage) -> Session | None:
        for value in http.header_values("Cookie"):
            for pair in value.split(";"):
                session = self._by_token.get(pair.partition("=")[2].strip().strip('"'))
                if session is not None:
                    return session
        return self._by_connection.get(stream.record.id)

    def _inform(
        self,
        stream: Stream,
        http: HttpMessage,
        before: Session | None,
        envelope: Envelope,
        inform: Inform,
    ) -> Reply:
        if before is not None and not before.ended.is_set():
            if before.acknowledged:
                # The same session again: refused, and over, so that the CPE's retry starts anew.
                before.carry(stream, http)
                self._bind(stream, before)
                before.lose("a second Inform in the session", "aborted-by-bench")
                return _fault(envelope, 8003, "Invalid arguments: a second Inform in the session", close=True)
            return self._acknowledge(stream, http, before, envelope, None)
        self._supersede(inform.device_id)
        claim = self._claim_for(inform)
        try:
            namespace = agree(envelope, self.cwmp_version).namespace
        except VersionError:
            namespace = namespace_of(envelope)
        session = Session(
            self._recorder.session(claim.note if claim else ""),
            self._recorder,
            envelope,
            inform,
            namespace,
            token=self._token(),
            claimed=claim is not None,
            timing=self.timing,
            on_end=self._session_ended,
            interrupted_at=self.interrupted_at,
        )
        session.record.started_at, session.record.started_real = http.at_first, http.real_first
        session.hold = claim.hold if claim else False
        self._register(session, stream)
        reply = self._acknowledge(stream, http, session, envelope, claim.inform_reply if claim else None)
        if claim is not None:
            claim.future.set_result(session)
        for callback in list(self._subscribers):
            callback(session)
        return reply

    def _register(self, session: Session, stream: Stream) -> None:
        self.sessions.append(session)
        self._open[session.record.id] = session
        self._by_token[session.token] = session
        for past, message in self._preludes.pop(stream.record.device_address[0], []):
            self._recorder.session_message(session.record, past.record, message)

    def _acknowledge(
        self, stream: Stream, http: HttpMessage, session: Session, envelope: Envelope, instead: Reply | None
    ) -> Reply:
        """The answer to the Inform of *session*."""
        self._bind(stream, session)
        session.carry(stream, http)
        if instead is not None:
            return replace(instead, headers=[*instead.headers, *self._set_cookies(session)])
        try:
            agreed = agree(envelope, self.cwmp_version)
        except VersionError as error:
            session.lose(str(error), "aborted-by-bench")
            code = 8006 if envelope.header.supported_cwmp_versions else 8003
            return _fault(envelope, code, f"CWMP version: {error}")
        header = Header(use_cwmp_version=agreed.version if agreed.use_header else None)
        reply = session.soap_reply(InformResponse(), envelope.header.id, header)
        session.acknowledged = True
        return replace(reply, headers=[*reply.headers, *self._set_cookies(session)])

    def _set_cookies(self, session: Session) -> list[tuple[str, str]]:
        return [cookie.header(session.token) for cookie in self.cookies]

    def _claim_for(self, inform: Inform) -> Claim | None:
        self._claims = [claim for claim in self._claims if not claim.future.done()]
        for claim in self._claims:
            if claim.matches(inform):
                self._claims.remove(claim)
                return claim
        return None

    def _supersede(self, device: DeviceIdStruct) -> None:
        """A CPE has one session at a time: what is still open of it has been given up (3.7.1)."""
        for session in self.open_sessions:
            if session.inform.device_id == device:
                session.lose("the CPE started another session")

    def _bind(self, stream: Stream, session: Session) -> None:
        """From now on *stream* carries *session*."""
        self._by_connection[stream.record.id] = session
        self._by_connection.move_to_end(stream.record.id)
        while len(self._by_connection) > _REMEMBERED:
            self._by_connection.popitem(last=False)

    def _session_ended(self, session: Session) -> None:
        self._open.pop(session.record.id, None)
        while len(self._by_token) > _REMEMBERED:
            _, old = self._by_token.popitem(last=False)
            self._recorder.forget_session(old.record)

    def _aside(self, stream: Stream, http: HttpMessage, session: Session | None, reply: Reply) -> Reply:
        """A challenge or redirect: counted to the open session, else kept for the one that it precedes."""
        if session is not None and not session.ended.is_set():
            session.carry(stream, http)
            return _counted(reply, session, stream)
        kept = self._preludes.setdefault(stream.record.device_address[0], [])
        kept.append((stream, http))

        def sent(message: HttpMessage | None) -> None:
            if message is not None:
                kept.append((stream, message))
            del kept[:-_PRELUDE]

        return replace(reply, on_sent=sent)


def _informs(reading: soap.Reading | None) -> bool:
    envelope = reading.envelope if reading is not None else None
    return envelope is not None and isinstance(envelope.message, Inform)


def _counted(reply: Reply, session: Session, stream: Stream) -> Reply:
    """*reply*, telling the session when it has been sent, and whoever wanted to know before."""
    inner = reply.on_sent

    def sent(message: HttpMessage | None) -> None:
        session.sent(stream, message)
        if inner is not None:
            inner(message)

    return replace(reply, on_sent=sent)


def _fault(envelope: Envelope, code: int, text: str, *, close: bool = False) -> Reply:
    """A SOAP fault outside any session. TR-069 3.5 sends faults with status 200."""
    body: Message = fault(code, text)
    answer = Envelope(body, Header(id=envelope.header.id), namespace_of(envelope))
    return Reply(200, headers=SOAP_HEADERS, body=soap.encode(answer), close=close)
