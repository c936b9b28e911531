"""Wire rules of the HTTP Connection Request (TR-069 3.2.2)."""

from __future__ import annotations

from urllib.parse import urlsplit

from harness.rules.auth import challenges
from harness.rules.rule import Report, rule, shown
from harness.rules.view import View

_URL: tuple[str, ...] = (
    "Device.ManagementServer.ConnectionRequestURL",
    "InternetGatewayDevice.ManagementServer.ConnectionRequestURL",
)


def _announced(view: View, after: float = 0.0) -> set[str]:
    """Paths of the ConnectionRequestURLs that the device told, or told later than *after* (real time)."""
    paths = set()
    for turn, inform in view.informs:
        if turn.request.real_first < after:
            continue
        for parameter in inform.parameter_list:
            if parameter.name in _URL and _malformed(parameter.value) is None:
                paths.add(urlsplit(parameter.value).path)
    return paths


@rule("cr-digest-challenge", verifies="cwmp.connection-request.digest-challenge")
def digest_challenge(view: View, report: Report) -> None:
    """A connection request without credentials is answered with a Digest challenge, never with success."""
    announced = _announced(view)
    for request, response in view.connection_requests():
        if request.method != "GET" or request.header("Authorization") is not None:
            continue
        if 200 <= response.status < 300:
            report.broken(
                response, expected="401 with a Digest challenge", observed=shown(response.start_line)
            )
        elif response.status == 401:
            offers = challenges(response, "digest")
            report.check(
                any("realm" in offer and offer.get("nonce") for offer in offers),
                response,
                expected="WWW-Authenticate: Digest with realm and nonce",
                observed=", ".join(map(shown, response.header_values("WWW-Authenticate"))) or "no challenge",
            )
        elif response.status != 503 and (path := request.target.partition("?")[0]) in announced:
            # 503: busy, or too many requests (3.2.2). Another path than the announced one is nobody's door: 404 is
            # wrong where the device tells the same path afterwards; it may have restarted and drawn another.
            if response.status == 404 and path not in _announced(view, response.real_last):
                continue
            report.broken(
                response, expected="401 with a Digest challenge", observed=shown(response.start_line)
            )


@rule("cr-empty-success", verifies="cwmp.connection-request.empty-success")
def empty_success(view: View, report: Report) -> None:
    """A connection request that succeeds is answered with 200 or 204 and a body of length zero."""
    for request, response in view.connection_requests():
        if request.header("Authorization") is None or not 200 <= response.status < 300:
            continue
        report.check(
            response.status in (200, 204) and not response.body,
            response,
            expected="200 or 204 with an empty body",
            observed=f"{response.status} with {len(response.body)} bytes of body",
        )


@rule("cr-url-form", verifies="cwmp.connection-request.url-form")
def url_form(view: View, report: Report) -> None:
    """ConnectionRequestURL is an http URL with host and path; an IPv6 address stands in brackets."""
    for turn, inform in view.informs:
        for parameter in inform.parameter_list:
            # Empty: connection requests are off (ManagementServer.HTTPConnectionRequestEnable).
            if parameter.name in _URL and parameter.value:
                wrong = _malformed(parameter.value)
                report.check(
                    wrong is None,
                    turn.request,
                    expected="http://host:port/path",
                    observed=f"{shown(parameter.value)}: {wrong}",
                )


def _malformed(url: str) -> str | None:
    """What is wrong with *url*, or ``None``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return str(error)
    wrong = {
        "not the scheme http": parts.scheme != "http",
        "white space or control characters": any(ord(each) <= 32 or ord(each) == 127 for each in url),
        "no host": not parts.hostname,
        "an IPv6 address without brackets": parts.netloc.count(":") > 1 and "[" not in parts.netloc,
        "port 0": port == 0,
        "credentials": "@" in parts.netloc,
        "no path": not parts.path,
        "a fragment": bool(parts.fragment),
    }
    return next((what for what, applies in wrong.items() if applies), None)
