"""CWMP versions 1.0 to 1.4: their namespaces, and how both ends agree on one (TR-069 3.5, 3.7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.cwmp import namespaces as ns

NAMESPACE_OF: Final = {
    "1.0": ns.CWMP_1_0,
    "1.1": ns.CWMP_1_1,
    "1.2": ns.CWMP_1_2,
    "1.3": ns.CWMP_1_2,
    "1.4": ns.CWMP_1_2,
}
VERSIONS: Final = tuple(NAMESPACE_OF)
HEADERS_SINCE: Final = "1.4"
"""The version that brought SupportedCWMPVersions and UseCWMPVersion."""


class VersionError(ValueError):
    """The two ends have no version in common, or one named a version that was not on offer."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """The version of a session, its namespace, and whether the InformResponse says it in a header."""

    version: str
    namespace: str
    use_header: bool


def key(version: str) -> tuple[int, ...]:
    """A sort key, so that 1.10 would come after 1.4.

    Raises:
        VersionError: *version* is not digits with a dot between.
    """
    parts = version.strip().split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
        raise VersionError(f"not a CWMP version: {version[:20]!r}")
    return tuple(map(int, parts))


def newest_of(namespace: str) -> str | None:
    """The newest version written in *namespace*, or ``None`` where it is none of CWMP's."""
    return max((v for v, uri in NAMESPACE_OF.items() if uri == namespace), key=key, default=None)


@lru_cache(maxsize=64)
def allows(namespace: str, since: str) -> bool:
    """Whether something that version *since* brought may stand in *namespace*."""
    newest = newest_of(namespace)
    return newest is None or key(since) <= key(newest)


def parse_list(text: str) -> tuple[str, ...]:
    """The versions of a SupportedCWMPVersions header: comma-separated, blanks around them ignored.

    Raises:
        VersionError: an entry is not a version.
    """
    versions = tuple(part.strip() for part in text.split(","))
    for version in versions:
        key(version)
    return versions


def _before_headers(versions: Iterable[str], namespace: str) -> list[str]:
    return [v for v in versions if NAMESPACE_OF.get(v) == namespace and key(v) < key(HEADERS_SINCE)]


def acs_agrees(
    inform_namespace: str, offered: Sequence[str] | None, supported: Sequence[str] = VERSIONS
) -> Agreement:
    """What an ACS that speaks *supported* answers to an Inform (SupportedCWMPVersions, UseCWMPVersion).

    *offered* is the SupportedCWMPVersions header, ``None`` where the Inform has none: then the
    namespace alone tells, and the InformResponse carries no UseCWMPVersion.

    Raises:
        VersionError: nothing in common; the ACS answers with fault 8006 (8003 before 1.4).
    """
    if offered is not None:
        common = [v for v in offered if v in supported and v in NAMESPACE_OF]
        if not common:
            raise VersionError(f"CPE offers {', '.join(offered)}, ACS speaks {', '.join(supported)}")
        version = max(common, key=key)
        return Agreement(version, NAMESPACE_OF[version], use_header=True)
    ceiling = newest_of(inform_namespace)
    if ceiling is None:
        raise VersionError(f"namespace {inform_namespace!r} belongs to no CWMP version")
    old = [
        v for v in supported if v in NAMESPACE_OF and key(v) <= key(ceiling) and key(v) < key(HEADERS_SINCE)
    ]
    if not old:
        raise VersionError(f"ACS speaks {', '.join(supported)}, CPE uses {inform_namespace}")
    version = max(old, key=key)
    return Agreement(version, NAMESPACE_OF[version], use_header=False)


def cpe_agrees(response_namespace: str, use: str | None, supported: Sequence[str] = VERSIONS) -> Agreement:
    """What a CPE that speaks *supported* makes of an InformResponse (UseCWMPVersion, namespace).

    Raises:
        VersionError: the ACS chose a version the CPE does not speak, or wrote the answer in another
            version's namespace; the session has failed.
    """
    if use is not None:
        if use not in supported or use not in NAMESPACE_OF:
            raise VersionError(f"UseCWMPVersion {use[:20]!r} is not among {', '.join(supported)}")
        if NAMESPACE_OF[use] != response_namespace:
            raise VersionError(f"UseCWMPVersion {use} in namespace {response_namespace!r}")
        return Agreement(use, response_namespace, use_header=True)
    known = _before_headers(supported, response_namespace)
    if not known:
        raise VersionError(f"InformResponse in namespace {response_namespace!r}")
    return Agreement(max(known, key=key), response_namespace, use_header=False)
