"""Known-nasty connection requests, by hand: each a permanent, named case of every campaign.

Sources beside the rows: old holes of CPE (RomPager's numbered cookies and its digest and authentication
overflows, the TR-064 injections of 2016, the flood that took a network down), RFC 9112, RFC 7616, TR-069 3.2.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from harness.fuzz.connection_request import messages as m
from harness.fuzz.http.edits import edit
from harness.fuzz.program import (
    Action,
    Connect,
    Cut,
    Edit,
    Expect,
    Expectation,
    Origin,
    Pause,
    Program,
    Raw,
    Repeat,
    Wanted,
)

GENERATOR: Final = "nasty/1"


@dataclass(frozen=True, slots=True)
class Row:
    """A case: id, dimension of the fact base, what may follow, what is done."""

    name: str
    dimension: str
    expectation: Expectation
    actions: tuple[Action, ...]
    words: str
    template: bytes = b""
    edits: tuple[Edit, ...] = ()


def _plain(
    name: str, dimension: str, words: str, *edits: Edit, expectation: Expectation = m.CREDENTIALS, half: bool = False
) -> Row:  # fmt: skip
    return Row(name, dimension, expectation, m.plain(edits, half=half), words, m.PLAIN, edits)


def _login(name: str, words: str, *edits: Edit, expectation: Expectation = m.OPEN, half: bool = False) -> Row:
    return Row(name, "C2", expectation, m.login(edits, half=half), words, m.FIELDS, edits)


def _raw(
    name: str, dimension: str, words: str, *data: Action, expectation: Expectation = m.ABUSE, half: bool = True
) -> Row:  # fmt: skip
    end: tuple[Action, ...] = (Cut("half"), Expect(m.ANSWER)) if half else (Expect(m.ANSWER),)
    return Row(name, dimension, expectation, (*data, *end), words)


def _line(text: str) -> Edit:
    return edit("start-line", "", text)


# C1: method and target

METHODS: Final = ("POST", "PUT", "DELETE", "TRACE", "CONNECT", "OPTIONS", "PRI", "M-SEARCH", "A" * 4096)
TARGETS: Final[Sequence[tuple[str, str]]] = (
    ("root", "/"),
    ("other-path", "/tr069"),
    ("dot-dot", "/../../../../etc/passwd"),
    ("encoded-dot-dot", "/%2e%2e/%2e%2e/etc/shadow"),
    ("percent-nul", "/%00"),
    ("percent-n", "/%n%n%n%n%s%s%s%s"),
    ("bad-percent", "/%zz%"),
    ("asterisk", "*"),
    ("authority", "example.invalid:80"),
    ("foreign-absolute", "http://@{canary}/"),
    ("backslashes", "\\..\\..\\windows"),
    ("empty", ""),
    ("shell", "/;reboot;`reboot`$(reboot)"),
)

C1: Final = (
    *(
        _plain(f"cr.method-{name[:8].lower()}", "C1", f"the method {name[:8]}", _line(f"{name} @{{cr.target}} HTTP/1.1"),
               expectation=m.ABUSE)
        for name in METHODS
    ),
    *(
        Row(f"cr.login-method-{name.lower()}", "C1", m.ABUSE, m.login((_line(f"{name} @{{cr.target}} HTTP/1.1"),)),
            f"the right login of a GET in a {name}", m.FIELDS, (_line(f"{name} @{{cr.target}} HTTP/1.1"),))
        for name in ("POST", "PUT", "DELETE", "OPTIONS")
    ),
    _plain("cr.method-lower-case", "C1", "get in lower case", _line("get @{cr.target} HTTP/1.1")),
    *(
        _plain(f"cr.target-{name}", "C1", f"the target {target!r}", _line(f"GET {target} HTTP/1.1"), expectation=m.PATH)
        for name, target in TARGETS
    ),
    *(
        Row(f"cr.login-target-{name}", "C1", m.PATH, m.login((_line(f"GET {target} HTTP/1.1"),)),
            f"the right login with the target {target!r}", m.FIELDS, (_line(f"GET {target} HTTP/1.1"),))
        for name, target in (("root", "/"), ("other-path", "/tr069"), ("longer", "@{cr.target}x"))
    ),
    *(
        _plain(f"cr.target-{count}-octets", "C1", f"a target of {count} octets", edit("grow-target", "", "A", str(count)),
               expectation=m.PATH, half=count > 10_000)
        for count in (255, 256, 1024, 4096, 10_000, 100_000)
    ),
    _raw("cr.target-endless", "C1", "a target of a million octets that does not end", Raw(b"GET /"), Repeat(b"A", 1_000_000)),
    _plain("cr.version-9-9", "C1", "HTTP/9.9", _line("GET @{cr.target} HTTP/9.9")),
    _plain("cr.version-missing", "C1", "HTTP/0.9: no version", _line("GET @{cr.target}"), half=True),
    _plain("cr.version-long", "C1", "a version of 2000 digits", _line("GET @{cr.target} HTTP/" + "1" * 2000)),
    _plain("cr.request-line-blanks", "C1", "four blanks between the words", _line("GET    @{cr.target}    HTTP/1.1")),
    _plain("cr.request-line-nul", "C1", "NUL in the request line", _line("GET @{cr.target}\0 HTTP/1.1"), half=True),
)  # fmt: skip

# C2: the login

_POST: Final = (
    edit("start-line", "", "POST @{cr.target} HTTP/1.1"),
    edit("set-parameter", "response", '"@{cr.response.post}"'),
)
_NUL: Final = (
    edit("start-line", "", "GET @{cr.target}%00x HTTP/1.1"),
    edit("set-parameter", "uri", '"@{cr.target}%00x"'),
    edit("set-parameter", "response", '"@{cr.response.nul}"'),
)
FIELDS: Final = ("username", "realm", "nonce", "uri", "response", "qop", "nc", "cnonce")
LONG: Final = (256, 600, 1024, 4096, 12_000)


def _missing(name: str) -> Expectation:
    return m.DIGEST if name in ("nonce", "response") else m.CREDENTIALS if name == "username" else m.OPEN


C2: Final = (
    *(
        _login(f"cr.digest-no-{name}", f"no {name} in the login", edit("drop-parameter", name), expectation=_missing(name))
        for name in FIELDS
    ),
    *(
        _login(f"cr.digest-empty-{name}", f"an empty {name} in the login", edit("set-parameter", name, '""'),
               expectation=_missing(name))
        for name in FIELDS
    ),
    *(
        _login(f"cr.digest-{name}-{count}", f"{name} of {count} octets (CVE-2014-9223)",
               edit("set-parameter", name, "A", str(count)), expectation=_missing(name), half=count > 8192)
        for name in FIELDS for count in LONG
    ),
    *(
        _login(f"cr.digest-{name}-format", f"printf formats in {name}", edit("set-parameter", name, "%n%s", "64"),
               expectation=_missing(name))
        for name in FIELDS
    ),
    _login("cr.digest-user-injection", "a command as user name",
           edit("set-parameter", "username", '"`nslookup @{canary}`;$(nslookup @{canary})"'), expectation=m.CREDENTIALS),
    _login("cr.digest-user-sql", "SQL as user name", edit("set-parameter", "username", "\"' or '1'='1\""),
           expectation=m.CREDENTIALS),
    _login("cr.digest-nc-zero", "nc=00000000", edit("set-parameter", "nc", "00000000")),
    _login("cr.digest-nc-letters", "nc is no number", edit("set-parameter", "nc", "zzzzzzzz")),
    _login("cr.digest-nc-huge", "nc of 40 digits", edit("set-parameter", "nc", "f" * 40)),
    _login("cr.digest-nonce-old", "a nonce nobody has issued", edit("set-parameter", "nonce", '"dcd98b7102dd2f0e8b11d0f600"'),
           expectation=m.DIGEST),
    _login("cr.digest-auth-int", "qop=auth-int", edit("set-parameter", "qop", "auth-int")),
    _login("cr.digest-md5-sess", "algorithm=MD5-sess", edit("add-parameter", "algorithm", "MD5-sess")),
    _login("cr.digest-unknown-algorithm", "an unknown algorithm", edit("add-parameter", "algorithm", "ROT13")),
    _login("cr.digest-unclosed-quote", "a quote that does not end",
           edit("set-parameter", "response", '"@{cr.response}'), expectation=m.OPEN),
    _login("cr.digest-response-zero", "a response of zeros", edit("set-parameter", "response", '"' + "0" * 32 + '"'),
           expectation=m.DIGEST),
    _login("cr.digest-response-star", "a response of one asterisk", edit("set-parameter", "response", '"*"'),
           expectation=m.DIGEST),
    _login("cr.digest-10000-parameters", "ten thousand parameters", edit("add-parameter", "p%d", "1", "10000"), half=True),
    _login("cr.digest-twice", "a second, wrong Authorization", edit("add-header", "Authorization", 'Digest username="x"')),
    *(
        _plain(f"cr.authorization-{name}", "C2", words, edit("add-header", "Authorization", text))
        for name, words, text in (
            ("empty", "an empty Authorization", ""),
            ("scheme-only", "Digest and no parameter (CVE-2000-0470)", "Digest"),
            ("comma", "Digest and one comma", "Digest ,"),
            ("equals", "Digest and signs only", "Digest =,=,=\"\",\"=\""),
            ("basic-empty", "Basic without credentials (CVE-2000-0470)", "Basic"),
            ("basic-no-colon", "Basic without a colon", "Basic QUFBQUFBQUFB"),
            ("basic-colon", "Basic with nothing but the colon", "Basic Og=="),
            ("basic-not-base64", "Basic that is no base64", "Basic !!!!\xff\xfe"),
            ("unknown-scheme", "a scheme that nobody knows", "Negotiate YIIB6wYGKwYBBQUC"),
            ("nul", "NUL in the value", "Digest username=\"a\0b\""),
        )
    ),
    _plain("cr.authorization-basic-long", "C2", "Basic with 12000 octets", edit("grow-header", "Authorization", "QUFB", "4000"), half=True),
    _plain("cr.authorization-digest-long", "C2", "Digest and 12000 octets without a sign",
           edit("grow-header", "Authorization", "Digest ", "1700"), half=True),
    Row("cr.basic-right-password", "C2", m.OPEN, m.plain((edit("add-header", "Authorization", "Basic @{cr.basic}"),)),
        "the right password by Basic", m.PLAIN, (edit("add-header", "Authorization", "Basic @{cr.basic}"),)),
    _login("cr.login-of-post", "the right login of a POST in a POST", *_POST, expectation=m.ABUSE),
    _login("cr.login-of-path-with-nul", "the right login for the path with %00 and more behind it", *_NUL, expectation=m.PATH),
    Row("cr.replay", "C2", m.REPLAY, m.replayed(), "a login that worked, once more on another connection"),
)  # fmt: skip

# C3: cookies and other headers

COOKIES: Final = (
    "C107373883=/omg1337hax",
    "C2147483647=A",
    "C4294967295=A",
    "C-1=A",
    "C107351277=" + "B" * 40,
    "C0=",
)
C3: Final = (
    *(
        _plain(f"cr.numbered-cookie-{number}", "C3", f"the cookie {cookie[:24]} (CVE-2014-9222)", edit("add-header", "Cookie", cookie))
        for number, cookie in enumerate(COOKIES, 1)
    ),
    _plain("cr.numbered-cookies-all", "C3", "two hundred numbered cookies",
           edit("add-header", "Cookie", "; ".join(f"C{n}=x{n}" for n in range(200)))),
    _plain("cr.cookie-10000", "C3", "a cookie of 10000 octets", edit("grow-header", "Cookie", "a=" + "A" * 98, "100")),
    _raw("cr.cookie-million", "C3", "a cookie of a million octets",
         Raw(b"GET @{cr.target} HTTP/1.1\r\nHost: @{cr.host}\r\nCookie: a="), Repeat(b"A", 1_000_000), Raw(b"\r\n\r\n")),
    _plain("cr.headers-1000", "C3", "a thousand headers", edit("flood-headers", "X-%d", "1000", "y"), half=True),
    _plain("cr.headers-same-200", "C3", "two hundred Host headers", edit("flood-headers", "Host", "200", "x")),
    _plain("cr.header-name-4096", "C3", "a header name of 4096 octets", edit("add-header", "N" * 4096, "v")),
    _plain("cr.header-no-colon", "C3", "a header line without colon", edit("line", "", "no colon here")),
    _plain("cr.header-folded", "C3", "a folded header", edit("line", "", " folded")),
    _plain("cr.header-nul", "C3", "NUL in a header", edit("add-header", "X-Nul", "a\0b")),
    _plain("cr.header-8-bit", "C3", "octets above 127 in a header", edit("add-header", "X-High", "\xff\xfe\x80")),
    _plain("cr.no-host", "C3", "no Host", edit("drop-header", "Host")),
    _plain("cr.host-10000", "C3", "a Host of 10000 octets", edit("grow-header", "Host", "h" * 100, "100")),
    _plain("cr.host-injection", "C3", "commands in Host", edit("set-header", "Host", "`nslookup @{canary}`")),
    _plain("cr.line-feed-only", "C3", "lines that end with LF", edit("line-ends", "", "\n")),
    _plain("cr.carriage-return-only", "C3", "lines that end with CR", edit("line-ends", "", "\r"), half=True),
    *(
        _plain(f"cr.length-{name}", "C3", f"Content-Length: {value} on a GET", edit("add-header", "Content-Length", value), half=True)
        for name, value in (
            ("negative", "-1"), ("plus", "+5"), ("hex", "0x10"), ("2-31", "2147483648"), ("2-32", "4294967296"),
            ("2-63", "9223372036854775808"), ("2-64", "18446744073709551616"), ("list", "5, 5"), ("letters", "many"),
        )
    ),
    _plain("cr.length-two", "C3", "two different lengths", edit("flood-headers", "Content-Length", "1", "5"),
           edit("add-header", "Content-Length", "6"), half=True),
    _plain("cr.body-on-get", "C3", "a body on a GET", edit("add-header", "Content-Length", "5"), edit("body", "", "hello", "1")),
    _plain("cr.body-longer", "C3", "a body longer than its length", edit("add-header", "Content-Length", "5"),
           edit("body", "", "GET / HTTP/1.1\r\n\r\n", "4")),
    _plain("cr.chunked", "C3", "a chunked body on a GET", edit("add-header", "Transfer-Encoding", "chunked"),
           edit("body", "", "5\r\nhello\r\n0\r\n\r\n", "1")),
    _plain("cr.chunk-huge", "C3", "a chunk of 2^64-1 octets", edit("add-header", "Transfer-Encoding", "chunked"),
           edit("body", "", "ffffffffffffffff\r\n", "1"), half=True),
    _plain("cr.chunk-negative", "C3", "a chunk of -1 octets", edit("add-header", "Transfer-Encoding", "chunked"),
           edit("body", "", "-1\r\nx\r\n0\r\n\r\n", "1"), half=True),
    _plain("cr.chunked-and-length", "C3", "both framings", edit("add-header", "Transfer-Encoding", "chunked"),
           edit("add-header", "Content-Length", "4"), edit("body", "", "0\r\n\r\n", "1"), half=True),
    _plain("cr.expect-continue", "C3", "Expect: 100-continue", edit("add-header", "Expect", "100-continue"), half=True),
    _plain("cr.upgrade", "C3", "an upgrade to WebSocket", edit("add-header", "Upgrade", "websocket"),
           edit("add-header", "Connection", "Upgrade")),
    _plain("cr.range", "C3", "thousand ranges", edit("grow-header", "Range", "bytes=0-,", "1000")),
)  # fmt: skip

# C4: load

_CALL: Final = (Connect(), Raw(m.PLAIN))


def _many(count: int, *each: Action) -> tuple[Action, ...]:
    return tuple(action for _ in range(count) for action in each)


ALIVE: Final = Expectation(
    Wanted.ANYTHING,
    requirement="lcos.connection-request.flood",
    because="the management must survive a flood (the outage of November 2016)",
)
SERVED: Final = Expectation(
    Wanted.SUCCESS, requirement="lcos.connection-request.flood", because=ALIVE.because
)
C4: Final = (
    Row("cr.flood-200", "C4", ALIVE, (*_many(200, *_CALL, Cut("reset")), Pause(30.0)), "two hundred requests, each connection reset"),
    Row("cr.flood-answered", "C4", ALIVE, _many(100, *_CALL, Expect(m.ANSWER)), "a hundred requests, one connection each"),
    Row("cr.pipelined-200", "C4", ALIVE, (Repeat(m.PLAIN, 200), Expect(m.ANSWER)), "two hundred requests on one connection at once"),
    Row("cr.connections-200", "C4", ALIVE, (*_many(200, Connect()), Pause(30.0)), "two hundred connections that say nothing"),
    Row("cr.half-open-100", "C4", ALIVE, (*_many(100, Connect(), Raw(b"GET @{cr.target} HT")), Pause(30.0)),
        "a hundred requests that stop in the first line"),
    Row("cr.beside-slow-clients", "C4", SERVED, (*_many(10, Connect(), Raw(b"GET @{cr.target} HT")), Connect(), Raw(m.PLAIN),
        Expect(90.0), Raw(m.LOGIN), Expect(90.0)), "a right connection request beside ten that stop in the first line"),
    Row("cr.slow-headers", "C4", ALIVE, (Raw(b"GET @{cr.target} HTTP/1.1\r\n"), *_many(8, Raw(b"X-Slow: 1\r\n"), Pause(5.0)),
                                        Cut("half"), Expect(m.ANSWER)), "a header line every five seconds"),
    Row("cr.slow-octets", "C4", ALIVE, (*(action for octet in b"GET /" for action in (Raw(bytes((octet,))), Pause(5.0))),
                                       Cut("half"), Expect(m.ANSWER)), "an octet every five seconds"),
    Row("cr.reset-at-once", "C4", ALIVE, _many(50, Connect(), Cut("reset")), "fifty connections reset at once"),
    Row("cr.login-flood", "C4", ALIVE, _many(20, Connect(), Raw(m.PLAIN), Expect(m.ANSWER), Raw(m.LOGIN), Expect(m.ANSWER)),
        "twenty right connection requests at once"),
)  # fmt: skip

# C5: other protocols

_TR064: Final = (
    '<?xml version="1.0"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://schemas.xmlsoap.org/soap/envelope/">'
    '<SOAP-ENV:Body><u:{action} xmlns:u="urn:dslforum-org:service:{service}:1">{arguments}</u:{action}></SOAP-ENV:Body>'
    "</SOAP-ENV:Envelope>"
)
_SERVERS: Final = "".join(f"<NewNTPServer{n}>`nslookup @{{canary}}`</NewNTPServer{n}>" for n in range(1, 6))
_UPGRADE: Final = (
    "<NewStatusURL>$(nslookup @{canary})</NewStatusURL><NewDownloadURL>$(nslookup @{canary})</NewDownloadURL>"
)


def _tr064(path: str, service: str, action: str, arguments: str) -> bytes:
    body = _TR064.format(service=service, action=action, arguments=arguments).encode()
    return (
        f"POST {path} HTTP/1.1\r\nHost: @{{cr.host}}\r\nContent-Type: text/xml\r\n"
        f'SOAPAction: "urn:dslforum-org:service:{service}:1#{action}"\r\n'
    ).encode() + b"Content-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body)


C5: Final = (
    _raw("cr.tr064-ntp-injection", "C5", "SetNTPServers with a command (CVE-2016-10372)",
         Raw(_tr064("/UD/act?1", "Time", "SetNTPServers", _SERVERS))),
    _raw("cr.tr064-ntp-on-path", "C5", "the same on the path of the connection request",
         Raw(_tr064("@{cr.target}", "Time", "SetNTPServers", _SERVERS))),
    _raw("cr.tr064-device-upgrade", "C5", "DeviceUpgrade with a command (CVE-2017-17215)",
         Raw(_tr064("/ctrlt/DeviceUpgrade_1", "DeviceUpgrade", "Upgrade", _UPGRADE))),
    _raw("cr.tr064-get-info", "C5", "DeviceInfo GetInfo", Raw(_tr064("/UD/act?1", "DeviceInfo", "GetInfo", ""))),
    _raw("cr.tls-hello", "C5", "a TLS ClientHello",
         Raw(bytes.fromhex("16030100a5010000a10303") + bytes(range(32)) + bytes.fromhex("000004130113020100") + bytes(90))),
    _raw("cr.http2-preface", "C5", "the preface of HTTP/2",
         Raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000040000000000"))),
    _raw("cr.sip", "C5", "a SIP request", Raw(b"OPTIONS sip:nm SIP/2.0\r\nVia: SIP/2.0/TCP nm;branch=foo\r\nCSeq: 42 OPTIONS\r\n\r\n")),
    _raw("cr.ssh", "C5", "an SSH banner", Raw(b"SSH-2.0-probe\r\n")),
    _raw("cr.smb", "C5", "an SMB negotiation", Raw(bytes.fromhex("00000054ff534d4272") + bytes(75))),
    _raw("cr.rtsp", "C5", "an RTSP request", Raw(b"DESCRIBE rtsp://x/ RTSP/1.0\r\nCSeq: 1\r\n\r\n")),
    _raw("cr.zeros", "C5", "64 KiB of zeros", Repeat(b"\0", 65_536)),
    _raw("cr.binary", "C5", "every octet there is", Raw(bytes(range(256)) * 16)),
    _raw("cr.line-feeds", "C5", "a hundred thousand empty lines", Repeat(b"\r\n", 100_000)),
    _raw("cr.endless-line", "C5", "a megabyte without a line end", Repeat(b"A", 1_048_576)),
    _raw("cr.nothing", "C5", "nothing at all"),
)  # fmt: skip

ROWS: Final = (*C1, *C2, *C3, *C4, *C5)


def nasty() -> Iterator[Program]:
    """The table as programs."""
    for row in ROWS:
        origin = Origin(GENERATOR, row.dimension, name=row.name, template=row.template, edits=row.edits)
        yield m.program(row.actions, row.expectation, origin, row.words)
