"""Defects of uploading the CWMP root CA certificate, beyond those of `trust`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reference_cpe.defects.registry import defect, rewire, tabled
from reference_cpe.parts import Parts


def lost(loses: Callable[[bytes], bool]) -> Callable[[Parts], None]:
    """A root certificate in a form for which *loses* is true is answered with success and empties the slot."""

    def apply(parts: Parts) -> None:
        original = parts.trust.store_root

        def store_root(data: bytes) -> None:
            original(data)
            if loses(data):
                parts.store.update(root_ca="")

        rewire(parts.trust, store_root=store_root)

    return apply


for _name, _summary, _loses in (
    ("root-in-der-lost", "A root certificate in DER is taken without a word, and none is stored afterwards.",
     lambda data: b"-----BEGIN" not in data),
    ("root-with-crlf-lost", "A root certificate with lines that end in CR LF is taken without a word, and none is stored.",
     lambda data: b"-----BEGIN" in data and b"\r\n" in data),
    ("root-with-text-lost", "A root certificate with text before it is taken without a word, and none is stored.",
     lambda data: b"-----BEGIN" in data and not data.startswith(b"-----BEGIN")),
):  # fmt: skip
    tabled(_name, _summary, ["lcos.upload.bad-file-refused", "lcos.upload.persistent"], lost(_loses))


@defect(
    "first-root-kept",
    breaks=["lcos.upload.bad-file-refused", "lcos.upload.replaced", "lcos.upload.persistent"],
)
def first_root_kept(parts: Parts) -> None:
    """A root certificate that is uploaded while another is stored is taken without a word and not stored."""
    original = parts.trust.store_root

    def store_root(data: bytes) -> None:
        before = parts.trust.anchors()
        original(data)
        if before:
            parts.store.update(root_ca=before)

    rewire(parts.trust, store_root=store_root)


@defect("other-way-other-slot", breaks=["lcos.upload.channels-equal"])
def other_way_other_slot(parts: Parts) -> None:
    """A CWMP root CA certificate that comes by the way of all files ends up in the slot of the VPN."""
    rewire(parts.trust, store_uploaded=parts.trust.store_other)


_BORN: set[Path] = set()
"""Stores of devices that have booted in this process."""


@defect("upload-locked-after-reset", breaks=["lcos.upload.persistent"])
def upload_locked_after_reset(parts: Parts) -> None:
    """After a reset to factory settings no root certificate can be stored any more, and nothing is said."""
    reset = parts.store.path in _BORN and not parts.store.get("born")
    _BORN.add(parts.store.path)
    if reset:
        rewire(parts.trust, store_root=lambda _data: None)
    else:
        parts.store.update(born=True)
