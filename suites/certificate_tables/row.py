"""An entry of the certificate tables, and the four words that begin one: reject, accept, policy, record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from harness.lab.pki_plan import HOST, ROOT, Plan

_PLAIN = ROOT.leaf(HOST)


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
    *twin* is the valid chain that is shown before and after; see `control` for the default.
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
        """The valid chain.

        A device may refuse what a row wants accepted, or leaves open, for the shape of it: there the plainest chain is
        the control, else such a device would fail its control and be undecided.
        """
        if self.twin is not None:
            return self.twin
        if self.expect not in (Expect.ACCEPT, Expect.RECORD):
            return self.chain.twin()
        return _PLAIN if self.chain != _PLAIN else ROOT.ca().leaf(HOST)

    @property
    def control_at(self) -> str:
        """The host in the ACS URL for the control: a name where all that a device may refuse is an address."""
        return "" if self.expect is Expect.ACCEPT and self.at in ("v4", "v6") else self.at


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
