"""Names as a case sees them: the bench's name server answers what the case wants, and tells what was asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.case import NotRun
from harness.lab.dns import NameServer, Query, Record

if TYPE_CHECKING:
    from harness.bench.rig import Rig

ZONE = "names.bench.test"


class Names:
    """The name server of a bench in namespaces. Every record is gone when the case is over."""

    def __init__(self, rig: Rig, fresh: Callable[[], str]) -> None:
        self._rig = rig
        self._fresh = fresh
        self.last = ""
        """The name that `new` made last."""

    def _server(self) -> NameServer:
        if self._rig.names is None:
            raise NotRun(
                f"no name server: {self._rig.no_packets() or 'the device is not in the bench network'}"
            )
        return self._rig.names

    def new(self, *, a: tuple[str, ...] = (), aaaa: tuple[str, ...] = (), ttl: int = 1) -> str:
        """A name that nobody has asked for yet, with these addresses; without any it does not exist.

        Raises:
            NotRun: this bench has no name server.
        """
        self.last = name = f"acs-{self._fresh()}.{ZONE}"
        if a or aaaa:
            self.set(name, a=a, aaaa=aaaa, ttl=ttl)
        else:
            self._server()
        return name

    def set(self, name: str, *, a: tuple[str, ...] = (), aaaa: tuple[str, ...] = (), ttl: int = 1) -> None:
        """Let *name* stand for these addresses from now on; *ttl* in seconds."""
        self._server().names[name] = Record(a, aaaa, ttl)

    def mark(self) -> int:
        """A mark for `queries`."""
        return len(self._rig.names.queries) if self._rig.names is not None else 0

    def queries(self, since: int, name: str = "") -> list[Query]:
        """The questions since the mark; only those for *name*, or a name below or beside it, where it is given."""
        found = self._server().queries[since:]
        return [query for query in found if name.lower() in query.name] if name else found
