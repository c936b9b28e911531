"""Each surface beside soap on a real reference CPE: a clean one gives no alarm, one seeded defect is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.device.profile import ReferenceOptions, reference
from harness.fuzz.connection_request.executor import ConnectionRequestExecutor
from harness.fuzz.evidence import Answer, End, Evidence, Observation
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.file.executor import FileExecutor
from harness.fuzz.generators import SOURCES
from harness.fuzz.oracles import judge
from harness.fuzz.program import Program, Surface
from harness.fuzz.session.executor import HttpExecutor, SessionExecutor
from harness.fuzz.tls.executor import TlsExecutor

Executor = ConnectionRequestExecutor | FileExecutor | SessionExecutor | TlsExecutor


def named(surface: Surface, *names: str) -> list[Program]:
    table = {each.origin.name: each for each in SOURCES[surface](DeviceFacts()).nasty}
    return [table[name] for name in names]


def with_defect(executor: Executor, name: str) -> None:
    """The same bench, another device."""
    executor.ground.bench.exchange(ReferenceOptions(defects=(name,)))
    if isinstance(executor, TlsExecutor):
        executor.ground.bench.use_https()
    assert executor.control().alive
    if isinstance(executor, ConnectionRequestExecutor):
        executor.reset()


def ends(evidence: Evidence) -> list[tuple[End, Answer]]:
    return [(each.end, each.answer) for each in evidence.observations]


def found(executor: Executor, programs: list[Program]) -> set[str]:
    return {alarm.oracle for alarm in judge(executor.run(programs))}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[type], Executor]]:
    made: list[Executor] = []

    def open_it(kind: type) -> Executor:
        made.append(kind(reference(), tmp_path))
        return made[-1]

    yield open_it
    for executor in made:
        executor.close()


def statuses(evidence: Evidence) -> list[int]:
    return [each.status for each in evidence.observations]


def test_connection_requests(opened: Callable[[type], ConnectionRequestExecutor]) -> None:
    executor = opened(ConnectionRequestExecutor)
    attack = named(
        Surface.CONNECTION_REQUEST,
        "cr.numbered-cookie-1", "cr.digest-no-nonce", "cr.replay", "cr.login-method-post", "cr.tr064-ntp-injection",
        "cr.flood-200", "cr.target-endless", "cr.slow-headers", "cr.basic-right-password",
    )  # fmt: skip
    evidence = executor.run(attack)
    assert judge(evidence) == []
    assert statuses(evidence)[:5] == [401, 401, 401, 405, 404]
    assert evidence.after.alive
    replay = evidence.observations[2]
    replies = [evidence.transcript.message(name).status for name in replay.messages]
    assert replies.count(200) == 1
    assert len(evidence.transcript.connections) > 200
    with_defect(executor, "fuzz-replay-accepted")
    assert "silent-acceptance" in found(executor, named(Surface.CONNECTION_REQUEST, "cr.replay"))


def test_sessions(opened: Callable[[type], SessionExecutor]) -> None:
    executor = opened(SessionExecutor)
    attack = named(
        Surface.SESSION,
        "session.usual", "session.request-before-inform-response", "session.hold", "session.connection-request-inside",
        "session.cut-reset-after-2", "session.max-envelopes-2", "session.no-content-to-inform",
    )  # fmt: skip
    evidence = executor.run(attack)
    assert judge(evidence) == []
    assert ends(evidence)[1] == (End.CLOSED, Answer.NONE)
    assert ends(evidence)[5] == (End.ANSWERED, Answer.RESPONSE)
    assert len(evidence.transcript.sessions) >= len(attack)
    with_defect(executor, "fuzz-crash-other-id")
    assert "liveness" in found(executor, named(Surface.SESSION, "session.inform-response-other-id"))


def test_http(opened: Callable[[type], HttpExecutor]) -> None:
    executor = opened(HttpExecutor)
    attack = named(
        Surface.HTTP,
        "http.interim-10", "http.chunks-one-octet", "http.body-cut-off", "http.length-missing", "http.gzip-unasked",
        "http.cookies-50", "http.redirect-no-location",
    )  # fmt: skip
    evidence = executor.run(attack)
    assert judge(evidence) == []
    assert [answer for _, answer in ends(evidence)[:4]] == [
        Answer.RESPONSE, Answer.RESPONSE, Answer.NONE, Answer.RESPONSE,
    ]  # fmt: skip
    with_defect(executor, "fuzz-crash-chunk-size")
    assert "liveness" in found(executor, named(Surface.HTTP, "http.chunks-huge", "http.chunks-very-huge"))


def test_handshakes(opened: Callable[[type], TlsExecutor]) -> None:
    executor = opened(TlsExecutor)
    attack = named(
        Surface.TLS,
        "tls.nothing", "tls.cut-after-43", "tls.flip-80", "tls.alert-2-40", "tls.http", "tls.record-oversize",
    )  # fmt: skip
    evidence = executor.run(attack)
    assert judge(evidence) == []
    assert set(ends(evidence)) <= {(End.CLOSED, Answer.NONE), (End.RESET, Answer.NONE)}
    with_defect(executor, "fuzz-crash-failed-handshake")
    assert "liveness" in found(executor, named(Surface.TLS, "tls.nothing"))


def test_files(opened: Callable[[type], FileExecutor]) -> None:
    executor = opened(FileExecutor)
    attack = named(
        Surface.FILE, "file.usual", "file.cut-fin-in-body", "file.status-404", "file.redirect-loop"
    )
    evidence = executor.run(attack)
    assert judge(evidence) == []
    seen: list[Observation] = list(evidence.observations)
    assert [each.answer for each in seen] == [Answer.RESPONSE, *[Answer.FAULT] * 3]
    assert seen[2].fault_code in (9010, 9016)
    with_defect(executor, "fuzz-crash-empty-file")
    assert "liveness" in found(executor, named(Surface.FILE, "file.length-zero"))
