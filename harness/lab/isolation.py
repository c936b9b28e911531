"""How the keeper leaves the machine's namespaces, as root or rootless, and why it may not.

Sources: user_namespaces(7), pid_namespaces(7), and Ubuntu's kernel.apparmor_restrict_unprivileged_userns.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Sequence
from typing import Final

from . import linux

_WANTED_CAPABILITIES: Final = {"net_admin": 12, "net_raw": 13, "sys_admin": 21}
STARTED_AS: Final = os.geteuid()
"""User id before any user namespace made it 0."""


class Refused(Exception):
    """The machine does not allow what the isolated mode needs."""


def enter_namespaces() -> bool:
    """Leave the machine's namespaces; True when the next child is process 1 of a PID namespace."""
    base = linux.CLONE_NEWNS | linux.CLONE_NEWUTS | linux.CLONE_NEWIPC
    uid, gid = os.geteuid(), os.getegid()
    users = (0, linux.CLONE_NEWUSER) if _may_everything() else (linux.CLONE_NEWUSER,)
    refusal: OSError | None = None
    for user in users:
        for pid in (linux.CLONE_NEWPID, 0):
            try:
                linux.unshare(base | user | pid)
            except OSError as error:
                refusal = refusal or error
                continue
            if user:
                _map_root(uid, gid)
            return bool(pid)
    raise Refused(explain_refusal(refusal))


def _may_everything() -> bool:
    """Real root with the capabilities for a network of its own; root in a container often lacks them."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        line = next(line for line in file if line.startswith("CapEff:"))
    effective = int(line.split()[1], 16)
    return os.geteuid() == 0 and all(effective >> number & 1 for number in _WANTED_CAPABILITIES.values())


def _map_root(uid: int, gid: int) -> None:
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def _setting(path: str) -> str:
    try:
        with open(f"/proc/sys/{path}", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def explain_refusal(error: OSError | None) -> str:
    """One line: why namespaces were refused, as far as the machine's settings tell."""
    said = error.strerror if error else "refused"
    if STARTED_AS and _setting("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return f"AppArmor restricts user namespaces (kernel.apparmor_restrict_unprivileged_userns=1): {said}"
    if STARTED_AS and _setting("kernel/unprivileged_userns_clone") == "0":
        return f"user namespaces are for root only (kernel.unprivileged_userns_clone=0): {said}"
    if _setting("user/max_user_namespaces") == "0":
        return f"user namespaces are switched off (user.max_user_namespaces=0): {said}"
    return str(said)


def die_with(parent: int) -> None:
    linux.kill_with_parent()
    if os.getppid() != parent:
        os._exit(1)


def fork_inside(channels: Sequence[socket.socket]) -> None:
    """Go on as a child, process 1 of the new PID namespace; the parent only waits for it and exits."""
    alive, holder = os.pipe()
    child = os.fork()
    if child:
        os.close(alive)
        for channel in channels:
            channel.close()
        _, status = os.waitpid(child, 0)
        os._exit(0 if status == 0 else 1)
    os.close(holder)
    linux.kill_with_parent()
    # Inside a PID namespace getppid() is always 0: a closed pipe tells that the parent is gone.
    if select.select([alive], [], [], 0)[0]:
        os._exit(1)
