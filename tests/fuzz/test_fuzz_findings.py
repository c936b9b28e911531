"""Findings as files and as pages: kept, read by later versions, refused in one line, escaped."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fuzz_evidence import BASE, control, evidence, get_values, program, seen, session, soap
from fuzz_findings import CATALOGUE, HOSTILE, TEXT, atomicity, crash
from lxml import html

from harness.fuzz.alarm import Alarm, Confidence, Kind
from harness.fuzz.findings.finding import BODY, clean, make, program_of, small, write
from harness.fuzz.program import Program, Reply, Surface
from harness.verdict.finding import Finding, FindingError, decode, encode, json_schema, read, slug
from harness.verdict.redact import Redactor
from reports.finding import as_text, compare, hexdump, render

GOLDEN = Path(__file__).parent / "golden" / "finding-version-1.json"
PUBLISHED = Path(__file__).parents[2] / "reports" / "schema" / "finding-1.json"
ALARM = Alarm("hang", Kind.ROBUSTNESS, Confidence.LIKELY, "an answer", "nothing", "hang:silent", "no.such", 0)


def found(made: Program, **more: Any) -> Finding:
    return make(1, ALARM, evidence(seen(made), **more), confirmed=(1, 1), catalogue=CATALOGUE)


# --- the file -------------------------------------------------------------------------------------


@pytest.mark.parametrize("finding", [atomicity(), crash()], ids=["atomicity", "crash"])
def test_what_is_written_is_read(finding: Finding, tmp_path: Path) -> None:
    path = write(tmp_path, finding)
    again = read(path)
    assert path.name == f"finding-{finding.number}-{slug(finding.alarm.key)}.json"
    assert program_of(again).digest == finding.digest
    assert again.transcript == finding.transcript
    assert again.confirmed == finding.confirmed
    assert path.with_suffix(".html").exists()
    assert [each.name for each in tmp_path.iterdir() if each.suffix == ".new"] == []


def test_a_finding_says_what_the_requirement_says() -> None:
    clause = atomicity().requirement
    assert clause is not None
    assert (clause.level, clause.text) == ("MUST", TEXT)
    assert found(program(get_values(BASE))).requirement is None


def test_the_first_program_is_kept_where_it_is_small() -> None:
    finding = atomicity()
    assert finding.original is not None
    assert finding.original_digest != finding.digest
    huge = program(b"A" * 300_000)
    large = make(
        1, ALARM, evidence(seen(program(b"A"))), confirmed=(1, 1), catalogue=CATALOGUE, original=huge
    )
    assert large.original is None
    assert large.original_digest == huge.digest


def test_version_1_stays_readable() -> None:
    """Written by the version that invented it; this file never changes."""
    finding = decode(GOLDEN.read_bytes())
    assert finding.alarm.key == "atomicity:cwmp.set.atomic"
    assert program_of(finding).digest == finding.digest
    assert finding.transcript.sessions[0].ended == "complete"
    assert render(finding)


def test_fields_of_later_versions_are_passed_over() -> None:
    record = json.loads(GOLDEN.read_bytes())
    record["later"] = {"x": 1}
    assert decode(json.dumps(record).encode()).number == 1


def _newer(record: dict[str, Any]) -> None:
    record["schema_version"] = 2


def _no_alarm(record: dict[str, Any]) -> None:
    del record["alarm"]


def _wrong_type(record: dict[str, Any]) -> None:
    record["confirmed"] = "often"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [(_newer, "newer"), (_no_alarm, "no alarm"), (_wrong_type, r"\$\.confirmed")],
)
def test_what_is_no_finding_is_refused_in_one_line(spoil: Any, says: str) -> None:
    record = json.loads(GOLDEN.read_bytes())
    spoil(record)
    with pytest.raises(FindingError, match=says) as error:
        decode(json.dumps(record).encode())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 100_000, b'"x"', b"{}"])
def test_junk_is_refused(data: bytes) -> None:
    with pytest.raises(FindingError):
        decode(data)


def test_a_program_that_cannot_run_is_refused() -> None:
    finding = atomicity()
    finding.program["format"] = 99
    with pytest.raises(FindingError, match="format 99"):
        program_of(finding)
    finding.program = {"surface": "soap", "actions": []}
    with pytest.raises(FindingError, match="does nothing"):
        program_of(finding)


def test_the_published_schema_is_the_one_in_use() -> None:
    assert json.loads(PUBLISHED.read_text()) == json.loads(json.dumps(json_schema()))


def test_all_fields_are_in_the_schema() -> None:
    known = json_schema()["$defs"]["Finding"]["properties"]
    assert set(json.loads(encode(crash()))) == set(known)


def test_keys_become_file_names() -> None:
    assert slug("wire:array-type:xsd:string[*]") == "wire-array-type-xsd-string"
    assert slug("../../etc/passwd") == "etc-passwd"
    assert slug("\u202e") == "finding"
    assert len(slug("x" * 500)) <= 60


def test_secrets_leave_what_was_observed_and_stay_in_the_program() -> None:
    made = program(soap("<cwmp:GetRPCMethods/>", "hunter2"))
    finding = make(
        1, msgspec.structs.replace(ALARM, observed="hunter2 was said"), session((made, b"<x>hunter2</x>")),
        confirmed=(1, 1), catalogue=CATALOGUE,
    )  # fmt: skip
    safe = clean(finding, Redactor(["hunter2"]))
    assert "hunter2" not in safe.alarm.observed
    assert b"hunter2" not in msgspec.json.encode(safe.transcript)
    assert all(
        b"hunter2" not in message.body for each in safe.transcript.connections for message in each.messages
    )
    assert program_of(safe).digest == finding.digest


def test_a_long_run_is_cut_and_says_so() -> None:
    long = session((program(b"<x>" + b"A" * 3_000_000 + b"</x>"), b""))
    cut, notes = small(long.transcript)
    assert notes
    assert all(len(message.body) <= BODY for each in cut.connections for message in each.messages)
    assert small(cut) == (cut, ())
    assert len(encode(found(program(b"A"), transcript=long.transcript))) < 400_000


# --- the page -------------------------------------------------------------------------------------


def page(finding: Finding) -> Any:
    return html.document_fromstring(render(finding, "dir/finding-1-x.json"))


def test_the_page_tells_what_to_know() -> None:
    text = page(atomicity()).text_content()
    for said in (TEXT, "3 of 3 runs", "breach of the standard", "cpecheck replay dir/finding-1-x.json",
                 "the second value is no number", "4711", "Fault (9003)"):  # fmt: skip
        assert said in text


def test_the_difference_to_the_valid_message_is_shown() -> None:
    diff = page(atomicity()).find_class("diff")[0]
    assert [each.text_content() for each in diff.find_class("gone")] == [
        '− <Value xsi:type="xsd:string">12</Value>'
    ]
    assert [each.text_content() for each in diff.find_class("new")] == [
        '+ <Value xsi:type="xsd:string">no number</Value>'
    ]


def test_hostile_octets_are_shown_and_do_nothing() -> None:
    document = page(crash())
    text = render(crash())
    assert document.xpath("//script | //iframe | //object | //img | //link | //@onload | //@src") == []
    assert HOSTILE not in text
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "alert(1)" in document.text_content()
    assert "default-src 'none'" in text
    assert not re.search(r"(?:href|src)=[\"']https?:", text)


def test_octets_are_dumped_and_texts_are_not() -> None:
    document = page(crash())
    assert "00000000  47 45 54 20" in document.find_class("dump")[0].text_content()
    assert page(atomicity()).find_class("dump") == []


def test_every_action_has_words() -> None:
    said = [each.text_content() for each in page(crash()).xpath("//ol[@class='steps']/li")]
    assert [line.strip().split(".")[0] for line in said] == [
        "Open a connection to the connection-request port", "Write 298 octets to the connection",
        "Write 129 octets 5,000 times", "Wait for the device's next message, at most 5 s", "Let 2 s pass",
        "Reset the connection",
    ]  # fmt: skip


def test_a_program_of_another_time_still_has_a_page() -> None:
    finding = atomicity()
    finding.program = {"actions": "unknown"}
    assert "cannot be shown" in page(finding).text_content()


def test_a_large_message_makes_no_large_page() -> None:
    made = msgspec.structs.replace(
        program(b"<a>" * 400_000, template=b"<a>"), surface=Surface.SOAP, actions=(Reply(b"<a>" * 400_000),)
    )
    assert len(render(found(made))) < 200_000


def test_hexdump() -> None:
    assert hexdump(b"AB\x00" + bytes(range(0x20, 0x2E))) == (
        "00000000  41 42 00 20 21 22 23 24 25 26 27 28 29 2a 2b 2c  AB. !\"#$%&'()*+,\n"
        f"00000010  {'2d':<47}  -"
    )
    assert as_text("grüße\n".encode()) == "grüße\n"
    assert as_text(b"a\x00b") is None
    assert as_text(b"\xff") is None


def test_compare_shows_what_is_near() -> None:
    valid = b"<r>" + b"".join(b"<a>%d</a>" % number for number in range(100)) + b"</r>"
    lines = list(compare(valid, valid.replace(b"<a>50</a>", b"<b/>")))
    assert [line.text for line in lines if line.how == "gone"] == ["<a>50</a>"]
    assert [line.text for line in lines if line.how == "new"] == ["<b/>"]
    assert lines[0].how == "skip"
    assert len(lines) < 12
    assert list(compare(valid, valid)) == []


def test_a_control_may_be_all_there_is() -> None:
    finding = found(program(get_values(BASE)), after=control(alive=False))
    assert render(finding)
