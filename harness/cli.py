"""The command line of ``cpecheck``. Exit: 1 a MUST fails, 2 something could not be judged, 3 usage, else 0."""

from __future__ import annotations

import os
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

USAGE = 3


class _Group(click.Group):
    """click's own usage errors exit with 2, which means something else here."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.exceptions.Exit as stop:
            sys.exit(stop.exit_code)
        except click.UsageError as error:
            error.show()
            sys.exit(USAGE)
        except click.ClickException as error:
            error.show()
            sys.exit(USAGE)
        except click.Abort:
            click.echo("interrupted", err=True)
            sys.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cpecheck")
def main() -> None:
    """Conformance tests for CWMP (TR-069) devices, with evidence."""


_select = click.option(
    "--select",
    "-s",
    multiple=True,
    metavar="GLOB",
    help="Only cases whose id, requirement or catalogue row matches.",
)
_exclude = click.option("--exclude", "-x", multiple=True, metavar="GLOB", help="No case that matches.")
_profile = click.Path(dir_okay=False, path_type=Path)


@main.command()
@click.option(
    "--device", type=_profile, metavar="FILE", help="Device profile (TOML). Default: the reference CPE."
)
@_select
@_exclude
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder of the run bundle. Default: cpecheck-run-<time>/.",
)
@click.option(
    "--seed", type=int, metavar="N", help="Seed of every random choice. Default: a fresh one, recorded."
)
@click.option("--defect", multiple=True, metavar="NAME", help="Give the reference CPE this seeded defect.")
@click.option(
    "--defect-file",
    multiple=True,
    type=_profile,
    metavar="FILE",
    help="Python file with defects of your own for the reference CPE.",
)
@click.option("--variant", multiple=True, metavar="NAME", help="Give the reference CPE this benign oddity.")
@click.option("--verbose", "-v", is_flag=True, help="Print the steps of every case.")
def run(
    device: Path | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    out: Path | None,
    seed: int | None,
    defect: tuple[str, ...],
    defect_file: tuple[Path, ...],
    variant: tuple[str, ...],
    verbose: bool,
) -> None:
    """Run the suites against a device and write a run bundle."""
    arguments = [*_repeat("--select", select), *_repeat("--exclude", exclude)]
    arguments += [*_repeat("--defect", defect), *_repeat("--variant", variant)]
    arguments += _repeat("--defect-file", map(str, defect_file))
    arguments += ["--device", str(device)] if device else []
    arguments += ["--cpecheck-out", str(out)] if out else []
    arguments += ["--cpecheck-seed", str(seed)] if seed is not None else []
    from harness.progress import Progress

    sys.exit(run_pytest(arguments, Progress(verbose=verbose)))


def _repeat(option: str, values: Any) -> list[str]:
    return [word for value in values for word in (option, value)]


def run_pytest(arguments: list[str], *plugins: object) -> int:
    """Run the suites under pytest with nobody else's plugins or ini file; the exit status of ``cpecheck``."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True  # an installed suite may lie in a folder that is not ours to write in
    import pytest

    ini = str(files("suites") / "pytest.ini")
    fixed = [
        "-c",
        ini,
        "-p",
        "harness.pytest_plugin",
        "-p",
        "no:terminal",
        "-p",
        "no:cacheprovider",
        "--pyargs",
        "suites",
    ]
    code = pytest.main([*fixed, *arguments], plugins=list(plugins))
    return {4: USAGE, 5: USAGE, 3: 2}.get(int(code), int(code))


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--uncovered", is_flag=True, help="Only requirements that no case and no wire rule checks.")
def list_(as_json: bool, uncovered: bool) -> None:
    """List requirements, and the cases and wire rules that check them."""
    from harness.listing import listing

    click.echo(listing(as_json=as_json, uncovered=uncovered))


@main.command()
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
def report(bundle: Path) -> None:
    """Write report.html and junit.xml of BUNDLE anew and print its verdicts."""
    from harness.run import report_again

    click.echo(report_again(bundle))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def doctor(as_json: bool) -> None:
    """Say what this machine lacks for a full run, and what that costs."""
    from harness.listing import doctor_report

    text, complete = doctor_report(as_json=as_json)
    click.echo(text)
    sys.exit(0 if complete else 2)


if __name__ == "__main__":
    main()
