"""From a template and edits to a program of the surface soap, and what a correct device may do with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.parsers import expat

from harness.fuzz.facts import DeviceFacts
from harness.fuzz.program import Action, Edit, Expect, Expectation, Origin, Program, Reply, Surface, Wanted
from harness.fuzz.soap.dictionary import filled_paths
from harness.fuzz.soap.edits import apply
from harness.fuzz.soap.templates import Effect, Guard, Template, Templates, usable_identity

CLEAN_END: Final = "cwmp.robust.fault-or-clean-end"
NO_EXPANSION: Final = "cwmp.robust.no-entity-expansion"
SPELLINGS: Final = "cwmp.soap.xml-spellings"
ANY: Final = Expectation()
ILL_FORMED: Final = Expectation(
    Wanted.NOT_OBEYED, (), CLEAN_END, "XML 1.0 1.2: a fatal error ends normal processing"
)
INVALID: Final = Expectation(Wanted.NOT_OBEYED, (), CLEAN_END, "TR-069 3.5; cwmp XML schemas")
ALIKE: Final = Expectation(Wanted.SUCCESS, (), SPELLINGS, "XML 1.0; Namespaces in XML 1.0")

_LIMITS: Final = frozenset(
    {
        1,  # XML_ERROR_NO_MEMORY
        18,  # XML_ERROR_UNKNOWN_ENCODING: another parser may know it
        19,  # XML_ERROR_INCORRECT_ENCODING
        30,  # XML_ERROR_NOT_STARTED
        43,  # XML_ERROR_AMPLIFICATION_LIMIT_BREACH
    }
)
"""Errors of expat that say nothing about the document's well-formedness."""


def is_ill_formed(data: bytes) -> bool:
    """Whether *data* is surely not well-formed XML 1.0: then no correct device carries it out.

    A false answer is no promise: what another parser may read in another way counts as well-formed.
    """
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"} or b"<!DOCTYPE" in data:
        return False
    parser = expat.ParserCreate()
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        return error.code not in _LIMITS
    except (ValueError, LookupError):
        return False
    return False


def deserved(expectation: Expectation, body: bytes, valid: bytes, of_template: Expectation) -> Expectation:
    """*expectation*, where *body*, made of the message *valid*, really is what it rests on.

    Edits may meet a place where they change nothing, or undo each other: a correct device obeys what comes of them.
    """
    if body == valid and expectation.wanted in (Wanted.NOT_OBEYED, Wanted.FAULT):
        return expectation if of_template.wanted is expectation.wanted else of_template
    # What stands behind an unfinished document type declaration is judged by the hand that wrote it.
    if expectation == ILL_FORMED and b"<!DOCTYPE" not in body and not is_ill_formed(body):
        return ANY
    return expectation


class Kitchen:
    """What the generators of this surface share: templates for one device, its paths, the guard."""

    def __init__(self, device: DeviceFacts) -> None:
        self.device = device
        self.templates = Templates(device)
        self.guard = Guard(device)
        table = self.templates.table.path if self.templates.table else f"{device.root}X_000000_Table."
        self.paths = filled_paths(device.root, self.templates.known, table)
        self.names = (*self.paths, *self.templates.readable[:20], *self.templates.objects[:10])
        usable = self.templates.usable()
        self.harmless = tuple(t for t in usable if t.effect is not Effect.DESTRUCTIVE)
        self.destructive = tuple(t for t in usable if t.effect is Effect.DESTRUCTIVE)

    def program(
        self,
        template: Template,
        edits: Sequence[Edit],
        expectation: Expectation,
        says: str,
        *,
        generator: str,
        dimension: str,
        seed: int = 0,
        name: str = "",
    ) -> Program:
        """A program of one message. Where the guard refuses what the edits made, the valid message itself."""
        valid = template.identified(usable_identity(name.removeprefix("soap.")) if name else f"{seed:x}")
        body = apply(valid, edits)
        if not self.guard.lets_through(body) and template.effect is not Effect.DESTRUCTIVE:
            body, edits, expectation, says = valid, (), template.expectation, "a valid message"
        expectation = deserved(expectation, body, valid, template.expectation)
        origin = Origin(
            generator,
            dimension,
            seed,
            name,
            valid,
            tuple(edits),
            template.effect is Effect.DESTRUCTIVE,
        )
        return Program(Surface.SOAP, message(body), expectation, f"{template.rpc}: {says}", origin)


def message(body: bytes) -> tuple[Action, ...]:
    """The actions that send *body* and wait for the answer."""
    return (Reply(body), Expect())
