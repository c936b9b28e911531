"""What the device did on the network since a mark: connections, HTTP requests, sessions, packets, questions for names.

A case that says "and nothing else" asks here. Marks count within a case.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.case import Inconclusive
from harness.lab import payloads
from harness.lab.dns import PORT as DNS
from harness.lab.frame import Frame
from harness.verdict.transcript import Connection, HttpMessage, Role

if TYPE_CHECKING:
    from harness.bench.rig import Rig

Call = Callable[[Coroutine[Any, Any, Any]], Any]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment: what was there before it."""

    connections: int
    sessions: int
    queries: int
    frame: int


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request of the device: the bench's endpoint that it reached, its connection, the message."""

    endpoint: str
    connection: Connection
    message: HttpMessage

    @property
    def host(self) -> str:
        """The Host header; empty without one."""
        return self.message.header("Host") or ""

    @property
    def authorization(self) -> str:
        """The Authorization header; empty without one."""
        return self.message.header("Authorization") or ""

    def __str__(self) -> str:
        scheme = "https" if self.connection.tls else "http"
        return f"{self.message.start_line!r} with Host {self.host!r} at {self.endpoint} ({scheme})"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A session that began: the endpoint at which its Inform was taken, and its events."""

    endpoint: str
    event_codes: tuple[str, ...]

    def __str__(self) -> str:
        return f"{' + '.join(self.event_codes)} at {self.endpoint}"


class Traffic:
    """The blocking face of what the rig has recorded."""

    def __init__(self, call: Call, rig: Rig) -> None:
        self._call = call
        self._rig = rig

    def mark(self) -> Mark:
        """Now. Everything that the device has sent before is recorded."""
        packets = not self._rig.no_packets()
        return Mark(
            len(self._rig.recorder.transcript.connections),
            len(self._rig.acs.sessions),
            len(self._rig.names.queries) if self._rig.names is not None else 0,
            self._call(self._rig.lab.capture.mark()) if packets else 0,
        )

    def connections(self, since: Mark) -> list[Connection]:
        """Connections that the device has opened to any server of the bench."""
        found = self._rig.recorder.transcript.connections[since.connections :]
        return [each for each in found if each.role in (Role.ACS, Role.FILE_SERVER)]

    def requests(self, since: Mark, role: Role | None = None) -> list[Request]:
        """HTTP requests of the device on those connections, to the servers of *role* where it is given."""
        return [
            Request(connection.endpoint, connection, message)
            for connection in self.connections(since)
            for message in connection.messages
            if message.is_request and role in (None, connection.role)
        ]

    def arrivals(self, since: Mark) -> list[Arrival]:
        """The sessions that have begun."""
        found = []
        for session in self._rig.acs.sessions[since.sessions :]:
            message = session.record.messages[-1]
            where = self._rig.recorder.transcript.connection(message.rpartition(".")[0]).endpoint
            found.append(Arrival(where, tuple(event.event_code for event in session.inform.event)))
        return found

    def contacts(self, since: Mark, name: str = "") -> list[str]:
        """All that the device has sent to an ACS or file server of its own accord, in words.

        Connections; where packets are seen, TCP connection attempts and datagrams to any host of the bench, and
        questions for *name*. Other questions for names (for a time server, say) are the device's own affair.

        Raises:
            Inconclusive: the capture lost frames.
        """
        seen = [f"connection to {each.endpoint}" for each in self.connections(since)]
        seen += [f"session with {arrival}" for arrival in self.arrivals(since)]
        seen += [f"frame {frame.number}: {_shown(frame)}" for frame in self.attempts(since)]
        if name and self._rig.names is not None:
            asked = self._rig.names.queries[since.queries :]
            seen += [f"DNS question {query}" for query in asked if name.lower() in query.name]
        return seen

    def attempts(self, since: Mark, *, anywhere: bool = False) -> list[Frame]:
        """TCP connection attempts and datagrams of the device to hosts of the bench; empty without a capture.

        With *anywhere* TCP connection attempts to other addresses, too. DNS is left out: who resolves a name is
        told by `Names.queries`.

        Raises:
            Inconclusive: the capture lost frames.
        """
        if self._rig.no_packets():
            return []
        until = self._call(self._rig.lab.capture.mark())
        frames: list[Frame] = self._call(self._rig.lab.capture.frames(since.frame, until))
        if self._rig.lab.capture.drops():
            raise Inconclusive("the capture lost frames")
        return [frame for frame in frames if self._own_accord(frame, anywhere)]

    def _own_accord(self, frame: Frame, anywhere: bool) -> bool:
        if frame.direction != "from-device" or frame.dport == DNS:
            return False
        ours = frame.dst in self._rig.server_addresses
        if frame.proto == "tcp":
            return "S" in frame.flags and "A" not in frame.flags and (ours or anywhere)
        return frame.proto == "udp" and ours

    def flows(self, since: Mark) -> list[payloads.Flow]:
        """What could be read on the WAN link since the mark, TCP streams put together.

        Raises:
            Inconclusive: the capture lost frames.
        """
        until = self._call(self._rig.lab.capture.mark())
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "link.pcapng"
            self._call(self._rig.lab.capture.save(path, since.frame, until))
            data = path.read_bytes()
        if self._rig.lab.capture.drops():
            raise Inconclusive("the capture lost frames")
        return payloads.flows(data)


def _shown(frame: Frame) -> str:
    return f"{frame.proto.upper()} from {frame.src}:{frame.sport} to {frame.dst}:{frame.dport} {frame.flags}".rstrip()
