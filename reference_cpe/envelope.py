"""How the device writes and reads SOAP envelopes."""

from __future__ import annotations

from lxml import etree

from harness.cwmp import soap
from harness.cwmp.messages import Envelope
from harness.cwmp.soap import Reading


class EnvelopeWriter:
    """Typed envelope to bytes in two steps. Seams: `tree`, `serialize`."""

    def tree(self, envelope: Envelope) -> etree._Element:
        return soap.encode_tree(envelope)

    def serialize(self, tree: etree._Element) -> bytes:
        return soap.serialize(tree)

    def write(self, envelope: Envelope) -> bytes:
        return self.serialize(self.tree(envelope))


class EnvelopeReader:
    """Bytes to typed envelope. Seam: `read`."""

    def read(self, data: bytes) -> Reading:
        return soap.read(data)
