"""Going on with a run that was cut off: what is left of it, and whether this is still the same run."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.case import CaseSpec
from harness.device.profile import Profile
from harness.verdict.bundle import BundleError, Unfinished

__all__ = ["ResumeError", "Unfinished", "check", "digest", "left", "read"]


class ResumeError(ValueError):
    """The run cannot go on; the message is one line and says what differs."""


def read(folder: Path, seed: int | None) -> Unfinished:
    """What the run in *folder* had done; *seed* is what the caller asks for, or ``None``.

    Raises:
        ResumeError: there is nothing to go on with, or the seed is another.
    """
    try:
        before = Unfinished.read(folder)
    except BundleError as error:
        raise ResumeError(f"--resume {error}") from None
    if before.finished:
        raise ResumeError(f"--resume {folder}: that run is finished; nothing is left to do")
    if seed is not None and seed != before.header.seed:
        raise ResumeError(f"--resume {folder}: that run has seed {before.header.seed}, not {seed}")
    return before


def left(before: Unfinished) -> list[str]:
    """Ids of the cases that were to run and have no result."""
    return [case.id for case in before.header.cases if case.selected and case.id not in before.cases]


def check(folder: Path, before: Unfinished, specs: Sequence[CaseSpec], digest: str) -> None:
    """Refuse to go on with another device or with other cases.

    Raises:
        ResumeError: the profile (or an option beside it), the set of cases or a case's version differs.
    """
    if before.header.profile_digest != digest:
        was = before.header.profile.get("device", "?")
        raise ResumeError(
            f"--resume {folder}: the profile or the defects differ from those of that run (device {was}, "
            f"{before.header.command or 'command unknown'})"
        )
    old = {case.id: case.version for case in before.header.cases}
    new = {spec.id: spec.version for spec in specs}
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            raise ResumeError(
                f"--resume {folder}: case {name} had {_version(old.get(name))} then, {_version(new.get(name))} now"
            )


def _version(number: int | None) -> str:
    return "none" if number is None else f"version {number}"


def digest(profile: Profile) -> str:
    """A fingerprint of what decides who is tested and how: the profile's file, its templates, the options beside it.

    Raises:
        OSError: one of the files cannot be read.
    """
    options = profile.options
    files = [profile.path, *options.defect_files, *(each.source for each in profile.templates)]
    content = [hashlib.sha256(path.read_bytes()).hexdigest() if path else "" for path in files]
    said = (profile.info.name, profile.driver, profile.where, content, options.defects, options.variants)
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()
