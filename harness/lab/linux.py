"""The few system calls of Linux that Python 3.11 does not wrap: namespaces, mounts, prctl.

Standard library only, so that the keeper starts quickly. Every function raises `OSError` with the name of
the call and its argument in the message. Sources: unshare(2), setns(2), mount(2), prctl(2),
capabilities(7), netdevice(7), mallopt(3).
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000

MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_NOEXEC: Final = 0x8

_PR_SET_PDEATHSIG: Final = 1
_PR_CAPBSET_DROP: Final = 24
_PR_SET_CHILD_SUBREAPER: Final = 36
_CAPABILITY_VERSION_3: Final = 0x20080522
_SIOCETHTOOL: Final = 0x8946
_ETHTOOL_OFF: Final = {"tx-checksum": 0x17, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8

HOST_WIDE_CAPABILITIES: Final = {"sys_module": 16, "sys_rawio": 17, "sys_boot": 22, "sys_time": 25}
"""What a device's commands could do to the machine that no namespace confines: set its clock, say."""

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) < 0:
        number = ctypes.get_errno()
        said = ", ".join(str(getattr(a, "value", a)) for a in arguments if a is not None)
        raise OSError(number, f"{name}({said}): {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Move the caller into new namespaces of the kinds in *flags*."""
    _call("unshare", ctypes.c_int(flags))


def setns(descriptor: int, kind: int) -> None:
    """Enter the namespace that *descriptor* holds."""
    _call("setns", ctypes.c_int(descriptor), ctypes.c_int(kind))


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    """mount(2) without data."""
    filesystem = kind.encode() if kind else None
    _call("mount", source.encode(), target.encode(), filesystem, ctypes.c_ulong(flags), None)


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _call("prctl", ctypes.c_int(option), ctypes.c_ulong(value), zero, zero, zero)


def kill_with_parent() -> None:
    """Ask for SIGKILL when the parent *thread* ends. The caller re-checks its parent afterwards."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def give_back_memory() -> None:
    """Have glibc give large blocks back to the kernel as soon as they are free (mallopt(3)); other C libraries are let be.

    Left alone it raises its bound to the largest block that was ever freed, and keeps a heap for each thread.
    """
    mallopt = getattr(_libc, "mallopt", None)
    if mallopt is not None and hasattr(_libc, "gnu_get_libc_version"):
        for option, value in (
            (_M_MMAP_THRESHOLD, 262_144),
            (_M_TRIM_THRESHOLD, 1_048_576),
            (_M_ARENA_MAX, 1),
        ):
            mallopt(option, value)


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants (PR_SET_CHILD_SUBREAPER)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def drop_host_wide_capabilities() -> None:
    """Take `HOST_WIDE_CAPABILITIES` from everything executed from here on; silent where not permitted."""
    for number in HOST_WIDE_CAPABILITIES.values():
        try:
            _prctl(_PR_CAPBSET_DROP, number)
        except PermissionError:
            return


def give_up_host_wide_capabilities() -> None:
    """Take `HOST_WIDE_CAPABILITIES` from this process itself, which executes nothing that would lose them."""
    head = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; each twice, the low words first
    _call("capget", head, sets)
    for number in HOST_WIDE_CAPABILITIES.values():
        for at in range(3):
            sets[at] &= ~(1 << number)
    _call("capset", head, sets)


def offloads_off(interface: str) -> list[str]:
    """Turn segmentation and checksum offloads of *interface* (in the current network namespace) off.

    Returns the names of those that the kernel refused to turn off.
    """
    refused = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for name, command in _ETHTOOL_OFF.items():
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(value))
            try:
                fcntl.ioctl(sock, _SIOCETHTOOL, request)
            except OSError:
                refused.append(name)
    return refused
