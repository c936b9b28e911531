"""Every profile in ``examples/`` can be loaded and claims what it should."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.device import profile as profiles

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("file", sorted(EXAMPLES.rglob("*.toml")), ids=lambda file: file.stem)
def test_it_loads(file: Path) -> None:
    assert profiles.load(file).info.name


def test_the_reference_profile_is_what_runs_without_one() -> None:
    written, built_in = profiles.load(EXAMPLES / "reference.toml"), profiles.reference()
    assert written.capabilities == built_in.capabilities
    assert written.steered == built_in.steered


def test_the_node_cpe_claims_no_more_than_it_has() -> None:
    have = profiles.load(EXAMPLES / "node-cpe" / "profile.toml").capabilities
    absent = ("ipv6_inbound_rules", "allow_credential_change", "firmware", "wake")
    assert have.lacks(absent) == list(absent)
    assert have.lacks(("https", "upload_root_ca", "remove_root_ca", "factory_reset", "script")) == []
