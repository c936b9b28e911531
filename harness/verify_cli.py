"""``cpecheck verify``, and the signing half of ``cpecheck report``. Exit: 0 as it was signed, 1 not, 3 usage."""

from __future__ import annotations

import sys
from pathlib import Path

import click


def sign(bundle: Path, key: Path) -> str:
    """Sign the bundle with the key in *key*; a line that says so.

    Raises:
        click.ClickException: the key or the bundle cannot be used.
    """
    from harness.verdict.bundle import BundleError
    from reports import attest, dsse

    try:
        done = attest.sign(bundle, dsse.private_key(key.read_bytes()))
    except dsse.KeyFileError as error:
        raise click.ClickException(f"--sign {key}: {error}") from None
    except (attest.AttestError, BundleError) as error:
        raise click.ClickException(f"{bundle}: {error}") from None
    except OSError as error:
        raise click.ClickException(str(error)) from None
    said = f"Signed: {bundle / attest.FILE}, {done.result}, {done.files} files, key {done.key_id}"
    if done.beside:
        said += f", beside {done.beside} other{'s' if done.beside > 1 else ''}"
    return said + (
        f"; {done.replaced} earlier signatures no longer fitted and are gone" if done.replaced else ""
    )


def note(bundle: Path) -> str:
    """What is to be said when the reports of *bundle* were written anew without signing; empty for most."""
    from reports import attest

    if not (bundle / attest.FILE).exists():
        return ""
    return (
        "This bundle is attested: cpecheck verify tells whether the new reports are those that were signed.\n"
    )


@click.command()
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="PUB",
    help="Public key (PEM) that must have signed BUNDLE; repeated, each of them must.",
)
def verify(bundle: Path, keys: tuple[Path, ...]) -> None:
    """Say whether BUNDLE is what was signed; else name every file that is not, a line each, and exit with 1."""
    from reports import attest, dsse

    read = []
    for path in keys:
        try:
            read.append(dsse.public_key(path.read_bytes()))
        except (dsse.KeyFileError, OSError) as error:
            raise click.ClickException(f"--key {path}: {error}") from None
    try:
        found = attest.verify(bundle, read)
    except OSError as error:
        raise click.ClickException(str(error)) from None
    for line in found.problems:
        click.echo(line)
    if found.problems:
        sys.exit(1)
    others = f"; {found.others} further signatures by keys that were not given" if found.others else ""
    click.echo(f"good: {found.files} files as signed, result {found.result}{others}")
