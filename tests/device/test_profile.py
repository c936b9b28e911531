"""Profiles: what a good one says, and the exact line, key and words for every bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.device import profile as profiles
from harness.device.api import SETTINGS, FirewallRule, Verb
from harness.device.profile import Profile, ProfileError, load
from harness.device.profile_keys import FEATURES, KEYS

GOOD = """\
name = "Plain program"
driver = "command"
root_ca = "file"

[capabilities]
features = ["https", "loopback-source", "masked-wan"]

[settings]
acs_url = true
source_address = {}
periodic_inform_active = { label = "Enable", true = "on", false = "off", initial = true }
acs_password = { secret = true, initial = "hunter2" }
ipv6_inbound_rules = { initial = [{ name = "cr", ports = [7547] }] }

[commands]
start = ["./run", "--fg"]
wake = "kill -USR1 $(cat pid)"

[timeouts]
wake = 2.5

[environment]
PLAIN = "x"
TOKEN = { from = "CPE_TOKEN", secret = true }

[[template]]
source = "conf.in"
target = "conf"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conf.in").write_text("url={{ acs_url }}\n")
    return tmp_path


def read(folder: Path, text: str) -> Profile:
    file = folder / "cpe.toml"
    file.write_text(text)
    return load(file, {"CPE_TOKEN": "t0ken"})


def test_a_good_profile(folder: Path) -> None:
    profile = read(folder, GOOD)
    assert (profile.driver, profile.where, profile.apply) == ("command", "namespace", "restart")
    assert profile.info.name == "Plain program"
    assert profile.commands["start"].argv == ("./run", "--fg")
    assert profile.commands["wake"].argv == ("/bin/sh", "-c", "kill -USR1 $(cat pid)")
    assert (profile.timeout("wake"), profile.timeout("start")) == (2.5, 30.0)
    assert profile.environment == {"PLAIN": "x", "TOKEN": "t0ken"}
    assert profile.secrets == ("hunter2", "t0ken")
    assert profile.settings["periodic_inform_active"].label == "Enable"
    assert profile.settings["acs_url"].label == "ACS URL"
    assert profile.initial() == {
        "periodic_inform_active": True,
        "acs_password": "hunter2",
        "ipv6_inbound_rules": (FirewallRule("cr", (7547,)),),
    }
    assert profile.capabilities.settings == set(profile.settings)
    assert profile.capabilities.features == {"https", "loopback-source", "masked-wan"}
    assert profile.capabilities.verbs == {
        Verb.RESTART,
        Verb.POWER_CYCLE,
        Verb.UPLOAD_ROOT_CA,
        Verb.REMOVE_ROOT_CA,
        Verb.WAKE,
        Verb.MASK_WAN,
    }
    assert profile.needs_namespaces
    assert not profile.steered


def test_the_reference_device_can_everything() -> None:
    profile = profiles.reference()
    assert profile.capabilities.settings == set(SETTINGS)
    assert profile.capabilities.features == set(FEATURES)
    assert profile.capabilities.lacks((Verb.WAKE, Verb.FACTORY_RESET, Verb.POWER_CYCLE, "https")) == []
    assert profile.steered


def test_script_of_the_profile(folder: Path) -> None:
    profile = read(
        folder,
        'name = "x"\ndriver = "reference"\n[files]\nscript = "set {{ marker }}\\n"\nmarker = "Device.X"\n',
    )
    assert profile.files.script_for("m-1") == b"set m-1\n"


def test_an_address_names_all_that_is_addressed(folder: Path) -> None:
    profile = read(
        folder,
        'name = "x"\ndriver = "command"\nwhere = "address"\n'
        '[commands]\nconfigure = "c"\n[address]\ndevice = "192.0.2.1"\nlisten = ["192.0.2.9"]\n',
    )
    assert profile.address == profiles.Address("192.0.2.1", ("192.0.2.9",))
    assert not profile.needs_namespaces


HEAD = 'name = "x"\ndriver = "command"\n'
START = HEAD + '[commands]\nstart = "run"\n'
REFERENCE = 'name = "x"\ndriver = "reference"\n'
ADDRESS = HEAD + 'where = "address"\n[commands]\nconfigure = "c"\n'

BAD: dict[str, tuple[str, int, str]] = {
    "syntax": ("name = \n", 1, "name: expected TOML, found: Invalid value"),
    "syntax in a table": (HEAD + "[commands\n", 3, "commands: expected TOML, found: "),
    "key twice": ('name = "x"\nname = "y"\n', 2, "name: expected TOML, found: Cannot overwrite a value"),
    "unclosed at the end": (HEAD + 'x = """\n', 3, "x: expected TOML, found: "),
    "unknown key": (HEAD + "drivr = 1\n", 3, "drivr: expected one of name, driver, "),
    "unknown key, hint": (HEAD + "wher = 1\n", 3, "found an unknown key (did you mean where?)"),
    "unknown key in a table": (START + 'strat = "x"\n', 5, "commands.strat: expected one of start, "),
    "unknown table": (START + "[comands]\n", 5, "comands: expected one of "),
    "unknown key in an element": (
        START + '[[template]]\nsource = "conf.in"\ntarget = "c"\nsorce = 1\n',
        8,
        "template[0].sorce: expected one of source, target, found an unknown key (did you mean source?)",
    ),
    "missing name": ('driver = "reference"\n', 1, "name: expected a string, found nothing"),
    "missing driver": ('name = "x"\n', 1, 'driver: expected "reference" or "command", found nothing'),
    "missing target": (
        START + '[[template]]\nsource = "conf.in"\n',
        5,
        "template[0].target: expected a string, found nothing",
    ),
    "wrong word": ('name = "x"\ndriver = "comand"\n', 2, 'found "comand" (did you mean command?)'),
    "wrong word type": ('name = "x"\ndriver = 1\n', 2, 'driver: expected "reference" or "command", found 1'),
    "not a string": ('name = 7\ndriver = "command"\n', 1, "name: expected a string, found 7"),
    "not a boolean": (
        REFERENCE + "[reference]\nsteered = 1\n",
        4,
        "steered: expected true or false, found 1",
    ),
    "not seconds": (
        START + "[timing]\nsettle = -1\n",
        6,
        "timing.settle: expected a number of seconds, 0 or more",
    ),
    "boolean as seconds": (
        START + "[timing]\nsettle = true\n",
        6,
        "expected a number of seconds, 0 or more, found true",
    ),
    "not a command": (
        HEAD + "[commands]\nstart = 1\n",
        4,
        "expected a shell line or an array of words, found 1",
    ),
    "empty command": (HEAD + '[commands]\nstart = " "\n', 4, 'an array of words, found " "'),
    "empty words": (HEAD + "[commands]\nstart = []\n", 4, "an array of words, found an array of 0"),
    "not a table": (
        START + "[settings]\nacs_url = false\n",
        6,
        "settings.acs_url: expected true or a table, found false",
    ),
    "not tables": (
        HEAD + "template = [1]\n",
        3,
        "template: expected an array of tables, found an array of 1",
    ),
    "not an address": (
        ADDRESS + '[address]\ndevice = "box"\n',
        7,
        'address.device: expected an IP address, found "box"',
    ),
    "no addresses": (
        ADDRESS + "[address]\nlisten = []\n",
        7,
        "address.listen: expected an array of one or more IP",
    ),
    "unknown setting": (
        START + "[settings]\nacs_urk = true\n",
        6,
        "settings.acs_urk: expected a canonical key, found an unknown setting (did you mean acs_url?)",
    ),
    "unknown feature": (
        START + '[capabilities]\nfeatures = [\n  "https",\n  "htps",\n]\n',
        8,
        "capabilities.features[1]: expected one of https, ipv6",
    ),
    "unknown verb": (
        START + '[capabilities]\nverbs = ["rstart"]\n',
        6,
        'found "rstart" (did you mean restart?)',
    ),
    "bad variable": (
        START + '[environment]\nCPECHECK_X = "1"\n',
        6,
        "environment.CPECHECK_X: expected the name of a variable",
    ),
    "the first of two": (START + "[timing]\nsettle = -1\nx = 1\n", 6, "timing.settle"),
    "reference with commands": (
        REFERENCE + '[commands]\nstart = "x"\n',
        3,
        'commands: expected nothing, because driver is "reference", found a table',
    ),
    "reference on the host": (
        REFERENCE + 'where = "host"\n',
        3,
        'where: expected "namespace", because driver is',
    ),
    "command with reference": (
        START + "[reference]\n",
        5,
        'reference: expected nothing, because driver is "command"',
    ),
    "address without table": (
        ADDRESS,
        3,
        'address.device: expected an address, because where is "address", found nothing',
    ),
    "address without listen": (
        ADDRESS + '[address]\ndevice = "192.0.2.1"\n',
        3,
        "address.listen: expected an address",
    ),
    "table without address": (
        START + "[address]\n",
        5,
        'address: expected nothing, because where is not "address"',
    ),
    "no start": (HEAD + '[commands]\nstop = "x"\n', 3, "commands.start: expected a shell line"),
    "live without configure": (
        HEAD + 'apply = "live"\n[commands]\nstart = "run"\n',
        3,
        'apply: expected "restart", or a command `configure`, found "live" without that command',
    ),
    "restart without start": (
        HEAD + 'where = "address"\napply = "restart"\n[commands]\nconfigure = "c"\n'
        '[address]\ndevice = "192.0.2.1"\nlisten = ["192.0.2.9"]\n',
        4,
        "apply: expected a command `restart` or `start`",
    ),
    "root CA without command": (
        HEAD + 'root_ca = "command"\n[commands]\nstart = "x"\n',
        3,
        "root_ca: expected a command `upload_root_ca`",
    ),
    "timeout without command": (
        START + "[timeouts]\nwake = 1\n",
        6,
        "timeouts.wake: expected a command `wake`",
    ),
    "verb without command": (
        START + '[capabilities]\nverbs = [\n"restart",\n"wake"]\n',
        8,
        "capabilities.verbs[1]: expected a command `wake` that gives the verb, found none",
    ),
    "network feature on the host": (
        HEAD + 'where = "host"\n[commands]\nstart = "x"\n[capabilities]\nfeatures = ["masked-wan"]\n',
        7,
        'capabilities.features[0]: expected features that do not need where = "namespace", found',
    ),
    "source without setting": (
        START + '[capabilities]\nfeatures = ["network-source"]\n',
        6,
        "expected the setting source_address beside network-source",
    ),
    "script without download": (
        START + '[capabilities]\nfeatures = ["script"]\n[files]\nscript_type="1"\nscript="1"\nmarker="1"\n',
        6,
        "expected the feature download beside script",
    ),
    "firmware without download": (
        START + '[capabilities]\nfeatures = ["firmware"]\n[files]\nfirmware = "conf.in"\n',
        6,
        "expected the feature download beside firmware",
    ),
    "script without files": (
        START + '[capabilities]\nfeatures = ["download", "script"]\n',
        6,
        "files.script_type: expected a string, because of the feature script, found nothing",
    ),
    "no firmware file": (
        REFERENCE + '[files]\nfirmware = "none.img"\n',
        4,
        'files.firmware: expected a file, found "none.img"',
    ),
    "script not a template": (
        REFERENCE + '[files]\nscript = "{{ makrer }}"\n',
        4,
        "makrer in its line 1 (did you mean marker?)",
    ),
    "port beyond the last": (
        START + "[settings]\nport = { initial = 65536 }\n",
        6,
        "settings.port.initial: expected 0 to 65535, found 65536",
    ),
    "template written elsewhere": (
        START + '[[template]]\nsource = "conf.in"\ntarget = "../c"\n',
        7,
        'template[0].target: expected a file inside of $CPECHECK_WORKDIR, found "../c"',
    ),
    "template written to the root": (
        START + '[[template]]\nsource = "conf.in"\ntarget = "/etc/c"\n',
        7,
        'template[0].target: expected a file inside of $CPECHECK_WORKDIR, found "/etc/c"',
    ),
    "initial of wrong type": (
        START + '[settings]\nport = { initial = "7547" }\n',
        6,
        'settings.port.initial: expected a whole number, found "7547"',
    ),
    "boolean as number": (
        START + "[settings.port]\ninitial = true\n",
        6,
        "expected a whole number, found true",
    ),
    "number as boolean": (
        START + "[settings.cwmp_active]\ninitial = 1\n",
        6,
        "settings.cwmp_active.initial: expected true or false, found 1",
    ),
    "bad rule": (
        START
        + '[settings.ipv6_inbound_rules]\ninitial = [\n{ name = "a", ports = [1] },\n  { name = "b" },\n]\n',
        8,
        "settings.ipv6_inbound_rules.initial[1]: expected a rule with name and ports, perhaps action",
    ),
    "bad rule key": (
        START + '[settings.ipv6_inbound_rules]\ninitial = [{ name = "a", ports = [], prio = 1 }]\n',
        6,
        "sources, found prio in it",
    ),
    "bad rule ports": (
        START + '[settings.ipv6_inbound_rules]\ninitial = [{ name = "a", ports = "all" }]\n',
        6,
        "found ports that are not whole numbers",
    ),
    "no rule": (START + "[settings.ipv6_inbound_rules]\ninitial = [1]\n", 6, "found 1, which is not a rule"),
    "words for a string": (
        START + '[settings.acs_url]\ntrue = "on"\n',
        6,
        'settings.acs_url.true: expected nothing, because the setting is not a boolean, found "on"',
    ),
    "environment twice": (
        START + '[environment]\nA = { value = "1", from = "CPE_TOKEN" }\n',
        6,
        "environment.A: expected either value or from, found both",
    ),
    "environment empty": (
        START + "[environment]\nA = { secret = true }\n",
        6,
        "either value or from, found neither",
    ),
    "environment not there": (
        START + '[environment.A]\nfrom = "NOPE"\n',
        6,
        "environment.A.from: expected a variable NOPE in the environment, found none",
    ),
    "no template": (
        START + '[[template]]\nsource = "none.in"\ntarget = "c"\n',
        6,
        'template[0].source: expected a text file, found "none.in": No such file',
    ),
    "template syntax": (
        START + '[[template]]\nsource = "broken.in"\ntarget = "c"\n',
        6,
        "template[0].source: expected a Jinja2 template, found in its line 2: ",
    ),
    "template name": (
        START + '[[template]]\nsource = "typo.in"\ntarget = "c"\n',
        6,
        "found acs_ulr in its line 3 (did you mean acs_url?)",
    ),
    "template bytes": (
        START + '[[template]]\nsource = "bytes.in"\ntarget = "c"\n',
        6,
        'found "bytes.in": not UTF-8',
    ),
    "rule text": (START + '[rendering]\nrule = "{{ prots }}"\n', 6, "rendering.rule: expected names among"),
    "no defect file": (
        REFERENCE + '[reference]\ndefect_files = ["d.py"]\n',
        4,
        "reference.defect_files[0]: expected a file",
    ),
}


@pytest.mark.parametrize(("text", "line", "words"), BAD.values(), ids=BAD.keys())
def test_a_bad_profile(folder: Path, text: str, line: int, words: str) -> None:
    (folder / "broken.in").write_text("a\n{% if %}\n")
    (folder / "typo.in").write_text("a\nb\n{{ acs_ulr }}\n")
    (folder / "bytes.in").write_bytes(b"\xff")
    with pytest.raises(ProfileError) as caught:
        read(folder, text)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'cpe.toml'}:{line}: ")
    assert words in message
    assert "\n" not in message


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(
        ProfileError, match=r"none.toml:1: file: expected a device profile, found No such file"
    ):
        load(tmp_path / "none.toml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b'name = "x"\n\xff')
    with pytest.raises(ProfileError, match=r"x.toml:2: file: expected UTF-8, found the byte 0xFF"):
        load(tmp_path / "x.toml")


def test_every_key_is_documented_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "profiles.md").read_text("utf-8")
    rows = {line.split("|")[1].strip(): line for line in text.splitlines() if line.startswith("| `")}
    for key in KEYS:
        if not key.default and not key.meaning:
            continue
        row = rows[f"`{key.path}`"]
        assert [cell.strip() for cell in row.replace("\\|", "¦").split("|")[2:5]] == [
            key.type.replace("|", "¦"),
            key.default,
            key.meaning,
        ]
    assert set(FEATURES) <= {name.strip("`") for name in rows}
