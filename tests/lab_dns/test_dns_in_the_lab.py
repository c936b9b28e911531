"""The CPE's own resolver finds the bench's name server; names of the hosts file never get there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from harness.lab.clock import RealClock
from harness.lab.dns import PORT, NameServer, Record
from harness.lab.network import CPE, WAN, Lab

RESOLVE = """
import json, socket, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = sorted({each[4][0] for each in socket.getaddrinfo(name, 80, type=socket.SOCK_STREAM)})
    except socket.gaierror as error:
        found[name] = []
print(json.dumps(found))
"""


async def test_names_of_the_cpe(tmp_path: Path) -> None:
    lab = await Lab.create(workdir=tmp_path)
    server = None
    try:
        if not lab.isolated:
            pytest.skip(f"namespaces refused: {lab.why_not}")
        top = lab.topology
        server = NameServer(
            RealClock(), lab.datagram_socket(WAN, top.acs_v4, PORT), lab.listen(WAN, top.acs_v4, PORT)
        )
        server.names["both.test"] = Record(a=("192.0.2.1",), aaaa=("2001:db8::1",))
        server.names["long.test"] = Record(a=("192.0.2.2",), over_tcp=True)
        await server.start()
        names = ["both.test", "long.test", "none.test", top.acs_host, top.acs_v4]
        done = await lab.run(CPE, [sys.executable, "-c", RESOLVE, *names], timeout=20)
        assert json.loads(done.stdout) == {
            "both.test": ["192.0.2.1", "2001:db8::1"],
            "long.test": ["192.0.2.2"],
            "none.test": [],
            top.acs_host: [top.acs_v4],
            top.acs_v4: [top.acs_v4],
        }
        asked = {(query.name, query.kind, query.transport) for query in server.queries}
        assert {("both.test", "A", "UDP"), ("both.test", "AAAA", "UDP"), ("long.test", "A", "TCP")} <= asked
        assert {name for name, _, _ in asked} == {"both.test", "long.test", "none.test"}
        assert {query.client for query in server.queries} == {top.cpe_wan_v4}
    finally:
        if server is not None:
            await server.close()
        await lab.close()
