"""Builds the bench's network once, prints as JSON what this machine allows, and leaves no trace.

``python -m harness.lab.probe``, for `harness.lab.doctor`; the topology comes on standard input.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from typing import Any

from . import linux
from .isolation import STARTED_AS, Refused, enter_namespaces, explain_refusal, fork_inside
from .plumbing import Network, private_mounts


def main() -> None:
    found: dict[str, Any] = {"rootless": bool(STARTED_AS), "notes": []}
    try:
        linux.kill_with_parent()
        found["pdeathsig"] = True
        found["own_pids"] = enter_namespaces()
        fork_inside(())
        if found["own_pids"]:
            private_mounts(found["notes"])
        network = Network(json.load(sys.stdin))
        found.update(namespaces=True, ipv6=network.ipv6, notes=found["notes"] + network.notes)
        network.enter("wan")
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
        found["packet"] = True
    except Refused as error:
        found["why_not"] = str(error)
    except OSError as error:
        found["why_not"] = explain_refusal(error)
    print(json.dumps(found), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
