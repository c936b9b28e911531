"""Known-nasty courses of a session, by hand (row S7 of the dimensions): a permanent case of every campaign each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.program import Expectation, Origin, Program, Surface, Wanted
from harness.fuzz.session.steps import actions

GENERATOR: Final = "nasty/1"
USUAL: Final = ("inform-response", "get-values", "get-methods", "end")
"""A correct session."""
ANYTHING: Final = Expectation(because="only robustness is judged")
_NOT_YET: Final = Expectation(
    Wanted.NOT_OBEYED,
    requirement="cwmp.robust.fault-or-clean-end",
    because="TR-069 Amendment 6, 3.7.1: requests of the ACS follow the InformResponse",
)
_OVER: Final = Expectation(
    Wanted.NOT_OBEYED,
    requirement="cwmp.session.no-post-after-end",
    because="TR-069 Amendment 6, 3.7.1.4: the empty answer has ended the session",
)


def _legal(requirement: str, because: str) -> Expectation:
    return Expectation(Wanted.SUCCESS, requirement=requirement, because=because)


_ENVELOPES: Final = _legal("cwmp.session.max-envelopes-ignored", "TR-069 Amendment 6, A.4.1.1")
_HOLD: Final = _legal("cwmp.session.hold-requests", "TR-069 Amendment 6, 3.7.1.3")
_MORE: Final = _legal("cwmp.session.no-more-requests-tolerated", "TR-069 Amendment 6, 3.5")
_USUAL: Final = _legal("cwmp.session.answers-each-request", "TR-069 Amendment 6, 3.7.1")
_UNDISTURBED: Final = _legal("cwmp.connection-request.session-undisturbed", "TR-069 Amendment 6, 3.2.2.1")

ROWS: Final[Sequence[tuple[str, Expectation, tuple[str, ...]]]] = (
    ("usual", _USUAL, USUAL),
    ("no-request", _USUAL, ("inform-response", "end")),
    ("request-before-inform-response", _NOT_YET, ("get-values",)),
    ("methods-before-inform-response", _NOT_YET, ("get-methods",)),
    ("unknown-before-inform-response", ANYTHING, ("unknown-method",)),
    ("inform-to-the-device", ANYTHING, ("inform-request",)),
    ("other-response-to-inform", ANYTHING, ("unasked-response",)),
    ("values-response-to-inform", ANYTHING, ("unasked-values",)),
    ("fault-8001-to-inform", ANYTHING, ("fault-8001",)),
    ("fault-8005-to-inform", ANYTHING, ("fault-8005", "inform-response", "get-values", "end")),
    ("fault-8005-for-ever", ANYTHING, ("fault-8005",) * 8),
    ("fault-9999-to-inform", ANYTHING, ("fault-9999",)),
    ("no-content-to-inform", ANYTHING, ("end",)),
    ("empty-ok-to-inform", ANYTHING, ("empty-200",)),
    ("blank-ok-to-inform", ANYTHING, ("blank-200",)),
    ("empty-body-to-inform", ANYTHING, ("empty-body",)),
    ("status-500-to-inform", ANYTHING, ("status-500",)),
    ("status-404-to-inform", ANYTHING, ("status-404",)),
    ("status-503-in-session", ANYTHING, ("inform-response", "status-503")),
    ("status-500-in-session", ANYTHING, ("inform-response", "get-values", "status-500")),
    ("max-envelopes-0", _ENVELOPES, ("inform-response-0", "get-values", "get-methods")),
    ("max-envelopes-2", _ENVELOPES, ("inform-response-2", "get-values", "get-methods")),
    ("max-envelopes-huge", ANYTHING, ("inform-response-huge", "get-values")),
    ("max-envelopes-text", ANYTHING, ("inform-response-text", "get-values")),
    ("inform-response-other-id", ANYTHING, ("inform-response-other-id", "get-values")),
    ("inform-response-no-id", ANYTHING, ("inform-response-no-id", "get-values")),
    ("inform-response-no-argument", ANYTHING, ("inform-response-no-argument", "get-values")),
    ("inform-response-double", ANYTHING, ("inform-response-twice", "get-values")),
    ("inform-response-again", ANYTHING, ("inform-response", "inform-response", "get-values")),
    ("inform-response-future", ANYTHING, ("inform-response-future", "get-values")),
    ("inform-response-understand", ANYTHING, ("inform-response-understand", "get-values")),
    ("no-more-requests", _MORE, ("inform-response-no-more", "get-values")),
    ("hold", _HOLD, ("inform-response-hold", "get-values-hold", "get-values-hold", "get-values-release")),
    ("hold-and-end", ANYTHING, ("inform-response-hold", "end")),
    ("hold-for-ever", ANYTHING, ("inform-response-hold", *("end",) * 6)),
    ("hold-text", ANYTHING, ("inform-response-hold-text", "get-values")),
    ("unasked-response", ANYTHING, ("inform-response", "unasked-response", "get-values")),
    ("unasked-values", ANYTHING, ("inform-response", "unasked-values", "get-values")),
    ("fault-to-nothing", ANYTHING, ("inform-response", "fault-8001", "get-values")),
    ("inform-in-session", ANYTHING, ("inform-response", "inform-request", "get-values")),
    ("two-requests-in-one", ANYTHING, ("inform-response", "two-requests")),
    ("empty-body-in-session", ANYTHING, ("inform-response", "empty-body")),
    ("empty-ok-ends", ANYTHING, ("inform-response", "empty-200")),
    ("request-after-the-end", _OVER, ("inform-response", "end-and-request")),
    ("fifty-requests", _USUAL, ("inform-response", *("get-values",) * 50)),
    ("pause-10", _USUAL, ("inform-response", "pause-10", "get-values")),
    ("pause-100", ANYTHING, ("inform-response", "pause-100", "get-values")),
    ("silence-to-inform", ANYTHING, ("pause-100",)),
    ("half-head-and-silence", ANYTHING, ("inform-response", "half-head", "pause-100")),
    ("half-body-and-silence", ANYTHING, ("inform-response", "half-body", "pause-100")),
    ("connection-request-inside", _UNDISTURBED, ("inform-response", "ring", "get-values", "ring", "get-methods")),
    *(
        (f"cut-{how}-after-{count}", ANYTHING, (*USUAL[:count], f"cut-{how}"))
        for how in ("fin", "reset", "half")
        for count in range(len(USUAL))
    ),
    *(
        (f"cut-{how}-in-{half}", ANYTHING, ("inform-response", f"half-{half}", f"cut-{how}"))
        for how in ("fin", "reset", "half")
        for half in ("head", "body")
    ),
)  # fmt: skip
"""Name, what may follow, the steps of the ACS from the Inform on."""


def program(device: DeviceFacts, names: Sequence[str], expectation: Expectation, origin: Origin) -> Program:
    """A program of the surface ``session``."""
    return Program(Surface.SESSION, actions(device, names), expectation, ", ".join(names), origin)


def nasty(device: DeviceFacts) -> Iterator[Program]:
    """The table as programs against *device*."""
    for name, expectation, names in ROWS:
        template = " ".join(names).encode()
        yield program(
            device, names, expectation, Origin(GENERATOR, "S7", name=f"session.{name}", template=template)
        )
