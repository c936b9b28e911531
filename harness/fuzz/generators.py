"""The stream of programs for a surface: the hand-written table first, then a mixture of generators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from harness.fuzz.connection_request.programs import connection_request
from harness.fuzz.facts import DeviceFacts
from harness.fuzz.file.programs import file
from harness.fuzz.http.programs import http
from harness.fuzz.mixture import Source, Weights, mixed
from harness.fuzz.program import Program, Surface
from harness.fuzz.session.programs import session
from harness.fuzz.soap.source import soap
from harness.fuzz.tls.programs import tls

SOURCES: Final[Mapping[Surface, Source]] = {
    Surface.SOAP: soap,
    Surface.SESSION: session,
    Surface.HTTP: http,
    Surface.CONNECTION_REQUEST: connection_request,
    Surface.TLS: tls,
    Surface.FILE: file,
}
"""What makes programs for a surface."""


def programs(
    surface: Surface, seed: int, device: DeviceFacts, weights: Weights | None = None
) -> Iterator[Program]:
    """Programs for *surface* against *device*: the whole table of hand-written ones, then others without end.

    The same surface, seed and facts give the same stream, but for what *weights* changes.

    Raises:
        KeyError: no generator for this surface.
    """
    prepared = SOURCES[surface](device)
    yield from prepared.nasty
    yield from mixed(prepared.arms, seed, weights)
