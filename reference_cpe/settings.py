"""The settings of LANCOM's CWMP page: label, type, range, default, and the checks each value passes.

Source of labels and ranges: LCOS reference manual, "CWMP" page of LANconfig, and the LCOS 10.94 MIB
(``Setup > CWMP``). Where neither states a default, the one here is this project's own choice.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from reference_cpe import urls
from reference_cpe.store import Store


@dataclass(frozen=True, slots=True)
class Rule:
    """One inbound rule of the IPv6 firewall (TCP). Of two that match, the higher ``priority`` wins.

    ``ports`` empty is every port, ``sources`` empty every source.
    """

    name: str
    ports: tuple[int, ...] = ()
    action: str = "accept"
    active: bool = True
    priority: int = 0
    sources: tuple[str, ...] = ()


class Refused(ValueError):
    """A value that the device does not take; the message is the reason in a few words."""


class SettingsRefused(ValueError):
    """A change that the device does not make; ``errors`` has the reason for every bad key."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(f"{key}: {reason}" for key, reason in errors.items()))
        self.errors = errors


_UNPRINTABLE = re.compile("[\\x00-\\x1f\\x7f\\ud800-\\udfff]")

# --- checks -------------------------------------------------------------------------------------------


def text(maximum: int) -> Callable[[object], str]:
    def check(value: object) -> str:
        if not isinstance(value, str):
            raise Refused("expected a string")
        if len(value) > maximum:
            raise Refused(f"longer than {maximum} characters")
        if _UNPRINTABLE.search(value):
            raise Refused("holds control characters")
        return value

    return check


def boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused("expected true or false")
    return value


def number(low: int, high: int) -> Callable[[object], int]:
    def check(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise Refused("expected a whole number")
        if not low <= value <= high:
            raise Refused(f"expected {low} to {high}")
        return value

    return check


def acs_url(value: object) -> str:
    url = text(256)(value)
    if url:
        try:
            target = urls.parse(url)
        except urls.BadUrl as error:
            raise Refused(str(error)) from None
        if target.user_info:
            raise Refused("holds a user name: ACS username and password have settings of their own")
    return url


def rules(value: object) -> tuple[Rule, ...]:
    if not isinstance(value, list | tuple):
        raise Refused("expected a list of rules")
    checked = tuple(item if isinstance(item, Rule) else _rule(item) for item in value)
    names = [rule.name for rule in checked]
    if len(set(names)) != len(names):
        raise Refused("two rules have the same name")
    return checked


def _rule(item: object) -> Rule:
    if not isinstance(item, Mapping) or set(item) - set(Rule.__dataclass_fields__):
        raise Refused(f"a rule has {', '.join(Rule.__dataclass_fields__)}")
    name = text(36)(item.get("name", ""))
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
        raise Refused("a rule's name is 1 to 36 letters, digits, _ . -")
    ports, sources, action = item.get("ports", ()), item.get("sources", ()), item.get("action", "accept")
    if not isinstance(ports, list | tuple) or not isinstance(sources, list | tuple):
        raise Refused("ports and sources are lists")
    if action not in ("accept", "drop", "reject"):
        raise Refused("action is accept, drop or reject")
    return Rule(
        name,
        tuple(number(1, 65535)(port) for port in ports),
        action,
        boolean(item.get("active", True)),
        number(0, 65535)(item.get("priority", 0)),
        tuple(_source(source) for source in sources),
    )


def _source(value: object) -> str:
    try:
        return str(ipaddress.IPv6Network(text(64)(value), strict=False))
    except ValueError:
        raise Refused("a source is an IPv6 address or prefix") from None


# --- the table ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``name`` is the LCOS object, as scripts write it below ``/Setup/CWMP/``."""

    key: str
    label: str
    name: str
    type: str
    range: str
    default: Any
    check: Callable[[object], Any]
    secret: bool = False


_ON_OFF = ("boolean", "false, true")
_TEXT = ("string", "0..256 characters")
SETTINGS: Final[dict[str, Setting]] = {
    row[0]: Setting(*row)
    for row in (
        ("cwmp_active", "CWMP activated", "Operating", *_ON_OFF, True, boolean),
        ("acs_url", "ACS URL", "ACS-URL", "string", "empty, or http(s) URL to 256 characters", "", acs_url),
        ("acs_username", "ACS username", "ACS-Username", *_TEXT, "", text(256)),
        ("acs_password", "ACS password", "ACS-Password", *_TEXT, "", text(256), True),
        ("connection_request_username", "Connection request user", "Connection-Request-Username",
         *_TEXT, "", text(256)),
        ("connection_request_password", "Connection request password", "Connection-Request-Password",
         *_TEXT, "", text(256), True),
        ("port", "Port", "Local-Port", "integer", "0..65535; 0 is off", 7547, number(0, 65535)),
        ("source_address", "Source address", "Loopback-Address", "string",
         "0..39 characters: network name, loopback name, own address; empty is automatic", "", text(39)),
        ("periodic_inform_active", "Periodic inform activated", "Periodic-Inform-Enable", *_ON_OFF,
         True, boolean),
        ("periodic_inform_interval", "Periodic inform interval", "Periodic-Inform-Interval", "integer",
         "1..2147483647 s", 1200, number(1, 2**31 - 1)),
        ("allow_file_transmission", "Allow file transmission (firmware or script)", "Allow-File-Download",
         *_ON_OFF, True, boolean),
        ("allow_firmware_updates", "Allow firmware updates", "Upgrades-Managed", *_ON_OFF, True, boolean),
        ("allow_credential_change", "Allow changing of the user credentials for connection request",
         "Allow-User-Change", *_ON_OFF, True, boolean),
        ("ipv6_inbound_rules", "IPv6 firewall, inbound rules", "", "list",
         "rules: name, ports, action, active, priority, sources", (), rules),
    )
}  # fmt: skip
"""Every setting, by key."""

CREDENTIALS: Final = frozenset({"connection_request_username", "connection_request_password"})
"""What "Allow changing of the user credentials for connection request" guards against the ACS."""

Change = dict[str, tuple[Any, Any]]
"""What a change did: key to (before, after)."""


class Settings:
    """The settings in force: the stored ones over the factory's. Seams: `value`, `check`, `change`."""

    def __init__(self, store: Store, factory: Mapping[str, Any]) -> None:
        self._store = store
        self.factory = {key: setting.default for key, setting in SETTINGS.items()} | dict(factory)
        self.changed: Callable[[Change], object] = lambda _change: None
        """Called after every change that was made."""
        self.port_obstacle: Callable[[int], str] = lambda _port: ""
        """Why nobody can listen on a port now, empty when one can. Set at assembly."""

    def value(self, key: str) -> Any:
        stored = self._store.get("settings", {})
        value = SETTINGS[key].check(stored[key]) if key in stored else self.factory[key]
        # Only where nobody has set a URL does that of DHCP count (TR-069 3.1).
        return value or (self._store.get("dhcp") or {}).get(key, value) if key == "acs_url" else value

    def all(self) -> dict[str, Any]:
        return {key: self.value(key) for key in SETTINGS}

    def check(self, key: str, value: object) -> Any:
        """*value* as it would be stored.

        Raises:
            Refused: it is not one; or there is no such setting.
        """
        if key not in SETTINGS:
            raise Refused("no such setting")
        return SETTINGS[key].check(value)

    def check_all(self, wanted: Mapping[str, object]) -> dict[str, Any]:
        """All of *wanted*, checked.

        Raises:
            SettingsRefused: one is bad.
        """
        good: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for key, value in wanted.items():
            try:
                good[key] = self.check(key, value)
            except Refused as error:
                errors[key] = str(error)
        if errors:
            raise SettingsRefused(errors)
        return good

    def change(self, wanted: Mapping[str, object], **beside: Any) -> Change:
        """Make all changes or none; *beside* are other values of the store to write in the same step.

        Raises:
            SettingsRefused: one is bad; nothing is changed.
            OSError: the store could not be written; nothing is changed.
        """
        good = self.check_all(wanted)
        self._check_port(good)
        before = {key: self.value(key) for key in good}
        stored = {**self._store.get("settings", {}), **{key: to_json(value) for key, value in good.items()}}
        self._store.update(settings=stored, **beside)
        change = {key: (before[key], value) for key, value in good.items() if before[key] != value}
        if change:
            self.changed(change)
        return change

    def _check_port(self, wanted: Mapping[str, Any]) -> None:
        """A port that the device would have to listen on, but cannot, is refused with the whole change."""
        present = self.value("port") if self.value("cwmp_active") else 0
        port = (
            wanted.get("port", self.value("port"))
            if wanted.get("cwmp_active", self.value("cwmp_active"))
            else 0
        )
        if "port" in wanted and port not in (0, present) and (reason := self.port_obstacle(port)):
            raise SettingsRefused({"port": reason})


def to_json(value: Any) -> Any:
    return [asdict(rule) for rule in value] if isinstance(value, tuple) else value


def check_factory(given: Mapping[str, object]) -> dict[str, Any]:
    """The ``[settings]`` table of a configuration file, checked.

    Raises:
        Refused: naming the key and the reason.
    """
    checked = {}
    for key, value in given.items():
        if key not in SETTINGS:
            raise Refused(f"{key}: unknown, expected one of {', '.join(SETTINGS)}")
        try:
            checked[key] = SETTINGS[key].check(value)
        except Refused as error:
            raise Refused(f"{key}: {error}") from None
    return checked


def schema() -> list[dict[str, Any]]:
    """The table for the JSON API."""
    return [
        {
            "key": setting.key,
            "label": setting.label,
            "type": setting.type,
            "range": setting.range,
            "default": to_json(setting.default),
            "secret": setting.secret,
        }
        for setting in SETTINGS.values()
    ]
