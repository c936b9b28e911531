"""Settings, store, configuration file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.device.api import SETTINGS as CANONICAL
from reference_cpe.config import ConfigError, parse_config, read_config
from reference_cpe.parts import Parts
from reference_cpe.settings import SETTINGS, Rule, SettingsRefused
from reference_cpe.store import Store


def test_the_keys_and_labels_are_the_canonical_ones() -> None:
    assert {key: info.label for key, info in CANONICAL.items()} == {
        key: setting.label for key, setting in SETTINGS.items()
    }


def test_defaults(parts: Parts) -> None:
    values = parts.settings.all()
    assert values["periodic_inform_interval"] == 1200
    assert values["port"] == 7547
    assert values["acs_url"] == values["source_address"] == values["connection_request_password"] == ""
    assert values["ipv6_inbound_rules"] == ()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("acs_url", "http://192.0.2.1/"),
        ("acs_url", "https://[2001:db8::1]:7547/a?b=c"),
        ("acs_url", "http://acs.example.test:1/" + "x" * 230),
        ("acs_url", ""),
        ("acs_password", 'ä:"\\' + "x" * 252),
        ("port", 0),
        ("port", 65535),
        ("periodic_inform_interval", 1),
        ("periodic_inform_interval", 2**31 - 1),
        ("source_address", "INTRANET"),
        ("cwmp_active", False),
    ],
)
def test_taken(parts: Parts, key: str, value: Any) -> None:
    parts.settings.change({key: value})
    assert parts.settings.value(key) == value


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("acs_url", "ftp://acs.test/"),
        ("acs_url", "acs.test"),
        ("acs_url", "http://2001:db8::1/"),
        ("acs_url", "http://[::1"),
        ("acs_url", "http://999.1.1.1/"),
        ("acs_url", "http://acs.test:99999/"),
        ("acs_url", "http://user:pw@acs.test/"),
        ("acs_url", "http://acs.test/ x"),
        ("acs_url", "http://acs.test/" + "x" * 241),
        ("acs_url", 5),
        ("acs_username", "x" * 257),
        ("acs_username", "a\nb"),
        ("port", -1),
        ("port", 65536),
        ("port", True),
        ("port", "80"),
        ("periodic_inform_interval", 0),
        ("periodic_inform_interval", 2**31),
        ("periodic_inform_active", 1),
        ("nothing", 1),
        ("ipv6_inbound_rules", [{"name": "a", "ports": [0]}]),
        ("ipv6_inbound_rules", [{"name": "a", "sources": ["192.0.2.1"]}]),
        ("ipv6_inbound_rules", [{"name": 'a" }', "ports": [1]}]),
        ("ipv6_inbound_rules", [{"name": "a"}, {"name": "a"}]),
        ("ipv6_inbound_rules", [{"name": "a", "color": "red"}]),
        ("ipv6_inbound_rules", "all"),
    ],
)
def test_refused_and_nothing_changed(parts: Parts, key: str, value: Any) -> None:
    before = parts.settings.all()
    with pytest.raises(SettingsRefused) as refused:
        parts.settings.change({"acs_username": "new", key: value})
    assert set(refused.value.errors) == {key}
    assert parts.settings.all() == before


def test_rules_come_back_as_rules(parts: Parts, tmp_path: Path) -> None:
    rule = {"name": "CWMP", "ports": [7547], "sources": ["2001:db8::5", "2001:db8:1::/48"], "priority": 5}
    parts.settings.change({"ipv6_inbound_rules": [rule]})
    expected = Rule("CWMP", (7547,), priority=5, sources=("2001:db8::5/128", "2001:db8:1::/48"))
    assert parts.settings.value("ipv6_inbound_rules") == (expected,)
    parts.store.load()
    assert parts.settings.value("ipv6_inbound_rules") == (expected,)


def test_change_tells_before_and_after(parts: Parts) -> None:
    seen: list[Any] = []
    parts.settings.changed = seen.append
    parts.settings.change({"port": 7547, "acs_username": "me"})
    parts.settings.change({"acs_username": "me"})
    assert seen == [{"acs_username": ("", "me")}]


def test_store_writes_only_what_changes(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.update(a=1, b=[(1, "x")])
    first = store.path.stat().st_ino
    store.update(a=1)
    assert store.path.stat().st_ino == first
    assert Store(tmp_path).values == {"a": 1, "b": [[1, "x"]]} == store.values
    store.reset(keep=("a", "none"))
    assert Store(tmp_path).values == {"a": 1}


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.update(a=1)

    def fail(_data: bytes) -> None:
        raise OSError("disk full")

    store.write = fail  # type: ignore[method-assign]
    with pytest.raises(OSError, match="disk full"):
        store.update(a=2)
    assert store.get("a") == 1


@pytest.mark.parametrize("junk", [b"{", b"[]", b"\xff\xfe", b""])
def test_foreign_content_is_set_aside(tmp_path: Path, junk: bytes) -> None:
    (tmp_path / "state.json").write_bytes(junk)
    assert Store(tmp_path).values == {}
    assert (tmp_path / "state.json.broken").read_bytes() == junk


WRITER = """
import sys; from pathlib import Path; from reference_cpe.store import Store
store = Store(Path(sys.argv[1])); n = store.get("n", 0)
while True:
    n += 1
    store.update(n=n, copy=[n] * 500)
    print(n, flush=True)
"""


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """After a kill the store holds what was acknowledged, or one change more, and is whole."""
    for round_ in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-P", "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        for _ in range(5 + 3 * round_):
            writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        values = Store(tmp_path).values
        assert values["copy"] == [values["n"]] * 500
        if rest:
            assert values["n"] - int(rest[-1]) in (0, 1)


def test_config(tmp_path: Path) -> None:
    path = tmp_path / "cpe.toml"
    path.write_text(
        '[device]\nserial_number = "7"\n[network]\nwan_interface = "wan0"\nmanage = true\n'
        'networks = {INTRANET = "192.168.77.1"}\n[settings]\nport = 7000\n'
    )
    config = read_config(path)
    assert config.device.serial_number == "7"
    assert config.network.networks == {"INTRANET": "192.168.77.1"}
    assert config.settings == {"port": 7000}


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ({"devise": {}}, r"\[devise\]"),
        ({"device": {"oui": "00a057"}}, r"\[device\] oui"),
        ({"device": {"serial": "1"}}, r"\[device\] serial: unknown"),
        ({"device": {"serial_number": 1}}, r"expected a string"),
        ({"network": {"manage": True}}, r"wan_interface"),
        ({"network": {"networks": {"A": "x"}}}, r"\[network\] A"),
        ({"network": {"wan_interface": 'a"; drop'}}, r"wan_interface"),
        ({"settings": {"port": 70000}}, r"\[settings\] port"),
        ({"settings": {"nope": 1}}, r"\[settings\] nope"),
        ({"device": 1}, r"device: expected a table"),
    ],
)
def test_bad_config(tables: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_config(tables)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--acs-url", "nonsense"],
        ["--acs-url", "http://x.test", "--config", "/nonexistent/file.toml"],
        ["--acs-url", "http://x.test", "--defect", "no-such-defect"],
        ["--acs-url", "http://x.test", "--defect-file", "/nonexistent/file.py"],
        ["--acs-url", "http://x.test", "--variant", "no-host-name-check"],
        ["--acs-url", "http://x.test", "--api", "nonsense"],
        ["--acs-url", "http://x.test", "--clock", "/nonexistent/socket"],
        ["--acs-url", "http://x.test", "--state", "/proc/nothing"],
        ["--no-such-option"],
    ],
)
def test_usage_errors(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "reference_cpe", *arguments]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    result = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=environment)
    assert result.returncode == 3
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("reference-cpe: ")


def test_state_file_is_json(parts: Parts) -> None:
    parts.settings.change({"port": 1})
    assert json.loads(parts.store.path.read_text())["settings"] == {"port": 1}
