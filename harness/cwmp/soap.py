"""The SOAP codec of CWMP (TR-069 3.5, SOAP 1.1): typed envelopes to bytes and back.

Writing takes two steps, so that a caller may alter the tree in between: `encode_tree`, `serialize`;
`encode` does both. Reading comes lenient and complete (`read`) or strict (`decode`).
"""

from __future__ import annotations

from harness.cwmp.soap_problem import CODES, Limits, Problem, Reading, SoapError
from harness.cwmp.soap_read import decode, read, recall
from harness.cwmp.soap_write import encode, encode_tree, serialize

__all__ = [
    "CODES",
    "Limits",
    "Problem",
    "Reading",
    "SoapError",
    "decode",
    "encode",
    "encode_tree",
    "read",
    "recall",
    "serialize",
]
