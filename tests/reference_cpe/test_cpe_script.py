"""Scripts: every setting, the inbound rules, and what is refused as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from cpe_lab import Acs, run_device

from harness.cwmp.messages import Download, TransferComplete
from reference_cpe import script
from reference_cpe.parts import Parts
from reference_cpe.settings import SETTINGS, Rule

RULES = "/Setup/IPv6/Firewall/Inbound-Rules"
VALUES = {
    "cwmp_active": ("no", False),
    "acs_url": ("https://acs.example.test/x?y=z", "https://acs.example.test/x?y=z"),
    "acs_username": ('"two words"', "two words"),
    "acs_password": ('"say ""please"""', 'say "please"'),
    "connection_request_username": ('""', ""),
    "connection_request_password": ("p\u00e4ss{}#", "p\u00e4ss{}#"),
    "port": ("65535", 65535),
    "source_address": ("LB0", "LB0"),
    "periodic_inform_active": ("YES", True),
    "periodic_inform_interval": ("2147483647", 2**31 - 1),
    "allow_file_transmission": ("no", False),
    "allow_firmware_updates": ("no", False),
    "allow_credential_change": ("yes", True),
}


def test_the_table_is_complete() -> None:
    assert [*VALUES, "ipv6_inbound_rules"] == list(SETTINGS)


@pytest.mark.parametrize("key", VALUES)
def test_every_setting(key: str) -> None:
    written, value = VALUES[key]
    line = f"  SET /setup/cwmp/{SETTINGS[key].name.upper()}   {written}  \r\n"
    assert script.read(line.encode()).settings == {key: value}


def read(*lines: str, present: tuple[Rule, ...] = ()) -> tuple[Rule, ...]:
    found = script.read("\n".join(lines).encode(), present).settings["ipv6_inbound_rules"]
    assert isinstance(found, tuple)
    return found


def test_rules() -> None:
    assert read(
        f"add {RULES} cr {{Services}} 7547",
        f"add {RULES.upper()} all",
        f"add {RULES} full {{Active}} no {{Prio}} 9 {{Action}} REJECT {{Services}} 80,443 "
        '{Source-Stations} "2001:db8::1, 2001:db8:1::/48"',
        f"add {RULES} any {{services}} ANY {{source-stations}} ANYHOST",
    ) == (
        Rule("cr", (7547,)),
        Rule("all"),
        Rule("full", (80, 443), "reject", False, 9, ("2001:db8::1/128", "2001:db8:1::/48")),
        Rule("any"),
    )


def test_rules_that_are_there() -> None:
    present = (Rule("one", (1,)), Rule("two", (2,)))
    assert read(f"add {RULES} three", present=present) == (*present, Rule("three"))
    assert read(f"del {RULES} one", present=present) == (Rule("two", (2,)),)
    assert read(f"add {RULES} two {{Services}} 22", present=present) == (
        Rule("one", (1,)),
        Rule("two", (22,)),
    )
    assert read(f"del {RULES} *", present=present) == ()
    assert read(f"del {RULES} *", f"add {RULES} new", present=present) == (Rule("new"),)
    assert read(f"add {RULES} x", f"del {RULES} x", present=present) == present


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"del {RULES} none", "there is no rule 'none'"),
        (f"del {RULES}", "expected the name"),
        (f"del {RULES} a b", "expected the name"),
        (f"add {RULES}", "a rule's name"),
        (f'add {RULES} "a b"', "a rule's name"),
        (f"add {RULES} a {{Services}}", "in turn"),
        (f"add {RULES} a {{Services}} http", "whole number"),
        (f"add {RULES} a {{Services}} 0", "expected 1 to 65535"),
        (f"add {RULES} a {{Services}} 1,,2", "whole number"),
        (f"add {RULES} a {{Action}} allow", "accept, drop or reject"),
        (f"add {RULES} a {{Prio}} 65536", "expected 0 to 65535"),
        (f"add {RULES} a {{Active}} maybe", "expected yes or no"),
        (f"add {RULES} a {{Source-Stations}} 192.0.2.1", "IPv6 address or prefix"),
        (f"add {RULES} a {{Comment}} x", "unknown column '{Comment}'"),
        (f"set {RULES} a", "unknown path"),
        ("add /Setup/CWMP/Operating yes", "unknown path"),
        ("set /Setup/CWMP/Operating", "expected one value"),
        ("set /Setup/CWMP/Operating yes no", "expected one value"),
        ("set /Setup/CWMP/ACS-Username two words", "double quotes"),
        ('set /Setup/CWMP/ACS-Username "open', "not understood"),
        ('set /Setup/CWMP/ACS-Username a"b"', "not understood"),
        ("set /Setup/CWMP/Operating 1", "expected yes or no"),
        ("set /Setup/CWMP/Periodic-Inform-Interval 0", "expected 1 to"),
        ("set /Setup/CWMP/ACS-URL ldap://x/", "neither http"),
        ("set /Setup/CWMP/Local-Port 99999999999", "whole number"),
        ("set", "not understood"),
        ("reboot now", "not understood"),
        ("\x00", "not understood"),
    ],
)
def test_refused_with_line_and_reason(line: str, reason: str) -> None:
    text = f"# first\nset /Setup/Comment fine\n{line}\nset /Setup/Comment more\n"
    with pytest.raises(script.BadScript, match=r"^line 3: ") as refused:
        script.read(text.encode())
    assert reason in str(refused.value)


def test_a_port_in_use_refuses_the_change(parts: Parts) -> None:
    parts.settings.port_obstacle = lambda port: f"port {port}: in use"
    with pytest.raises(ValueError, match="port: port 81: in use"):
        parts.settings.change({"port": 81, "acs_username": "x"})
    assert parts.settings.value("acs_username") == ""
    parts.settings.change({"port": 81, "cwmp_active": False})
    parts.settings.change({"port": 0})


async def test_delivered_by_download(acs: Acs, home: Path) -> None:
    """Two scripts: one is carried out, the other, with one bad line, changes nothing."""
    acs.files["/files/good"] = f"add {RULES} cr {{Services}} 7547\nset /Setup/CWMP/ACS-Username u\n".encode()
    acs.files["/files/bad"] = f"set /Setup/CWMP/ACS-Username v\ndel {RULES} nothing\n".encode()
    kind = "3 Vendor Configuration File"
    acs.queue += [Download("a", kind, f"{acs.base}/files/good"), Download("b", kind, f"{acs.base}/files/bad")]
    async with run_device(home, "--acs-url", f"{acs.base}/acs") as device:
        await acs.until(lambda: sum(isinstance(m, TransferComplete) for m in acs.got) == 2)
        settings = (await device.call("GET", "/settings"))[1]
    assert settings["acs_username"] == "u"
    assert [rule["name"] for rule in settings["ipv6_inbound_rules"]] == ["cr"]
    reports = {m.command_key: m.fault_struct for m in acs.got if isinstance(m, TransferComplete)}
    assert reports["a"].fault_code == 0
    assert reports["b"].fault_code == 9018
    assert "line 2: there is no rule 'nothing'" in reports["b"].fault_string
