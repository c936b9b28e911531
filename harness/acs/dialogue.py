"""What an ACS answers to a CPE's own messages (TR-069 3.7, A.3.3, A.4.2).

Pure functions: no session, no sockets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from harness.cwmp import messages as m
from harness.cwmp.namespaces import CWMP_1_0
from harness.cwmp.versions import NAMESPACE_OF, VERSIONS, Agreement, VersionError, acs_agrees, key

_NAMESPACE = re.compile(r"urn:dslforum-org:cwmp-[0-9A-Za-z-]{1,16}")

METHODS: Final = (
    "Inform",
    "GetRPCMethods",
    "TransferComplete",
    "AutonomousTransferComplete",
    "RequestDownload",
    "Kicked",
    "DUStateChangeComplete",
    "AutonomousDUStateChangeComplete",
)
"""What this ACS implements: all that a CPE may call (A.3.3, A.4.2)."""

_ANSWERS: Final[dict[type[m.Message], Callable[[], m.Message]]] = {
    m.GetRPCMethods: lambda: m.GetRPCMethodsResponse(METHODS),
    m.TransferComplete: m.TransferCompleteResponse,
    m.AutonomousTransferComplete: m.AutonomousTransferCompleteResponse,
    m.RequestDownload: m.RequestDownloadResponse,
    m.DUStateChangeComplete: m.DUStateChangeCompleteResponse,
    m.AutonomousDUStateChangeComplete: m.AutonomousDUStateChangeCompleteResponse,
}


def name_of(message: m.Message) -> str:
    """The element name of *message*."""
    return message.name if isinstance(message, m.UnknownMessage) else type(message).__name__


def is_response(message: m.Message) -> bool:
    """Whether *message* answers a request rather than being one."""
    return isinstance(message, m.Fault) or name_of(message).endswith("Response")


def answer_to(request: m.Message) -> m.Message:
    """The response to a CPE's request other than Inform; fault 8000 to one that CPEs do not have."""
    if isinstance(request, m.Kicked):
        return m.KickedResponse(next_url=request.next)
    answer = _ANSWERS.get(type(request))
    return answer() if answer else fault(8000, f"Method not supported: {name_of(request)[:64]}")


def fault(code: int, text: str, *, blame: str = "Client") -> m.Fault:
    """A CWMP fault of the ACS (8000-8006); *blame* is the SOAP faultcode."""
    return m.Fault(code, text, soap_faultcode=blame)


def namespace_of(envelope: m.Envelope) -> str:
    """The namespace in which *envelope* is answered: its own, even an invented CWMP one, else that of 1.0."""
    return envelope.namespace if _NAMESPACE.fullmatch(envelope.namespace) else CWMP_1_0


def agree(envelope: m.Envelope, newest: str) -> Agreement:
    """The version of a session: the CPE's newest that the ACS, limited to *newest*, speaks too.

    A namespace that no version has (cwmp-1-3, say) is answered in kind: a wire rule judges it.

    Raises:
        VersionError: nothing in common.
    """
    supported = [version for version in VERSIONS if key(version) <= key(newest)]
    offered = envelope.header.supported_cwmp_versions
    if offered is None and envelope.namespace not in NAMESPACE_OF.values():
        return Agreement(newest, namespace_of(envelope), use_header=False)
    return acs_agrees(envelope.namespace, offered, supported)


__all__ = ["METHODS", "VersionError", "agree", "answer_to", "fault", "is_response", "name_of", "namespace_of"]
