"""Manifest, statement and envelope: written, checked by other programs, and every alteration named."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from made_up import GOOD, HOSTILE, MIXED, hostile_run, outcome, write
from made_up_talk import keep, talk

from harness.cli import main
from harness.verdict.bundle import Bundle
from harness.verdict.verdict import Verdict
from reports import attest, dsse, manifest, statement
from reports.build import write_all

CASE = "https.reject.wrong-name"


def private(seed: int = 1) -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)


def pem_of(key: ed25519.Ed25519PrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def public_pem_of(key: ed25519.Ed25519PrivateKey) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("attested") / "bundle"
    write(folder)
    keep(folder, CASE, talk(0.0), frames=2)
    write_all(folder)
    attest.sign(folder, private())
    return folder


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "bundle")


def problems(folder: Path, *seeds: int) -> tuple[str, ...]:
    return attest.verify(folder, [private(seed).public_key() for seed in seeds or (1,)]).problems


def envelope(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / attest.FILE).read_bytes())
    return found


# --- what others read ---------------------------------------------------------------------------------


def test_the_encoding_is_that_of_the_specification() -> None:
    assert dsse.pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert dsse.pae("", b"") == b"DSSEv1 0  0 "
    assert dsse.pae("ä", "ß".encode()) == b"DSSEv1 2 \xc3\xa4 2 \xc3\x9f"


def test_openssl_accepts_the_signature(bundle: Path, tmp_path: Path) -> None:
    found = json.loads((bundle / attest.FILE).read_text("ascii"))
    assert set(found) == {"payload", "payloadType", "signatures"}
    body = base64.b64decode(found["payload"], validate=True)
    kind = found["payloadType"]
    assert kind == "application/vnd.in-toto+json"
    head = f"DSSEv1 {len(kind)} {kind} {len(body)} ".encode()
    (tmp_path / "signed").write_bytes(head + body)
    (tmp_path / "sig").write_bytes(base64.b64decode(found["signatures"][0]["sig"], validate=True))
    (tmp_path / "pub.pem").write_bytes(public_pem_of(private()))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "pub.pem", "-rawin", "-in", "signed"]
    done = subprocess.run([*command, "-sigfile", "sig"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", "pub.pem", "-outform", "DER"],
        cwd=tmp_path, capture_output=True, check=True,
    ).stdout  # fmt: skip
    (tmp_path / "der").write_bytes(der)
    summed = subprocess.run(["sha256sum", "der"], cwd=tmp_path, capture_output=True, check=True, text=True)
    assert summed.stdout.split()[0] == found["signatures"][0]["keyid"]


def test_sha256sum_accepts_the_manifest(bundle: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", manifest.SUMS], cwd=bundle, capture_output=True, check=False
    )
    assert done.returncode == 0, done
    lines = (bundle / manifest.SUMS).read_text().splitlines()
    files = {str(each.relative_to(bundle)) for each in bundle.rglob("*") if each.is_file()}
    assert {line.partition("  ")[2] for line in lines} == files - {manifest.SUMS, attest.FILE}


def test_odd_names_are_escaped_as_sha256sum_does(tmp_path: Path) -> None:
    names = ["a\\b", "line\nend", "cr\rx", " blank", "*star", "-dash"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    text = manifest.sums(manifest.digests(tmp_path, names))
    (tmp_path / "sums").write_text(text, newline="")
    done = subprocess.run(["sha256sum", "--check", "sums"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done


def test_the_statement_says_what_was_run_and_how_it_went(bundle: Path) -> None:
    said = json.loads(base64.b64decode(str(envelope(bundle)["payload"])))
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    assert said["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert said["predicate"]["result"] == "FAILED"
    assert said["predicate"]["passedTests"] == ["https.reject.wrong-root", "periodic.seconds"]
    assert said["predicate"]["warnedTests"] == ["auth.order"]
    assert said["predicate"]["failedTests"] == [CASE, "rule soapaction"]
    (configuration,) = said["predicate"]["configuration"]
    assert configuration["digest"] == {"sha256": manifest.digest(bundle / "events.ndjson")}
    assert configuration["annotations"]["command"] == "cpecheck run --device lab.toml"
    named = {each["name"]: each["digest"] for each in said["subject"]}
    assert named[f"evidence/{CASE}/capture.pcapng"] == {
        "sha256": manifest.digest(bundle / "evidence" / CASE / "capture.pcapng")
    }
    assert set(named) == {str(e.relative_to(bundle)) for e in bundle.rglob("*") if e.is_file()} - {
        attest.FILE
    }


def test_only_a_run_that_shows_everything_has_passed(tmp_path: Path) -> None:
    good = write(tmp_path / "good", GOOD)
    assert statement.result(good) == "PASSED"
    assert statement.result(write(tmp_path / "warn", (*GOOD[:4], MIXED[4]))) == "WARNED"
    assert statement.result(write(tmp_path / "fail", MIXED)) == "FAILED"
    lost = outcome("source.literal", reason="device lost", verdict=Verdict.NOT_RUN)
    assert statement.result(write(tmp_path / "lost", (*GOOD[:3], lost))) == "FAILED"
    good.complete = False
    assert statement.result(good) == "FAILED"


# --- alterations --------------------------------------------------------------------------------------


def test_an_untouched_bundle_is_good(bundle: Path) -> None:
    assert problems(bundle) == ()
    copy = shutil.copytree(bundle, bundle.with_name("copy"))
    assert problems(copy) == ()


def test_any_altered_byte_of_any_file_is_named(bundle: Path) -> None:
    for path in [each for each in bundle.rglob("*") if each.is_file()]:
        data = path.read_bytes()
        for altered in (
            bytes([data[0] ^ 1]) + data[1:],
            data[:-1] + bytes([data[-1] ^ 1]),
            data + b"\n",
            data[:-1],
        ):
            path.write_bytes(altered)
            (line,) = problems(bundle)
            assert line.startswith(f"{path.relative_to(bundle)}: ")
        path.write_bytes(data)
    assert problems(bundle) == ()


def test_every_byte_of_the_attestation_counts(bundle: Path) -> None:
    path = bundle / attest.FILE
    data = path.read_bytes()
    key = private().public_key()
    # All bytes around the payload, every 31st of the payload itself.
    places = [at for at in range(len(data)) if at < 40 or at > len(data) - 260 or at % 211 == 0]
    for at in places:
        for flip in (1, 0x20):
            path.write_bytes(data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :])
            assert attest.verify(bundle, [key]).problems, (at, flip)


def test_missing_added_and_strange_files_are_named(bundle: Path) -> None:
    (bundle / "summary.md").unlink()
    (bundle / "evidence" / "new\x1b[2J.txt").write_text("x")
    (bundle / "evidence" / "link").symlink_to("/etc/passwd")
    os.mkfifo(bundle / "pipe")
    (bundle / "junit.xml").unlink()
    (bundle / "junit.xml").symlink_to("results.json")
    assert problems(bundle) == (
        "evidence/link: a symbolic link",
        "evidence/new\\x1b[2J.txt: added",
        "junit.xml: a symbolic link",
        "pipe: not a regular file",
        "summary.md: missing",
    )


def test_a_folder_that_became_a_link_is_named(bundle: Path, tmp_path: Path) -> None:
    folder = bundle / "evidence" / CASE
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    found = problems(bundle)
    assert f"evidence/{CASE}: a symbolic link" in found
    assert f"evidence/{CASE}/transcript.json: missing" in found


def test_a_file_that_grew_large_is_read_in_pieces(bundle: Path) -> None:
    with (bundle / "results.json").open("r+b") as file:
        file.truncate(64 * 1024 * 1024)
    assert problems(bundle) == ("results.json: altered",)


def test_another_key_a_forged_payload_and_no_attestation(bundle: Path) -> None:
    (line,) = problems(bundle, 2)
    assert "not signed by the key" in line
    found = json.loads((bundle / attest.FILE).read_bytes())
    forged = base64.b64decode(found["payload"]).replace(b"FAILED", b"PASSED")
    (bundle / attest.FILE).write_text(json.dumps({**found, "payload": base64.b64encode(forged).decode()}))
    (line,) = problems(bundle)
    assert line.startswith(f"{attest.FILE}: altered, or not signed")
    (bundle / attest.FILE).unlink()
    assert problems(bundle) == (f"{attest.FILE}: missing",)


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"payload":"@","payloadType":"x","signatures":[]}', b"null",
     b'{"payload":1,"payloadType":"x","signatures":[]}'],
    ids=["empty", "object", "deep", "bytes", "base64", "null", "number"],
)  # fmt: skip
def test_what_is_no_envelope_is_told_in_one_line(bundle: Path, data: bytes) -> None:
    (bundle / attest.FILE).write_bytes(data)
    (line,) = problems(bundle)
    assert line.startswith(f"{attest.FILE}: ")
    assert "\n" not in line


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../x", "./results.json", "x\x00y", ""])
def test_a_name_that_leads_out_of_the_bundle_is_never_opened(bundle: Path, name: str) -> None:
    (bundle.parent / "outside").write_text("x")
    payload = statement.make(Bundle.read(bundle).results, {name: "0" * 64})
    (bundle / attest.FILE).write_bytes(dsse.encode(dsse.sign(payload, private())))
    assert any(line.endswith("names a file outside the bundle") for line in problems(bundle))


def test_a_good_signature_over_something_else_is_refused(bundle: Path) -> None:
    for payload in (
        b"{}",
        b"hello",
        statement.make(Bundle.read(bundle).results, {}).replace(b"test-result", b"slsa"),
    ):
        (bundle / attest.FILE).write_bytes(dsse.encode(dsse.sign(payload, private())))
        (line,) = problems(bundle)
        assert line.startswith(f"{attest.FILE}: ")


def test_the_url_safe_alphabet_is_read_too(bundle: Path) -> None:
    data = (bundle / attest.FILE).read_bytes()
    found = dsse.decode(data)
    safe = dsse.Envelope(
        found.payload.translate({43: "-", 47: "_"}), found.payload_type,
        tuple(dsse.Signature(each.sig.translate({43: "-", 47: "_"})) for each in found.signatures),
    )  # fmt: skip
    assert dsse.decode(dsse.encode(safe)).signed_by(private().public_key()) is not None


# --- several signers ----------------------------------------------------------------------------------


def test_a_second_signature_leaves_everything_else_as_it_is(bundle: Path) -> None:
    before = {
        each: each.read_bytes() for each in bundle.rglob("*") if each.is_file() and each.name != attest.FILE
    }
    done = attest.sign(bundle, private(2))
    assert (done.beside, done.replaced) == (1, 0)
    assert all(each.read_bytes() == data for each, data in before.items())
    assert problems(bundle, 1, 2) == ()
    assert attest.verify(bundle, [private(1).public_key()]).others == 1
    assert attest.sign(bundle, private(2)).beside == 1
    assert len(dsse.decode((bundle / attest.FILE).read_bytes()).signatures) == 2
    assert problems(bundle, 1, 2) == ()
    assert "not signed by" in problems(bundle, 1, 3)[0]


def test_a_changed_bundle_loses_its_earlier_signatures(bundle: Path) -> None:
    (bundle / "note.txt").write_text("added afterwards")
    done = attest.sign(bundle, private(2))
    assert (done.beside, done.replaced) == (0, 1)
    assert problems(bundle, 2) == ()
    assert problems(bundle, 1) != ()


def test_what_cannot_be_signed_is_refused(bundle: Path) -> None:
    (bundle / "link").symlink_to("results.json")
    with pytest.raises(attest.AttestError, match="link: a symbolic link"):
        attest.sign(bundle, private())
    (bundle / "link").unlink()
    Path(os.fsdecode(bytes(bundle) + b"/\xff")).write_bytes(b"x")
    with pytest.raises(attest.AttestError, match="not UTF-8"):
        attest.sign(bundle, private())


def test_hostile_results_are_attested_too(tmp_path: Path) -> None:
    hostile_run(tmp_path)
    attest.sign(tmp_path, private())
    assert problems(tmp_path) == ()
    (tmp_path / "results.json").unlink()
    for text in HOSTILE[:3]:
        (tmp_path / text.replace("/", "_")).write_text("x")
    assert len(problems(tmp_path)) == 4


# --- the commands -------------------------------------------------------------------------------------


def cli(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, [str(word) for word in words])
    return done.exit_code, done.output


def test_sign_and_verify_on_the_command_line(tmp_path: Path) -> None:
    write(tmp_path / "b")
    (tmp_path / "key.pem").write_bytes(pem_of(private()))
    (tmp_path / "pub.pem").write_bytes(public_pem_of(private()))
    code, said = cli("report", tmp_path / "b", "--sign", tmp_path / "key.pem")
    assert code == 0, said
    assert "Signed: " in said.splitlines()[-1]
    code, said = cli("verify", tmp_path / "b", "--key", tmp_path / "pub.pem")
    assert (code, said) == (0, "good: 6 files as signed, result FAILED\n")
    assert "This bundle is attested" in cli("report", tmp_path / "b")[1]
    assert cli("verify", tmp_path / "b", "--key", tmp_path / "pub.pem")[0] == 0
    (tmp_path / "b" / "results.json").write_text("{}")
    code, said = cli("verify", tmp_path / "b", "--key", tmp_path / "pub.pem")
    assert (code, said) == (1, "results.json: altered\n")


def test_usage(tmp_path: Path, bundle: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem_of(private()))
    (tmp_path / "junk").write_bytes(b"junk")
    other = ec.generate_private_key(ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "ec.pem").write_bytes(other.private_bytes(encoding, form, serialization.NoEncryption()))
    locked = private().private_bytes(encoding, form, serialization.BestAvailableEncryption(b"x"))
    (tmp_path / "locked.pem").write_bytes(locked)
    for words, said in (
        (("verify", bundle, "--key", tmp_path / "key.pem"), "expected a public key in PEM"),
        (("verify", bundle), "Missing option '--key'"),
        (("verify", tmp_path / "none", "--key", tmp_path / "junk"), "does not exist"),
        (("report", bundle, "--sign", tmp_path / "junk"), "expected a private key in PEM"),
        (("report", bundle, "--sign", tmp_path / "ec.pem"), "expected an Ed25519 key"),
        (("report", bundle, "--sign", tmp_path / "locked.pem"), "the key is encrypted"),
    ):
        code, output = cli(*words)
        assert code == 3, output
        assert said in output
