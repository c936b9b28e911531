"""Which executor serves a surface, and how it is opened and closed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from harness.case import Inconclusive
from harness.device.api import DriverError
from harness.device.profile import Profile
from harness.fuzz.executor import Executor, ExecutorError
from harness.fuzz.generators import SOURCES
from harness.fuzz.guard import refusal
from harness.fuzz.program import Surface
from harness.lab.errors import ClockError, LabError

EXECUTORS: Final[Mapping[Surface, str]] = {
    Surface.SOAP: "harness.fuzz.engine.soap:SoapExecutor",
    Surface.SESSION: "harness.fuzz.session.executor:SessionExecutor",
    Surface.HTTP: "harness.fuzz.session.executor:HttpExecutor",
    Surface.CONNECTION_REQUEST: "harness.fuzz.connection_request.executor:ConnectionRequestExecutor",
    Surface.TLS: "harness.fuzz.tls.executor:TlsExecutor",
    Surface.FILE: "harness.fuzz.file.executor:FileExecutor",
}
"""Module and class; made with (profile, folder), ended by ``close``."""


def fuzzable() -> tuple[Surface, ...]:
    """The surfaces that have both an executor and programs."""
    return tuple(surface for surface in EXECUTORS if surface in SOURCES)


@contextmanager
def open_executor(surface: Surface, profile: Profile, workdir: Path) -> Iterator[Executor]:
    """The executor of *surface* on the device of *profile*, with a bench of its own; *workdir* is an existing folder.

    Raises:
        ExecutorError: there is none, the device must not be touched, or it cannot be brought up.
    """
    if reason := refusal(profile):
        raise ExecutorError(reason)
    if surface not in EXECUTORS:
        raise ExecutorError(f"nothing runs programs of the surface {surface}")
    module, _, name = EXECUTORS[surface].partition(":")
    make: Callable[[Profile, Path], Any] = getattr(import_module(module), name)
    try:
        executor = make(profile, Path(tempfile.mkdtemp(dir=workdir)))
    except (DriverError, Inconclusive, LabError, ClockError, OSError) as error:
        raise ExecutorError(f"the device could not be brought up: {error}") from error
    try:
        yield executor
    finally:
        executor.close()
