"""Which files a folder holds, and their SHA-256: the manifest of a bundle.

Links are never followed and nothing but regular files is opened, so that a folder made by somebody else can neither
lead out of itself nor stall the reader.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

SUMS: Final = "SHA256SUMS"
"""The manifest, as ``sha256sum --check`` reads it."""
_ODD: Final = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r"})


def scan(folder: Path) -> tuple[list[str], dict[str, str]]:
    """Regular files below *folder*, relative and sorted; and what else lies there, name → what it is.

    Raises:
        OSError: a folder cannot be read.
    """
    found: list[str] = []
    odd: dict[str, str] = {}
    waiting = [""]
    while waiting:
        below = waiting.pop()
        with os.scandir(folder / below) as entries:
            for entry in entries:
                name = f"{below}{entry.name}"
                if entry.is_symlink():
                    odd[name] = "a symbolic link"
                elif entry.is_dir(follow_symlinks=False):
                    waiting.append(name + "/")
                elif not entry.is_file(follow_symlinks=False):
                    odd[name] = "not a regular file"
                else:
                    found.append(name)
    return sorted(found), odd


def digest(path: Path) -> str:
    """SHA-256 of a regular file, in hex; read in pieces, whatever its size.

    Raises:
        OSError: it cannot be read, or is a symbolic link.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digests(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """`digest` of each of *names* below *folder*.

    Raises:
        OSError: one cannot be read.
    """
    return {name: digest(folder / name) for name in names}


def sums(known: Mapping[str, str]) -> str:
    """The text of ``SHA256SUMS`` (GNU coreutils: odd names are escaped, their lines begin with a backslash)."""
    return "".join(_line(name, known[name]) for name in sorted(known))


def _line(name: str, value: str) -> str:
    written = name.translate(_ODD)
    return f"{'' if written == name else chr(92)}{value}  {written}\n"


def plain(name: str) -> bool:
    """Whether *name* stays below the folder it is relative to."""
    return "\x00" not in name and not any(part in ("", ".", "..") for part in name.split("/"))
