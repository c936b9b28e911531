"""A model port over the reference device's session, in process: RPCs without sockets."""

from __future__ import annotations

from defect_lab import Dead, Hung, Lab, encoded

from harness.cwmp import soap
from harness.cwmp.messages import Message
from harness.fuzz.model import Reply
from reference_cpe.session import Post, Session


class InProcessPort:
    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.calls = 0
        self.renewals = 0
        self._session: Session | None = None

    def call(self, message: Message) -> Reply:
        self.calls += 1
        try:
            if self._session is None:
                self._session = self.lab.session()
            action = self._session.receive(200, encoded(message, f"model-{self.calls}"))
        except (Dead, Hung) as end:
            return Reply(None, type(end).__name__)
        if not isinstance(action, Post):
            self._session = None
            return Reply(None, f"the session ended: {action.reason}")
        envelope = soap.read(action.body).envelope
        return Reply(envelope.message) if envelope is not None else Reply(None, "no answer")

    def renew(self) -> None:
        self.renewals += 1
        self._session = None
