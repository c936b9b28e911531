"""The requirement records are complete, well-formed and readable.

The tables below are data kept by hand: the rows of the fact base that must each have a record, and the ids
that cases, wire rules and defects refer to. They only ever grow.
"""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files

import msgspec
import pytest

from harness.verdict.requirement import ID, Catalogue
from harness.verdict.verdict import Level

SETTINGS_ROWS: dict[str, range | tuple[int, ...]] = {
    "R-EN": range(1, 5),
    "R-URL": range(1, 4),
    "R-ADDR": range(1, 4),
    "R-SCH": range(1, 5),
    "R-CLR": (1, 3),
    "R-CA": (0,),
    "R-AA": range(1, 7),
    "R-CR": range(1, 13),
    "R-PORT": range(1, 6),
    "R-FW6": range(1, 7),
    "R-SRC": range(1, 9),
    "R-LB": range(1, 5),
    "R-PI": range(1, 4),
    "R-INT": range(1, 8),
    "R-SES": (1,),
    "R-END": range(1, 5),
    "R-FT": range(1, 6),
    "R-FW": range(1, 9),
    "R-CC": range(1, 8),
    "R-TLS": range(1, 20),
    "R-UP": range(1, 6),
    "R-MT": range(1, 9),
}
"""Rows about the device's settings page, ``R-FT-2`` and so on: prefix, numbers."""

PROTOCOL_ROWS: dict[str, range | tuple[int, ...]] = {
    "CONN": range(1, 8),
    "RTY": range(1, 12),
    "CR": range(1, 23),
    "TLS": range(1, 16),
    "HTTP": range(1, 14),
    "SESH": range(1, 10),
    "RDR": range(1, 10),
    "AUTH": range(1, 15),
    "SOAP": range(1, 21),
    "VER": range(1, 9),
    "SES": range(1, 22),
    "INF": range(1, 15),
    "EVT": range(1, 12),
    "FLT": range(1, 7),
    "GRM": range(1, 5),
    "GPV": range(1, 12),
    "GPN": range(1, 12),
    "SPV": range(1, 18),
    "ATT": range(1, 13),
    "NOT": range(1, 7),
    "ADD": range(1, 10),
    "DEL": range(1, 5),
    "DL": range(1, 18),
    "UP": range(1, 3),
    "GQ": (1,),
    "SD": (1,),
    "CT": (1,),
    "RB": range(1, 4),
    "FR": range(1, 3),
    "SI": range(1, 5),
    "GO": (1,),
    "RQ": (1,),
    "DU": range(1, 6),
    "PI": range(1, 8),
    "HB": range(1, 3),
    "DM": range(1, 12),
    "V6": range(1, 6),
}
"""Rows about the protocol, ``SOAP-05`` and so on: prefix, numbers."""

AREAS = frozenset(
    [
        "activation",
        "acs-url",
        "acs-credentials",
        "secrecy",
        "https",
        "client-certificate",
        "connection-request",
        "port",
        "firewall",
        "source",
        "periodic",
        "session",
        "permissions",
        "upload",
        "soap",
        "http",
        "inform",
        "events",
        "faults",
        "retry",
        "redirect",
        "authentication",
        "tls",
        "rpc-values",
        "rpc-names",
        "rpc-attributes",
        "rpc-objects",
        "transfers",
        "lifecycle",
        "notification",
        "data-model",
        "ipv6",
        "robustness",
    ]
)

AGREED = [
    "cwmp.auth.digest-arithmetic",
    "cwmp.auth.digest-uri",
    "cwmp.auth.no-unasked-basic",
    "cwmp.auth.nonce-count",
    "cwmp.connection-request.digest-challenge",
    "cwmp.connection-request.empty-success",
    "cwmp.connection-request.url-form",
    "cwmp.cookie.discarded",
    "cwmp.cookie.returned",
    "cwmp.event.command-key",
    "cwmp.event.strings",
    "cwmp.fault.codes",
    "cwmp.http.content-type",
    "cwmp.http.empty-post-bare",
    "cwmp.http.no-pipelining",
    "cwmp.http.post-with-host",
    "cwmp.http.soapaction",
    "cwmp.inform.current-time",
    "cwmp.inform.device-id",
    "cwmp.inform.event-list",
    "cwmp.inform.forced-parameters",
    "cwmp.inform.max-envelopes",
    "cwmp.inform.no-duplicate-parameter",
    "cwmp.robust.fault-or-clean-end",
    "cwmp.robust.next-session-works",
    "cwmp.robust.no-entity-expansion",
    "cwmp.session.answers-each-request",
    "cwmp.session.empty-post",
    "cwmp.session.inform-first",
    "cwmp.session.no-post-after-end",
    "cwmp.session.no-request-after-empty-post",
    "cwmp.session.one-at-a-time",
    "cwmp.session.one-inform",
    "cwmp.soap.array-type",
    "cwmp.soap.envelope",
    "cwmp.soap.fault-form",
    "cwmp.soap.id-echo",
    "cwmp.soap.namespace",
    "cwmp.soap.one-body-child",
    "cwmp.soap.own-id",
    "cwmp.soap.unqualified-children",
    "cwmp.soap.value-type",
    "lcos.connection-request.credentials",
    "lcos.connection-request.session",
    "lcos.credentials.atomic",
    "lcos.credentials.changed-when-on",
    "lcos.credentials.refused-when-off",
    "lcos.file.executed-when-on",
    "lcos.file.firmware-refused-when-off",
    "lcos.file.refused-when-off",
    "lcos.firewall6.closed-without-rule",
    "lcos.firewall6.ipv4-untouched",
    "lcos.firewall6.open-with-rule",
    "lcos.firewall6.outbound-free",
    "lcos.firewall6.rule-exact",
    "lcos.firmware.refused-when-off",
    "lcos.firmware.script-still-allowed",
    "lcos.firmware.updated-when-on",
    "lcos.loopback.lan-still-masked",
    "lcos.loopback.network-masked",
    "lcos.loopback.unmasked",
    "lcos.periodic.default-1200",
    "lcos.periodic.from-session-end",
    "lcos.periodic.off",
    "lcos.periodic.on",
    "lcos.periodic.runtime-toggle",
    "lcos.periodic.seconds",
    "lcos.scheme.no-downgrade",
    "lcos.source.automatic",
    "lcos.source.literal",
    "lcos.source.loopback-name",
    "lcos.source.network-name",
    "lcos.tls.good-chain-accepted",
    "lcos.tls.host-name",
    "lcos.tls.no-root-no-session",
    "lcos.tls.self-signed",
    "lcos.tls.untrusted-root",
    "lcos.tls.validity-dates",
]

WARN_ONLY = [
    "lcos.acs-credentials.basic-over-http",
    "lcos.client-certificate.container-ca-not-trusted",
    "lcos.source.unknown-name-visible",
    "lcos.loopback.literal-unmasked",
    "lcos.credentials.writable-flag",
]
"""Demands on settings that were decided to be no more than a warning."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.load(files("suites") / "requirements")


def spelled(table: dict[str, range | tuple[int, ...]]) -> list[str]:
    """The row ids of *table*; rows about the protocol have two digits."""
    digits = 2 if table is PROTOCOL_ROWS else 1
    return [f"{prefix}-{number:0{digits}}" for prefix, numbers in table.items() for number in numbers]


@pytest.mark.parametrize("table", [SETTINGS_ROWS, PROTOCOL_ROWS], ids=["settings", "protocol"])
def test_every_row_has_a_record(catalogue: Catalogue, table: dict[str, range | tuple[int, ...]]) -> None:
    assert [row for row in spelled(table) if not catalogue.rows(row)] == []


def test_no_record_names_an_unknown_row(catalogue: Catalogue) -> None:
    known = {*spelled(SETTINGS_ROWS), *spelled(PROTOCOL_ROWS), "R-CLR-2", "DISC-06", "DISC-07"}
    decision = re.compile(r"A-(0[1-9]|1\d|2[0-7])")
    strangers = {row for record in catalogue for row in record.catalogue if row not in known}
    assert {row for row in strangers if not decision.fullmatch(row)} == set()


def test_agreed_ids_exist(catalogue: Catalogue) -> None:
    assert len(AGREED) == 78
    assert [name for name in AGREED if name not in catalogue] == []


def test_ids_are_words_of_one_of_two_families(catalogue: Catalogue) -> None:
    for record in catalogue:
        assert ID.fullmatch(record.id), record.id
        family, _topic, _what = record.id.split(".")
        assert family in {"lcos", "cwmp"}, record.id
        assert not re.search(r"(^|[.-])r-[a-z0-9]+-\d", record.id), record.id


def test_areas_are_the_fixed_set(catalogue: Catalogue) -> None:
    assert {record.area for record in catalogue} == AREAS


def test_each_file_holds_exactly_its_area() -> None:
    folder = files("suites") / "requirements"
    found = set()
    for entry in folder.iterdir():
        if entry.name.endswith(".toml"):
            records = msgspec.toml.decode(entry.read_bytes())["requirement"]
            assert {record["area"] for record in records} == {entry.name.removesuffix(".toml")}
            found.add(entry.name.removesuffix(".toml"))
    assert found == AREAS


def test_texts_are_single_plain_sentences(catalogue: Catalogue) -> None:
    for record in catalogue:
        assert record.text.endswith("."), record.id
        assert record.text[0].isupper(), record.id
        assert record.text == " ".join(record.text.split()), record.id
        assert 30 <= len(record.text) <= 330, (record.id, len(record.text))
        assert not re.search(r"[a-z)]\. [A-Z]", record.text), f"{record.id}: more than one sentence"


def test_texts_speak_of_the_device_and_not_of_the_test(catalogue: Catalogue) -> None:
    ours = re.compile(
        r"\b(bench|twin|harness|mutant|verdict|oracle|DUT|CPEs?(?!-)|liveness|assert\w*)\b", re.IGNORECASE
    )
    assert [record.id for record in catalogue if ours.search(record.text)] == []


def test_no_two_texts_are_equal(catalogue: Catalogue) -> None:
    counts = Counter(record.text.casefold() for record in catalogue)
    assert [text for text, count in counts.items() if count > 1] == []


def test_sources_name_a_document(catalogue: Catalogue) -> None:
    documents = re.compile(
        r"LCOS Refmanual|TR-069 Amendment 6|TR-106|TR-181|RFC \d+|SOAP 1\.1|XML 1\.0"
        r"|XML Schema|cwmp XML schema|Robustness"
    )
    assert [record.id for record in catalogue if not documents.match(record.source)] == []


def test_records_are_observations_only_when_they_ask_whether_or_which(catalogue: Catalogue) -> None:
    for record in catalogue:
        question = record.text.startswith(("Whether ", "Which ", "What "))
        assert question == (record.level is Level.RECORD), record.id


def test_decided_warnings_are_not_musts(catalogue: Catalogue) -> None:
    assert {name: catalogue[name].level for name in WARN_ONLY} == dict.fromkeys(WARN_ONLY, Level.SHOULD)


def test_rows_lead_back_to_the_agreed_record(catalogue: Catalogue) -> None:
    assert [record.id for record in catalogue.rows("R-FT-2")] == ["lcos.file.refused-when-off"]
    assert {record.id for record in catalogue.rows("R-FW-2")} == {
        "lcos.firmware.refused-when-off",
        "lcos.firmware.script-still-allowed",
    }
    assert [record.id for record in catalogue.rows("SOAP-05")] == ["cwmp.soap.array-type"]


def test_unread_texts_are_marked(catalogue: Catalogue) -> None:
    """Redirects were never read in the standard's own text; the envelope's namespaces were."""
    assert not any(
        record.confirmed
        for record in catalogue
        if record.id.startswith("cwmp.redirect.") and "relative" not in record.id
    )
    assert catalogue["cwmp.soap.envelope"].confirmed
