"""curl answers our challenges, and our check finds its answers right."""

import http.server
import shutil
import subprocess
import threading
from collections.abc import Iterator
from typing import ClassVar

import pytest

from harness.cwmp import digest

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


ALGORITHMS = (None, "MD5", "MD5-sess", "SHA-256", "SHA-256-sess")
# curl sends no cnonce without qop, so that its -sess answers could not be computed there by anyone.
ANSWERED = [
    (algorithm, qop)
    for algorithm in ALGORITHMS
    for qop in ((), ("auth",), ("auth", "auth-int"))
    if qop or not (algorithm or "").endswith("-sess")
]


class Handler(http.server.BaseHTTPRequestHandler):
    """Challenges once, then judges."""

    challenges: ClassVar[tuple[str, ...]] = ()
    seen: ClassVar[list[tuple[str, str, str]]] = []

    def do_GET(self) -> None:
        value = self.headers.get("Authorization")
        if value is not None:
            self.seen.append((self.command, self.path, value))
        self.send_response(401 if value is None else 204)
        if value is None:
            for challenge in self.challenges:
                self.send_header("WWW-Authenticate", challenge)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.seen.clear()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()
            thread.join(10)


def curl(*arguments: str) -> None:
    subprocess.run(
        ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--max-time", "10", *arguments],
        check=True,
        timeout=20,
        env={"PATH": "/usr/bin:/bin"},
    )


@pytest.mark.parametrize(("algorithm", "qop"), ANSWERED)
def test_curl_digest(server: str, algorithm: str | None, qop: tuple[str, ...]) -> None:
    challenge = digest.DigestChallenge('re"a\\lm', "nonce==", algorithm, qop, "opaque")
    Handler.challenges = (digest.basic_challenge("other"), challenge.header())
    curl("--digest", "--user", 'u"s\\er:p\u00e4ss:word', "--data", "<x/>", f"{server}/acs/a%41b?q=1&r=%20")
    ((method, target, value),) = Handler.seen
    wrong = digest.verify_digest(
        digest.parse_authorization(value),
        challenge,
        username='u"s\\er',
        password="p\u00e4ss:word",
        method=method,
        target=target,
        nc=1 if qop else None,
    )
    assert wrong == ()
    assert method == "POST"


def test_curl_with_the_wrong_password(server: str) -> None:
    challenge = digest.DigestChallenge("realm", "n", "MD5", ("auth",))
    Handler.challenges = (challenge.header(),)
    curl("--digest", "--user", "user:wrong", server + "/")
    ((method, target, value),) = Handler.seen
    answer = digest.parse_authorization(value)
    wrong = digest.verify_digest(
        answer, challenge, username="user", password="right", method=method, target=target
    )
    assert [directive.name for directive in wrong] == ["response"]


def test_curl_basic(server: str) -> None:
    Handler.challenges = (digest.basic_challenge("r"),)
    curl("--anyauth", "--user", "us\u00e9r:p:w", server + "/")
    ((_, _, value),) = Handler.seen
    assert digest.basic_credentials(digest.parse_authorization(value)) == ("us\u00e9r", "p:w")
