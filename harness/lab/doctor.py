"""What this machine lacks for a full bench, what that costs, and what helps.

Touches nothing outside namespaces that a probe makes and drops; takes well under a second.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from .link import lean_python
from .topology import Topology

OLDEST_PYTHON: Final = (3, 11)
OLDEST_OPENSSL: Final = (3, 0)
DISK_SPACE: Final = 1024**3
_PROBE_DEADLINE: Final = 20.0
_PACKET_CASES: Final = "packet cases (source address, masquerading, IPv6 firewall) are not-run"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing the bench wants of the machine. ``costs`` and ``remedy`` are empty when it is ``ok``."""

    name: str
    ok: bool
    found: str
    costs: str = ""
    remedy: str = ""


def _check(name: str, ok: bool, found: str, costs: str, remedy: str) -> Check:
    return Check(name, ok, found, *(("", "") if ok else (costs, remedy)))


def probe() -> dict[str, Any]:
    """Build the bench's network once, in a process of its own, and tell what could be had.

    Keys: ``namespaces`` (present when they could be made), ``why_not``, ``rootless``, ``own_pids``, ``ipv6``,
    ``packet``, ``pdeathsig``, ``notes``.
    """
    argv, environment = lean_python("harness.lab.probe")
    order = json.dumps(asdict(Topology()))
    try:
        done = subprocess.run(
            argv,
            env=environment,
            input=order,
            capture_output=True,
            text=True,
            timeout=_PROBE_DEADLINE,
            check=False,
        )
        return dict(json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        return {"why_not": f"the probe did not end within {_PROBE_DEADLINE:.0f} s"}
    except (OSError, ValueError) as error:
        return {"why_not": f"the probe failed: {error}"}


def _python(_found: dict[str, Any]) -> Check:
    version = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, OLDEST_PYTHON))
    return _check(
        "Python",
        sys.version_info >= OLDEST_PYTHON,
        version,
        "nothing runs",
        f"install Python {wanted} or later",
    )


def _namespaces(found: dict[str, Any]) -> Check:
    how = "rootless, in a user namespace" if found.get("rootless") else "as root"
    why = str(found.get("why_not", ""))
    return _check(
        "Namespaces",
        "namespaces" in found,
        how if "namespaces" in found else why,
        f"the bench falls back to the machine's loopback; {_PACKET_CASES}",
        _namespace_remedy(why),
    )


def _namespace_remedy(why: str) -> str:
    if "AppArmor" in why:
        return "run as root, or: sysctl kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu 24.04 sets it)"
    if "unprivileged_userns_clone" in why:
        return "run as root, or: sysctl kernel.unprivileged_userns_clone=1"
    if "max_user_namespaces" in why:
        return "run as root, or: sysctl user.max_user_namespaces=10000"
    if "/proc/sys" in why:
        return "in a container: start it with a writable /proc/sys (docker run --privileged)"
    return "run as root, or in a container started with --privileged"


def _proc_sys(found: dict[str, Any]) -> Check:
    refused = "/proc/sys" in str(found.get("why_not", ""))
    said = "writable in the bench's namespaces" if "namespaces" in found else "not tried: no namespaces"
    return _check(
        "/proc/sys",
        "namespaces" in found,
        str(found["why_not"]) if refused else said,
        f"no forwarding in the CPE's namespace; {_PACKET_CASES}",
        "in a container: docker run --privileged" if refused else "see Namespaces",
    )


def _own_pids(found: dict[str, Any]) -> Check:
    return _check(
        "PID namespace",
        bool(found.get("own_pids")),
        "of its own" if found.get("own_pids") else "refused",
        "after a kill -9 of the bench, daemons that a device's commands started live on",
        "allow PID namespaces (sysctl user.max_pid_namespaces)",
    )


def _dies_with_parent(found: dict[str, Any]) -> Check:
    ok = bool(found.get("pdeathsig"))
    return _check(
        "PDEATHSIG",
        ok,
        "children die with their parent" if ok else "prctl(PR_SET_PDEATHSIG) refused",
        "the bench does not start: a kill -9 would leave processes behind",
        "loosen the container's seccomp profile",
    )


def _ipv6(found: dict[str, Any]) -> Check:
    ok = bool(found.get("ipv6")) if "namespaces" in found else os.path.isdir("/proc/sys/net/ipv6")
    return _check(
        "IPv6",
        ok,
        "enabled" if ok else "the kernel has none",
        "the cases of the IPv6 firewall are not-run",
        "boot without ipv6.disable=1",
    )


def _packets(found: dict[str, Any]) -> Check:
    ok = bool(found.get("packet"))
    said = (
        "raw packets can be read in the bench's namespaces" if ok else "AF_PACKET refused, or no namespaces"
    )
    return _check("AF_PACKET", ok, said, _PACKET_CASES, "a kernel with CONFIG_PACKET, and namespaces")


def _nft(_found: dict[str, Any]) -> Check:
    path = shutil.which("nft", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    return _check(
        "nft",
        path is not None,
        path or "not found",
        "no masquerading and no IPv6 firewall in the CPE: their cases are not-run",
        "apt install nftables",
    )


def _openssl(_found: dict[str, Any]) -> Check:
    level = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).security_level
    return _check(
        "OpenSSL",
        ssl.OPENSSL_VERSION_INFO[:2] >= OLDEST_OPENSSL,
        f"{ssl.OPENSSL_VERSION}, default security level {level}",
        "TLS cases may judge by other rules than the documented ones",
        "a Python linked with OpenSSL 3.0 or later",
    )


def _disk(_found: dict[str, Any]) -> Check:
    folder = Path(tempfile.gettempdir())
    free = shutil.disk_usage(folder).free
    return _check(
        "Disk space",
        free >= DISK_SPACE,
        f"{free // 1024**2} MiB free in {folder}",
        "long runs may lose packets and evidence",
        "free a gibibyte, or set TMPDIR",
    )


_CHECKS: Final[tuple[Callable[[dict[str, Any]], Check], ...]] = (
    _python, _namespaces, _own_pids, _dies_with_parent, _proc_sys, _ipv6, _packets, _nft, _openssl, _disk,
)  # fmt: skip


def checks() -> list[Check]:
    """Every check, in the order in which they are to be shown."""
    found = probe()
    return [check(found) for check in _CHECKS]
