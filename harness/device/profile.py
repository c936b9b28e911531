"""The device profile: a TOML file that says what is tested and how it is reached (docs/profiles.md)."""

from __future__ import annotations

import hashlib
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from harness.device import templates as text
from harness.device.api import SETTINGS, Capabilities, DeviceInfo, Names, SettingValue
from harness.device.profile_check import apply_of, contradictions, root_ca_of, verbs_of
from harness.device.profile_keys import COMMANDS, FEATURES, Issue, ProfileError, check
from harness.device.toml_positions import Path as KeyPath
from harness.device.toml_positions import key_on, positions, syntax_error

__all__ = ["Profile", "ProfileError", "load", "reference"]

_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})
_REFERENCE_FILES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "script_type": "3 Vendor Configuration File",
        "script": 'set /Setup/Comment "{{ marker }}"\n',
        "marker": "Device.X_EXAMPLE-ORG_Comment",
        "credentials_script": (
            'set /Setup/CWMP/Connection-Request-Username "{{ username }}"\n'
            'set /Setup/CWMP/Connection-Request-Password "{{ password }}"\n'
        ),
        "firmware_image": (
            "REFERENCE-CPE-FIRMWARE 1\nProduct: *\nVersion: {{ version }}\n"
            f"SHA256: {hashlib.sha256(b'payload').hexdigest()}\n\npayload"
        ),
    }
)
"""What the reference device takes (docs/reference-cpe.md)."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the profile: its words, and what reports call it."""

    argv: tuple[str, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """A setting that the device honours. ``true``/``false`` empty: as `Rendering` says."""

    key: str
    label: str
    initial: SettingValue | None = None
    secret: bool = False
    true: str = ""
    false: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """A Jinja2 file, and the file it is rendered to, relative to the working directory."""

    source: Path
    target: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds. ``start`` and ``apply`` are real time, the others the device's."""

    start: float = 1.0
    apply: float = 0.0
    settle: float = 2.0
    contact: float = 30.0
    session: float = 60.0
    transfer: float = 120.0
    interval: float = 60.0
    tolerance: float = 0.0


@dataclass(frozen=True, slots=True)
class Files:
    """What Download cases offer. Empty: the device has no such file type."""

    script_type: str = ""
    script: str = ""
    """Jinja2 text with ``marker``."""
    marker: str = ""
    """The parameter that a script sets."""
    firmware_type: str = "1 Firmware Upgrade Image"
    firmware: str = ""
    """Path of an image."""
    firmware_version: str = ""
    """The SoftwareVersion that the image of ``firmware`` has; empty: not known."""
    firmware_image: str = ""
    """Jinja2 text of an image with ``version``, in place of ``firmware``."""
    credentials_script: str = ""
    """Jinja2 text of a script that sets the connection-request credentials, with ``username`` and ``password``."""

    def firmware_for(self, version: str) -> tuple[bytes, str]:
        """A working image and the version it has: *version* where images are made, else the profile's (or ``""``).

        Raises:
            OSError: the profile's file cannot be read.
        """
        if self.firmware_image:
            return text.text(self.firmware_image, {"version": version}).encode(), version
        return Path(self.firmware).read_bytes(), self.firmware_version

    def credentials_script_for(self, username: str, password: str) -> bytes:
        """The script that sets the connection-request credentials; empty where the profile has none."""
        given = {"username": username, "password": password}
        return text.text(self.credentials_script, given).encode() if self.credentials_script else b""

    def script_for(self, marker: str) -> bytes:
        """The script that sets the marker parameter to *marker*."""
        return text.text(self.script, {"marker": marker}).encode()


@dataclass(frozen=True, slots=True)
class Address:
    """All that is ever addressed where the device is at an address."""

    device: str
    listen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReferenceOptions:
    defects: tuple[str, ...] = ()
    defect_files: tuple[Path, ...] = ()
    variants: tuple[str, ...] = ()
    steered: bool = True
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile, checked. See docs/profiles.md for the meaning of each key."""

    path: Path | None
    info: DeviceInfo
    driver: str
    where: str = "namespace"
    apply: str = "live"
    root_ca: str = "command"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(frozenset(), frozenset()))
    settings: Mapping[str, SettingSpec] = field(default_factory=dict)
    commands: Mapping[str, Command] = field(default_factory=dict)
    timeouts: Mapping[str, float] = field(default_factory=lambda: {"default": 30.0})
    environment: Mapping[str, str] = field(default_factory=dict)
    templates: tuple[Template, ...] = ()
    rendering: text.Rendering = field(default_factory=text.Rendering)
    names: Names = field(default_factory=Names)
    router: str = "bench"
    timing: Timing = field(default_factory=Timing)
    files: Files = field(default_factory=Files)
    address: Address | None = None
    options: ReferenceOptions = field(default_factory=ReferenceOptions)
    permission: str = ""
    """The owner's words on fuzzing a device at a public address (`harness.fuzz.guard`)."""
    secrets: tuple[str, ...] = ()
    """Values that no log, error or report may show."""
    secret_keys: tuple[str, ...] = ()
    """Keys of the profile whose values those are."""

    @property
    def steered(self) -> bool:
        """Whether the bench must steer the device's clock; all other devices live in real time."""
        return self.driver == "reference" and self.options.steered

    @property
    def needs_namespaces(self) -> bool:
        """Whether the device belongs in the bench's namespaces; otherwise the bench must be one without."""
        return self.where == "namespace"

    @property
    def folder(self) -> Path:
        """What relative paths are relative to, and where commands run."""
        return self.path.parent if self.path else Path.cwd()

    def timeout(self, command: str) -> float:
        return self.timeouts.get(command, self.timeouts["default"])

    def initial(self) -> dict[str, SettingValue]:
        """The settings that have a value before the bench has set any."""
        return {key: spec.initial for key, spec in self.settings.items() if spec.initial is not None}


def reference() -> Profile:
    """The profile of the reference device, as it is without ``--device``."""
    return _build(None, {"name": "Reference CPE", "driver": "reference"}, {})


def load(path: Path, environ: Mapping[str, str] | None = None) -> Profile:
    """Read the profile *path*; ``environment.*.from`` is taken from *environ* (the process's own by default).

    Raises:
        ProfileError: it cannot be used: one line, ``FILE:LINE: key: what was expected, what was found``.
    """
    try:
        source = path.read_text("utf-8")
    except OSError as error:
        raise ProfileError(f"{path}:1: file: expected a device profile, found {error.strerror}") from None
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        raise ProfileError(
            f"{path}:{line}: file: expected UTF-8, found the byte 0x{error.object[error.start]:02X}"
        ) from None
    try:
        data = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        line, what = syntax_error(source, error)
        key = key_on(source, line) or "syntax"
        raise ProfileError(f"{path}:{line}: {key}: expected TOML, found: {what}") from None
    environ = os.environ if environ is None else environ
    lines = positions(source)
    issues = check(data) or list(contradictions(path.resolve(), data, environ))
    if issues:
        line, first = min(((_line(lines, issue), issue) for issue in issues), key=lambda item: item[0])
        raise ProfileError(f"{path}:{line}: {first}")
    return _build(path.resolve(), data, environ)


def _line(lines: Mapping[KeyPath, int], issue: Issue) -> int:
    """The line of the key, or of what asks for it, or of what it would stand in."""
    path = issue.path
    if path not in lines and issue.at in lines:
        return lines[issue.at]
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _capabilities(data: Mapping[str, Any], settings: Mapping[str, SettingSpec]) -> Capabilities:
    if data["driver"] == "reference":
        return Capabilities(frozenset(SETTINGS), verbs_of(data), frozenset(FEATURES))
    given = data.get("capabilities", {})
    verbs = frozenset(given["verbs"]) if "verbs" in given else verbs_of(data)
    return Capabilities(frozenset(settings), verbs, frozenset(given.get("features", ())))


def _settings(data: Mapping[str, Any]) -> dict[str, SettingSpec]:
    settings = {}
    for key, table in data.get("settings", {}).items():
        given = {} if table is True else dict(table)
        if isinstance(given.get("initial"), list):
            given["initial"] = text.rules_from(given["initial"])
        settings[key] = SettingSpec(**{"key": key, "label": SETTINGS[key].label, **given})
    return settings


def _command(given: str | list[str]) -> Command:
    if isinstance(given, str):
        return Command(("/bin/sh", "-c", given), given.strip())
    return Command(tuple(given), " ".join(given))


def _build(path: Path | None, data: Mapping[str, Any], environ: Mapping[str, str]) -> Profile:
    folder = path.parent if path else Path.cwd()
    settings = _settings(data)
    environment: dict[str, str] = {}
    secrets = {
        f"settings.{key}": str(spec.initial) for key, spec in settings.items() if spec.secret and spec.initial
    }
    for name, given in data.get("environment", {}).items():
        table = {"value": given} if isinstance(given, str) else given
        environment[name] = table.get("value", environ.get(table.get("from", ""), ""))
        if table.get("secret") and environment[name]:
            secrets[f"environment.{name}"] = environment[name]
    address = data.get("address")
    return Profile(
        path=path,
        info=DeviceInfo(data["name"], **data.get("device", _EMPTY)),
        driver=data["driver"],
        where=data.get("where", "namespace"),
        apply="live" if data["driver"] == "reference" else apply_of(data),
        root_ca=root_ca_of(data),
        capabilities=_capabilities(data, settings),
        settings=settings,
        commands={
            name: _command(data["commands"][name])
            for name in COMMANDS
            if name in data.get("commands", _EMPTY)
        },
        timeouts={"default": 30.0, **data.get("timeouts", _EMPTY)},
        environment=environment,
        templates=tuple(
            Template(folder / item["source"], item["target"]) for item in data.get("template", ())
        ),
        rendering=text.Rendering(**data.get("rendering", _EMPTY)),
        names=Names(**data.get("names", _EMPTY)),
        router=data.get("network", _EMPTY).get("router", "bench"),
        timing=Timing(**data.get("timing", _EMPTY)),
        files=_files(folder, data),
        address=Address(address["device"], tuple(address["listen"])) if address else None,
        options=_options(folder, data.get("reference", _EMPTY)),
        secrets=tuple(secrets.values()),
        secret_keys=tuple(secrets),
    )


def _files(folder: Path, data: Mapping[str, Any]) -> Files:
    given = {**(_REFERENCE_FILES if data["driver"] == "reference" else _EMPTY), **data.get("files", _EMPTY)}
    if "firmware" in given:
        given["firmware"] = str(folder / given["firmware"])
    return Files(**given)


def _options(folder: Path, given: Mapping[str, Any]) -> ReferenceOptions:
    return ReferenceOptions(
        defects=tuple(given.get("defects", ())),
        defect_files=tuple(folder / name for name in given.get("defect_files", ())),
        variants=tuple(given.get("variants", ())),
        steered=given.get("steered", True),
        config=given.get("config", {}),
    )
