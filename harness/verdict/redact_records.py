"""Secrets overwritten in what a case leaves behind: its result and its transcript."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Final

import msgspec

from harness.verdict.assertion import Assertion, CaseResult
from harness.verdict.redact import FILLER, Redactor
from harness.verdict.transcript import Chunk, Connection, Direction, HttpMessage, Transcript

_UNPACKED: Final = 64 * 1024 * 1024
"""Octets of a compressed body that are looked at."""


def case(result: CaseResult, redact: Redactor) -> CaseResult:
    """*result* without secrets in what was said; ids, titles and verdicts are the suite's own words and stay."""
    if not redact:
        return result
    return msgspec.structs.replace(
        result,
        assertions=tuple(_assertion(each, redact) for each in result.assertions),
        wire=tuple(_assertion(each, redact) for each in result.wire),
        steps=tuple(map(redact.text, result.steps)),
        observations=tuple(map(redact.text, result.observations)),
        reason=redact.text(result.reason),
    )


def _assertion(each: Assertion, redact: Redactor) -> Assertion:
    return msgspec.structs.replace(
        each,
        expected=redact.text(each.expected),
        observed=redact.text(each.observed),
        reason=redact.text(each.reason),
        evidence=tuple(msgspec.structs.replace(ref, note=redact.text(ref.note)) for ref in each.evidence),
    )


def texts(named: dict[str, str], redact: Redactor) -> dict[str, str]:
    """A table of texts without secrets in its values."""
    return {name: redact.text(value) for name, value in named.items()}


def transcript(record: Transcript, redact: Redactor) -> tuple[Transcript, list[bytes]]:
    """A copy of *record* without secrets, and the octets of streams that were overwritten whole.

    That are bodies in which a secret cannot be overwritten alone: compressed ones, and those whose chunks divide it.
    """
    whole: list[bytes] = []
    if not redact:
        return record, whole
    connections = [_connection(each, redact, whole) for each in record.connections]
    sessions = [
        msgspec.structs.replace(each, claimed_by=redact.text(each.claimed_by)) for each in record.sessions
    ]
    return msgspec.structs.replace(record, connections=connections, sessions=sessions), whole


def _connection(connection: Connection, redact: Redactor, whole: list[bytes]) -> Connection:
    streams = {way: connection.data(way) for way in Direction}
    clean = {way: bytearray(redact.data(data)) for way, data in streams.items()}
    messages = []
    for message in connection.messages:
        raw = slice(message.start + len(message.head), message.end)
        before, after = streams[message.direction][raw], clean[message.direction]
        body, all_of_it = _body(message, before, bytes(after[raw]), redact)
        if all_of_it and before:
            whole.append(before)
            after[raw] = FILLER.encode() * len(before)
        messages.append(_message(message, body, redact))
    tls = connection.tls
    if tls is not None:
        sni = None if tls.sni is None else redact.text(tls.sni)
        tls = msgspec.structs.replace(tls, sni=sni, error=redact.text(tls.error))
    chunks = list(_divided(connection.chunks, clean))
    return msgspec.structs.replace(connection, chunks=chunks, messages=messages, tls=tls)


def _body(message: HttpMessage, raw: bytes, clean: bytes, redact: Redactor) -> tuple[bytes, bool]:
    """The clean body, and whether its octets in the stream have to go as a whole."""
    body = redact.data(message.body)
    unpacked = _unpacked(message)
    if unpacked is not None and redact.data(unpacked) != unpacked:
        return FILLER.encode() * len(body), True
    return body, _changed(raw, clean) < _changed(message.body, body)


def _unpacked(message: HttpMessage) -> bytes | None:
    """What a compressed body says; ``None`` where it is not compressed."""
    coding = (message.header("Content-Encoding") or "").strip().lower()
    if coding not in ("gzip", "x-gzip", "deflate"):
        return None
    for bits in (47, -15):
        try:
            return zlib.decompressobj(wbits=bits).decompress(message.body, _UNPACKED)
        except zlib.error:
            continue
    return None


def _changed(before: bytes, after: bytes) -> int:
    return 0 if before == after else sum(one != other for one, other in zip(before, after, strict=True))


def _message(message: HttpMessage, body: bytes, redact: Redactor) -> HttpMessage:
    return msgspec.structs.replace(
        message,
        start_line=redact.text(message.start_line),
        headers=[(redact.text(name), redact.text(value)) for name, value in message.headers],
        body=body,
        head=redact.data(message.head),
        anomalies=tuple(map(redact.text, message.anomalies)),
        note=redact.text(message.note),
    )


def _divided(chunks: Iterable[Chunk], streams: dict[Direction, bytearray]) -> Iterable[Chunk]:
    """The *chunks* with the octets of *streams*."""
    at = dict.fromkeys(streams, 0)
    for chunk in chunks:
        start = at[chunk.direction]
        at[chunk.direction] = end = start + len(chunk.data)
        yield msgspec.structs.replace(chunk, data=bytes(streams[chunk.direction][start:end]))
