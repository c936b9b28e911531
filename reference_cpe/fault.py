"""The fault an RPC handler raises."""

from __future__ import annotations

from harness.cwmp.messages import SetParameterValuesFault


class CwmpFault(Exception):
    """A CWMP fault (TR-069 A.5.1): code, text, and for SetParameterValues one entry per bad parameter."""

    def __init__(self, code: int, text: str, parameters: tuple[SetParameterValuesFault, ...] = ()) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.parameters = parameters
