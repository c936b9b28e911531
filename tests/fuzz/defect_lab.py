"""A reference device with a seeded defect that does not run, for tests: what would end it is only noted."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from harness.cwmp import soap
from harness.cwmp.messages import Envelope, Header, InformResponse, Message
from reference_cpe.clock import Clock
from reference_cpe.config import Config
from reference_cpe.defects import fuzz_seeded, registry
from reference_cpe.parts import Parts, assemble
from reference_cpe.session import Post, Session
from reference_cpe.store import Store

registry.load_builtin()

BOX = "Device.X_EXAMPLE-ORG_Sandbox."


class Dead(BaseException):
    """The process would be gone."""


class Hung(BaseException):
    """The process would stand still."""


class StillClock(Clock):
    def now(self) -> float:
        return 0.0

    def unix(self) -> float:
        return 1_763_830_000.0


@dataclass
class Lab:
    """A device that is not running, and what became of it."""

    parts: Parts
    restarts: int = 0
    called: list[str] = field(default_factory=list)

    def session(self) -> Session:
        """A session that has had its InformResponse."""
        session = self.parts.session(self.parts)
        session.start()
        session.receive(200, soap.encode(Envelope(InformResponse(1), Header(id="1"))))
        return session

    def send(self, *bodies: bytes) -> list[bytes]:
        """What the device posts after each of *bodies*, in one session."""
        session, answers = self.session(), []
        for body in bodies:
            action = session.receive(200, body)
            answers.append(action.body if isinstance(action, Post) else b"")
        return answers

    def read(self, name: str) -> str:
        return self.parts.model.read(self.parts.model.parameters[name])


class Workshop:
    """Makes devices; a deadly defect raises `Dead` or `Hung` there."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._patch = patch
        self._made = 0

    def make(self, *defects: str) -> Lab:
        self._made += 1
        lab = Lab(assemble(Config(), StillClock(), Store(self._folder / str(self._made)), Random(1)))
        lab.parts.settings.change({"connection_request_username": "u", "connection_request_password": "p"})

        def dead() -> None:
            raise Dead

        def hung() -> None:
            raise Hung

        def called(_parts: Parts, text: str) -> None:
            lab.called += fuzz_seeded._HOST.findall(text)

        def restarted() -> None:
            lab.restarts += 1

        self._patch.setattr(fuzz_seeded, "die", dead)
        self._patch.setattr(fuzz_seeded, "hang", hung)
        self._patch.setattr(fuzz_seeded, "call_hosts", called)
        lab.parts.reboot = restarted
        for name in defects:
            registry.DEFECTS[name].apply(lab.parts)
        return lab


def encoded(message: Message, own_id: str = "x1") -> bytes:
    return soap.encode(Envelope(message, Header(id=own_id)))


def opened(body: bytes) -> Message:
    envelope = soap.read(body).envelope
    assert envelope is not None
    return envelope.message


def fate(act: object) -> str:
    """``dead``, ``hung`` or ``alive`` after *act*."""
    assert callable(act)
    try:
        act()
    except Dead:
        return "dead"
    except Hung:
        return "hung"
    return "alive"
