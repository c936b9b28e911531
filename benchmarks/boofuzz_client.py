"""boofuzz at the connection-request port, to be run with a Python that has it: ``MODE HOST PORT PATH CASES``.

MODE is ``stock`` (as it comes), ``lean`` (no logger, no web page) or ``stripped`` (no database either). The request is the first one
of a connection request, its method, path, version and three header values fuzzed by boofuzz's own lists. It prints
one line, JSON: ``cases``, ``seconds``.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import boofuzz  # type: ignore[import-not-found]


def request(host: str, port: int, path: str) -> Any:
    """The request, as boofuzz writes such things down."""
    return boofuzz.Request(
        "connection-request",
        children=(
            boofuzz.Group("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"]),
            boofuzz.Static("blank", " "),
            boofuzz.String("path", path),
            boofuzz.Static("blank2", " "),
            boofuzz.String("version", "HTTP/1.1"),
            boofuzz.Static("end", "\r\nHost: "),
            boofuzz.String("host", f"{host}:{port}"),
            boofuzz.Static("end2", "\r\nAuthorization: "),
            boofuzz.String("authorization", 'Digest username="user", response="0"'),
            boofuzz.Static("end3", "\r\nCookie: "),
            boofuzz.String("cookie", "C107373883=x"),
            boofuzz.Static("end4", "\r\n\r\n"),
        ),
    )


def options(mode: str) -> dict[str, Any]:
    """What makes a session stock or stripped."""
    if mode == "stock":
        return {"keep_web_open": False}  # else it waits for a key at the end
    return {"fuzz_loggers": [], "web_port": None, "keep_web_open": False, "sleep_time": 0.0}


def _no_database(session: Any) -> None:
    """Take the database out, too: boofuzz has no option for that."""
    session._fuzz_data_logger = boofuzz.FuzzLogger(fuzz_loggers=[])


def main() -> None:
    mode, host, port, path, cases = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
    connection = boofuzz.TCPSocketConnection(host, port, send_timeout=1.0, recv_timeout=1.0)
    session = boofuzz.Session(target=boofuzz.Target(connection=connection), index_end=cases, **options(mode))
    if mode == "stripped":
        _no_database(session)
    session.connect(request(host, port, path))
    began = time.monotonic()
    session.fuzz()
    seconds = time.monotonic() - began
    line = json.dumps({"cases": session.num_cases_actually_fuzzed, "seconds": seconds})
    Path(sys.argv[6]).write_text(line, "utf-8")


if __name__ == "__main__":
    main()
