"""The file server and authentication, with curl as a client that shares no line with the bench."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from minimal_cpe import INFORM, envelope, listening_socket, opened

from harness.acs.acs import Acs, Basic, Digest
from harness.acs.files import FileServer
from harness.cwmp import messages as m
from harness.lab.pki import Authority
from harness.lab.recorder import Recorder
from harness.lab.tls import TlsSettings
from harness.verdict.transcript import Role

pytestmark = pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
SCHEMES = [
    (Basic("me", "s:ecret"), "--basic"),
    (Digest("me", "s:ecret"), "--digest"),
    (Digest("me", "s:ecret", algorithm="SHA-256"), "--digest"),
    (Digest("me", "s:ecret", algorithm="MD5-sess"), "--digest"),
    (Digest("me", "s:ecret", algorithm=None, qop=()), "--digest"),
]


async def curl(*arguments: str) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        "curl", "-sS", "--noproxy", "*", "--max-time", "20", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(25):
        output, _ = await process.communicate()
    return process.returncode or 0, output


async def test_offer_is_served_and_counted(files: FileServer, recorder: Recorder) -> None:
    offer = files.offer("firmware.bin", b"\x00\xff" * 100_000)
    assert offer.url.startswith("http://127.0.0.1:")
    assert (files.connections, offer.hits, offer.served) == (0, [], 0)
    assert await curl(offer.url) == (0, offer.content)
    assert (offer.served, len(offer.hits), offer.connections, files.connections) == (1, 1, 1, 1)
    assert [c.role for c in recorder.transcript.connections] == [Role.FILE_SERVER]


async def test_other_paths_are_not_found_but_counted(files: FileServer) -> None:
    offer = files.offer("/a", b"a")
    code, _ = await curl("-f", files.url("/b"))
    assert code == 22
    assert (len(files.hits), offer.hits, files.connections) == (1, [], 1)
    code, output = await curl("-I", offer.url)
    assert b"Content-Length: 1" in output
    assert offer.served == 0


@pytest.mark.parametrize(("scheme", "option"), SCHEMES)
async def test_protected_offer_takes_curls_credentials(
    files: FileServer, scheme: Basic | Digest, option: str
) -> None:
    offer = files.offer("/secret", b"content", auth=scheme)
    assert await curl(option, "-u", "me:s:ecret", offer.url) == (0, b"content")
    assert offer.served == 1
    assert await curl("-f", option, "-u", "me:wrong", offer.url) == (22, b"")
    assert offer.served == 1


async def test_upload_is_received(files: FileServer, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_bytes(b"setting\n" * 1000)
    assert (await curl("-f", "-T", str(config), files.url("/up/config")))[0] == 0
    files.uploads_need(Digest("me", "s:ecret"))
    assert (await curl("-f", "-T", str(config), files.url("/up/config")))[0] == 22
    assert (await curl("-f", "--digest", "-u", "me:s:ecret", "-T", str(config), files.url("/up/2")))[0] == 0
    assert [(r.path, r.content == config.read_bytes()) for r in files.received] == [
        ("/up/config", True),
        ("/up/2", True),
    ]


@pytest.mark.parametrize(("scheme", "option"), SCHEMES)
async def test_curl_as_a_cpe_authenticates_at_the_acs(
    acs: Acs, tmp_path: Path, scheme: Basic | Digest, option: str
) -> None:
    acs.auth = scheme
    inform, jar = tmp_path / "inform.xml", tmp_path / "jar"
    inform.write_bytes(envelope(INFORM))
    common = (option, "-u", "me:s:ecret", "-b", str(jar), "-c", str(jar), acs.url("http"))
    code, output = await curl(*common, "-H", "Content-Type: text/xml", "--data-binary", f"@{inform}")
    assert code == 0
    assert opened(output).message == m.InformResponse(1)
    code, output = await curl(*common, "-X", "POST", "-d", "", "-w", "%{http_code}")
    assert (code, output) == (0, b"204")
    assert [session.record.ended for session in acs.sessions] == ["complete"]


async def test_curl_as_a_cpe_over_https(acs: Acs, recorder: Recorder, tmp_path: Path) -> None:
    root = Authority.create("root")
    tls = TlsSettings(root.ca().leaf("acs.bench.test"))
    acs.add_endpoint("https", listening_socket(), "https", ["acs.bench.test"], tls)
    inform, trust = tmp_path / "inform.xml", tmp_path / "root.pem"
    inform.write_bytes(envelope(INFORM))
    trust.write_bytes(root.pem)
    url = acs.url("https")
    port = acs.endpoints["https"].port
    code, output = await curl(
        "--cacert", str(trust), "--resolve", f"acs.bench.test:{port}:127.0.0.1", "-b", str(tmp_path / "jar"),
        "--data-binary", f"@{inform}", url, "--next", "-sS", "--cacert", str(trust),
        "-X", "POST", "-d", "", "-w", "%{http_code}", url,
    )  # fmt: skip
    assert (code, output[-3:]) == (0, b"204")
    assert opened(output[:-3]).message == m.InformResponse(1)
    (connection,) = recorder.take().connections
    assert connection.tls is not None
    assert (connection.tls.sni, connection.endpoint, connection.role) == ("acs.bench.test", "https", Role.ACS)
    assert acs.sessions[0].record.ended == "complete"
