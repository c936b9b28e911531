"""Settings as text: environment variables, and files rendered from Jinja2 templates."""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Mapping, Set
from dataclasses import asdict, dataclass
from typing import Any, Final

from jinja2 import Environment, TemplateError, TemplateSyntaxError, meta

from harness.device.api import SETTINGS, FirewallRule, Settings, SettingValue
from harness.device.profile_keys import shown

NETWORK_NAMES: Final = (
    "wan_interface", "wan_ipv4", "wan_ipv6", "lan_interface", "lan_ipv4", "lan_ipv6",
    "networks", "loopbacks", "source_ipv4", "isolated",
)  # fmt: skip
"""What the driver tells of the network: ``CPECHECK_`` and the name in upper case, and names in templates."""

NAMES: Final = frozenset(
    (*SETTINGS, *NETWORK_NAMES, "ipv6_open_ports", "root_ca", "workdir", "changed", "environment")
)
"""Names that a template may use."""

RULE_NAMES: Final = frozenset(FirewallRule.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Rendering:
    """How templates write booleans and firewall rules; ``rule`` empty is JSON."""

    true: str = "1"
    false: str = "0"
    rule: str = ""
    rule_separator: str = "\n"


class Flag(int):
    """A boolean that is true or false in a template's ``if`` and prints as the device wants it."""

    word: str

    def __new__(cls, value: bool, word: str) -> Flag:
        flag = super().__new__(cls, value)
        flag.word = word
        return flag

    def __str__(self) -> str:
        return self.word


class Rules(tuple[FirewallRule, ...]):
    """Firewall rules to loop over, that print as the profile says."""

    __slots__ = ()
    rendering = Rendering()

    def __str__(self) -> str:
        if not self.rendering.rule:
            return rules_json(self)
        return self.rendering.rule_separator.join(text(self.rendering.rule, asdict(rule)) for rule in self)


def _environment() -> Environment:
    # Not HTML: nothing is escaped, and a device's file keeps its last newline.
    environment = Environment(keep_trailing_newline=True, autoescape=False)
    environment.filters["shell"] = lambda value: shlex.quote(str(value))
    environment.filters["json"] = _json
    return environment


def _json(value: object) -> str:
    plain = bool(value) if isinstance(value, Flag) else value
    return json.dumps(
        plain, default=lambda item: asdict(item) if isinstance(item, FirewallRule) else str(item)
    )


def text(template: str, names: Mapping[str, Any]) -> str:
    """*template* rendered with *names*; a name that is not set is empty.

    Raises:
        Exception: whatever the template does with these values.
    """
    return _environment().from_string(template).render(names)


def fault_in(template: str, names: Set[str]) -> tuple[str, str] | None:
    """What was expected and what was found, if *template* is no Jinja2 or uses other names than *names*."""
    environment = _environment()
    try:
        tree = environment.parse(template)
    except TemplateSyntaxError as error:
        return "a Jinja2 template", f"in its line {error.lineno}: {error.message}"
    except TemplateError as error:
        return "a Jinja2 template", str(error)
    unknown = sorted(meta.find_undeclared_variables(tree) - names)
    if not unknown:
        return None
    close = difflib.get_close_matches(unknown[0], names, 1, 0.6)
    line = next((n for n, row in enumerate(template.splitlines(), 1) if unknown[0] in row), 1)
    hint = f" (did you mean {close[0]}?)" if close else ""
    return f"names among {', '.join(sorted(names))}", f"{unknown[0]} in its line {line}{hint}"


def rules_from(value: object) -> tuple[FirewallRule, ...]:
    """Rules of the IPv6 firewall from their TOML or JSON form.

    Raises:
        ValueError: not that form; says why.
    """
    if not isinstance(value, list | tuple):
        raise ValueError("not a list")
    rules = []
    for item in value:
        if not isinstance(item, Mapping):
            raise ValueError(f"{shown(item)}, which is not a rule")
        unknown = set(item) - set(FirewallRule.__dataclass_fields__)
        missing = {"name", "ports"} - set(item)
        if unknown or missing:
            raise ValueError(f"{min(unknown)} in it" if unknown else f"no {min(missing)}")
        if not isinstance(item["ports"], list | tuple) or not all(
            type(port) is int for port in item["ports"]
        ):
            raise ValueError("ports that are not whole numbers")
        rules.append(
            FirewallRule(**{**item, "ports": tuple(item["ports"]), "sources": tuple(item.get("sources", ()))})
        )
    return tuple(rules)


def rules_json(rules: tuple[FirewallRule, ...]) -> str:
    return json.dumps([asdict(rule) for rule in rules])


def open_ports(rules: tuple[FirewallRule, ...]) -> str:
    """The ports that active accepting rules name, separated by spaces."""
    return " ".join(
        str(port) for rule in rules if rule.active and rule.action == "accept" for port in rule.ports
    )


def environment_of(settings: Settings) -> dict[str, str]:
    """``CPECHECK_<KEY>`` for every setting that has a value."""
    variables = {f"CPECHECK_{key.upper()}": _plain(value) for key, value in settings.items()}
    rules = settings.get("ipv6_inbound_rules")
    if isinstance(rules, tuple):
        variables["CPECHECK_IPV6_OPEN_PORTS"] = open_ports(rules)
    return variables


def _plain(value: SettingValue) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return rules_json(value) if isinstance(value, tuple) else str(value)


def names_of(
    settings: Settings, words: Mapping[str, tuple[str, str]], rendering: Rendering
) -> dict[str, Any]:
    """The settings as a template sees them; *words*: (true, false) of booleans that have their own."""
    names: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, bool):
            on, off = words.get(key, ("", ""))
            names[key] = Flag(value, (on or rendering.true) if value else (off or rendering.false))
        elif isinstance(value, tuple):
            names[key] = type("Rules", (Rules,), {"rendering": rendering})(value)
            names["ipv6_open_ports"] = open_ports(value)
        else:
            names[key] = value
    return names
