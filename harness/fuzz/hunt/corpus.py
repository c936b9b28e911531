"""A folder of programs that once opened a bucket, shared by any number of processes and campaigns.

Content-addressed: ``ab/<digest>.json``, written beside and linked into place. Whoever comes second finds the file
there; nobody ever waits for anybody, and a process that is killed leaves nothing but a ``.new`` file that nobody reads.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from harness.fuzz.program import Program, Surface, decode, encode

LARGEST: Final = 1024 * 1024
"""Octets of a program that is kept; floods are made again, not stored."""


class Corpus:
    """Programs in *folder*, which is made when the first one is added."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.unreadable: list[str] = []
        """Files that are no program this version can read."""

    def add(self, program: Program) -> bool:
        """Keep *program*; False where it is there already, or too large.

        Raises:
            OSError: the folder cannot be written.
        """
        path = self._path(program.digest)
        if program.octets > LARGEST or path.exists():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.stem}.{os.getpid()}.new")
        try:
            temporary.write_bytes(encode(program))
            os.link(temporary, path)  # fails where another process was faster; a rename would not
        except FileExistsError:
            return False
        finally:
            with suppress(FileNotFoundError):
                temporary.unlink()
        return True

    def programs(self, surface: Surface) -> Iterator[Program]:
        """All programs of *surface*, in the order of their digests, so that the same folder gives the same row."""
        for path in sorted(self.folder.glob("[0-9a-f][0-9a-f]/*.json")):
            try:
                program = decode(path.read_bytes())
            except (OSError, ValueError) as error:
                self.unreadable.append(f"{path.name}: {error}")
                continue
            if program.surface is surface:
                yield program

    def __len__(self) -> int:
        return sum(1 for _ in self.folder.glob("[0-9a-f][0-9a-f]/*.json"))

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / f"{digest}.json"
