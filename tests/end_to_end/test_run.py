"""``cpecheck run`` on the reference CPE: nothing fails as it is, and exactly the right requirements when one check is off."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reference_cpe.defects import registry


def test_the_reference_cpe_fails_nothing_and_leaves_a_whole_bundle(cpecheck: Any) -> None:
    done = cpecheck.run()
    assert done.status == 0, done.output
    assert done.results["verdict"] == "pass"
    assert set(done.cases().values()) <= {"pass", "not-applicable"}, done.output
    for verdict in ("fail", "warn", "inconclusive", "error", "not-run"):
        assert not done.requirements(verdict), done.output
    for name in ("results.json", "events.ndjson", "junit.xml", "report.html"):
        assert (done.folder / name).stat().st_size > 500
    transcript = json.loads((done.folder / "evidence/https.reject.wrong-name/transcript.json").read_text())
    assert any(entry.get("tls", {}).get("certificate_sent") for entry in transcript["connections"])
    assert (done.folder / "evidence/source.loopback.unmasked/capture.pcapng").stat().st_size > 1000


@pytest.mark.parametrize(
    "defect",
    [
        "no-certificate-check",
        "no-host-name-check",
        "firewall-open",
        "file-switch-ignored",
        "firmware-switch-ignored",
        "credential-switch-ignored",
        "timer-from-inform",
        "source-address-ignored",
    ],
)
def test_one_check_turned_off_turns_exactly_the_right_requirements_to_fail(
    cpecheck: Any, defect: str
) -> None:
    done = cpecheck.run("--defect", defect)
    assert done.status == 1, done.output
    assert done.requirements("fail") == set(registry.DEFECTS[defect].breaks), done.output
    assert not done.requirements("error"), done.output
