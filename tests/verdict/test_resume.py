"""Going on with a run that was cut off: what is kept, what is left, and when it is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from test_bundle import header, need, result, run, says, ticking

from harness import resume
from harness.case import CaseSpec
from harness.device.profile import load, reference
from harness.resume import ResumeError
from harness.verdict.bundle import (
    EVENTS,
    RESULTS,
    Bundle,
    BundleError,
    BundleWriter,
    Header,
    PlannedCase,
    Unfinished,
)

PLAN = (
    PlannedCase("one", ("a.b",), version=2),
    PlannedCase("two", ("a.b",)),
    PlannedCase("three", ("a.b",), selected=False),
)


def head(digest: str = "d") -> Header:
    made = header(need("a.b"), cases=PLAN)
    made.profile_digest = digest
    made.profile = {"device": "Box"}
    return made


def cut_off(folder: Path) -> None:
    """A run that ended after its first case, in the middle of a line."""
    writer = BundleWriter(folder, head(), ticking())
    writer.describe({"serial_number": "1"})
    writer.add(result("one", says("fail"), verdict="fail"))
    writer.close()
    with (folder / EVENTS).open("ab") as file:
        file.write(b'{"at":1763830003,"kind":"case","result":{"id":"tw')


def specs(**versions: int) -> list[CaseSpec]:
    versions = {"one": 2, "two": 1, "three": 1} | versions
    return [
        CaseSpec(name, version, "a", ("a.b",), (), False, name, name, "m", name)
        for name, version in versions.items()
        if version
    ]


def test_what_has_a_result_is_kept_and_the_rest_is_left(tmp_path: Path) -> None:
    cut_off(tmp_path)
    before = Unfinished.read(tmp_path)
    assert resume.left(before) == ["two"]
    later = iter([1_763_830_100.0 + number for number in range(9)])
    writer = BundleWriter(tmp_path, before.header, lambda: next(later), before=before)
    writer.add(result("two", says("pass")))
    assert not Bundle.read(tmp_path).results.complete
    written = writer.finish()
    results = Bundle.read(tmp_path).results
    assert results == written
    assert [(case.id, case.verdict) for case in results.cases] == [("one", "fail"), ("two", "pass")]
    assert (results.complete, results.resumed, results.exit_code) == (True, 1, 1)
    assert results.device == {"name": "d", "serial_number": "1"}
    # From the header to the last whole event 2 s, from the resumption to the end 3 s; nothing of the time in between.
    assert results.started == "2025-11-22T16:46:41Z"
    assert results.seconds < 10


def test_a_run_cut_off_twice_is_read_with_both_pauses(tmp_path: Path) -> None:
    cut_off(tmp_path)
    for start in (1_763_831_000.0, 1_763_832_000.0):
        times = iter([start + number for number in range(9)])
        before = Unfinished.read(tmp_path)
        BundleWriter(tmp_path, before.header, lambda: next(times), before=before).close()  # noqa: B023
    results = Bundle.read(tmp_path).results
    assert results.resumed == 2
    assert results.seconds < 20
    assert Unfinished.read(tmp_path).started == 1_763_830_001.0


def test_a_finished_run_is_not_taken_up(tmp_path: Path) -> None:
    run(tmp_path, head(), result("one", says("pass")))
    with pytest.raises(ResumeError, match="finished; nothing is left"):
        resume.read(tmp_path, None)
    with pytest.raises(ResumeError, match="not a run bundle"):
        resume.read(tmp_path / "nowhere", None)


def test_another_seed_is_refused(tmp_path: Path) -> None:
    cut_off(tmp_path)
    assert resume.read(tmp_path, 3).header.seed == 3
    with pytest.raises(ResumeError, match="seed 3, not 4"):
        resume.read(tmp_path, 4)


@pytest.mark.parametrize(
    ("versions", "digest", "said"),
    [
        ({}, "other", "the profile or the defects differ from those of that run"),
        ({"one": 3}, "d", "case one had version 2 then, version 3 now"),
        ({"three": 0}, "d", "case three had version 1 then, none now"),
        ({"four": 1}, "d", "case four had none then, version 1 now"),
    ],
)
def test_another_profile_and_other_cases_are_refused_in_a_line(
    tmp_path: Path, versions: dict[str, int], digest: str, said: str
) -> None:
    cut_off(tmp_path)
    before = resume.read(tmp_path, None)
    resume.check(tmp_path, before, specs(), "d")
    with pytest.raises(ResumeError) as caught:
        resume.check(tmp_path, before, specs(**versions), digest)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    writer = BundleWriter(tmp_path, head(), ticking())
    writer.add(result("one", says("pass")))
    with pytest.raises(BundleError, match="another process is writing"):
        BundleWriter(tmp_path, head(), ticking(), before=Unfinished.read(tmp_path))
    writer.finish()
    assert json.loads((tmp_path / RESULTS).read_text())["complete"]


def test_the_digest_changes_with_the_profile_its_templates_and_the_defects(tmp_path: Path) -> None:
    path, template = tmp_path / "box.toml", tmp_path / "box.conf.in"
    text = 'name = "Box"\ndriver = "command"\n[commands]\nstart = "exec box"\n[[template]]\nsource = "box.conf.in"\ntarget = "c"\n'
    path.write_text(text)
    template.write_text("a")
    first = resume.digest(load(path))
    assert resume.digest(load(path)) == first
    template.write_text("b")
    second = resume.digest(load(path))
    path.write_text(text + "# a comment\n")
    third = resume.digest(load(path))
    plain = reference()
    defect = replace(plain, options=replace(plain.options, defects=("no-host-name-check",)))
    assert len({first, second, third, resume.digest(plain), resume.digest(defect)}) == 5
