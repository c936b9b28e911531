"""Defects of SOAP, session and HTTP."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

from lxml import etree

from harness.cwmp import namespaces as ns
from harness.cwmp.cookies import CookieJar
from harness.cwmp.messages import Envelope, Header, UnknownMessage
from harness.cwmp.soap import Reading
from reference_cpe.defects.registry import defect, rewire
from reference_cpe.http import Headers
from reference_cpe.network import NoSource
from reference_cpe.parts import Parts
from reference_cpe.session import Action, End, Post, Session, State
from reference_cpe.urls import Target

_ARRAY_TYPE = f"{{{ns.SOAP_ENCODING}}}arrayType"
_XSI_TYPE = f"{{{ns.XSI}}}type"


def _strip(parts: Parts, attribute: str) -> None:
    """Drop an attribute wherever it stands."""
    original = parts.envelope.tree

    def tree(envelope: Envelope) -> etree._Element:
        root = original(envelope)
        for element in root.iter():
            if attribute in element.attrib:
                del element.attrib[attribute]
        return root

    rewire(parts.envelope, tree=tree)


@defect("array-type-missing", breaks=["cwmp.soap.array-type"])
def array_type_missing(parts: Parts) -> None:
    """Arrays are written without soapenc:arrayType."""
    _strip(parts, _ARRAY_TYPE)


@defect("value-type-missing", breaks=["cwmp.soap.value-type"])
def value_type_missing(parts: Parts) -> None:
    """Parameter values are written without xsi:type."""
    _strip(parts, _XSI_TYPE)


@defect("id-not-echoed", breaks=["cwmp.soap.id-echo"])
def id_not_echoed(parts: Parts) -> None:
    """Responses carry an ID of the device's own instead of the request's."""

    class Careless(Session):
        def response_header(self, request_id: str | None) -> Header:
            return Header(id="1")

    parts.session = Careless


@defect(
    "dies-on-unknown-rpc",
    breaks=[
        "cwmp.robust.fault-or-clean-end",
        "cwmp.robust.next-session-works",
        "cwmp.session.answers-each-request",
    ],
)
def dies_on_unknown_rpc(parts: Parts) -> None:
    """A method that the device does not know makes it crash."""

    class Fragile(Session):
        def serve(self, reading: Reading) -> Action:
            if reading.envelope is not None and isinstance(reading.envelope.message, UnknownMessage):
                os._exit(139)
            return super().serve(reading)

    parts.session = Fragile


@defect("wedged-after-bad-message", breaks=["cwmp.robust.next-session-works"])
def wedged_after_bad_message(parts: Parts) -> None:
    """After a message that cannot be read the device never opens a session again."""

    def never() -> str:
        raise NoSource("wedged")

    class Wedging(Session):
        def receive(self, status: int, body: bytes) -> Action:
            action = super().receive(status, body)
            if isinstance(action, End) and not action.successful:
                rewire(self.parts.source, address=never)
            return action

    parts.session = Wedging


@defect("expands-entities", breaks=["cwmp.robust.no-entity-expansion"])
def expands_entities(parts: Parts) -> None:
    """A document type is accepted and its entities, external ones included, are expanded."""
    original = parts.reader.read

    def read(data: bytes) -> Reading:
        parser = etree.XMLParser(resolve_entities=True, no_network=False, load_dtd=True)
        try:
            root = etree.fromstring(data, parser)
        except etree.XMLSyntaxError:
            return original(data)
        return original(etree.tostring(root, encoding="utf-8"))

    rewire(parts.reader, read=read)


@defect("no-empty-post", breaks=["cwmp.session.empty-post"])
def no_empty_post(parts: Parts) -> None:
    """The session is closed after InformResponse instead of giving the ACS its turn."""

    class Hasty(Session):
        def proceed(self) -> Action:
            action = super().proceed()
            return action if isinstance(action, Post) and action.body else self.end(True)

    parts.session = Hasty


@defect("one-post-too-many", breaks=["cwmp.session.no-post-after-end"])
def one_post_too_many(parts: Parts) -> None:
    """After the ACS has ended the session another empty POST follows."""

    class Restless(Session):
        asked = False

        def empty(self) -> Action:
            action = super().empty()
            if self.asked or isinstance(action, Post) or not action.successful:
                return action
            self.asked = True
            self.state = State.SERVING
            return Post()

    parts.session = Restless


@defect("empty-post-with-content-type", breaks=["cwmp.http.empty-post-bare"])
def empty_post_with_content_type(parts: Parts) -> None:
    """The empty POST has a Content-Type and a SOAPAction."""
    original = parts.http.post_headers

    def post_headers(target: Target, body: bytes) -> Headers:
        extra = [] if body else [("Content-Type", "text/xml"), ("SOAPAction", "")]
        return [*original(target, body), *extra]

    rewire(parts.http, post_headers=post_headers)


@defect("cookies-dropped", breaks=["cwmp.cookie.returned"], seen="GenieACS issues 79 and 82")
def cookies_dropped(parts: Parts) -> None:
    """Cookies of the ACS are not returned."""

    class Forgetful(CookieJar):
        def store(self, set_cookie: str, *, host: str, path: str, now: float) -> None:
            return None

    parts.new_jar = Forgetful


@defect("cookies-kept", breaks=["cwmp.cookie.discarded"])
def cookies_kept(parts: Parts) -> None:
    """Cookies outlive the session."""
    kept = parts.new_jar()
    parts.new_jar = lambda: kept


@defect("digest-without-count", breaks=["cwmp.auth.nonce-count"])
def digest_without_count(parts: Parts) -> None:
    """The nonce count stays at 1 for every request."""
    original = parts.digest.authorization

    def authorization(challenge: Any, user: Any, method: str, uri: str, _nc: int, cnonce: str) -> str:
        return original(challenge, user, method, uri, 1, cnonce)

    rewire(parts.digest, authorization=authorization)


@defect("namespace-of-1-4", breaks=["cwmp.soap.namespace"])
def namespace_of_1_4(parts: Parts) -> None:
    """Envelopes are written in the namespace cwmp-1-4, which does not exist."""
    original = parts.envelope.tree
    rewire(
        parts.envelope,
        tree=lambda envelope: original(replace(envelope, namespace="urn:dslforum-org:cwmp-1-4")),
    )


@defect("fault-string-shouted", breaks=["cwmp.soap.fault-form"])
def fault_string_shouted(parts: Parts) -> None:
    """The faultstring of a fault is not "CWMP fault"."""
    original = parts.envelope.tree

    def tree(envelope: Envelope) -> etree._Element:
        root = original(envelope)
        for element in root.iter("faultstring"):
            element.text = "Something went wrong"
        return root

    rewire(parts.envelope, tree=tree)


@defect("acs-fault-codes", breaks=["cwmp.fault.codes", "cwmp.robust.fault-or-clean-end"])
def acs_fault_codes(parts: Parts) -> None:
    """The fault for an unknown method carries the code of an ACS, 8000."""
    original = parts.envelope.tree

    def tree(envelope: Envelope) -> etree._Element:
        root = original(envelope)
        for element in root.iter("FaultCode"):
            element.text = "8000" if element.text == "9000" else element.text
        return root

    rewire(parts.envelope, tree=tree)


@defect("soapaction-with-value", breaks=["cwmp.http.soapaction"])
def soapaction_with_value(parts: Parts) -> None:
    """SOAPAction names a URN, on responses too."""
    original = parts.http.style
    rewire(
        parts.http,
        style=lambda headers: [
            (name, "urn:dslforum-org:cwmp" if name == "SOAPAction" else value)
            for name, value in original(headers)
        ],
    )


@defect("content-type-wrong", breaks=["cwmp.http.content-type"])
def content_type_wrong(parts: Parts) -> None:
    """SOAP is sent as application/soap+xml."""
    original = parts.http.style
    rewire(
        parts.http,
        style=lambda headers: [
            (name, "application/soap+xml" if name == "Content-Type" else value)
            for name, value in original(headers)
        ],
    )
