"""The persistent store: one JSON file, replaced as a whole.

A change is on disk (written beside, synced, renamed) before `update` returns, so that a power cut leaves
the state before or after a change, never between.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

log = logging.getLogger("reference-cpe.store")

FILE = "state.json"


class Store:
    """Named values, JSON types only. The names in use are listed in docs/reference-cpe.md."""

    def __init__(self, directory: Path) -> None:
        """Read what is stored in *directory*, which is made if need be.

        A file that is not ours is set aside as ``state.json.broken`` and the device starts from factory.

        Raises:
            OSError: the directory cannot be used.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.path = directory / FILE
        self.values: dict[str, Any] = {}
        self._held = False
        self.load()

    def load(self) -> None:
        """Read the file again, as at boot."""
        self.values = {}
        try:
            values = json.loads(self.path.read_bytes())
            if not isinstance(values, dict):
                raise ValueError("not an object")
        except FileNotFoundError:
            return
        except ValueError as error:
            log.error("%s is unreadable (%s): set aside, starting from factory", self.path, error)
            self.path.replace(self.path.with_suffix(".json.broken"))
            return
        self.values = values

    def get(self, name: str, default: Any = None) -> Any:
        return self.values.get(name, default)

    def update(self, **changes: Any) -> None:
        """Set the named values and write them; nothing is written when nothing changes.

        Raises:
            OSError: not written; the values in memory are as before.
        """
        values = {**self.values, **changes}
        if values != self.values:
            if not self._held:
                self.write(json.dumps(values, indent=1, sort_keys=True).encode())
            self.values = json.loads(json.dumps(values))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make one write of all updates in the block; none of them counts when it fails.

        Raises:
            OSError: not written; the values in memory are as before.
        """
        before, self._held = self.values, True
        try:
            yield
            self._held = False
            if self.values != before:
                self.write(json.dumps(self.values, indent=1, sort_keys=True).encode())
        except BaseException:
            self.values = before
            raise
        finally:
            self._held = False

    def reset(self, keep: tuple[str, ...] = ()) -> None:
        """Back to factory, but for the values named in *keep*."""
        kept = {name: self.values[name] for name in keep if name in self.values}
        self.write(json.dumps(kept, indent=1, sort_keys=True).encode())
        self.values = kept

    def write(self, data: bytes) -> None:
        """Replace the file by *data* in one step. It holds passwords and a key: only its owner may read it."""
        beside = self.path.with_suffix(".json.new")
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
