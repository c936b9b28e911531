"""The verbs for the client certificate, on both drivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from harness.device.api import DriverError, Verb
from harness.device.command import CommandDriver
from harness.device.profile import Profile, reference
from harness.device.reference import ReferenceDriver
from harness.lab.network import Lab
from harness.lab.pki import Authority

MakeProfile = Callable[[str], Profile]

PROFILE = """
name = "x"
driver = "command"
[timing]
start = 0.05
[commands]
start = 'exec sleep 60'
upload_client_certificate = '''
cp $CPECHECK_CLIENT_CERTIFICATE $CPECHECK_WORKDIR/stored
test "$CPECHECK_PASSPHRASE" = "p ss" || { echo "refused: $CPECHECK_PASSPHRASE" >&2; exit 1; }
'''
remove_client_certificate = 'test -z "$CPECHECK_CLIENT_CERTIFICATE$CPECHECK_PASSPHRASE" && rm $CPECHECK_WORKDIR/stored'
"""


async def test_by_command(plain_lab: Lab, make_profile: MakeProfile, workdir: Path) -> None:
    driver = CommandDriver(make_profile(PROFILE), plain_lab, workdir)
    assert {Verb.UPLOAD_CLIENT_CERTIFICATE, Verb.REMOVE_CLIENT_CERTIFICATE} <= driver.capabilities.verbs
    try:
        await driver.start()
        await driver.upload_client_certificate(b"\x30\x00", "p ss")
        assert (workdir / "stored").read_bytes() == b"\x30\x00"
        with pytest.raises(DriverError, match=r"refused: \*{6}$"):
            await driver.upload_client_certificate(b"\x30\x01", "Secret")
        assert "Secret" not in (workdir / "commands.log").read_text()
        await driver.remove_client_certificate()
        assert not (workdir / "stored").exists()
    finally:
        await driver.stop()


def test_a_profile_without_the_commands_lacks_the_verbs(make_profile: MakeProfile) -> None:
    verbs = make_profile('name = "x"\ndriver = "command"\n[commands]\nstart = "x"\n').capabilities.verbs
    assert not verbs & {Verb.UPLOAD_CLIENT_CERTIFICATE, Verb.REMOVE_CLIENT_CERTIFICATE}


async def test_on_the_reference_device(plain_lab: Lab, workdir: Path) -> None:
    driver = ReferenceDriver(reference(), plain_lab, None, workdir)
    passphrase = "pä %ss:\n€"
    leaf = Authority.create("root").leaf("cpe.test")
    key = load_pem_private_key(leaf.key_pem, None)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    container = serialize_key_and_certificates(
        b"cpe", key, leaf.leaf, None, BestAvailableEncryption(passphrase.encode())
    )
    try:
        await driver.start()
        await driver.upload_client_certificate(container, passphrase)
        assert (await driver.state())["client_certificate_stored"] is True
        with pytest.raises(DriverError, match=r"upload_client_certificate: PUT .*: 422: wrong passphrase"):
            await driver.upload_client_certificate(container, "wrong")
        assert (await driver.state())["client_certificate_stored"] is True
        await driver.remove_client_certificate()
        assert (await driver.state())["client_certificate_stored"] is False
    finally:
        await driver.stop()
