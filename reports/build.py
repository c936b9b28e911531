"""All reports of a bundle, written into its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.verdict.bundle import Bundle
from reports import html, junit, markdown

HTML: Final = "report.html"
JUNIT: Final = "junit.xml"
SUMMARY: Final = "summary.md"


def write_all(folder: Path) -> Bundle:
    """Write ``report.html``, ``junit.xml`` and ``summary.md`` for the bundle in *folder*; return the bundle.

    Raises:
        BundleError: *folder* is no bundle.
        OSError: it cannot be written.
    """
    bundle = Bundle.read(folder)
    _replace(folder / JUNIT, junit.render(bundle.results, folder))
    _replace(folder / SUMMARY, markdown.render(bundle).encode("utf-8"))
    _replace(folder / HTML, html.render(bundle).encode("utf-8"))
    return bundle


def _replace(path: Path, data: bytes) -> None:
    """Write *path* whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    temporary.write_bytes(data)
    temporary.replace(path)
