"""Defects of a session that is tried again, or of a connection that is opened again: they show on the second try only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from harness.cwmp.digest import basic_authorization
from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.events import Entry
from reference_cpe.exchange import Exchange
from reference_cpe.http import Headers, HttpConnection
from reference_cpe.parts import Parts
from reference_cpe.urls import Target


@defect("query-lost-on-retry", breaks=["lcos.acs-url.used-exactly"])
def query_lost(parts: Parts) -> None:
    """A retry leaves out the query of the ACS URL."""

    class Cutting(Exchange):
        def __init__(self, parts: Parts, target: Target) -> None:
            plain = replace(target, target=target.target.partition("?")[0])
            super().__init__(parts, plain if parts.retry.count else target)

    parts.exchange = Cutting


@defect(
    "basic-volunteered-on-retry",
    breaks=["lcos.acs-credentials.nothing-volunteered", "cwmp.auth.no-unasked-basic"],
)
def basic_volunteered(parts: Parts) -> None:
    """A retry over http carries the ACS pair although nobody has asked for it."""

    class Eager(Exchange):
        def request(self, body: bytes) -> Headers:
            headers = super().request(body)
            if parts.retry.count and not self.target.secure:
                value = parts.settings.value
                pair = basic_authorization(value("acs_username"), value("acs_password"))
                headers = [*(each for each in headers if each[0] != "Authorization"), ("Authorization", pair)]
            return headers

    parts.exchange = Eager


@defect("bootstrap-lost-on-retry", breaks=["lcos.acs-url.change"])
def bootstrap_lost(parts: Parts) -> None:
    """Where the first session with a new ACS fails, the retry says 1 BOOT alone."""
    failed = parts.events.session_failed

    def session_failed() -> None:
        failed()
        entries = parts.events.entries
        parts.events.entries = [Entry("1 BOOT") if each.code == "0 BOOTSTRAP" else each for each in entries]

    rewire(parts.events, session_failed=session_failed)


@defect("request-waits-for-retry", breaks=["lcos.connection-request.session"])
def request_waits(parts: Parts) -> None:
    """A connection request that comes while a retry waits is answered 200 and served with the retry only."""
    connect = parts.connect
    parts.connect = lambda: None if parts.retry.count else connect()


def _waits(wrong: Callable[[Parts], float | None]) -> Callable[[Parts], None]:
    def alter(parts: Parts) -> None:
        right = parts.retry.wait

        def wait(minimum: int, multiplier: int) -> float:
            given = wrong(parts)
            return right(minimum, multiplier) if given is None else given

        rewire(parts.retry, wait=wait)

    return alter


tabled(
    "second-retry-at-once", "From the second retry on the device waits one second only.",
    ["lcos.acs-credentials.refused-login"], _waits(lambda parts: 1.0 if parts.retry.count >= 2 else None),
)  # fmt: skip
tabled(
    "gives-up-after-five", "After five failed sessions in a row the device never comes back by itself.",
    ["lcos.tls.retry-after-rejection"], _waits(lambda parts: 1e8 if parts.retry.count >= 5 else None),
)  # fmt: skip


def _unverified(when: Callable[[Parts, int], bool]) -> Callable[[Parts], None]:
    """Nothing is verified on the connections of a session for which *when*, given their number, is true."""

    def alter(parts: Parts) -> None:
        number = [0]
        dial = parts.dial

        class Counting(Exchange):
            def __init__(self, parts: Parts, target: Target) -> None:
                super().__init__(parts, target)
                number[0] = 0

        async def dialled(parts: Parts, target: Target) -> HttpConnection:
            number[0] += 1
            parts.trust.verify = not when(parts, number[0])
            try:
                return await dial(parts, target)
            finally:
                parts.trust.verify = True

        parts.exchange, parts.dial = Counting, dialled

    return alter


tabled(
    "unverified-on-reconnect", "Within a session only the first connection verifies the certificate.",
    ["lcos.tls.untrusted-root", "lcos.tls.redirect-target"], _unverified(lambda _, number: number > 1),
)  # fmt: skip
tabled(
    "unverified-on-retry", "From the second retry on no certificate is verified.",
    ["lcos.tls.untrusted-root", "lcos.tls.host-name", "lcos.tls.retry-after-rejection"],
    _unverified(lambda parts, _: parts.retry.count >= 2),
)  # fmt: skip
