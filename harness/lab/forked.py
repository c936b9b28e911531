"""Processes that the keeper forks from itself, with what they need already imported: no start of an interpreter.

A Python program of ours costs most of a second to start, and a bench may start it hundreds of times. `preload`
imports it once into the keeper; `call` then is the whole life of a forked child. It is a process like any other: its
own pid and session, killed for real.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from . import linux

_FAILED = 1


def preload(message: Mapping[str, Any]) -> None:
    """Import ``modules``, to be found on ``path`` beside the keeper's own.

    Raises:
        OSError: one cannot be imported; the words say which and why.
    """
    sys.dont_write_bytecode = bool(message["dont_write_bytecode"])
    sys.path.extend(entry for entry in message["path"] if entry not in sys.path)
    for name in message["modules"]:
        try:
            importlib.import_module(name)
        except Exception as error:
            raise OSError(None, f"cannot import {name}: {type(error).__name__}: {error}") from error
    # What is there now is never collected: a child that looked at it would copy its pages.
    gc.collect()
    gc.freeze()


def call(target: str, argv: Sequence[str], env: Mapping[str, str], descriptors: int) -> NoReturn:
    """Be the function *target* (``module:name``) from here on; it takes the command line behind the name.

    Descriptors from *descriptors* on are the keeper's, and closed. The exit status is as Python's own.
    """
    linux.give_up_host_wide_capabilities()
    os.closerange(descriptors, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(env)
    sys.argv = list(argv)
    # As an interpreter has them at its start.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = _FAILED
    try:
        module, _, name = target.partition(":")
        getattr(sys.modules[module], name)(list(argv[1:]))
        status = 0
    except SystemExit as error:
        status = _status(error.code)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return _FAILED
