"""XML namespaces of SOAP 1.1, XML Schema and CWMP, and the prefixes this project writes."""

from __future__ import annotations

from typing import Final

SOAP_ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP_ENCODING: Final = "http://schemas.xmlsoap.org/soap/encoding/"
XSD: Final = "http://www.w3.org/2001/XMLSchema"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
XML: Final = "http://www.w3.org/XML/1998/namespace"

CWMP_1_0: Final = "urn:dslforum-org:cwmp-1-0"
CWMP_1_1: Final = "urn:dslforum-org:cwmp-1-1"
CWMP_1_2: Final = "urn:dslforum-org:cwmp-1-2"

CWMP: Final = (CWMP_1_0, CWMP_1_1, CWMP_1_2)
"""All there are: versions 1.3 and 1.4 extend the 1-2 namespace (cwmp-1-3.xsd, cwmp-1-4.xsd)."""

CWMP_FAMILY: Final = "urn:dslforum-org:cwmp-"
"""What the namespaces begin with, the invented ones (cwmp-1-3, cwmp-1-4) that devices send too."""

PREFIXES: Final = {
    "soap-env": SOAP_ENVELOPE,
    "soap-enc": SOAP_ENCODING,
    "xsd": XSD,
    "xsi": XSI,
}
"""Prefixes written into every envelope; ``cwmp`` joins them, bound to the namespace of the session."""


def looks_like_cwmp(namespace: str) -> bool:
    """Whether *namespace* is, or pretends to be, one of CWMP's."""
    return namespace.startswith(CWMP_FAMILY)
