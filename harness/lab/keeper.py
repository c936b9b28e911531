"""The keeper: the process that holds the bench's namespaces and everything that runs inside them.

The bench starts it (`harness.lab.link`) and talks to it over two SOCK_SEQPACKET pairs: one for requests that
are answered at once (sockets), one for the rest and for exit events. A message is one JSON object, file
descriptors ride along. When the bench dies, the keeper is killed by the kernel; it is process 1 of a PID
namespace, so that all that ever started inside goes with it, and with that the network.

Modes: ``isolated`` (namespaces, as root or inside a user namespace) and ``plain`` (none: children only).
Standard library only, so that it starts quickly.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NoReturn

from . import forked, linux
from .isolation import Refused, die_with, enter_namespaces, explain_refusal, fork_inside
from .plumbing import Network, device_mounts, private_mounts

MESSAGE_LIMIT: Final = 180_000
"""Longest message in bytes, either way; a socket pair's buffer holds it."""
_FDS_PER_MESSAGE: Final = 32
_FIRST_SAFE_FD: Final = 200
_HIGHEST_SIGNAL: Final = 64
_RECEIVE_BUFFER: Final = 16 * 1024 * 1024
_KILL_DEADLINE: Final = 2.0
_SO_RCVBUFFORCE: Final = 33
_SO_TIMESTAMPNS: Final = 35
_ETH_P_ALL: Final = 3

Reply = tuple[dict[str, Any], list[int]]


# --- children ------------------------------------------------------------------------------------------


class _Started:
    """A process that the keeper started."""

    def __init__(self, key: int, pid: int) -> None:
        self.key = key
        self.pid = pid
        self.running = True


def _place(descriptors: Sequence[int], status: int) -> int:
    """Put *descriptors* at 0, 1, 2, ... of this process; returns where *status* is now."""
    status = fcntl.fcntl(status, fcntl.F_DUPFD_CLOEXEC, _FIRST_SAFE_FD)
    moved = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_SAFE_FD) for fd in descriptors]
    for position, descriptor in enumerate(moved):
        os.dup2(descriptor, position, inheritable=True)
    return status


def _session_members(leader: int, leader_runs: bool) -> list[int]:
    """Processes of the session *leader*. Empty when its number has gone to somebody else."""
    members = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(name) == leader and not leader_runs:
            return []
        if int(fields[3]) == leader and fields[0] != "Z":
            members.append(int(name))
    return members


def _prepare(sock: socket.socket, message: dict[str, Any]) -> None:
    if message["family"] == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if message.get("bind"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(tuple(message["bind"]))
    if message.get("listen"):
        sock.listen(message["listen"])


def _enlarge(sock: socket.socket) -> None:
    """A large receive buffer; inside a user namespace no larger than net.core.rmem_max."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


# --- the keeper ----------------------------------------------------------------------------------------


class Keeper:
    """Serves requests until either channel is closed."""

    def __init__(self, requests: socket.socket, events: socket.socket, network: Network | None) -> None:
        self._requests = requests
        self._events = events
        self._network = network
        self._mounts: dict[str, int] = {}
        self._host_proc = -1
        self._children: dict[int, _Started] = {}
        self._last_key = 0
        self._operations: dict[str, Callable[[dict[str, Any], list[int]], Reply]] = {
            "ping": self._ping,
            "socket": self._socket,
            "packet_socket": self._packet_socket,
            "preload": self._preload,
            "spawn": self._spawn,
            "signal": self._signal,
            "kill_host": self._kill_host,
        }

    def use_mounts(self, host: str, namespace: int) -> None:
        """Processes of *host* run in the mount namespace of this descriptor."""
        self._mounts[host] = namespace

    def use_host_proc(self, descriptor: int) -> None:
        """A descriptor of the machine's /proc, to tell the bench pids as it sees them."""
        self._host_proc = descriptor

    def serve(self) -> None:
        wake, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        poll = select.poll()
        for descriptor in (wake, self._requests.fileno(), self._events.fileno()):
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == wake:
                    os.read(wake, 4096)
                elif not self._answer(
                    self._requests if descriptor == self._requests.fileno() else self._events
                ):
                    return
            self._reap()

    def _answer(self, channel: socket.socket) -> bool:
        data, descriptors, _, _ = socket.recv_fds(
            channel, MESSAGE_LIMIT + 1, _FDS_PER_MESSAGE, socket.MSG_CMSG_CLOEXEC
        )
        if not data:
            return False
        message = json.loads(data)
        try:
            reply, outgoing = self._operations[message["op"]](message, descriptors)
        except OSError as error:
            reply, outgoing = {"errno": error.errno or errno.EIO, "error": error.strerror or str(error)}, []
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        reply["id"] = message.get("id")
        socket.send_fds(channel, [json.dumps(reply).encode()], outgoing)
        for descriptor in outgoing:
            os.close(descriptor)
        return True

    def _ping(self, _message: dict[str, Any], _descriptors: list[int]) -> Reply:
        return {"children": sum(child.running for child in self._children.values())}, []

    def _enter(self, host: str) -> None:
        if self._network is not None:
            self._network.enter(host)

    def _socket(self, message: dict[str, Any], _descriptors: list[int]) -> Reply:
        self._enter(message["host"])
        made: list[socket.socket] = []
        try:
            for _ in range(message.get("count", 1)):
                kind, proto = message.get("kind", socket.SOCK_STREAM), message.get("proto", 0)
                made.append(socket.socket(message["family"], kind, proto))
                _prepare(made[-1], message)
        except OSError:
            for sock in made:
                sock.close()
            raise
        return {}, [sock.detach() for sock in made]

    def _packet_socket(self, message: dict[str, Any], _descriptors: list[int]) -> Reply:
        self._enter(message["host"])
        # Protocol 0 until bound: else frames of other interfaces arrive in between.
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        try:
            if message["receive"]:
                _enlarge(sock)
                sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            sock.bind((message["interface"], _ETH_P_ALL if message["receive"] else 0))
        except OSError:
            sock.close()
            raise
        return {}, [sock.detach()]

    def _preload(self, message: dict[str, Any], _descriptors: list[int]) -> Reply:
        forked.preload(message)
        return {}, []

    def _spawn(self, message: dict[str, Any], descriptors: list[int]) -> Reply:
        status, child_status = os.pipe2(os.O_CLOEXEC)
        keeper = os.getpid()
        pid = os.fork()
        if not pid:
            self._become(message, descriptors, child_status, keeper)
        os.close(child_status)
        with os.fdopen(status, "rb") as file:
            failure = file.read()
        if failure:
            os.waitpid(pid, 0)
            return dict(json.loads(failure)), []
        self._last_key += 1
        self._children[self._last_key] = _Started(self._last_key, pid)
        return {"key": self._last_key, "pid": self._pid_outside(pid)}, []

    def _become(self, message: dict[str, Any], descriptors: list[int], status: int, keeper: int) -> NoReturn:
        try:
            signal.set_wakeup_fd(-1)
            os.setsid()
            linux.kill_with_parent()
            if os.getppid() != keeper:
                os._exit(1)
            self._enter(message["host"])
            if message["host"] in self._mounts:
                linux.setns(self._mounts[message["host"]], linux.CLONE_NEWNS)
            os.chdir(message["cwd"])
            status = _place(descriptors, status)  # last: it overwrites the keeper's descriptors
            linux.drop_host_wide_capabilities()
            if message["call"]:
                forked.call(message["call"], message["argv"], message["env"], len(descriptors))
            for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            os.execvpe(message["argv"][0], message["argv"], message["env"])
        except OSError as error:
            name = f"{error.strerror}" + (f": {error.filename}" if error.filename else "")
            os.write(status, json.dumps({"errno": error.errno, "error": name}).encode())
        except (ValueError, TypeError) as error:  # a NUL byte in an argument, say
            os.write(status, json.dumps({"errno": errno.EINVAL, "error": str(error)}).encode())
        finally:
            os._exit(127)

    def _pid_outside(self, pid: int) -> int:
        if self._host_proc < 0:
            return pid
        handle = os.pidfd_open(pid)
        try:
            descriptor = os.open(f"self/fdinfo/{handle}", os.O_RDONLY, dir_fd=self._host_proc)
            with open(descriptor, encoding="ascii") as file:
                lines = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
        except OSError:
            return pid
        finally:
            os.close(handle)
        return int(lines.get("Pid", pid))

    def _signal(self, message: dict[str, Any], _descriptors: list[int]) -> Reply:
        child, number = self._children[message["key"]], int(message["signal"])
        if not 0 < number <= _HIGHEST_SIGNAL:
            raise OSError(errno.EINVAL, f"no such signal: {number}")
        if child.running and number != signal.SIGKILL:
            os.killpg(child.pid, number)
        if number == signal.SIGKILL:
            self._kill_until_gone(lambda: _session_members(child.pid, child.running))
        return {"running": child.running}, []

    def _kill_host(self, message: dict[str, Any], _descriptors: list[int]) -> Reply:
        """Kill every process in the network namespace of a host, daemons included."""
        if self._network is None:
            raise OSError(errno.ENOTSUP, "no namespaces: the processes of a host cannot be told from others")
        wanted = os.fstat(self._network.namespaces[message["host"]])
        return {"killed": self._kill_until_gone(lambda: self._processes_in(wanted))}, []

    def _kill_until_gone(self, alive: Callable[[], Sequence[int]]) -> int:
        """SIGKILL for all that *alive* names, again and again: they may fork meanwhile. Returns how many."""
        killed: set[int] = set()
        deadline = time.monotonic() + _KILL_DEADLINE
        while (pids := alive()) and time.monotonic() < deadline:
            for pid in pids:
                _kill(pid, signal.SIGKILL)
            killed.update(pids)
            time.sleep(0.001)
            self._reap()
        return len(killed)

    @staticmethod
    def _processes_in(namespace: os.stat_result) -> list[int]:
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                seen = os.stat(f"/proc/{name}/ns/net")
            except OSError:
                continue
            if (seen.st_dev, seen.st_ino) == (namespace.st_dev, namespace.st_ino):
                found.append(int(name))
        return [pid for pid in found if pid != os.getpid()]

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            child = next((c for c in self._children.values() if c.pid == pid and c.running), None)
            if child is not None:
                child.running = False
                event = {"event": "exit", "key": child.key, "returncode": os.waitstatus_to_exitcode(status)}
                self._events.send(json.dumps(event).encode())

    def end_children(self) -> None:
        """Kill every child, and those orphaned to the keeper by that, until none is left."""
        me = os.getpid()
        if me == 1:
            return  # the kernel does it when process 1 of a PID namespace ends
        while rest := Path(f"/proc/{me}/task/{me}/children").read_text(encoding="ascii").split():
            for pid in map(int, rest):
                _kill(pid, signal.SIGKILL)
            os.waitpid(-1, 0)


def _serve_isolated(requests: socket.socket, events: socket.socket, order: dict[str, Any]) -> None:
    host_proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    own_pids = enter_namespaces()
    fork_inside((requests, events))
    notes: list[str] = [] if own_pids else ["no PID namespace: daemons of a device may outlive the bench"]
    if own_pids:
        private_mounts(notes)
    else:
        linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
        linux.adopt_orphans()
    network = Network(order["topology"])
    keeper = Keeper(requests, events, network)
    keeper.use_mounts("cpe", device_mounts(network, order["etc"], notes))
    keeper.use_host_proc(host_proc)
    ready = {"ready": True, "ipv6": network.ipv6, "notes": network.notes + notes}
    events.send(json.dumps(ready).encode())
    _serve(keeper)


def _serve(keeper: Keeper) -> None:
    try:
        keeper.serve()
    except OSError as error:
        if error.errno not in {errno.EPIPE, errno.ECONNRESET}:
            raise
    finally:
        keeper.end_children()


def main(arguments: Sequence[str]) -> None:
    """``keeper MODE PARENT REQUESTS_FD EVENTS_FD``."""
    mode, parent = arguments[0], int(arguments[1])
    die_with(parent)
    requests, events = (socket.socket(fileno=int(number)) for number in arguments[2:4])
    for channel in (requests, events):
        os.set_inheritable(channel.fileno(), False)
    order = json.loads(events.recv(MESSAGE_LIMIT))
    if mode == "plain":
        linux.adopt_orphans()
        events.send(json.dumps({"ready": True, "ipv6": socket.has_ipv6, "notes": []}).encode())
        _serve(Keeper(requests, events, None))
        return
    try:
        _serve_isolated(requests, events, order)
    except Refused as error:
        events.send(json.dumps({"refused": str(error)}).encode())
    except OSError as error:
        events.send(json.dumps({"refused": explain_refusal(error)}).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
