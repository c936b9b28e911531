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


SELECTION = (
    "https.accept.right-root",
    "https.reject.*",
    "periodic.on",
    "periodic.off",
    "periodic.from-session-end",
    "permissions.*",
    "source.*",
    "firewall.*",
    "connection-request.accepted",
    "robustness.unknown-rpc",
)
"""Every area that one of the defects breaks, and enough of the others to see that they stay green."""


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
    registry.load_builtin()
    select = [word for pattern in SELECTION for word in ("--select", pattern)]
    done = cpecheck.run("--defect", defect, *select)
    judged = {
        entry["id"]: entry["level"]
        for entry in done.results["requirements"]
        if entry["verdict"] != "not-applicable"
    }
    broken = set(registry.DEFECTS[defect].breaks) & set(judged)
    assert done.status == 1, done.output
    assert done.requirements("fail") == {name for name in broken if judged[name] == "MUST"}, done.output
    assert done.requirements("warn") == {name for name in broken if judged[name] == "SHOULD"}, done.output
    assert not done.requirements("error"), done.output
