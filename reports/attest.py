"""Signing a bundle, and telling what is no longer as it was signed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from harness.verdict.bundle import Bundle
from reports import build, dsse, manifest, statement
from reports.text import one_line

FILE: Final = "attestation.dsse.json"
LARGEST: Final = 256 * 1024 * 1024
"""Bytes of an envelope that are read."""


class AttestError(ValueError):
    """A bundle cannot be signed; the message is one line."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What `sign` did. ``key_id`` is that of the key, ``beside`` the number of signatures it stands beside."""

    key_id: str
    result: str
    files: int
    beside: int
    replaced: int
    """Signatures that went because they were made over something else."""


def sign(folder: Path, key: Ed25519PrivateKey) -> Signed:
    """Write manifest and attestation of the bundle in *folder*.

    Where it is attested already and nothing has changed since, the signature is added to those that are there and no
    other file is touched; else reports and manifest are written anew and earlier signatures are gone.

    Raises:
        AttestError: the folder holds something that cannot be signed.
        BundleError: it is no bundle.
        OSError: a file cannot be read or written.
    """
    before = _envelope(folder)
    digests = _digests(folder)
    payload = statement.make(Bundle.read(folder).results, digests)
    kept: tuple[dsse.Signature, ...] = ()
    if before is not None and _same(before, payload):
        kept = before.signatures
    else:
        build.write_all(folder)
        _write(folder / manifest.SUMS, manifest.sums(_digests(folder, beside=(manifest.SUMS,))).encode())
        digests = _digests(folder)
        payload = statement.make(Bundle.read(folder).results, digests)
    envelope = dsse.sign(payload, key, kept)
    _write(folder / FILE, dsse.encode(envelope))
    gone = 0 if kept or before is None else len(before.signatures)
    return Signed(
        dsse.key_id(key.public_key()), statement.read(payload).predicate.result, len(digests),
        len(envelope.signatures) - 1, gone,
    )  # fmt: skip


def _envelope(folder: Path) -> dsse.Envelope | None:
    path = folder / FILE
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
        return None
    try:
        return dsse.decode(path.read_bytes())
    except dsse.EnvelopeError:
        return None


def _same(envelope: dsse.Envelope, payload: bytes) -> bool:
    try:
        return envelope.payload_type == dsse.PAYLOAD_TYPE and envelope.body() == payload
    except dsse.EnvelopeError:
        return False


def _digests(folder: Path, beside: tuple[str, ...] = ()) -> dict[str, str]:
    """SHA-256 of every file but the attestation and *beside*."""
    names, odd = manifest.scan(folder)
    for name, what in odd.items():
        raise AttestError(f"{one_line(name)}: {what}; only files can be signed")
    for name in names:
        if not _encodable(name):
            raise AttestError(f"{one_line(name)}: the name is not UTF-8")
    return manifest.digests(folder, (name for name in names if name not in (FILE, *beside)))


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _write(path: Path, data: bytes) -> None:
    """Write *path* whole or not at all; a link in its place is replaced, not followed."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    temporary.write_bytes(data)
    temporary.replace(path)


# --- verification -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verified:
    """``problems`` is what is not as it was signed, a line each; empty: all is well. ``others``: signatures of other keys."""

    problems: tuple[str, ...]
    files: int = 0
    result: str = ""
    others: int = 0


def verify(folder: Path, keys: Sequence[Ed25519PublicKey]) -> Verified:
    """Hold the bundle in *folder* against its attestation; each of *keys* must have signed it.

    Nothing of the attestation but its signatures is looked at before they hold.

    Raises:
        OSError: a folder cannot be read.
    """
    try:
        envelope, problems = _trusted(folder, keys)
        found = statement.read(envelope.body())
    except (dsse.EnvelopeError, statement.StatementError) as error:
        return Verified((f"{FILE}: {one_line(error, 400)}",))
    except OSError as error:
        return Verified((f"{FILE}: {'missing' if isinstance(error, FileNotFoundError) else error.strerror}",))
    names, odd = manifest.scan(folder)
    known = {each.name: each.digest.get("sha256", "") for each in found.subject}
    differences = _differences(folder, known, set(names) - {FILE}, odd)
    others = len(envelope.signatures) - len({dsse.key_id(key) for key in keys})
    return Verified((*problems, *differences), len(known), found.predicate.result, others)


def _trusted(folder: Path, keys: Sequence[Ed25519PublicKey]) -> tuple[dsse.Envelope, list[str]]:
    """The envelope, signed by every key; and what is odd about it.

    Raises:
        EnvelopeError: it is none, or a key has not signed it.
        OSError: it cannot be read.
    """
    path = folder / FILE
    if path.is_symlink():
        raise dsse.EnvelopeError("a symbolic link")
    if path.stat().st_size > LARGEST:
        raise dsse.EnvelopeError(f"larger than {LARGEST:,} bytes")
    data = path.read_bytes()
    envelope = dsse.decode(data)
    if envelope.payload_type != dsse.PAYLOAD_TYPE:
        raise dsse.EnvelopeError(f"payload type {envelope.payload_type}, expected {dsse.PAYLOAD_TYPE}")
    problems = []
    for key in keys:
        made = envelope.signed_by(key)
        if made is None:
            raise dsse.EnvelopeError(f"altered, or not signed by the key {dsse.key_id(key)}")
        if made.keyid != dsse.key_id(key):
            problems.append(f"{FILE}: altered: the signature is good, the name of its key is not")
    if data != dsse.encode(envelope):
        problems.append(
            f"{FILE}: altered: the signature is good, the bytes around it are not as they were written"
        )
    return envelope, problems


def _differences(folder: Path, known: dict[str, str], there: set[str], odd: dict[str, str]) -> Iterator[str]:
    for name in sorted(known.keys() | there | odd.keys()):
        shown = one_line(name, 1000)
        if name in odd:
            yield f"{shown}: {odd[name]}"
        elif name not in known:
            yield f"{shown}: added"
        elif not manifest.plain(name):
            yield f"{shown}: the attestation names a file outside the bundle"
        elif name not in there:
            yield f"{shown}: missing"
        elif (problem := _altered(folder / name, known[name])) != "":
            yield f"{shown}: {problem}"


def _altered(path: Path, wanted: str) -> str:
    try:
        return "" if manifest.digest(path) == wanted else "altered"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
