"""Forks devices off a process that has everything loaded: a start takes milliseconds.

One JSON array of arguments a line comes in, the process id goes out; the device's log is the file that the
first element names. The devices die with this process.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

from reference_cpe import api, cli

_PR_SET_PDEATHSIG = 1


def live(log: str, arguments: list[str], parent: int) -> None:
    """Be the device."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number, target in ((nothing, 0), (nothing, 1), (file, 2)):
        os.dup2(number, target)
    cli.main(arguments)


def main() -> None:
    assert api.Api is not None  # loaded before the first fork: the command line loads it late
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    here = os.getpid()
    for line in sys.stdin:
        log, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                live(log, arguments, here)
            finally:
                os._exit(1)
        print(child, flush=True)


if __name__ == "__main__":
    main()
