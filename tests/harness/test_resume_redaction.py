"""A run goes on only with the same secrets left out: half a bundle with them would be worth nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness import resume
from harness.device.profile import load
from harness.run import Run, RunError
from harness.verdict.bundle import BundleWriter, Header
from harness.verdict.requirement import Catalogue
from harness.verdict.results import Redaction

KEYS = ("settings.acs_password",)


@pytest.mark.parametrize(
    ("then", "keep", "goes_on"),
    [
        (Redaction(keys=KEYS, tls_secrets=False), False, True),
        (Redaction(keys=KEYS, tls_secrets=True), True, True),
        (Redaction(keys=KEYS, tls_secrets=False), True, False),
        (Redaction(keys=KEYS, tls_secrets=True), False, False),
        (Redaction(), False, False),
    ],
    ids=["left out", "kept", "kept now", "kept then", "an earlier version"],
)
def test_secrets_are_left_out_as_before(tmp_path: Path, then: Redaction, keep: bool, goes_on: bool) -> None:
    (tmp_path / "lab.toml").write_text(
        'name = "x"\ndriver = "reference"\n[settings.acs_password]\ninitial = "hunter2"\nsecret = true\n'
    )
    profile = load(tmp_path / "lab.toml")
    header = Header(
        tool_version="0", seed=1, device={}, profile_digest=resume.digest(profile), requirements=(), cases=(),
        redaction=then,
    )  # fmt: skip
    BundleWriter(tmp_path / "out", header).close()
    run = Run(profile, Catalogue([]), 1, tmp_path / "out", tls_secrets=keep)
    run._resumed = True
    try:
        if goes_on:
            run.announce([], [])
        else:
            with pytest.raises(RunError, match="left out other secrets"):
                run.announce([], [])
    finally:
        run.close_bench()
