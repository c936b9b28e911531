"""Valid messages of the ACS, made for one device: what every generator starts from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from harness.cwmp import messages as m
from harness.cwmp.soap import encode
from harness.fuzz.facts import DESTRUCTIVE_RPCS, DeviceFacts, ParameterFact
from harness.fuzz.program import Expectation, Wanted
from harness.fuzz.soap.xml_tree import parse, paths

NO_SUCH_METHOD: Final = "X_000000_NoSuchMethod"
NO_SUCH_ROW: Final = 987654
_ID: Final = "fuzz"
_MARK: Final = f">{_ID}</cwmp:ID>".encode()
_KEY: Final = "fuzz"
_REFUSED_KEY: Final = "fuzz refused"
"""Of messages that must be refused: a device that takes it along shows it in ManagementServer.ParameterKey."""
_SOME: Final = 40
"""Names that a pool holds of a large model."""
FRESH: Final = {
    "string": "fuzz", "boolean": "1", "int": "1", "long": "1", "unsignedInt": "1", "unsignedLong": "1",
    "dateTime": "2026-01-01T00:00:00Z", "base64": "AAAA", "base64Binary": "AAAA", "hexBinary": "00ff", "decimal": "1",
}  # fmt: skip
"""A legal value of each type."""
_LENGTHS: Final = {"DeviceInfo.ProvisioningCode": 64}
"""Greatest lengths that TR-181 fixes for parameters that are usually safe."""


class Effect(Enum):
    """What a correct device does with the message as it stands."""

    READ = "read"
    REFUSED = "refused"
    WRITE = "write"
    """It sets a safe parameter, or adds a row to a safe table."""
    DESTRUCTIVE = "destructive"


@dataclass(frozen=True, slots=True)
class Template:
    """One valid message. ``body`` has the ID ``fuzz``; `identified` gives it another."""

    name: str
    rpc: str
    body: bytes
    effect: Effect
    expectation: Expectation
    places: tuple[str, ...]
    """Paths of all its elements, in no order that means anything."""
    texts: tuple[str, ...]
    """Paths of the elements that hold text, the ID left out."""
    arrays: tuple[str, ...]

    def identified(self, identity: str) -> bytes:
        """The message with *identity* as its ID (letters, digits, dots, hyphens)."""
        return self.body.replace(_MARK, f">{identity}</cwmp:ID>".encode(), 1)


def usable_identity(text: str) -> str:
    """*text* with all that `Template.identified` cannot take replaced."""
    return re.sub(r"[^0-9A-Za-z._-]", "-", text)[:200] or _ID


def _template(
    name: str, namespace: str, message: m.Message, effect: Effect, expectation: Expectation
) -> Template:
    body = encode(m.Envelope(message, m.Header(id=_ID), namespace))
    found = paths(parse(body).root)
    places = tuple(sorted(found))
    texts = tuple(p for p in places if not found[p].elements() and "/Body/" in p and p.count("/") > 2)
    arrays = tuple(p for p in places if any(key.endswith(":arrayType") for key, _ in found[p].attributes))
    rpc = message.name if isinstance(message, m.UnknownMessage) else type(message).__name__
    return Template(name, rpc, body, effect, expectation, places, texts, arrays)


_SUCCESS: Final = Expectation(Wanted.SUCCESS)


def _fault(requirement: str, because: str, *codes: int) -> Expectation:
    return Expectation(Wanted.FAULT, codes, requirement, because)


class Templates:
    """All templates for one device, by name, and the names and values that edits draw from."""

    def __init__(self, device: DeviceFacts) -> None:
        self.device = device
        self.known = device.known
        self.branch = f"{device.root}DeviceInfo."
        self.readable = _some([p.name for p in device.parameters]) or (self.known,)
        self.objects = _some([o.path for o in device.objects]) or (device.root, self.branch)
        self.read_only = next((p.name for p in device.parameters if not p.writable), self.known)
        self.safe = device.safe
        self.text = _text_parameter(device)
        """The safe string parameter that long texts are written to; ``None`` where there is none."""
        self.table = next((o for o in device.objects if o.safe and not o.row), None)
        self.named: dict[str, Template] = {template.name: template for template in self._all()}

    def longest(self, parameter: ParameterFact) -> int | None:
        """Characters that *parameter* may have, where that is known."""
        standard = _LENGTHS.get(parameter.name.removeprefix(self.device.root))
        return parameter.longest if parameter.longest is not None else standard

    def usable(self) -> tuple[Template, ...]:
        """The templates that may be run: destructive ones only where that is allowed."""
        allowed = self.device.destructive
        return tuple(t for t in self.named.values() if allowed or t.effect is not Effect.DESTRUCTIVE)

    def _all(self) -> Iterator[Template]:
        space = self.device.namespace
        for name, message in self._reads():
            yield _template(name, space, message, Effect.READ, _SUCCESS)
        for name, message, expectation in self._refused():
            yield _template(name, space, message, Effect.REFUSED, expectation)
        for name, message in self._writes():
            yield _template(name, space, message, Effect.WRITE, Expectation())
        for name, message in self._destructive():
            yield _template(name, space, message, Effect.DESTRUCTIVE, Expectation())

    def _reads(self) -> Iterator[tuple[str, m.Message]]:
        several = (self.known, *[name for name in self.readable if name != self.known][:5])
        yield "methods", m.GetRPCMethods()
        yield "read-one", m.GetParameterValues((self.known,))
        yield "read-several", m.GetParameterValues(several)
        yield "read-branch", m.GetParameterValues((self.branch,))
        yield "names-of-branch", m.GetParameterNames(self.branch, False)
        yield "names-of-root", m.GetParameterNames(self.device.root, True)
        yield "names-of-one", m.GetParameterNames(self.known, False)
        yield "attributes-of-one", m.GetParameterAttributes((self.known,))
        yield "attributes-of-several", m.GetParameterAttributes(several)
        if "GetQueuedTransfers" in self.device.rpcs:
            yield "queued", m.GetQueuedTransfers()
        if "GetAllQueuedTransfers" in self.device.rpcs:
            yield "all-queued", m.GetAllQueuedTransfers()

    def _refused(self) -> Iterator[tuple[str, m.Message, Expectation]]:
        nothing = f"{self.device.root}X_000000_NoSuch."
        value = m.ParameterValueStruct(self.read_only, "fuzz")
        yield (
            "write-refused",
            m.SetParameterValues((value,), _REFUSED_KEY),
            _fault("cwmp.set.fault-codes", "TR-069 A.3.2.1: not writable", 9003),
        )
        yield (
            "unknown-method",
            m.UnknownMessage(self.device.namespace, NO_SUCH_METHOD),
            _fault("cwmp.soap.unknown-method", "TR-069 3.5, A.5: method not supported", 9000),
        )
        yield (
            "add-refused",
            m.AddObject(self.branch, _REFUSED_KEY),
            _fault("cwmp.add.bad-name", "TR-069 A.3.2.6: not a table", 9003, 9005),
        )
        yield (
            "delete-refused",
            m.DeleteObject(f"{self.table.path if self.table else nothing}{NO_SUCH_ROW}.", _REFUSED_KEY),
            _fault("cwmp.delete.bad-name", "TR-069 A.3.2.7: no such instance", 9003, 9005),
        )
        unknown = m.SetParameterAttributesStruct(f"{nothing}Parameter", True, 0, False)
        yield (
            "attributes-refused",
            m.SetParameterAttributes((unknown,)),
            _fault("cwmp.fault.codes", "TR-069 A.3.2.4, A.5: no such parameter", *_ATTRIBUTE_FAULTS),
        )

    def _writes(self) -> Iterator[tuple[str, m.Message]]:
        if self.text is not None:
            one = m.ParameterValueStruct(self.text.name, "fuzz")
            kept = m.SetParameterAttributesStruct(self.text.name, False, 0, False)
            same = m.ParameterValueStruct(self.text.name, self.text.value)
            yield "write-text", m.SetParameterValues((one,), _KEY)
            yield "write-same-text", m.SetParameterValues((same,), _KEY)
            yield "attributes-kept", m.SetParameterAttributes((kept,))
        for type_, parameter in _one_of_each_type(self.safe).items():
            same = m.ParameterValueStruct(parameter.name, parameter.value, parameter.type)
            yield f"write-{type_}", m.SetParameterValues((same,), _KEY)
        several = tuple(m.ParameterValueStruct(p.name, p.value, p.type) for p in self.safe[:6])
        if len(several) > 1:
            yield "write-several", m.SetParameterValues(several, _KEY)
        if self.table is not None:
            yield "add", m.AddObject(self.table.path, _KEY)

    def _destructive(self) -> Iterator[tuple[str, m.Message]]:
        server = f"{self.device.root}ManagementServer."
        url = m.ParameterValueStruct(f"{server}URL", "@{acs.url}")
        user = m.ParameterValueStruct(f"{server}ConnectionRequestUsername", "fuzz")
        yield "write-acs-url", m.SetParameterValues((url,), _KEY)
        yield "write-credentials", m.SetParameterValues((user,), _KEY)
        yield "reboot", m.Reboot(_KEY)
        supported: tuple[tuple[str, m.Message], ...] = (
            ("factory-reset", m.FactoryReset()),
            ("download", m.Download(_KEY, "3 Vendor Configuration File", "@{file.url}")),
            ("upload", m.Upload(_KEY, "3 Vendor Configuration File 1", "@{file.url}")),
            ("schedule-inform", m.ScheduleInform(3600, _KEY)),
            ("cancel-transfer", m.CancelTransfer(_KEY)),
            ("schedule-download", self._schedule_download()),
        )
        for name, message in supported:
            if type(message).__name__ in self.device.rpcs:
                yield name, message

    @staticmethod
    def _schedule_download() -> m.ScheduleDownload:
        window = m.TimeWindowStruct(3600, 7200, "1 At Any Time")
        kind = "3 Vendor Configuration File"
        return m.ScheduleDownload(_KEY, kind, "@{file.url}", "", "", 0, "", (window,))


_ATTRIBUTE_FAULTS: Final = (9003, 9005)


def _some(names: list[str]) -> tuple[str, ...]:
    """Evenly spread over a long list."""
    step = max(1, len(names) // _SOME)
    return tuple(names[::step])


def _text_parameter(device: DeviceFacts) -> ParameterFact | None:
    texts = [p for p in device.safe if p.type == "xsd:string"]
    standard = [p for p in texts if p.name.removeprefix(device.root) in _LENGTHS]
    limited = [p for p in texts if p.longest is not None]
    return next(iter((*standard, *limited, *texts)), None)


def _one_of_each_type(parameters: tuple[ParameterFact, ...]) -> dict[str, ParameterFact]:
    found: dict[str, ParameterFact] = {}
    for parameter in parameters:
        found.setdefault(parameter.type.rpartition(":")[2], parameter)
    return found


_WORDS: Final = re.compile(rb"[A-Za-z0-9_.-]{3,}")
_CHANGES: Final = ("SetParameter", "DeleteObject", "AddObject")


class Guard:
    """Tells messages that might harm the device, whatever it makes of them.

    A message that carries the name of a destructive RPC, or that changes something and names a parameter or
    table that is writable but not safe (in any case, with anything before or after it), is not let through.
    """

    def __init__(self, device: DeviceFacts) -> None:
        self._allowed = device.destructive
        self._rpcs = tuple(name.encode() for name in DESTRUCTIVE_RPCS)
        self._unsafe = frozenset((*_unsafe(device), f"{device.root}ManagementServer".lower()))
        self._deepest = max((path.count(".") for path in self._unsafe), default=0) + 1

    def lets_through(self, body: bytes) -> bool:
        """Whether *body* may be sent. Expects the message before it is coded other than in UTF-8."""
        if self._allowed:
            return True
        body = body.replace(b"\0", b"")
        if any(name in body for name in self._rpcs):
            return False
        if not any(name.encode() in body for name in _CHANGES):
            return True
        words = {word for word in _WORDS.findall(body) if b"." in word}
        return not any(self._is_unsafe(word.decode().lower()) for word in words)

    def _is_unsafe(self, word: str) -> bool:
        # A device that cuts a name short, or overlooks what follows, must not find an unsafe one either.
        steps = word.strip(".").split(".", self._deepest)[: self._deepest]
        paths = {".".join(steps[:count]) for count in range(1, len(steps) + 1)}
        return not self._unsafe.isdisjoint(paths)


def _unsafe(device: DeviceFacts) -> Iterator[str]:
    for parameter in device.parameters:
        if parameter.writable and not parameter.safe:
            yield parameter.name.lower()
    for item in device.objects:
        if item.writable and not item.safe:
            yield item.path.strip(".").lower()
