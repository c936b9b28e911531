"""Ladders, messages, packets and timing plots out of made-up evidence."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import html
from made_up import GOOD, HOSTILE, MIXED, assertion, outcome, write
from made_up_talk import (
    ENVELOPE,
    INFORM,
    connection,
    file_transfer,
    hostile_talk,
    keep,
    message,
    session,
    talk,
)

from harness.verdict.assertion import Assertion, CaseResult, EvidenceRef
from harness.verdict.transcript import Closed, Direction, Transcript
from harness.verdict.verdict import Verdict
from reports import content, evidence, exhibit, ladder, plot
from reports import html as page_of
from reports.advice import advice_for, table
from reports.build import write_all
from reports.evidence import CaseEvidence, Packets
from reports.text import repeat_command

CASE = "https.reject.wrong-name"


def document(folder: Path) -> html.HtmlElement:
    write_all(folder)
    return html.document_fromstring((folder / "report.html").read_text("utf-8"))


def words(element: html.HtmlElement) -> str:
    return " ".join(element.text_content().split())


# --- ladder -------------------------------------------------------------------------------------------


def test_a_ladder_has_opens_handshake_messages_and_closes_in_order() -> None:
    drawn = ladder.draw(talk(0.0))
    assert drawn is not None
    assert [row.text for row in drawn.rows] == [
        "TCP open 198.51.100.10:443",
        "TLS ClientHello",
        "TLS ServerHello, Certificate",
        "POST /cwmp · Inform (2 PERIODIC)",
        "200 · InformResponse",
        "POST /cwmp · empty",
        "204 · empty",
        "TLS alert close_notify",
        "TCP close",
    ]
    assert [name for name, _ in drawn.lanes] == ["CPE", "ACS"]
    right = [row.x1 < row.x2 for row in drawn.rows]
    assert right == [True, True, False, True, False, True, False, True, True]
    assert [row.y for row in drawn.rows] == sorted(row.y for row in drawn.rows)
    assert drawn.height > drawn.rows[-1].y


def test_a_file_server_has_a_lifeline_of_its_own_and_a_pause_is_shown() -> None:
    said = talk(0.0)
    said.connections.append(file_transfer())
    drawn = ladder.draw(said)
    assert drawn is not None
    assert [name for name, _ in drawn.lanes] == ["CPE", "ACS", "File server"]
    assert [row.text for row in drawn.rows if row.kind == "gap"] == ["2.0 s later"]
    assert drawn.rows[-1].text == "GET /fw.bin"
    assert drawn.rows[-1].x2 == drawn.lanes[2][1]


@pytest.mark.parametrize(
    ("closed", "text", "to_the_right"),
    [(Closed.BY_DEVICE_RESET, "TCP reset", True), (Closed.BY_BENCH, "TCP close", False)],
)
def test_who_ended_a_connection_is_seen(closed: Closed, text: str, to_the_right: bool) -> None:
    said = talk(0.0)
    said.connections[0].closed = closed
    drawn = ladder.draw(said)
    assert drawn is not None
    assert (drawn.rows[-1].text, drawn.rows[-1].x1 < drawn.rows[-1].x2) == (text, to_the_right)


def test_what_is_marked_is_in_the_window_of_a_long_talk() -> None:
    said = talk(*(60.0 * number for number in range(40)))
    drawn = ladder.draw(said, {"c30.1"})
    assert drawn is not None
    assert [row.message for row in drawn.rows if row.marked] == ["c30.1"]
    assert len([row for row in drawn.rows if row.kind != "gap"]) == 2 * ladder.AROUND + 1
    whole = ladder.draw(said)
    assert whole is not None
    assert whole.left_out == 40 * 9 - ladder.ROWS


def test_only_the_sessions_that_a_rule_names() -> None:
    drawn = ladder.draw(talk(0.0, 60.0, 120.0), {"c5.1"}, narrow=True)
    assert drawn is not None
    assert {row.connection for row in drawn.rows} == {"c5"}
    assert ladder.draw(Transcript()) is None


# --- messages -----------------------------------------------------------------------------------------


def test_a_body_is_indented_and_the_place_that_is_meant_is_marked() -> None:
    inner = "<ParameterValueStruct><Name>a &amp; b</Name></ParameterValueStruct>"
    said = message("c1.1", Direction.FROM_DEVICE, "POST / HTTP/1.1", INFORM.format("1 BOOT", inner).encode())
    found = content.lines(said, ("/soap-env:Envelope/soap-env:Body/cwmp:Inform/Event", "content-length"))
    assert [line.text.strip() for line in found if line.marked] == [
        f"Content-Length: {len(said.body)}",
        "<Event>",
    ]
    assert "        <Name>a &amp; b</Name>" in [line.text[2:] for line in found]


@pytest.mark.parametrize(
    ("place", "marked"),
    [
        ("/soap-env:Envelope/soap-env:Body/cwmp:Inform/ParameterList/Missing[3]", ["<ParameterList/>"]),
        ("/soap-env:Envelope/soap-env:Header/cwmp:ID/@mustUnderstand", ["<cwmp:ID>1</cwmp:ID>"]),
        ("/*[count(//node()) > 1]", []),
        ("document('file:///etc/passwd')", []),
    ],
)
def test_a_place_is_found_or_its_nearest_parent_and_nothing_else_is_evaluated(
    place: str, marked: list[str]
) -> None:
    said = message("c1.1", Direction.FROM_DEVICE, "POST / HTTP/1.1", INFORM.format("1 BOOT", "").encode())
    assert [line.text.strip() for line in content.lines(said, (place,)) if line.marked] == marked


def test_a_long_message_is_cut_around_what_is_marked() -> None:
    many = "".join(f"<V{number}/>" for number in range(500))
    said = message("c1.1", Direction.FROM_DEVICE, "POST / HTTP/1.1", INFORM.format("1 BOOT", many).encode())
    found = content.lines(said, ("/soap-env:Envelope/soap-env:Body/cwmp:Inform/ParameterList/V200",))
    assert len(found) == content.LINES + 2
    assert [line.text.strip() for line in found if line.marked] == ["<V200/>"]
    assert found[0].text.endswith("lines above")
    assert found[-1].text.endswith("lines below")


def test_words_for_messages() -> None:
    fault = ENVELOPE.format(
        "<soap-env:Fault><detail><cwmp:Fault><FaultCode>9005</FaultCode></cwmp:Fault></detail></soap-env:Fault>"
    )
    for start, body, said in (
        ("HTTP/1.1 200 OK", fault, "200 · Fault (9005)"),
        ("HTTP/1.1 401 Unauthorized", "", "401"),
        ("GET /x HTTP/1.1", "", "GET /x"),
        ("POST /x HTTP/1.1", "not xml", "POST /x · 7 bytes"),
        ("rubbish", "", "rubbish "),
    ):
        direction = Direction.FROM_DEVICE
        assert content.summary(message("c1.1", direction, start, body.encode())) == said


def test_hostile_bytes_become_lines_that_harm_nobody() -> None:
    for each in hostile_talk().connections[0].messages:
        found = content.lines(each, ("/x[1]", "X-<script>"))
        assert 0 < len(found) <= content.LINES + 2
        for line in found:
            assert len(line.text) < 3 * content.WIDTH
            assert not set(line.text) & set("\x00\x1b\x07\x9b\u202e\u2066")
    bomb = hostile_talk().connections[0].messages[1]
    assert any("<!ENTITY" in line.text for line in content.lines(bomb))
    assert not any("root:" in line.text for line in content.lines(bomb))


# --- packets and the whole ----------------------------------------------------------------------------


def test_frames_that_are_named_stand_with_their_neighbours(tmp_path: Path) -> None:
    case = outcome(CASE, assertion("lcos.tls.host-name", Verdict.FAIL, "812 application bytes"))
    keep(tmp_path, CASE, talk(0.0))
    shown = exhibit.make(case.assertions, evidence.load(tmp_path, case))
    assert [(row.number, row.marked) for row in shown.packets] == [
        (16, False), (17, True), (18, False), (19, True), (20, False),
    ]  # fmt: skip
    assert shown.more_packets == 30


def test_frames_of_the_connection_where_none_is_named(tmp_path: Path) -> None:
    ref = (EvidenceRef("connection", "c4"),)
    bad = Assertion("lcos.tls.host-name", Verdict.FAIL, "none", "some", evidence=ref)
    case = outcome(CASE, bad)
    keep(tmp_path, CASE, talk(0.0, 60.0))
    shown = exhibit.make(case.assertions, evidence.load(tmp_path, case))
    assert len(shown.packets) == 30
    assert [each.message.id for each in shown.messages if each.marked] == ["c4.1"]
    assert shown.ladder is not None
    assert {row.connection for row in shown.ladder.rows if row.band} == {"c4"}


@pytest.mark.parametrize("data", [b"", b"{", b'{"connections": 3}', b"\xff\xfe", b"[]"])
def test_damaged_evidence_is_told_and_stops_nothing(tmp_path: Path, data: bytes) -> None:
    write(tmp_path)
    keep(tmp_path, CASE, talk(0.0))
    for name in ("transcript.json", "frames.json"):
        (tmp_path / "evidence" / CASE / name).write_bytes(data)
    finding = words(document(tmp_path).get_element_by_id(f"f-{CASE}"))
    assert "transcript.json is damaged" in finding
    assert "812 application bytes" in finding


@pytest.mark.parametrize("folder", ["../outside", "/etc", "a/../../outside", "x\x00y", "."])
def test_evidence_outside_of_the_bundle_is_never_read(tmp_path: Path, folder: str) -> None:
    bundle = tmp_path / "bundle"
    keep(tmp_path / "none", "x", talk(0.0))
    (tmp_path / "outside").mkdir()
    (bundle / "evidence").mkdir(parents=True)
    case = outcome(CASE, assertion("lcos.tls.host-name", Verdict.FAIL))
    case.evidence = folder
    assert evidence.load(bundle, case) == CaseEvidence(Transcript(), Packets())
    (bundle / "evidence" / "link").symlink_to(tmp_path / "none" / "evidence" / "x")
    case.evidence = "link"
    assert evidence.load(bundle, case).transcript.connections == []
    assert evidence.capture_of(bundle, case) == ""


def test_a_finding_shows_cause_remedy_ladder_messages_and_the_capture(tmp_path: Path) -> None:
    write(tmp_path)
    keep(tmp_path, CASE, talk(0.0, 60.0))
    finding = document(tmp_path).get_element_by_id(f"f-{CASE}")
    said = words(finding)
    for part in (
        "Likely cause",
        "What to do",
        "Inform (2 PERIODIC)",
        "InformResponse",
        "Repeat: cpecheck run",
    ):
        assert part in said
    assert len(finding.xpath(".//svg[contains(@class, 'ladder')]")) == 1
    assert "evidence/https.reject.wrong-name/capture.pcapng" in finding.xpath(".//a/@href")
    assert "#e0-c4.3" in finding.xpath(".//dd//a/@href")
    assert finding.xpath(".//details[@id='e0-c4.3']//b")[0].text == "named by the finding"


def test_a_page_stays_bounded_whatever_the_evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [_failed(number) for number in range(30)]
    write(tmp_path, cases)
    for case in cases:
        keep(tmp_path, case.id, talk(*(60.0 * number for number in range(20))))
    whole = len(page_of_text(tmp_path))
    with monkeypatch.context() as only:
        only.setattr(page_of, "EXHIBITS", 0)
        bare = len(page_of_text(tmp_path))
    assert whole - bare > 250_000
    monkeypatch.setattr(page_of, "INLINE", 100_000)
    monkeypatch.setattr(page_of, "WHOLE", 200_000)
    cut = page_of_text(tmp_path)
    assert len(cut) - bare < 225_000
    assert cut.count("<template>") > 1
    assert cut.count("would grow too large") > 10


def page_of_text(folder: Path) -> str:
    write_all(folder)
    return (folder / "report.html").read_text("utf-8")


def _failed(number: int) -> CaseResult:
    case = outcome(CASE, assertion("lcos.tls.host-name", Verdict.FAIL, "812 application bytes"))
    case.id = case.evidence = f"https.reject.number-{number}"
    return case


def test_hostile_evidence_is_text_in_the_page(tmp_path: Path) -> None:
    write(tmp_path)
    keep(tmp_path, CASE, hostile_talk(), src="<script>alert(1)</script>")
    found = document(tmp_path)
    assert len(found.xpath("//script")) == 1
    assert found.xpath("//img | //iframe | //object | //link | //base | //form") == []
    assert [name for element in found.iter() for name in element.attrib if name.startswith("on")] == []
    assert HOSTILE[0] in found.get_element_by_id(f"f-{CASE}").text_content()
    assert (tmp_path / "report.html").stat().st_size < 400_000


# --- timing -------------------------------------------------------------------------------------------


def timed(observed: str, verdict: Verdict = Verdict.PASS) -> CaseResult:
    said = Assertion("lcos.periodic.seconds", verdict, "gap 1: 58.4 to 61.6 s", observed)
    return outcome("periodic.seconds", said)


def test_a_plot_has_the_band_the_point_and_the_window_on_the_time_line() -> None:
    drawn = plot.draw(timed("gap 1: 60.000 s"), talk(0.0, 60.0))
    assert drawn is not None
    (band,) = drawn.bands
    assert band.x < band.point < band.x + band.width
    assert band.label == "gap 1: 60 s, allowed 58.4 to 61.6 s"
    assert [mark.text for mark in drawn.marks] == ["2", "2"]
    ((left, width),) = drawn.expected
    assert left < drawn.marks[1].x < left + width


def test_what_came_too_late_lies_outside_and_what_never_came_has_no_point() -> None:
    late = plot.draw(timed("gap 1: 90.000 s", Verdict.FAIL), talk(0.0, 90.0))
    never = plot.draw(timed("gap 1: inf s", Verdict.FAIL), talk(0.0))
    assert late is not None
    assert never is not None
    assert late.bands[0].point > late.bands[0].x + late.bands[0].width
    assert late.marks[1].x > late.expected[0][0] + late.expected[0][1]
    assert never.bands[0].point == -1
    assert "it never came" in never.said


@pytest.mark.parametrize(
    ("expected", "observed"),
    [("2 to 4 periodic Informs", "3"), ("5 to 4 s", "3.0 s"), ("1 to 1e999 s", "3.0 s"), ("1 to 2 s", "nan s"),
     ("1.2.3 to 4 s", "3.0 s"), ("x" * 10**6 + ": 1 to 2 s", "1.5 s")],
)  # fmt: skip
def test_what_is_no_time_makes_no_plot(expected: str, observed: str) -> None:
    case = outcome("periodic.seconds", Assertion("lcos.periodic.seconds", Verdict.PASS, expected, observed))
    assert plot.draw(case, talk(0.0, 60.0)) is None


def test_sessions_of_one_kind_are_what_a_gap_lies_between() -> None:
    said = Transcript(
        [connection(4, 0.0, events="6 CONNECTION REQUEST"), connection(5, 60.0), connection(6, 120.0)],
        [session(4, 0.0), session(5, 60.0), session(6, 120.0)],
    )
    drawn = plot.draw(timed("gap 1: 60.000 s"), said)
    assert drawn is not None
    ((left, width),) = drawn.expected
    assert left < drawn.marks[2].x < left + width


# --- advice and the command ---------------------------------------------------------------------------


def test_the_most_special_advice_counts_and_every_area_has_one() -> None:
    from harness.catalogue import requirements

    special = advice_for("lcos.tls.host-name", "https")
    assert special is not None
    assert special.match == "lcos.tls.host-name"
    assert advice_for("no.such", "nowhere") is None
    lacking = {record.area for record in requirements() if advice_for(record.id, record.area) is None}
    assert lacking == set()
    ids = [record.id for record in requirements()]
    areas = {record.area for record in requirements()}
    from fnmatch import filter as matching

    assert [row.match for row in table() if row.match not in areas and not matching(ids, row.match)] == []
    assert len({row.match for row in table()}) == len(table())


@pytest.mark.parametrize(
    ("command", "again"),
    [
        ("", "cpecheck run --select a.b --seed 7"),
        ("cpecheck run --out x --device 'my lab.toml' -x y --select c",
         "cpecheck run --select a.b --device 'my lab.toml' --seed 7"),
        ("cpecheck run --seed=3 --defect no-host-name-check -n 2", "cpecheck run --select a.b --defect no-host-name-check --seed 7"),
        ("cpecheck run --device 'unbalanced", "cpecheck run --select a.b --seed 7"),
        ("rm -rf /", "cpecheck run --select a.b --seed 7"),
    ],
)  # fmt: skip
def test_the_command_that_repeats_a_case_is_for_the_same_device(command: str, again: str) -> None:
    assert repeat_command("a.b", command, 7) == again


def test_the_samples_are_whole() -> None:
    assert {case.id for case in GOOD} == {case.id for case in MIXED}
