"""The command line of ``cpecheck``. Exit: 1 a MUST fails, 2 something could not be judged, 3 usage, else 0."""

from __future__ import annotations

import os
import sys
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click

from harness import fuzz_cli, replay_cli, verify_cli

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
_bundle = click.Path(exists=True, file_okay=False, path_type=Path)


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
@click.option(
    "--workers",
    "-n",
    type=click.IntRange(1),
    metavar="N",
    help="Benches side by side. Default: two a core for the reference CPE, one for any other device.",
)
@click.option(
    "--expected",
    type=_profile,
    metavar="FILE",
    help="Known findings (TOML): the exit status is 0 when exactly these show.",
)
@click.option(
    "--findings",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Findings of the fuzzer (finding-*.json): each becomes a case of the run.",
)
@click.option(
    "--resume",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Go on with the unfinished run in DIR: the cases without a result.",
)
@click.option(
    "--keep-tls-secrets",
    is_flag=True,
    help="Keep what decrypts TLS in the captures although the profile marks values as secret.",
)
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
    workers: int | None,
    expected: Path | None,
    findings: Path | None,
    resume: Path | None,
    keep_tls_secrets: bool,
    verbose: bool,
) -> None:
    """Run the suites against a device and write a run bundle."""
    from harness.run import RunError, check

    asked = SimpleNamespace(
        device=device, select=select, exclude=exclude, defect=defect, defect_file=defect_file, variant=variant,
        cpecheck_findings=findings,
    )  # fmt: skip
    try:
        check(asked)
    except RunError as error:
        # One line, as docs/profiles.md says: how the command is used is not what is wrong.
        raise click.ClickException(str(error)) from None
    arguments = [*_repeat("--select", select), *_repeat("--exclude", exclude)]
    arguments += [*_repeat("--defect", defect), *_repeat("--variant", variant)]
    arguments += _repeat("--defect-file", map(str, defect_file))
    arguments += ["--device", str(device)] if device else []
    arguments += ["--cpecheck-out", str(out)] if out else []
    arguments += ["--cpecheck-expected", str(expected)] if expected else []
    arguments += ["--cpecheck-findings", str(findings)] if findings else []
    arguments += ["--keep-tls-secrets"] if keep_tls_secrets else []
    arguments += ["--cpecheck-resume", str(resume)] if resume else []
    arguments += ["--cpecheck-seed", str(seed)] if seed is not None else []
    arguments += _side_by_side(workers, device)
    from harness.progress import Progress

    sys.exit(run_pytest(arguments, Progress(verbose=verbose)))


def _side_by_side(workers: int | None, device: Path | None) -> list[str]:
    """Options for pytest-xdist; a device that there is only one of is tested by one bench alone.

    Raises:
        click.UsageError: several benches are asked for one device.
    """
    if device is not None and workers is not None and workers > 1:
        raise click.UsageError("--workers is for the reference CPE; there is only one of your device")
    # A bench waits about half of its time: for processes to start, and for what must not come.
    wanted = workers or (1 if device is not None else 2 * (os.cpu_count() or 1))
    return ["-p", "xdist", "-n", str(wanted), "--dist", "worksteal"] if wanted > 1 else []


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
@click.option("--markdown", is_flag=True, help="As the page docs/requirements.md.")
@click.option("--uncovered", is_flag=True, help="Only requirements that no case and no wire rule checks.")
def list_(as_json: bool, markdown: bool, uncovered: bool) -> None:
    """List requirements, and the cases and wire rules that check them."""
    from harness.listing import listing

    click.echo(listing(as_json=as_json, uncovered=uncovered, markdown=markdown))


@main.command()
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--expected-skeleton",
    type=_profile,
    metavar="FILE",
    help="Write the findings of BUNDLE as known ones, a start for --expected.",
)
@click.option(
    "--sign",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="KEY",
    help="Attest BUNDLE with this Ed25519 key (PEM): SHA256SUMS and attestation.dsse.json.",
)
def report(bundle: Path, expected_skeleton: Path | None, sign: Path | None) -> None:
    """Write report.html, junit.xml and summary.md of BUNDLE anew and print its verdicts.

    A bundle that is attested and unchanged only gets one more signature by --sign.
    """
    from harness.run import RunError, report_again

    try:
        click.echo(report_again(bundle, expected_skeleton, write=sign is None))
        click.echo(
            verify_cli.sign(bundle, sign) if sign is not None else verify_cli.note(bundle),
            nl=sign is not None,
        )
    except (RunError, OSError) as error:
        raise click.ClickException(str(error)) from None


@main.command()
@click.argument("old", type=_bundle)
@click.argument("new", type=_bundle)
@click.argument("more", type=_bundle, nargs=-1)
@click.option("--json", "json_file", type=_profile, metavar="FILE", help="Write the comparison as JSON.")
@click.option("--html", "html_file", type=_profile, metavar="FILE", help="Write the matrix of all bundles.")
def compare(
    old: Path, new: Path, more: tuple[Path, ...], json_file: Path | None, html_file: Path | None
) -> None:
    """Hold the last of several run bundles against those before it. Exit status 1: something got worse."""
    from harness.verdict.bundle import BundleError
    from reports import compare as comparing
    from reports import compare_show

    try:
        found = comparing.read((old, new, *more))
        if json_file is not None:
            json_file.write_bytes(comparing.encode(found))
        if html_file is not None:
            html_file.write_text(compare_show.html(found), "utf-8")
    except (BundleError, OSError) as error:
        raise click.ClickException(str(error)) from None
    compare_show.show(found, compare_show.console())
    sys.exit(found.exit_code)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def doctor(as_json: bool) -> None:
    """Say what this machine lacks for a full run, and what that costs."""
    from harness.listing import doctor_report

    text, complete = doctor_report(as_json=as_json)
    click.echo(text)
    sys.exit(0 if complete else 2)


@main.command()
@click.option(
    "--defect-file",
    multiple=True,
    type=_profile,
    metavar="FILE",
    help="Only the defects and variants of this Python file.",
)
@click.option(
    "--select",
    "-s",
    multiple=True,
    metavar="GLOB",
    help="Only defects and variants whose name, requirement, catalogue row or case matches.",
)
@click.option(
    "--all", "everything", is_flag=True, help="Every case over each of them, not only the relevant ones."
)
@click.option("--changed", is_flag=True, help="Only what the changes since the last commit may concern.")
@click.option(
    "--json", "json_file", type=_profile, metavar="FILE", help="Write the result (selftest.json) here too."
)
@click.option(
    "--proof",
    type=_profile,
    metavar="FILE",
    help="Write which case finds which defects: suites/selftest.json, which reports show beside verdicts.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Folder for selftest.json and matrix.html. Default: cpecheck-selftest-<time>/.",
)
@click.option("--seed", type=int, default=1, metavar="N", help="Seed of every random choice. [1]")
@click.option(
    "-n", "workers", type=click.IntRange(1, 64), metavar="WORKERS", help="Default: two per processor."
)
def selftest(
    defect_file: tuple[Path, ...],
    select: tuple[str, ...],
    everything: bool,
    changed: bool,
    json_file: Path | None,
    proof: Path | None,
    out: Path | None,
    seed: int,
    workers: int | None,
) -> None:
    """Run the suites over seeded defects and benign variants of the reference CPE: who tests the tester."""
    import time

    from harness.catalogue import proof_of
    from harness.selftest.campaign import Campaign, Options, SelftestError, in_words

    options = Options(defect_file, select, everything, changed, workers or 0, seed)
    folder = out or Path(f"cpecheck-selftest-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        campaign = Campaign(options, click.echo)
        click.echo(campaign.headline())
        report = campaign.run(folder)
        if json_file is not None:
            json_file.write_bytes((folder / "selftest.json").read_bytes())
        if proof is not None:
            proof.write_bytes(proof_of(report.proven))
    except (SelftestError, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo("\n".join(in_words(report)))
    click.echo(f"{folder}/matrix.html")
    sys.exit(report.exit_code)


main.add_command(verify_cli.verify)
main.add_command(fuzz_cli.fuzz)
main.add_command(replay_cli.replay)


if __name__ == "__main__":
    main()
