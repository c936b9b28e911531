"""The page's fields: their groups and help, and the way from a submitted form to settings and back."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reference_cpe.settings import SETTINGS, Setting, to_json

_NOT_FOUND: Final = "expected a whole number"


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    intro: str
    help: Mapping[str, str]
    """Setting key to help text; the order is the page's."""


GROUPS: Final = (
    Group(
        "ACS",
        "The auto-configuration server that manages this device.",
        {
            "cwmp_active": "Master switch. When off, the device contacts no ACS and accepts no connection request.",
            "acs_url": "Address of the ACS as an http or https URL; the host is a name, an IPv4 address, or an "
            "IPv6 address in brackets. HTTPS is preferred: over HTTP passwords travel unencrypted. HTTPS needs "
            "the CWMP root CA certificate below.",
            "acs_username": "User name with which the device logs in to the ACS.",
            "acs_password": "Password with which the device logs in to the ACS.",
        },
    ),
    Group(
        "Connection request",
        "How the ACS asks this device to open a session.",
        {
            "connection_request_username": "User name that the ACS must give. Without user and password nobody "
            "can wake the device.",
            "connection_request_password": "Password that the ACS must give.",
            "port": "Local TCP port on which the device listens. Over IPv6 it also needs an inbound rule below.",
            "source_address": "Name of an IP network, name of a loopback address, or an address of the device, "
            "from which it contacts the ACS. Loopback addresses leave masked WAN connections unmasked.",
        },
    ),
    Group(
        "Periodic inform",
        "Regular contact with the ACS.",
        {
            "periodic_inform_active": "The device contacts the ACS at regular intervals.",
            "periodic_inform_interval": "Time between the end of one session and the next periodic inform.",
        },
    ),
    Group(
        "Permissions",
        "What the ACS may do on this device.",
        {
            "allow_file_transmission": "The ACS may have the device fetch files. Firmware needs this and the next.",
            "allow_firmware_updates": "The ACS may replace the firmware.",
            "allow_credential_change": "The ACS may set connection request user and password.",
        },
    ),
)
_UNITS: Final = {"periodic_inform_interval": "seconds"}
RULE_FIELDS: Final = ("name", "active", "priority", "action", "ports", "sources")


@dataclass(frozen=True, slots=True)
class Field:
    """One field as the page shows it. ``value`` of a password is always empty."""

    key: str
    label: str
    kind: str
    """``switch``, ``number``, ``text`` or ``password``."""
    value: Any
    help: str
    range: str
    default: str
    unit: str
    stored: bool
    """Whether a password is stored."""
    error: str


def fields(
    settings: Mapping[str, Any],
    defaults: Mapping[str, Any],
    given: Mapping[str, str] | None,
    errors: Mapping[str, str],
) -> list[tuple[Group, list[Field]]]:
    """The groups with their fields; *given* is a form that was refused, to be corrected."""
    return [
        (
            group,
            [
                _field(SETTINGS[key], help_, settings[key], defaults[key], given, errors)
                for key, help_ in group.help.items()
            ],
        )
        for group in GROUPS
    ]


def _field(
    setting: Setting,
    help_: str,
    value: Any,
    default: Any,
    given: Mapping[str, str] | None,
    errors: Mapping[str, str],
) -> Field:
    kind = {"boolean": "switch", "integer": "number"}.get(
        setting.type, "password" if setting.secret else "text"
    )
    shown: Any = value
    if kind == "password":
        shown = ""
    elif given is not None:
        shown = setting.key in given if kind == "switch" else given.get(setting.key, "")
    return Field(
        setting.key,
        setting.label,
        kind,
        shown,
        help_,
        "" if kind == "switch" else setting.range,
        _shown_default(kind, default),
        _UNITS.get(setting.key, ""),
        kind == "password" and bool(value),
        errors.get(setting.key, ""),
    )


def _shown_default(kind: str, default: Any) -> str:
    if kind == "switch":
        return "on" if default else "off"
    return "" if kind == "password" else str(default) or "empty"


def read_settings(
    form: Mapping[str, str], settings: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What a submitted form asks for that is not so already, and what in it cannot be read, by key.

    A password field left empty leaves the password alone; its box ``clear-KEY`` removes it.
    """
    wanted: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for key in (key for group in GROUPS for key in group.help):
        setting = SETTINGS[key]
        text = form.get(key, "")
        if setting.type == "boolean":
            wanted[key] = key in form
        elif setting.type == "integer":
            number = whole_number(text)
            if number is None:
                errors[key] = _NOT_FOUND
            else:
                wanted[key] = number
        elif not setting.secret:
            wanted[key] = text.strip()
        elif text or f"clear-{key}" in form:
            wanted[key] = text
    return {key: value for key, value in wanted.items() if value != settings[key]}, errors


def whole_number(text: str) -> int | None:
    """A number as people type it, ``None`` for anything else."""
    return int(text) if re.fullmatch(r"\s*[0-9]{1,12}\s*", text, re.ASCII) else None


def read_rule(form: Mapping[str, str], rules: tuple[Any, ...]) -> tuple[list[Any], dict[str, str]]:
    """The inbound rules with the submitted one added, and what in it cannot be read, by field of the rule."""
    errors: dict[str, str] = {}
    ports = [whole_number(word) for word in _words(form.get("ports", ""))]
    priority = whole_number(form.get("priority", ""))
    if None in ports:
        errors["ports"] = "expected port numbers, separated by commas"
    if priority is None:
        errors["priority"] = _NOT_FOUND
    rule = {
        "name": form.get("name", "").strip(),
        "ports": ports,
        "action": form.get("action", ""),
        "active": "active" in form,
        "priority": priority,
        "sources": _words(form.get("sources", "")),
    }
    return [*to_json(tuple(rules)), rule], errors


def _words(text: str) -> list[str]:
    return [word for word in re.split(r"[\s,;]+", text) if word]
