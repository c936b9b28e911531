"""What a profile may not say together, and what follows from what it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Final

from harness.device import templates
from harness.device.api import SETTINGS, Verb
from harness.device.profile_keys import VERBS, Issue, shown
from harness.device.toml_positions import Path as KeyPath

NETWORK_FEATURES: Final = frozenset({"loopback-source", "network-source", "masked-wan"})
"""Features that only a device inside the bench's network namespace can show."""


_WORDS: Final[dict[type, str]] = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    tuple: "an array of rules",
}


_COMMAND_ONLY: Final = (
    *("commands", "timeouts", "environment", "template", "rendering"),
    *("root_ca", "apply", "address", "capabilities"),
)
"""What only the command driver heeds."""


_HIGHEST: Final[Mapping[str, int]] = {"port": 65535, "periodic_inform_interval": 2**31 - 1}
"""Where the settings page ends."""


def contradictions(path: Path, data: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Issue]:
    driver, where, commands = data["driver"], data.get("where", "namespace"), data.get("commands", {})
    features = data.get("capabilities", {}).get("features", [])
    for table in _COMMAND_ONLY:
        if driver == "reference" and table in data:
            yield Issue((table,), 'nothing, because driver is "reference"', shown(data[table]))
    if driver == "command" and "reference" in data:
        yield Issue(("reference",), 'nothing, because driver is "command"', shown(data["reference"]))
    if driver == "reference" and where != "namespace":
        yield Issue(("where",), '"namespace", because driver is "reference"', shown(where))
    yield from _address_contradictions(where, data.get("address"))
    if driver == "command":
        yield from _command_contradictions(data, where, commands, features)
    yield from _setting_contradictions(data)
    yield from _environment_contradictions(data, environ)
    yield from _file_contradictions(path, data, features)


def _address_contradictions(where: str, given: Mapping[str, Any] | None) -> Iterator[Issue]:
    if where != "address":
        if given is not None:
            yield Issue(("address",), 'nothing, because where is not "address"', "a table")
        return
    for name in ("device", "listen"):
        if name not in (given or {}):
            yield Issue(("address", name), 'an address, because where is "address"', "nothing", ("where",))


def _command_contradictions(
    data: Mapping[str, Any], where: str, commands: Mapping[str, Any], features: list[str]
) -> Iterator[Issue]:
    if "start" not in commands and where != "address":
        yield Issue(
            ("commands", "start"),
            "a shell line or an array of words, because the bench starts the device",
            "nothing",
        )
    if apply_of(data) == "live" and "configure" not in commands:
        yield Issue(("apply",), '"restart", or a command `configure`', '"live" without that command')
    if apply_of(data) == "restart" and where == "address" and not {"start", "restart"} & set(commands):
        yield Issue(("apply",), "a command `restart` or `start`", '"restart" without one')
    if data.get("root_ca") == "command" and "upload_root_ca" not in commands:
        yield Issue(("root_ca",), "a command `upload_root_ca`", '"command" without it')
    for name in data.get("timeouts", {}):
        if name != "default" and name not in commands:
            yield Issue(("timeouts", name), f"a command `{name}`", "a timeout without it")
    possible = verbs_of(data)
    for index, verb in enumerate(data.get("capabilities", {}).get("verbs", [])):
        if verb not in possible:
            yield Issue(("capabilities", "verbs", index), f"a command `{verb}` that gives the verb", "none")
    for index, feature in enumerate(features):
        here = ("capabilities", "features", index)
        if feature in NETWORK_FEATURES and where != "namespace":
            yield Issue(here, 'features that do not need where = "namespace"', shown(feature))
        elif feature in ("loopback-source", "network-source") and "source_address" not in data.get(
            "settings", {}
        ):
            yield Issue(here, f"the setting source_address beside {feature}", "no such setting")
        elif feature == "certificate-check" and root_ca_of(data) != "command":
            yield Issue(
                here, f"a command `upload_root_ca` beside {feature}", "none whose failure can be seen"
            )
        elif feature in ("script", "firmware") and "download" not in features:
            yield Issue(here, f"the feature download beside {feature}", "no such feature")


def _setting_contradictions(data: Mapping[str, Any]) -> Iterator[Issue]:
    for key, table in data.get("settings", {}).items():
        if table is True:
            continue
        here, kind = ("settings", key), SETTINGS[key].type
        if "initial" in table:
            value: Any = table["initial"]
            if not isinstance(value, list if kind is tuple else kind) or (
                kind is int and isinstance(value, bool)
            ):
                yield Issue((*here, "initial"), _WORDS[kind], shown(value))
            elif kind is tuple:
                yield from _rule_issues((*here, "initial"), value)
            elif isinstance(value, int) and kind is int and not 0 <= value <= _HIGHEST[key]:
                yield Issue((*here, "initial"), f"0 to {_HIGHEST[key]}", shown(value))
        for word in ("true", "false"):
            if word in table and kind is not bool:
                yield Issue(
                    (*here, word), "nothing, because the setting is not a boolean", shown(table[word])
                )


def _rule_issues(here: KeyPath, rules: Any) -> Iterator[Issue]:
    for index, rule in enumerate(rules):
        try:
            templates.rules_from([rule])
        except ValueError as error:
            yield Issue(
                (*here, index),
                "a rule with name and ports, perhaps action, active, priority, sources",
                str(error),
            )


def _environment_contradictions(data: Mapping[str, Any], environ: Mapping[str, str]) -> Iterator[Issue]:
    for name, given in data.get("environment", {}).items():
        if isinstance(given, str):
            continue
        if ("value" in given) == ("from" in given):
            found = "both" if "value" in given else "neither"
            yield Issue(("environment", name), "either value or from", found)
        elif "from" in given and given["from"] not in environ:
            yield Issue(
                ("environment", name, "from"), f"a variable {given['from']} in the environment", "none"
            )


def _file_contradictions(path: Path, data: Mapping[str, Any], features: list[str]) -> Iterator[Issue]:
    files = data.get("files", {})
    needs = {"script": ("script_type", "script", "marker"), "firmware": ("firmware",)}
    for index, feature in enumerate(features):
        for name in needs.get(feature, ()):
            if name not in files:
                at = ("capabilities", "features", index)
                yield Issue(("files", name), f"a string, because of the feature {feature}", "nothing", at)
    for name, names in (("credentials_script", {"username", "password"}), ("firmware_image", {"version"})):
        if name in files and (fault := templates.fault_in(files[name], names)):
            yield Issue(("files", name), *fault)
    if "script" in files and (fault := templates.fault_in(files["script"], {"marker"})):
        yield Issue(("files", "script"), *fault)
    if "firmware" in files and not (path.parent / files["firmware"]).is_file():
        yield Issue(("files", "firmware"), "a file", f"{shown(files['firmware'])}, which is not one")
    if (rule := data.get("rendering", {}).get("rule")) is not None and (
        fault := templates.fault_in(rule, templates.RULE_NAMES)
    ):
        yield Issue(("rendering", "rule"), *fault)
    for index, template in enumerate(data.get("template", [])):
        target = PurePosixPath(template["target"])
        if target.is_absolute() or ".." in target.parts or not target.name:
            inside = "a file inside of $CPECHECK_WORKDIR"
            yield Issue(("template", index, "target"), inside, shown(template["target"]))
        source = path.parent / template["source"]
        try:
            fault = templates.fault_in(source.read_text("utf-8"), templates.NAMES)
        except (OSError, UnicodeDecodeError) as error:
            fault = (
                "a text file",
                f"{shown(template['source'])}: {getattr(error, 'strerror', None) or 'not UTF-8'}",
            )
        if fault:
            yield Issue(("template", index, "source"), *fault)
    for index, name in enumerate(data.get("reference", {}).get("defect_files", [])):
        if not (path.parent / name).is_file():
            yield Issue(("reference", "defect_files", index), "a file", f"{shown(name)}, which is not one")


def apply_of(data: Mapping[str, Any]) -> str:
    return str(data.get("apply", "live" if "configure" in data.get("commands", {}) else "restart"))


def root_ca_of(data: Mapping[str, Any]) -> str:
    if data["driver"] == "reference":
        return "command"
    return str(data.get("root_ca", "command" if "upload_root_ca" in data.get("commands", {}) else "none"))


def _bench_masks(data: Mapping[str, Any]) -> bool:
    """Whether the bench masks the device's WAN, so that it can also leave that."""
    features = data.get("capabilities", {}).get("features", [])
    router = data.get("network", {}).get("router", "bench")
    return data.get("where", "namespace") == "namespace" and router == "bench" and "masked-wan" in features


def verbs_of(data: Mapping[str, Any]) -> frozenset[str]:
    """The verbs that commands and options of the profile make possible."""
    if data["driver"] == "reference":
        return frozenset(VERBS)
    commands = set(data.get("commands", {}))
    verbs = commands & {Verb.RESTART, Verb.POWER_CYCLE, Verb.FACTORY_RESET, Verb.READ_SETTINGS, Verb.WAKE}
    verbs |= commands & {Verb.UPLOAD_ROOT_CA_OTHERWISE, Verb.UPLOAD_OTHER_CA}
    verbs |= commands & {Verb.UPLOAD_CLIENT_CERTIFICATE, Verb.REMOVE_CLIENT_CERTIFICATE}
    if "start" in commands:
        verbs.add(Verb.RESTART)
    if "start" in commands and (data.get("where", "namespace") == "namespace" or "stop" not in commands):
        verbs.add(Verb.POWER_CYCLE)
    if _bench_masks(data):
        verbs.add(Verb.MASK_WAN)
    if root_ca_of(data) == "file":
        verbs |= {Verb.UPLOAD_ROOT_CA, Verb.REMOVE_ROOT_CA}
    elif root_ca_of(data) == "command":
        verbs |= commands & {Verb.UPLOAD_ROOT_CA, Verb.REMOVE_ROOT_CA}
    return frozenset(verbs)
