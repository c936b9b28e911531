"""Defects of sessions that end early: with the InformResponse, on some occasions alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from harness.cwmp import events
from reference_cpe.defects.registry import tabled
from reference_cpe.parts import Parts
from reference_cpe.session import Action, Post, Session

BREAKS: Final = ["lcos.session.acs-may-query", "cwmp.session.empty-post"]


def _ends(meant: Callable[[Parts, list[str]], bool]) -> Callable[[Parts], None]:
    """A session ends when the device has nothing more to send, where it is *meant* by its events."""

    def apply(parts: Parts) -> None:
        class Ending(Session):
            codes: tuple[str, ...] = ()

            def start(self) -> Post:
                # The Inform is made here; what it announces stands in the queue until it is acknowledged.
                made = super().start()
                self.codes = tuple(each.code for each in self.parts.events.entries)
                return made

            def proceed(self) -> Action:
                if meant(self.parts, list(self.codes)) and not self._pending:
                    return self.end(True)
                return super().proceed()

        parts.session = Ending

    return apply


for _name, _summary, _meant in (
    ("retry-ends-early", "A retried session ends with the InformResponse.",
     lambda parts, _codes: parts.retry.count > 0),
    ("bootstrap-ends-early", "The first session with an ACS ends with the InformResponse.",
     lambda _parts, codes: events.BOOTSTRAP in codes),
    ("transfer-session-ends-early", "A session that reports a transfer ends with the report.",
     lambda _parts, codes: "7 TRANSFER COMPLETE" in codes),
):  # fmt: skip
    tabled(_name, _summary, BREAKS, _ends(_meant))
