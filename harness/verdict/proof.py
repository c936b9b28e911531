"""By which seeded defects the verdicts of cases are proven: a small file without dates, kept with the suites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

FORMAT: Final = 1


class ProvenCase(msgspec.Struct, frozen=True):
    """A case in the version that was tried, and the defects that it found."""

    version: int
    defects: tuple[str, ...]


class _File(msgspec.Struct):
    format: int
    cases: dict[str, ProvenCase]


def make(
    proven: Mapping[str, Mapping[str, Iterable[str]]], versions: Mapping[str, int]
) -> dict[str, ProvenCase]:
    """What a self-test has shown. *proven* is requirement → case → defects; names that are no case (a wire rule's) are left out."""
    found: dict[str, set[str]] = {}
    for cases in proven.values():
        for name, defects in cases.items():
            if name in versions:
                found.setdefault(name, set()).update(defects)
    return {name: ProvenCase(versions[name], tuple(sorted(found[name]))) for name in sorted(found)}


def encode(cases: Mapping[str, ProvenCase]) -> bytes:
    """The file: a line a case, so that a change can be read."""
    lines = [f"  {_json(name)}: {_json(cases[name])}" for name in sorted(cases)]
    body = ",\n".join(lines)
    return f'{{"format": {FORMAT}, "cases": {{\n{body}\n}}}}\n'.encode()


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def read(data: bytes) -> dict[str, ProvenCase]:
    """What the file says; nothing where it is damaged or of another format: it only adds to a report."""
    try:
        found = msgspec.json.decode(data, type=_File)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found.cases if found.format == FORMAT else {}


def of_versions(cases: Mapping[str, ProvenCase], versions: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Case → defects, of those whose version is that of *versions*."""
    return {
        name: each.defects
        for name, each in sorted(cases.items())
        if versions.get(name) == each.version and each.defects
    }
