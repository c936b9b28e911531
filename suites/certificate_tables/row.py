"""An entry of the certificate tables, and the four words that begin one: reject, accept, policy, record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.lab.pki_plan import Plan


class Expect(StrEnum):
    """What a right device does with the certificate."""

    REJECT = "reject"
    ACCEPT = "accept"
    POLICY = "policy"
    """Should reject: accepting is a warning, because TR-069 does not forbid it."""
    RECORD = "record"
    """Either: the report says what the device did."""


@dataclass(frozen=True, slots=True)
class Row:
    """A certificate case.

    *shown* says in words what the server shows, *reason* why a device has to treat it so, with its source. *at* is
    the host in the ACS URL (`Https.url`). *stored* is put into the CWMP root CA slot in place of the bench's root.
    *twin* is the valid chain that is shown before and after; the default is of the same shape.
    """

    id: str
    expect: Expect
    requirement: str
    chain: Plan
    shown: str
    reason: str
    at: str = ""
    twin: Plan | None = None
    stored: Plan | None = None
    dates: bool = False
    """Judged only by a device that knows the time."""
    by_hand: bool = False
    """OpenSSL does not serve it: the handshake is made by hand and ends at the device's reaction."""
    maximum: str = ""
    """The newest TLS version of the server, ``TLSv1_2``; empty for all."""

    @property
    def control(self) -> Plan:
        """The valid chain."""
        return self.twin or self.chain.twin()


class Group:
    """Entries of one requirement's kind; its methods are the words that a table is written in."""

    def __init__(self, prefix: str, *, at: str = "", dates: bool = False) -> None:
        self.prefix = prefix
        self._at = at
        self._dates = dates
        self.rows: list[Row] = []

    def reject(
        self, name: str, shown: str, chain: Plan, requirement: str, reason: str, **more: object
    ) -> None:
        self._add(Expect.REJECT, name, shown, chain, requirement, reason, more)

    def accept(
        self, name: str, shown: str, chain: Plan, requirement: str, reason: str, **more: object
    ) -> None:
        self._add(Expect.ACCEPT, name, shown, chain, requirement, reason, more)

    def policy(
        self, name: str, shown: str, chain: Plan, requirement: str, reason: str, **more: object
    ) -> None:
        self._add(Expect.POLICY, name, shown, chain, requirement, reason, more)

    def record(
        self,
        name: str,
        shown: str,
        chain: Plan,
        reason: str,
        requirement: str = "cwmp.tls.left-open",
        **more: object,
    ) -> None:
        self._add(Expect.RECORD, name, shown, chain, requirement, reason, more)

    def _add(
        self,
        expect: Expect,
        name: str,
        shown: str,
        chain: Plan,
        requirement: str,
        reason: str,
        more: dict[str, object],
    ) -> None:
        options = {"at": self._at, "dates": self._dates, **more}
        row_id = f"certificates.{self.prefix}.{name}"
        self.rows.append(Row(row_id, expect, requirement, chain, shown, reason, **options))  # type: ignore[arg-type]
