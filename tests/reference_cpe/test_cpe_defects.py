"""The defect mechanism, and that every defect and variant can be applied and works as a device."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest
from cpe_lab import DEADLINE, Acs, ManualClock, run_device

from harness.cwmp import soap
from harness.cwmp.messages import Download, Fault, GetParameterValues, GetRPCMethods, Inform, UnknownMessage
from reference_cpe.config import Config, Network
from reference_cpe.defects import registry
from reference_cpe.parts import assemble
from reference_cpe.store import Store

registry.load_builtin()
NAMES = sorted([*registry.DEFECTS, *registry.VARIANTS])

OWN = '''
from reference_cpe.defects.registry import defect, rewire

@defect("no-host-header", breaks=["cwmp.http.post-with-host"])
def no_host_header(parts):
    """POSTs have no Host header."""
    original = parts.http.style
    rewire(parts.http, style=lambda headers: [h for h in original(headers) if h[0] != "Host"])
'''


@pytest.mark.parametrize("name", NAMES)
def test_every_alteration_applies(name: str, tmp_path: Path) -> None:
    """It is given the parts of a device, and the device still makes an Inform and a ruleset."""
    network = Network(wan_interface="wan0", masked=True)
    parts = assemble(Config(network=network), ManualClock(), Store(tmp_path), Random(1))
    entry = {**registry.DEFECTS, **registry.VARIANTS}[name]
    entry.apply(parts)
    assert entry.summary.endswith(".")
    assert "\n\n" not in entry.summary
    session = parts.session(parts)
    post = session.start()
    # One defect is just that: the session does not begin with the Inform.
    reading = soap.read((post if post.body else session.receive(204, b"")).body)
    assert reading.envelope is not None
    assert isinstance(reading.envelope.message, Inform)
    if name in registry.VARIANTS:
        assert reading.violations == ()
    assert "table inet reference_cpe" in parts.firewall.ruleset()
    parts.timers.session_started()
    parts.timers.session_ended(True)


def test_defects_name_requirements() -> None:
    assert len(registry.DEFECTS) >= 14
    for entry in registry.DEFECTS.values():
        assert all(
            part.islower() or "-" in part or part.isalnum() for r in entry.breaks for part in r.split(".")
        )
        assert all(r.startswith(("lcos.", "cwmp.")) for r in entry.breaks), entry.name


def test_rules_of_registration(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="breaks"):
        registry.defect("x", breaks=[])
    with pytest.raises(ValueError, match="taken"):
        registry.defect("no-host-name-check", breaks=["a"])(lambda parts: None)
    with pytest.raises(ValueError, match="docstring"):
        registry.variant("new")(lambda parts: None)
    parts = assemble(Config(), ManualClock(), Store(tmp_path), Random(1))
    with pytest.raises(AttributeError):
        registry.rewire(parts.timers, intervall=lambda: 1)


def test_broken_defect_file(tmp_path: Path) -> None:
    path = tmp_path / "bad.py"
    path.write_text("import nothing_of_that_name")
    with pytest.raises(registry.BadFile, match="nothing_of_that_name"):
        registry.load_file(path)


async def test_defect_of_ones_own(acs: Acs, home: Path) -> None:
    path = home / "mine.py"
    path.write_text(OWN)
    async with run_device(home, "--acs-url", f"{acs.base}/acs", "--defect-file", str(path)) as device:
        await acs.until(lambda: acs.ended or "session failed" in device.log)
        assert "session failed" in device.log or "Host" not in acs.requests[0][1]


async def test_all_variants_at_once(acs: Acs, home: Path) -> None:
    acs.queue += [
        GetRPCMethods(),
        GetParameterValues(("Device.",)),
        UnknownMessage("urn:dslforum-org:cwmp-1-2", "X_NO"),
    ]
    options = [word for name in registry.VARIANTS for word in ("--variant", name)]
    async with run_device(home, "--acs-url", f"{acs.base}/acs", *options) as device:
        await acs.until(lambda: acs.ended)
        assert (await device.state())["last_error"] == ""
    assert isinstance(acs.got[-1], Fault)
    assert "2 PERIODIC" in acs.events()[0]


@pytest.mark.parametrize(
    ("defect", "setting"),
    [("fetch-then-refuse", "allow_file_transmission"), ("file-switch-ignored", "allow_file_transmission")],
)
async def test_forbidden_file_is_fetched(acs: Acs, home: Path, defect: str, setting: str) -> None:
    acs.files["/files/s"] = b"set /Setup/Comment done\n"
    async with run_device(home, "--defect", defect) as device:
        await device.configure(**{setting: False})
        acs.queue.append(Download("k", "3 Vendor Configuration File", f"{acs.base}/files/s"))
        await device.configure(acs_url=f"{acs.base}/acs")
        await acs.until(lambda: acs.ended == 2)
        comment = (await device.state())["comment"]
    assert acs.fetched == ["/files/s"]
    assert comment == ("" if defect == "fetch-then-refuse" else "done")


async def test_crash_on_unknown_rpc(acs: Acs, home: Path) -> None:
    acs.queue.append(UnknownMessage("urn:dslforum-org:cwmp-1-2", "X_NO"))
    async with run_device(home, "--defect", "dies-on-unknown-rpc") as device:
        await device.configure(acs_url=f"{acs.base}/acs")
        assert await asyncio.wait_for(device.process.wait(), DEADLINE) == 139


async def test_wedged_after_a_bad_message(acs: Acs, home: Path) -> None:
    acs.queue.append(b"<not xml")
    async with run_device(home, "--defect", "wedged-after-bad-message") as device:
        await device.configure(acs_url=f"{acs.base}/acs")
        await acs.until(lambda: "session failed" in device.log)
        await device.call("POST", "/actions/wake")
        await acs.until(lambda: device.log.count("session failed") == 2)
    assert len(acs.informs) == 1
