"""Defects of what TR-069 says about the course of a session, HTTP, redirects, logins, retries, versions.

Most of them nobody sees before there are suites for the rest of TR-069 (``awaiting``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from harness.cwmp import namespaces as ns
from harness.cwmp.digest import DigestChallenge
from harness.cwmp.http_auth_syntax import Challenge
from harness.cwmp.messages import Envelope
from harness.cwmp.soap import Reading
from reference_cpe import retry
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.exchange import Again, Exchange, ExchangeFailed
from reference_cpe.fault import CwmpFault
from reference_cpe.http import HttpFailed, Response
from reference_cpe.parts import Parts
from reference_cpe.session import RESPONSE_TIME, Action, Session

AWAITING = "tr069 suites"


# --- HTTP and the session -----------------------------------------------------------------------------------


@defect("close-ends-session", breaks=["cwmp.http.reconnects-within-session"], awaiting=AWAITING)
def close_ends_session(parts: Parts) -> None:
    """`Connection: close` in a response is taken for the end of the session."""

    class Literal(Exchange):
        def judge(self, response: Response) -> Again | None:
            verdict = super().judge(response)
            if verdict is None and (response.get("connection") or "").lower() == "close":
                raise ExchangeFailed("the ACS has closed the connection")
            return verdict

    parts.exchange = Literal


@defect("gives-up-after-5-seconds", breaks=["cwmp.session.response-timeout"], awaiting=AWAITING)
def gives_up_after_5_seconds(parts: Parts) -> None:
    """A response of the ACS is waited for no longer than 5 s."""
    original = parts.clock.timeout
    rewire(parts.clock, timeout=lambda seconds: original(5.0 if seconds == RESPONSE_TIME else seconds))


@defect("chunked-response-unread", breaks=["cwmp.http.response-framing"], awaiting=AWAITING)
def chunked_response_unread(parts: Parts) -> None:
    """A chunked response of the ACS breaks the session."""

    class Plain(Exchange):
        def decode(self, response: Response) -> bytes:
            if (response.get("transfer-encoding") or "").lower() == "chunked":
                raise HttpFailed("no Content-Length")
            return super().decode(response)

    parts.exchange = Plain


@defect("max-envelopes-believed", breaks=["cwmp.session.max-envelopes-ignored"], awaiting=AWAITING)
def max_envelopes_believed(parts: Parts) -> None:
    """An InformResponse with MaxEnvelopes other than 1 ends the session."""

    class Literal(Session):
        def inform_response(self, envelope: Envelope) -> Action:
            if getattr(envelope.message, "max_envelopes", 1) != 1:
                return self.end(False, "MaxEnvelopes is not 1")
            return super().inform_response(envelope)

    parts.session = Literal


@defect("fault-ends-session", breaks=["cwmp.fault.session-goes-on"], awaiting=AWAITING)
def fault_ends_session(parts: Parts) -> None:
    """After a fault that it has sent the device closes the session."""

    class Offended(Session):
        offended = False

        def execute(self, reading: Reading) -> Any:
            answer = super().execute(reading)
            self.offended = type(answer).__name__ == "Fault"
            return answer

        def receive(self, status: int, body: bytes) -> Action:
            return self.end(True) if self.offended else super().receive(status, body)

    parts.session = Offended


@defect("big-envelope-refused", breaks=["cwmp.soap.big-envelope"], awaiting=AWAITING)
def big_envelope_refused(parts: Parts) -> None:
    """A request of 20 KiB, which every CPE must take, is answered with 9004."""

    class Small(Session):
        size = 0

        def receive(self, status: int, body: bytes) -> Action:
            self.size = len(body)
            return super().receive(status, body)

        def call(self, message: Any, reading: Reading) -> Any:
            if self.size >= 20 * 1024:
                raise CwmpFault(9004, "Resources exceeded")
            return super().call(message, reading)

    parts.session = Small


@defect("foreign-prefix-unread", breaks=["cwmp.soap.xml-spellings"], awaiting=AWAITING)
def foreign_prefix_unread(parts: Parts) -> None:
    """Only the prefixes `soap`, `SOAP-ENV`, `soapenv` and `cwmp` are understood."""
    original = parts.reader.read
    known = (b"<soap:Envelope", b"<SOAP-ENV:Envelope", b"<soapenv:Envelope", b"<soap-env:Envelope")

    def read(data: bytes) -> Reading:
        usual = any(start in data for start in known) and b"<cwmp:" in data
        return original(data if usual else b"<unknown/>")

    rewire(parts.reader, read=read)


@defect("ampersand-unescaped", breaks=["cwmp.http.escaped-text"], awaiting=AWAITING)
def ampersand_unescaped(parts: Parts) -> None:
    """An ampersand in a value is written as it is."""
    original = parts.envelope.serialize
    rewire(parts.envelope, serialize=lambda tree: original(tree).replace(b"&amp;", b"&"))


# --- versions -----------------------------------------------------------------------------------------------


@defect("versions-with-semicolon", breaks=["cwmp.version.supported-header"], awaiting=AWAITING)
def versions_with_semicolon(parts: Parts) -> None:
    """SupportedCWMPVersions separates its entries with semicolons."""
    original = parts.envelope.tree

    def tree(envelope: Envelope) -> Any:
        offered = envelope.header.supported_cwmp_versions
        if offered is None:
            return original(envelope)
        header = replace(envelope.header, supported_cwmp_versions=(";".join(reversed(offered)),))
        return original(replace(envelope, header=header))

    rewire(parts.envelope, tree=tree)


@defect("always-version-1-2", breaks=["cwmp.version.inferred"], awaiting=AWAITING)
def always_version_1_2(parts: Parts) -> None:
    """Everything is written in the namespace of version 1.2, whatever the ACS speaks."""

    class Stubborn(Session):
        def inform_response(self, envelope: Envelope) -> Action:
            action = super().inform_response(replace(envelope, namespace=envelope.namespace))
            self.namespace = ns.CWMP_1_2
            return action

        def respond(self, message: Any, request_id: str | None) -> Any:
            self.namespace = ns.CWMP_1_2
            return super().respond(message, request_id)

    parts.session = Stubborn


# --- redirects ----------------------------------------------------------------------------------------------


@defect("redirect-by-get", breaks=["cwmp.redirect.same-post"], awaiting=AWAITING)
def redirect_by_get(parts: Parts) -> None:
    """After a redirect the Inform is not posted again; the new place is asked with GET."""
    redirected = {"now": False}

    class Browser(Exchange):
        def redirected(self, location: str | None) -> None:
            super().redirected(location)
            redirected["now"] = True

    def outgoing(data: bytes) -> tuple[bytes, ...]:
        if redirected["now"] and data.startswith(b"POST "):
            redirected["now"] = False
            return (b"GET " + data[5:],)
        return tuple(original(data))

    original = parts.wire.outgoing
    parts.exchange = Browser
    rewire(parts.wire, outgoing=outgoing)


@defect("one-redirect-alone", breaks=["cwmp.redirect.five-in-a-row"], awaiting=AWAITING)
def one_redirect_alone(parts: Parts) -> None:
    """The second redirect in a row is not followed."""

    class Tired(Exchange):
        followed = 0

        def redirected(self, location: str | None) -> None:
            self.followed += 1
            if self.followed > 1:
                raise ExchangeFailed("a second redirect")
            super().redirected(location)

    parts.exchange = Tired


@defect("redirect-stored", breaks=["cwmp.redirect.url-unchanged"], awaiting=AWAITING)
def redirect_stored(parts: Parts) -> None:
    """The place that a redirect leads to becomes the ACS URL."""

    class Settler(Exchange):
        def redirected(self, location: str | None) -> None:
            super().redirected(location)
            stored = {**parts.store.get("settings", {}), "acs_url": location}
            parts.store.update(settings=stored, bootstrapped=location)

    parts.exchange = Settler


# --- logins -------------------------------------------------------------------------------------------------


@defect("md5-sess-as-md5", breaks=["cwmp.auth.digest-arithmetic", "lcos.acs-credentials.digest"])
def md5_sess_as_md5(parts: Parts) -> None:
    """MD5-sess is calculated like MD5."""
    original = parts.digest.authorization

    def authorization(challenge: DigestChallenge | Challenge, *rest: Any) -> str:
        if isinstance(challenge, DigestChallenge) and challenge.algorithm == "MD5-sess":
            plain = original(replace(challenge, algorithm="MD5"), *rest)
            return plain.replace("algorithm=MD5", "algorithm=MD5-sess")
        return original(challenge, *rest)

    rewire(parts.digest, authorization=authorization)


@defect("stale-is-refusal", breaks=["cwmp.auth.challenged-again", "cwmp.session.answers-each-request"])
def stale_is_refusal(parts: Parts) -> None:
    """`stale=true` is taken for a refused login."""
    original = parts.digest.choose

    def choose(headers: Any) -> DigestChallenge | Challenge | None:
        chosen = original(headers)
        stale = isinstance(chosen, DigestChallenge) and chosen.stale
        return None if stale else chosen

    rewire(parts.digest, choose=choose)


@defect(
    "challenge-restarts-session",
    breaks=["cwmp.auth.challenged-again", "cwmp.session.one-inform", "cwmp.session.answers-each-request"],
)
def challenge_restarts_session(parts: Parts) -> None:
    """On 401 in mid-session the Inform is sent again in place of the message that was refused."""

    class Forgetful(Exchange):
        first = b""
        forget = False

        def encode(self, body: bytes) -> bytes:
            self.first = self.first or body
            return super().encode(self.first if self.forget else body)

        def judge(self, response: Response) -> Again | None:
            verdict = super().judge(response)
            self.forget = verdict is not None and response.status == 401
            return verdict

    parts.exchange = Forgetful


@defect(
    "file-login-of-acs", breaks=["cwmp.auth.file-transfer", "cwmp.download.nothing-leaked"], awaiting=AWAITING
)
def file_login_of_acs(parts: Parts) -> None:
    """File servers are shown the credentials for the ACS in place of those of the request."""
    original = parts.transfers.fetch

    async def fetch(transfer: Any) -> bytes:
        transfer.username = parts.settings.value("acs_username")
        transfer.password = parts.settings.value("acs_password")
        return await original(transfer)

    rewire(parts.transfers, fetch=fetch)


# --- retries ------------------------------------------------------------------------------------------------


def _waiting(wait: Callable[[Parts, int, int], float]) -> Callable[[Parts], None]:
    return lambda parts: rewire(
        parts.retry, wait=lambda minimum, multiplier: wait(parts, minimum, multiplier)
    )


def _factory_ladder(parts: Parts, _minimum: int, _multiplier: int) -> float:
    return sum(retry.interval(max(1, parts.retry.count), 5, 2000)) / 2


def _counting(alter: Callable[[int], int]) -> Callable[[Parts], None]:
    def apply(parts: Parts) -> None:
        original = parts.informer.message

        def message() -> Any:
            inform = original()
            return replace(inform, retry_count=alter(inform.retry_count))

        rewire(parts.informer, message=message)

    return apply


def _eventless(parts: Parts) -> None:
    original = parts.informer.message

    def message() -> Any:
        inform = original()
        return replace(inform, event=()) if inform.retry_count else inform

    rewire(parts.informer, message=message)


def _throttled(parts: Parts) -> None:
    original = parts.retry.wait

    def wait(minimum: int, multiplier: int) -> float:
        throttle = int(parts.model.text("Device.ManagementServer.DefaultActiveNotificationThrottle"))
        return original(minimum, multiplier) + throttle

    rewire(parts.retry, wait=wait)


WAITS, COUNT = "cwmp.retry.waits", "cwmp.retry.count"

for _name, _summary, _breaks, _apply, _seen in (
    ("retries-each-minute", "Every retry comes after 60 s.", [WAITS], _waiting(lambda *_: 60.0), ""),
    ("retries-every-5-seconds", "Retries come every 5 s, for ever.", [WAITS], _waiting(lambda *_: 5.0), "easycwmp"),
    ("retry-parameters-ignored",
     "CWMPRetryMinimumWaitInterval and CWMPRetryIntervalMultiplier have no effect.",
     ["cwmp.retry.parameters-honoured"], _waiting(_factory_ladder), ""),
    ("retry-count-0", "RetryCount is always 0.", [COUNT], _counting(lambda _count: 0), ""),
    ("retry-count-from-1", "RetryCount of the first attempt is 1.", [COUNT], _counting(lambda count: count + 1), ""),
    ("retry-without-events", "The Inform of a retry has an empty event list.",
     ["cwmp.retry.events-kept"], _eventless, ""),
    ("retry-throttled", "DefaultActiveNotificationThrottle delays retries too.",
     ["cwmp.retry.not-throttled", "cwmp.notification.throttle"], _throttled, ""),
):  # fmt: skip
    tabled(_name, _summary, _breaks, _apply, _seen, AWAITING)
