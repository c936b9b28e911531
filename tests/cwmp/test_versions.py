"""Versions, their namespaces, and how both ends agree."""

import pytest

from harness.cwmp import namespaces as ns
from harness.cwmp import versions


def test_there_are_three_namespaces_for_five_versions() -> None:
    assert versions.VERSIONS == ("1.0", "1.1", "1.2", "1.3", "1.4")
    assert {versions.NAMESPACE_OF[v] for v in ("1.2", "1.3", "1.4")} == {"urn:dslforum-org:cwmp-1-2"}
    assert versions.newest_of(ns.CWMP_1_0) == "1.0"
    assert versions.newest_of(ns.CWMP_1_2) == "1.4"
    assert versions.newest_of("urn:dslforum-org:cwmp-1-4") is None


@pytest.mark.parametrize(
    ("namespace", "offered", "supported", "expected"),
    [
        (ns.CWMP_1_2, ("1.0", "1.2", "1.4"), versions.VERSIONS, ("1.4", ns.CWMP_1_2, True)),
        (ns.CWMP_1_2, ("1.0", "1.2", "1.4"), ("1.0", "1.1"), ("1.0", ns.CWMP_1_0, True)),
        (ns.CWMP_1_2, ("1.4", "1.9"), versions.VERSIONS, ("1.4", ns.CWMP_1_2, True)),
        (ns.CWMP_1_2, None, versions.VERSIONS, ("1.3", ns.CWMP_1_2, False)),
        (ns.CWMP_1_1, None, versions.VERSIONS, ("1.1", ns.CWMP_1_1, False)),
        (ns.CWMP_1_2, None, ("1.0",), ("1.0", ns.CWMP_1_0, False)),
    ],
)
def test_what_the_acs_answers(
    namespace: str,
    offered: tuple[str, ...] | None,
    supported: tuple[str, ...],
    expected: tuple[str, str, bool],
) -> None:
    assert versions.acs_agrees(namespace, offered, supported) == versions.Agreement(*expected)


@pytest.mark.parametrize(
    ("namespace", "offered", "supported"),
    [
        (ns.CWMP_1_2, ("1.9",), versions.VERSIONS),
        (ns.CWMP_1_0, None, ("1.2",)),
        ("urn:x", None, versions.VERSIONS),
    ],
)
def test_when_the_acs_gives_up(
    namespace: str, offered: tuple[str, ...] | None, supported: tuple[str, ...]
) -> None:
    with pytest.raises(versions.VersionError):
        versions.acs_agrees(namespace, offered, supported)


@pytest.mark.parametrize(
    ("namespace", "use", "expected"),
    [
        (ns.CWMP_1_2, "1.4", ("1.4", ns.CWMP_1_2, True)),
        (ns.CWMP_1_0, "1.0", ("1.0", ns.CWMP_1_0, True)),
        (ns.CWMP_1_0, None, ("1.0", ns.CWMP_1_0, False)),
        (ns.CWMP_1_2, None, ("1.3", ns.CWMP_1_2, False)),
    ],
)
def test_what_the_cpe_makes_of_it(namespace: str, use: str | None, expected: tuple[str, str, bool]) -> None:
    assert versions.cpe_agrees(namespace, use) == versions.Agreement(*expected)


@pytest.mark.parametrize(("namespace", "use"), [(ns.CWMP_1_2, "9.9"), (ns.CWMP_1_2, "1.0"), ("urn:x", None)])
def test_when_the_cpe_gives_up(namespace: str, use: str | None) -> None:
    with pytest.raises(versions.VersionError):
        versions.cpe_agrees(namespace, use)


def test_lists() -> None:
    assert versions.parse_list("1.0, 1.10 ,1.2") == ("1.0", "1.10", "1.2")
    assert max(versions.parse_list("1.10,1.9"), key=versions.key) == "1.10"
    for wrong in ("", "1.0,", "1", "1.x", "1.0 1.1", "\u0661.0"):
        with pytest.raises(versions.VersionError):
            versions.parse_list(wrong)
