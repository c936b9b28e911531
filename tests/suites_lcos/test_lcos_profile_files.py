"""What the profile gives the firmware and credential cases, and when the WAN's masking can be switched."""

from __future__ import annotations

from pathlib import Path

from harness.device import profile as profiles
from harness.device.api import Verb
from reference_cpe import firmware

COMMAND = """
name = "x"
driver = "command"
[capabilities]
features = ["masked-wan", "download", "firmware"]
[commands]
start = "true"
[files]
firmware = "image.bin"
firmware_version = "2.0"
"""


def read(folder: Path, text: str) -> profiles.Profile:
    (folder / "image.bin").write_bytes(b"image")
    (folder / "device.toml").write_text(text, "utf-8")
    return profiles.load(folder / "device.toml", {})


def test_the_reference_device_takes_the_image_that_its_profile_makes() -> None:
    image, version = profiles.reference().files.firmware_for("9.1")
    assert version == "9.1"
    assert firmware.read(image, "ReferenceCPE").version == "9.1"


def test_an_image_of_the_profile(tmp_path: Path) -> None:
    files = read(tmp_path, COMMAND).files
    assert files.firmware_for("9.1") == (b"image", "2.0")
    assert files.credentials_script_for("u", "p") == b""


def test_a_script_that_sets_the_credentials() -> None:
    script = profiles.reference().files.credentials_script_for("u", "p").decode()
    assert 'Connection-Request-Username "u"' in script
    assert 'Connection-Request-Password "p"' in script


def test_masking_is_the_benchs_to_switch_only_where_the_bench_is_the_router(tmp_path: Path) -> None:
    assert Verb.MASK_WAN in read(tmp_path, COMMAND).capabilities.verbs
    own = read(tmp_path, COMMAND + '[network]\nrouter = "device"\n')
    assert Verb.MASK_WAN not in own.capabilities.verbs
    unmasked = read(tmp_path, COMMAND.replace('"masked-wan", ', ""))
    assert Verb.MASK_WAN not in unmasked.capabilities.verbs


def test_the_profile_for_real_time_can_be_used() -> None:
    profile = profiles.load(Path(__file__).with_name("realtime.toml"))
    assert not profile.steered
    assert profile.timing.interval == 5
