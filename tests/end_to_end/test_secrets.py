"""Markers planted as secrets in a profile are nowhere in the bundle of a real run, the captures included."""

from __future__ import annotations

import base64
import html
import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

USER, PASSWORD = "marker-user-4711", "Pä&<>s\"w'or /%+d9"
PROFILE = """
name = "Secretive"
driver = "reference"
[settings.acs_username]
initial = "marker-user-4711"
secret = true
[settings.acs_password]
initial = "Pä&<>s\\"w'or /%+d9"
secret = true
[settings.connection_request_password]
initial = "marker&bell"
secret = true
"""


def forms(secret: str) -> Iterator[bytes]:
    for raw in (secret.encode(), secret.encode("latin-1")):
        yield from (raw, raw.hex().encode(), raw.hex().upper().encode())
        for lead in range(3):
            # Letters that depend on the secret alone, whatever stands beside it.
            whole = base64.b64encode(bytes(lead) + raw + bytes(-(lead + len(raw)) % 3))
            core = whole[4 if lead else 0 : -4]
            yield from (core, core.translate(bytes.maketrans(b"+/", b"-_")))
    for text in (
        urllib.parse.quote(secret), urllib.parse.quote_plus(secret), urllib.parse.quote(secret, safe=""),
        html.escape(secret), html.escape(secret, quote=False), json.dumps(secret)[1:-1], repr(secret)[1:-1],
    ):  # fmt: skip
        yield text.encode()


def octets(value: Any) -> Iterator[bytes]:
    """What the base64 in a transcript stands for."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from octets(each)
    elif isinstance(value, str):
        try:
            yield base64.b64decode(value, validate=True)
        except ValueError:
            yield value.encode()


def leaks(folder: Path) -> list[str]:
    found = []
    wanted = {form for secret in (USER, PASSWORD, "marker&bell") for form in forms(secret)}
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        whole = [path.read_bytes()]
        if path.name == "transcript.json":
            whole += octets(json.loads(whole[0]))
        found += [f"{path.name}: {form!r}" for data in whole for form in wanted if form in data]
    return found


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    for number, form in enumerate(forms(PASSWORD)):
        (tmp_path / f"{number}").write_bytes(b"<" + form + b">")
    (tmp_path / "transcript.json").write_text(
        json.dumps([{"data": base64.b64encode(USER.encode()).decode()}])
    )
    assert len({each.partition(":")[0] for each in leaks(tmp_path)}) == len(list(forms(PASSWORD))) + 1


def test_secrets_are_nowhere_in_the_bundle(cpecheck: Any) -> None:
    (cpecheck.folder / "lab.toml").write_text(PROFILE)
    cases = ("acs-credentials.digest", "connection-request.accepted")
    done = cpecheck.run("--device", "lab.toml", *(word for case in cases for word in ("--select", case)))
    assert done.cases() == dict.fromkeys(cases, "pass"), done.output
    assert leaks(done.folder) == []
    assert USER not in done.output
    assert done.results["redaction"] == {
        "keys": ["settings.acs_username", "settings.acs_password", "settings.connection_request_password"],
        "tls_secrets": False,
    }
    captures = [path.read_bytes() for path in done.folder.rglob("capture.pcapng")]
    assert not any(b"CLIENT_RANDOM" in data or b"TRAFFIC_SECRET" in data for data in captures)
    # The evidence is still there: the device's Digest answer, with filler for its user.
    assert any(b'username="****************"' in data for data in captures)
