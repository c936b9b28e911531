"""Seeded fuzz defects of the files that are fetched (surface file)."""

from __future__ import annotations

import re
from collections.abc import Callable

from reference_cpe.defects import fuzz_seeded as seed
from reference_cpe.defects.fuzz_seeded import Effect, seeded
from reference_cpe.defects.registry import rewire
from reference_cpe.parts import Parts
from reference_cpe.transfers import Transfer

_ALIVE = ["cwmp.robust.stays-alive"]


def _fetched(parts: Parts, alter: Callable[[bytes], bytes]) -> None:
    """Every file passes through *alter* before it is put into effect."""
    original = parts.transfers.fetch

    async def fetch(transfer: Transfer) -> bytes:
        return alter(await original(transfer))

    rewire(parts.transfers, fetch=fetch)


def _table(name: str, summary: str, fatal: Callable[[bytes], object]) -> None:
    def function(parts: Parts) -> None:
        def alter(data: bytes) -> bytes:
            if fatal(data):
                seed.die()
            return data

        _fetched(parts, alter)

    function.__doc__ = f"{summary} kills the process (surface file)."
    seeded(name, "file", Effect.CRASH, _ALIVE)(function)


for _name, _summary, _fatal in (
    ("crash-empty-file", "A file of no octets", lambda data: not data),
    ("crash-long-line", "A file with a line of more than 4,096 octets", re.compile(rb"[^\n]{4097}").search),
    ("crash-long-version", "An image whose Version has more than 64 characters",
     re.compile(rb"^Version: [^\n]{65}", re.MULTILINE).search),
    ("crash-short-image", "An image that ends in its head",
     lambda data: data.startswith(b"REFERENCE-CPE-FIRMWARE") and b"\n\n" not in data),
):  # fmt: skip
    _table(_name, _summary, _fatal)


@seeded("file-ends-at-nul", "file", Effect.ACCEPTS, ["cwmp.download.bad-image-unused"])
def file_ends_at_nul(parts: Parts) -> None:
    """A script ends at its first NUL, and what stands before that is carried out (surface file)."""
    image = b"REFERENCE-CPE-FIRMWARE"
    _fetched(parts, lambda data: data if data.startswith(image) else data.partition(b"\0")[0])
