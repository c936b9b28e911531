"""``cpecheck replay``. Exit: 0 all FIXED, 1 one FAILED, else 2 one ERROR, 3 usage."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import click

_file = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("findings", nargs=-1, required=True, type=_file, metavar="FINDING...")
@click.option(
    "--device", type=_file, metavar="FILE", help="Device profile (TOML). Default: the reference CPE."
)
@click.option(
    "--times",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Runs of each finding. Default: as many as it takes to be sure, or until it shows.",
)
@click.option("--json", "json_file", type=_file, metavar="FILE", help="Write the outcomes here too.")
@click.option(
    "--allow-destructive",
    is_flag=True,
    help="Also findings that may restart, reset or reconfigure the device. The reference CPE always allows them.",
)
@click.option("--defect", multiple=True, metavar="NAME", help="Give the reference CPE this seeded defect.")
@click.option(
    "--defect-file", multiple=True, type=_file, metavar="FILE", help="Python file with defects of your own."
)
@click.option("--variant", multiple=True, metavar="NAME", help="Give the reference CPE this benign oddity.")
def replay(
    findings: tuple[Path, ...],
    device: Path | None,
    times: int | None,
    json_file: Path | None,
    allow_destructive: bool,
    defect: tuple[str, ...],
    defect_file: tuple[Path, ...],
    variant: tuple[str, ...],
) -> None:
    """Run findings of the fuzzer again: FIXED, FAILED or ERROR for each."""
    from harness.fuzz.findings.replay_run import ReplayError, replay_files
    from harness.run import RunError, profile_of

    options = SimpleNamespace(device=device, defect=defect, defect_file=defect_file, variant=variant)
    try:
        profile = profile_of(options)
        outcomes = replay_files(
            findings, profile, times=times, destructive=allow_destructive, json_file=json_file, say=click.echo
        )
    except (RunError, ReplayError) as error:
        raise click.UsageError(str(error)) from None
    sys.exit(outcomes)
