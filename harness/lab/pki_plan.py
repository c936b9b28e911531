"""Chains in words: what a table of certificate cases is written in, before any key exists.

A plan reads like the chain that it builds and is made on a bench, for the names that hold there::

    ROOT.leaf(HOST)                                  # good
    ROOT.ca(not_after=-10).leaf(HOST)                # an intermediate that expired
    ROOT.ca(path_length=0).ca().leaf(HOST)           # one intermediate too many
    ROOT.ca().leaf(HOST).sent(0)                     # an intermediate that is not sent
    fresh_root(hash="sha1").leaf(HOST)               # the root is the case

Names may hold ``{host}`` (the host of the ACS URL), and of a DNS name ``{label}`` and ``{parent}``; also ``{v4}``
and ``{v6}``. Equal plans give the same certificates in one `World`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, Unpack

from cryptography import x509

from harness.lab.pki import Authority, Identity, self_signed
from harness.lab.pki_fields import Fields, LeafFields

HOST: Final = "{host}"


@dataclass(frozen=True, slots=True)
class Name:
    """A name for subjectAltName of a certain kind: ``dns``, ``ip``, ``email`` or ``uri``."""

    kind: str
    text: str


def dns(text: str) -> Name:
    """A dNSName, whatever it reads as."""
    return Name("dns", text)


def email(text: str) -> Name:
    return Name("email", text)


def uri(text: str) -> Name:
    return Name("uri", text)


Step: TypeAlias = tuple[str, tuple[Any, ...], tuple[tuple[str, Any], ...]]
"""A call: method, arguments, keywords."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An authority or a server identity to be: where it begins, and the calls that lead from there."""

    base: str
    steps: tuple[Step, ...] = ()
    keywords: tuple[tuple[str, Any], ...] = ()
    """Of a root that is made for the plan."""

    def _then(self, method: str, *arguments: Any, **keywords: Any) -> Plan:
        step = (method, arguments, tuple(sorted(keywords.items())))
        return replace(self, steps=(*self.steps, step))

    def ca(self, name: str = "bench issuing CA", **fields: Unpack[Fields]) -> Plan:
        """A CA below."""
        return self._then("ca", name, **fields)

    def cas(self, count: int) -> Plan:
        """*count* CAs, one below the other."""
        plan = self
        for number in range(1, count + 1):
            plan = plan.ca(f"bench issuing CA {number}")
        return plan

    def leaf(self, *names: str | Name, **fields: Unpack[LeafFields]) -> Plan:
        """A server certificate."""
        return self._then("leaf", *names, **fields)

    def issuing(self) -> Plan:
        """The server certificate as an issuer, which it has no right to be."""
        return self._then("issuing")

    def also(self, *others: Plan) -> Plan:
        """Have the certificates of these authorities at hand, behind the root."""
        return self._then("also", *others)

    def sent(self, *order: int) -> Plan:
        """Send these certificates: 0 is the leaf, 1 its issuer ... then those of `also`."""
        return self._then("sent", *order)

    @property
    def depth(self) -> int:
        """CAs between root and server certificate."""
        return sum(method in ("ca", "issuing") for method, _, _ in self.steps)

    def twin(self) -> Plan:
        """The valid plan of the same shape: as many CAs, the same kinds of keys and signatures, the right name."""
        kept = ("key", "hash")
        plan = ROOT
        for method, _, keywords in self.steps:
            usual = {name: value for name, value in keywords if name in kept and value not in ("md5", "sha1")}
            if method == "ca":
                plan = plan._then("ca", "bench issuing CA", **_plain(usual))
            elif method == "issuing":
                plan = replace(plan, steps=plan.steps[:-1])._then("ca", "bench issuing CA")
            elif method == "leaf":
                plan = plan._then("leaf", HOST, **_plain(usual))
        return plan if any(step[0] == "leaf" for step in plan.steps) else plan.leaf(HOST)


def _plain(keywords: dict[str, Any]) -> dict[str, Any]:
    """Keywords of a twin: keys are its own, and long enough."""
    kind = str(keywords.get("key", "")).partition("#")[0]
    if not kind or kind == "p256":
        return {name: value for name, value in keywords.items() if name != "key"}
    short = {"rsa512", "rsa768", "rsa1024", "rsa1536"}
    return {**keywords, "key": "rsa2048" if kind in short else "p256" if kind == "p192" else kind}


ROOT: Final = Plan("root")
"""The root that is stored on the device."""
OTHER_ROOT: Final = Plan("other")
"""A root that is not stored."""
FORGED_ROOT: Final = Plan("forged")
"""A root of the stored one's name with another key."""
SELF: Final = Plan("self")
"""No root: what is below it is signed with its own key."""


def fresh_root(name: str = "fresh root", **fields: Unpack[Fields]) -> Plan:
    """A root made for one case, to be stored on the device for it."""
    return Plan("fresh", keywords=(("name", name), *sorted(fields.items())))


@dataclass(slots=True)
class World:
    """Where plans come true: the bench's roots, and the host of the ACS URL."""

    roots: Mapping[str, Authority]
    """By base: root, other, forged."""
    host: str
    v4: str = ""
    v6: str = ""
    _made: dict[Plan, Authority | Identity] = field(default_factory=dict)

    def identity(self, plan: Plan) -> Identity:
        """What a server shows.

        Raises:
            TypeError: the plan ends at an authority.
        """
        made = self._make(plan)
        if not isinstance(made, Identity):
            raise TypeError("the plan has no leaf")
        return made

    def authority(self, plan: Plan) -> Authority:
        """An authority.

        Raises:
            TypeError: the plan ends at a leaf.
        """
        made = self._make(plan)
        if not isinstance(made, Authority):
            raise TypeError("the plan ends at a leaf")
        return made

    @property
    def _now(self) -> Any:
        return self.roots["root"].now

    def _make(self, plan: Plan) -> Authority | Identity:
        if plan not in self._made:
            self._made[plan] = self._step(plan) if plan.steps else self._begin(plan)
        return self._made[plan]

    def _begin(self, plan: Plan) -> Authority:
        if plan.base != "fresh":
            return self.roots[plan.base]
        return Authority.create(now=self._now, **dict(self._filled(plan.keywords)))

    def _step(self, plan: Plan) -> Authority | Identity:
        method, arguments, keywords = plan.steps[-1]
        filled = dict(self._filled(keywords))
        if plan.base == "self" and len(plan.steps) == 1:
            return self_signed(*map(self._name, arguments), now=self._now, **filled)
        before = self._make(replace(plan, steps=plan.steps[:-1]))
        match before, method:
            case Authority(), "ca":
                return before.ca(*arguments, **filled)
            case Authority(), "leaf":
                return before.leaf(*map(self._name, arguments), **filled)
            case Identity(), "issuing":
                return before.issuing(self._now)
            case Identity(), "also":
                return before.also(*map(self.authority, arguments))
            case Identity(), "sent":
                return before.sent(*arguments)
            case _:
                raise TypeError(f"{method} does not follow here")

    def _filled(self, keywords: Sequence[tuple[str, Any]]) -> list[tuple[str, Any]]:
        return [(name, self._value(value)) for name, value in keywords]

    def _value(self, value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(map(self._value, value))
        if isinstance(value, Name):
            return self._name(value)
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        label, _, parent = self.host.partition(".")
        return text.format(host=self.host, label=label, parent=parent, v4=self.v4, v6=self.v6)

    def _name(self, name: str | Name) -> x509.GeneralName | str:
        if isinstance(name, str):
            return self._text(name)
        text = self._text(name.text)
        match name.kind:
            case "dns":
                return x509.DNSName(text)
            case "email":
                return x509.RFC822Name(text)
            case "uri":
                return x509.UniformResourceIdentifier(text)
            case _:
                return x509.IPAddress(ipaddress.ip_address(text))
