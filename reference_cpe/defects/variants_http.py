"""Benign variants of HTTP, TCP and the course of sessions. No check may fail on them."""

from __future__ import annotations

import itertools
import re
import time
import uuid
from collections.abc import Iterable

import h11

from harness.cwmp import events
from harness.cwmp import namespaces as ns
from harness.cwmp.messages import Envelope, EventStruct, Header, Message
from reference_cpe.defects.registry import rewire, variant
from reference_cpe.exchange import Exchange
from reference_cpe.http import Headers
from reference_cpe.login import Login
from reference_cpe.parts import Parts
from reference_cpe.session import Post, Session

OPTIONAL = frozenset(
    {
        "ScheduleInform",
        "FactoryReset",
        "Upload",
        "GetQueuedTransfers",
        "GetAllQueuedTransfers",
        "ScheduleDownload",
        "CancelTransfer",
        "GetOptions",
        "SetVouchers",
        "ChangeDUState",
    }
)
"""RPCs that a CPE need not have (TR-069 table of methods)."""
_HOST = re.compile(r"[\w.-]+(:\d+)?(/\S*)?")
SLOW = 0.03
"""Real seconds by which a slow device holds back each write."""


def _restyled(parts: Parts, alter: object) -> None:
    original = parts.http.style
    assert callable(alter)
    rewire(parts.http, style=lambda headers: alter(original(headers)))


@variant("headers-reversed")
def headers_reversed(parts: Parts) -> None:
    """HTTP headers come in the reverse of the usual order."""
    _restyled(parts, lambda headers: headers[::-1])


@variant("upper-case-headers")
def upper_case_headers(parts: Parts) -> None:
    """HTTP header names are written in upper case."""
    _restyled(parts, lambda headers: [(name.upper(), value) for name, value in headers])


@variant("more-headers")
def more_headers(parts: Parts) -> None:
    """Requests bear headers that nobody needs, and no User-Agent."""
    more = [("Accept", "*/*"), ("X-Device-Mood", "calm"), ("Date", "Sun, 06 Nov 1994 08:49:37 GMT")]
    _restyled(parts, lambda headers: [*(h for h in headers if h[0] != "User-Agent"), *more])


@variant("content-type-without-charset")
def content_type_without_charset(parts: Parts) -> None:
    """The Content-Type of SOAP is text/xml, without a charset."""
    _restyled(
        parts,
        lambda headers: [(name, "text/xml" if name == "Content-Type" else value) for name, value in headers],
    )


@variant("soapaction-quoted")
def soapaction_quoted(parts: Parts) -> None:
    """The empty SOAPAction is written as two quotation marks."""
    _restyled(
        parts, lambda headers: [(name, '""' if name == "SOAPAction" else value) for name, value in headers]
    )


@variant("byte-by-byte")
def byte_by_byte(parts: Parts) -> None:
    """Requests are written one byte at a time."""
    rewire(parts.wire, outgoing=lambda data: [data[at : at + 1] for at in range(len(data))])


@variant("slow-answers")
def slow_answers(parts: Parts) -> None:
    """Every write takes its time, though far less than anybody has to wait."""

    def outgoing(data: bytes) -> Iterable[bytes]:
        time.sleep(SLOW)
        return (data,)

    rewire(parts.wire, outgoing=outgoing)


@variant("chunked-requests")
def chunked_requests(parts: Parts) -> None:
    """Bodies of requests are sent in chunks, without Content-Length."""

    def outgoing(data: bytes) -> Iterable[bytes]:
        head, blank, body = data.partition(b"\r\n\r\n")
        if not blank or not body or not data.startswith(b"POST "):
            return (data,)
        head = re.sub(rb"(?i)\r\ncontent-length: \d+", b"\r\nTransfer-Encoding: chunked", head, count=1)
        pieces = [body[at : at + 400] for at in range(0, len(body), 400)]
        chunks = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
        return (head + blank, *chunks, b"0\r\n\r\n")

    rewire(parts.wire, outgoing=outgoing)


@variant("short-lived-connections")
def short_lived_connections(parts: Parts) -> None:
    """A TCP connection carries at most three requests; a session goes on over the next one."""
    count = itertools.count(1)
    _restyled(parts, lambda headers: headers if next(count) % 3 else [*headers, ("Connection", "close")])


@variant("login-for-each-connection")
def login_for_each_connection(parts: Parts) -> None:
    """On every new TCP connection the device waits for a challenge before it logs in."""

    class Forgetful(Login):
        def new_connection(self) -> None:
            super().new_connection()
            self._challenge = None
            self._nc = 0

    class Patient(Exchange):
        def login(self) -> Login:
            settings = self.parts.settings
            user = (settings.value("acs_username"), settings.value("acs_password"))
            return self.logins.setdefault(self.target.place, Forgetful(self.parts.digest, user))

    parts.exchange = Patient


@variant("listener-closes")
def listener_closes(parts: Parts) -> None:
    """The device closes the connection after each answer to a connection request."""
    original = parts.listener.reply

    def reply(connection: h11.Connection, status: int, headers: Headers) -> bytes:
        more = [] if any(name == "Connection" for name, _ in headers) else [("Connection", "close")]
        return original(connection, status, [*headers, *more])

    rewire(parts.listener, reply=reply)


@variant("talkative-challenge")
def talkative_challenge(parts: Parts) -> None:
    """The challenge of the connection request has an opaque, a domain and unknown parameters."""
    original = parts.gate.challenge
    rewire(
        parts.gate,
        challenge=lambda stale=False: original(stale=stale) + ', opaque="0a1b", domain="/", mood="calm"',
    )


@variant("own-ids-long")
def own_ids_long(parts: Parts) -> None:
    """The device gives its requests IDs in the form of UUIDs."""

    class Unique(Session):
        def request(self, message: Message) -> Post:
            self._request = (message, str(uuid.UUID(int=self.parts.random.getrandbits(128))))
            self._again = 0
            return self._post_request()

    parts.session = Unique


@variant("cwmp-1-0-only")
def cwmp_1_0_only(parts: Parts) -> None:
    """The device speaks CWMP 1.0 and knows no later version."""

    class Old(Session):
        def __init__(self, parts: Parts) -> None:
            super().__init__(parts)
            self.namespace = ns.CWMP_1_0

        def _post_request(self) -> Post:
            assert self._request is not None
            message, own_id = self._request
            return Post(self.parts.envelope.write(Envelope(message, Header(id=own_id), self.namespace)))

    parts.session = Old


@variant("vendor-event")
def vendor_event(parts: Parts) -> None:
    """Every Inform lists an event of the vendor's own beside the others."""
    original = parts.events.announce
    own = EventStruct(f"X {parts.config.device.oui} HELLO", "")
    rewire(parts.events, announce=lambda: (*original(), own))


@variant("extra-sessions")
def extra_sessions(parts: Parts) -> None:
    """Some seconds after every fourth session the device opens one more, as something has changed."""
    original, count = parts.timers.session_ended, [0]

    def again() -> None:
        parts.events.add(events.VALUE_CHANGE)
        parts.connect()

    def ended(successful: bool) -> None:
        original(successful)
        count[0] += 1
        if successful and count[0] % 4 == 0 and parts.active():
            parts.timers.set("whim", parts.clock.now() + 7, again)

    rewire(parts.timers, session_ended=ended)


@variant("interval-slightly-late")
def interval_slightly_late(parts: Parts) -> None:
    """Periodic Informs come half a percent late."""
    original = parts.timers.delay
    rewire(parts.timers, delay=lambda: original() * 1.005)


@variant("bare-host-is-http")
def bare_host_is_http(parts: Parts) -> None:
    """An ACS URL that is a host with no scheme is taken for http."""
    original = parts.settings.check

    def check(key: str, value: object) -> object:
        bare = key == "acs_url" and isinstance(value, str) and "://" not in value and _HOST.fullmatch(value)
        return original(key, f"http://{value}" if bare else value)

    rewire(parts.settings, check=check)


@variant("no-clock")
def no_clock(parts: Parts) -> None:
    """The device does not know what time it is."""
    parts.clock.absolute = False


@variant("required-rpcs-only")
def required_rpcs_only(parts: Parts) -> None:
    """The device has none of the optional RPCs."""
    for name in OPTIONAL & set(parts.rpc):
        del parts.rpc[name]


@variant("informs-more")
def informs_more(parts: Parts) -> None:
    """Every Inform bears more parameters than it must."""
    more = ("Device.DeviceInfo.Manufacturer", "Device.DeviceInfo.SerialNumber", "Device.DeviceInfo.UpTime")
    parts.model.forced = (*parts.model.forced, *(name for name in more if name in parts.model.parameters))
