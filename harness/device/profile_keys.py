"""The keys of a device profile as a table, and the check of a parsed file against it."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.device.api import SETTINGS, Verb
from harness.device.toml_positions import Path


class ProfileError(Exception):
    """A profile cannot be used. The message is one line: ``FILE:LINE: key: expected ..., found ...``."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One thing wrong with a profile: at which key, and what; *at* is the key that asks for a missing one."""

    path: Path
    expected: str
    found: str
    at: Path = ()

    def __str__(self) -> str:
        return f"{dotted(self.path)}: expected {self.expected}, found {self.found}"


@dataclass(frozen=True, slots=True)
class Key:
    """One key: ``*`` in *path* is any name, ``[]`` any element; *type* is of `TYPES`, or words and ``|``."""

    path: str
    type: str
    default: str
    meaning: str


COMMANDS: Final = {
    "start": "starts the device; if it stays it is the device, if it exits 0 it has daemonised",
    "stop": "ends the device; without it its processes get SIGTERM, then SIGKILL",
    "configure": "puts settings into effect: those of the environment and the rendered templates",
    "upload_root_ca": "stores `$CPECHECK_ROOT_CA` (PEM) as the only CWMP root CA certificate",
    "remove_root_ca": "empties the CWMP root CA slot",
    "upload_root_ca_otherwise": "does the same by the device's other way to upload files",
    "upload_other_ca": "stores `$CPECHECK_OTHER_CA` (PEM) under another file type than the CWMP root CA",
    "upload_client_certificate": "stores `$CPECHECK_CLIENT_CERTIFICATE` (PKCS#12, `$CPECHECK_PASSPHRASE`) as the only client certificate",
    "remove_client_certificate": "empties the slot of the client certificate",
    "restart": "orderly restart; without it `stop`, then `start`",
    "power_cycle": "cuts the power; without it: SIGKILL for all processes, then `start`",
    "factory_reset": "sets the device back to its factory state",
    "wake": "makes the device open a session now, other than by a connection request",
    "read_settings": "prints the settings: a JSON object, or `key=value` lines",
    "alive": "exits 0 while the device lives",
}
"""Names below ``[commands]`` and ``[timeouts]``, and what each command is for."""

VERBS: Final = tuple(value for name, value in vars(Verb).items() if name.isupper())

FEATURES: Final = {
    "https": "connects to an `https` ACS URL",
    "ipv6": "reaches an ACS over IPv6 and listens for connection requests on it",
    "loopback-source": "`source_address` may be a loopback address",
    "network-source": "`source_address` may be an IP network",
    "masked-wan": "what leaves by the WAN from another address than a loopback is masked (NAT)",
    "absolute-time": "knows the date, so it judges certificates' dates",
    "certificate-check": "says whether it takes a CA certificate that is uploaded (PEM, DER or junk)",
    "connection-request": "listens for connection requests",
    "download": "has the Download RPC",
    "script": "executes a downloaded script (needs `[files]`)",
    "firmware": "takes a downloaded firmware (needs `[files]`)",
}
"""Words for ``capabilities.features``."""

KEYS: Final[tuple[Key, ...]] = (
    Key("name", "string", "required", "name of the device, for reports"),
    Key("driver", "reference | command", "required", "how the device is reached"),
    Key("where", "namespace | host | address", '"namespace"',
        "where it is: in the bench's CPE namespace, on this host, or at an address"),
    Key("apply", "live | restart", '"live" with a command `configure`, else "restart"',
        "whether settings take effect while the device runs, or by a restart"),
    Key("root_ca", "command | file | none", '"command" with a command `upload_root_ca`, else "none"',
        "how the CWMP root CA gets in: by its command, or as a file, applied like a setting"),
    Key("device", "table", "", "who the device is; completed from its first Inform"),
    *(Key(f"device.{name}", "string", '""', meaning) for name, meaning in (
        ("manufacturer", "Manufacturer"), ("oui", "OUI"), ("product_class", "ProductClass"),
        ("serial_number", "SerialNumber"), ("software_version", "SoftwareVersion"))),
    Key("capabilities", "table", "", "what the device can do (the ICS)"),
    Key("capabilities.features", "features", "[]", "what it has beside settings and verbs; see below"),
    Key("capabilities.verbs", "verbs", "all that the commands give", "what it can be told to do"),
    Key("settings", "table", "{}", "the settings it honours, by canonical key; see below"),
    Key("settings.*", "true or table", "", "`true`: honoured; a table says more"),
    Key("settings.*.label", "string", "the label of LANCOM's page", "the device's own name of the setting"),
    Key("settings.*.initial", "value", "not set", "value until the bench sets another"),
    Key("settings.*.secret", "boolean", "false", "value never shown: filler in the logs and errors of commands"),
    Key("settings.*.true", "string", "`rendering.true`", "how `true` is written in templates"),
    Key("settings.*.false", "string", "`rendering.false`", "how `false` is written in templates"),
    Key("commands", "table", "{}", "what to run; without a command the device lacks the verb"),
    *(Key(f"commands.{name}", "command", "none", meaning) for name, meaning in COMMANDS.items()),
    Key("timeouts", "table", "{}", "real seconds after which a command has failed"),
    Key("timeouts.default", "seconds", "30", "for every command without one of its own"),
    *(Key(f"timeouts.{name}", "seconds", "`timeouts.default`", f"for `{name}`") for name in COMMANDS),
    Key("environment", "table", "{}", "more environment variables for the commands"),
    Key("environment.*", "string or table", "", "the value, or a table"),
    Key("environment.*.value", "string", "none", "the value"),
    Key("environment.*.from", "string", "none", "the variable of the caller's environment to take it from"),
    Key("environment.*.secret", "boolean", "false", "value never shown"),
    Key("template", "array of tables", "[]", "files rendered before `start` and `configure`"),
    Key("template[].source", "string", "required", "Jinja2 template, relative to the profile"),
    Key("template[].target", "string", "required", "file to write, inside of `$CPECHECK_WORKDIR`"),
    Key("rendering", "table", "{}", "how templates write values"),
    Key("rendering.true", "string", '"1"', "a boolean that is on"),
    Key("rendering.false", "string", '"0"', "a boolean that is off"),
    Key("rendering.rule", "string", "JSON", "Jinja2 text for one rule of the IPv6 firewall"),
    Key("rendering.rule_separator", "string", '"\\n"', "between two rules"),
    Key("names", "table", "{}", "names and addresses for `source_address` (the IXIT)"),
    Key("names.network", "string", "the bench's", "name of an IP network"),
    Key("names.network_address", "address", "the bench's", "the device's address in it"),
    Key("names.loopback", "string", "the bench's", "name of a loopback address"),
    Key("names.loopback_address", "address", "the bench's", "its address"),
    Key("network", "table", "{}", "who does the work of a router in the CPE's namespace"),
    Key("network.router", "bench | device", '"bench"',
        "who masks the WAN; `bench`: the bench loads the rules, loopback addresses exempt"),
    Key("timing", "table", "{}", "seconds; of the device's time but for `start` and `apply`"),
    Key("timing.start", "seconds", "1", "real time a starting command is watched for an early end"),
    Key("timing.apply", "seconds", "0", "real time to wait after settings were applied"),
    Key("timing.settle", "seconds", "2", "how long nothing may be seen before nothing is concluded"),
    Key("timing.contact", "seconds", "30", "how soon after a change that makes it do so it contacts the ACS"),
    Key("timing.session", "seconds", "60", "how long a session may take"),
    Key("timing.transfer", "seconds", "120", "how long a transfer may take, its report included"),
    Key("timing.interval", "seconds", "60", "periodic interval that the timer cases set"),
    Key("timing.tolerance", "seconds", "0", "how far off a timer may be, beside 1 s and 1 %"),
    Key("files", "table", "{}", "what the file server offers for Download"),
    Key("files.script_type", "string", "none", "FileType of a script"),
    Key("files.script", "string", "none", "Jinja2 text of a script that sets the marker to `marker`"),
    Key(
        "files.marker",
        "string",
        "none",
        "parameter that tells the marker; `Device.` and `InternetGatewayDevice.` stand for whichever root the device shows",
    ),
    Key("files.firmware_type", "string", '"1 Firmware Upgrade Image"', "FileType of a firmware"),
    Key("files.firmware", "string", "none", "firmware file to install, relative to the profile"),
    Key("files.firmware_version", "string", "none", "SoftwareVersion of the device once that file is installed"),
    Key("files.firmware_image", "string", "none",
        "Jinja2 text of an image for `version`, in place of `files.firmware`"),
    Key("files.credentials_script", "string", "none",
        "Jinja2 text of a script that sets the connection-request credentials to `username` and `password`"),
    Key("address", "table", "", "for `where = \"address\"`: all that is ever addressed"),
    Key("address.device", "address", "required there", "where the device is reached"),
    Key("address.listen", "addresses", "required there", "addresses of this host that the ACS listens on"),
    Key("fuzz", "table", "{}", "for `cpecheck fuzz`"),
    Key("fuzz.permission", "string", '""',
        "at a public address: the words `this device is mine and may be attacked`"),
    Key("reference", "table", "{}", "options of the reference driver"),
    Key("reference.defects", "strings", "[]", "seeded defects to switch on"),
    Key("reference.defect_files", "strings", "[]", "Python files with defects, relative to the profile"),
    Key("reference.variants", "strings", "[]", "benign variants to switch on"),
    Key("reference.steered", "boolean", "true", "whether the bench's clock is the device's time"),
    Key("reference.config", "free table", "{}", "laid over the device's configuration file"),
)  # fmt: skip
"""Every key of a profile. ``docs/profiles.md`` shows this table."""


def dotted(path: Path) -> str:
    """``template[0].source``, as messages write it."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), 1, 0.6)
    return f" (did you mean {close[0]}?)" if close else ""


def shown(value: object) -> str:
    """A value as TOML writers know it, shortened."""
    match value:
        case dict():
            return "a table"
        case list():
            return f"an array of {len(value)}"
        case bool():
            text = str(value).lower()
        case str():
            text = f'"{value}"'
        case _:
            text = str(value)
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _is_address(value: object) -> bool:
    try:
        ipaddress.ip_address(value if isinstance(value, str) else "")
    except ValueError:
        return False
    return True


def _texts(value: object, fits: Callable[[object], bool] = lambda _: True) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) and fits(item) for item in value)


def _is_command(value: object) -> bool:
    words = [value] if isinstance(value, str) else value
    return _texts(words) and isinstance(words, list) and bool(words) and bool(words[0].strip())


TYPES: Final[dict[str, tuple[str, Callable[[object], bool]]]] = {
    "string": ("a string", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "seconds": (
        "a number of seconds, 0 or more",
        lambda value: isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9,
    ),
    "strings": ("an array of strings", _texts),
    "command": ("a shell line or an array of words", _is_command),
    "address": ("an IP address", _is_address),
    "addresses": (
        "an array of one or more IP addresses",
        lambda value: bool(value) and _texts(value, _is_address),
    ),
    "features": ("an array of features", _texts),
    "verbs": ("an array of verbs", _texts),
    "table": ("a table", lambda value: isinstance(value, dict)),
    "free table": ("a table", lambda value: isinstance(value, dict)),
    "array of tables": (
        "an array of tables",
        lambda value: isinstance(value, list) and all(isinstance(item, dict) for item in value),
    ),
    "true or table": ("true or a table", lambda value: value is True or isinstance(value, dict)),
    "string or table": ("a string or a table", lambda value: isinstance(value, str | dict)),
    "value": ("a value", lambda value: value is not None),
}
"""Types: what they are called in messages, and whether a value is one."""

_WORDS: Final[dict[str, Iterable[str]]] = {"features": FEATURES, "verbs": VERBS}
_NAMES: Final[dict[str, tuple[Iterable[str], str]]] = {"settings": (SETTINGS, "a canonical key")}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check(data: Mapping[str, Any]) -> list[Issue]:
    """Everything in *data* that is not a key of the table or not of its type, and required keys that lack."""
    return list(_table((), "", data))


def _table(path: Path, pattern: str, table: Mapping[str, Any]) -> Iterator[Issue]:
    known = {key.path.rpartition(".")[2]: key for key in KEYS if key.path.rpartition(".")[0] == pattern}
    for name, value in table.items():
        here = (*path, name)
        key = known.get(name) or known.get("*")
        if key is None:
            yield Issue(here, f"one of {', '.join(known)}", f"an unknown key{did_you_mean(name, known)}")
            continue
        yield from _name(here, pattern, name)
        yield from _value(here, key, value)
    for name, key in known.items():
        if key.default == "required" and name not in table:
            yield Issue((*path, name), f"{_expected(key)}", "nothing")


def _name(path: Path, pattern: str, name: str) -> Iterator[Issue]:
    if pattern in _NAMES:
        words, what = _NAMES[pattern]
        if name not in words:
            yield Issue(path, what, f"an unknown setting{did_you_mean(name, words)}")
    elif pattern == "environment" and (not _VARIABLE.fullmatch(name) or name.startswith("CPECHECK_")):
        yield Issue(path, "the name of a variable, not beginning with CPECHECK_", shown(name))


def _expected(key: Key) -> str:
    if key.type in TYPES:
        return TYPES[key.type][0]
    words = [f'"{word.strip()}"' for word in key.type.split("|")]
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _value(path: Path, key: Key, value: Any) -> Iterator[Issue]:
    if key.type not in TYPES:
        words = [word.strip() for word in key.type.split("|")]
        if value not in words:
            hint = did_you_mean(value, words) if isinstance(value, str) else ""
            yield Issue(path, _expected(key), shown(value) + hint)
        return
    if not TYPES[key.type][1](value):
        yield Issue(path, _expected(key), shown(value))
        return
    for index, word in enumerate(value if key.type in _WORDS else ()):
        words = list(_WORDS[key.type])
        if word not in words:
            yield Issue((*path, index), f"one of {', '.join(words)}", shown(word) + did_you_mean(word, words))
    if key.type == "array of tables":
        for index, item in enumerate(value):
            yield from _table((*path, index), f"{key.path}[]", item)
    elif isinstance(value, dict) and key.type != "free table":
        yield from _table(path, key.path, value)
