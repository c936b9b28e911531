"""The lab: the bench's network and the processes in it, behind one object.

Where namespaces are refused the lab falls back to the machine's loopback: sockets and processes still work,
packets cannot be seen, ``isolated`` is False and ``why_not`` says why.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final

from .children import Child, Completed
from .errors import LabError
from .etc import DeviceEtc
from .link import SOCKETS_PER_MESSAGE, KeeperLink, KeeperRefused
from .plumbing import HOSTS
from .taps import Capture, tap_plans
from .topology import CPE, HOST2, LAN, LOOPBACK, WAN, Topology

OUTPUT_LIMIT: Final = 1024 * 1024
"""Most bytes of standard output and of standard error that `Lab.run` hands back."""
DEFAULT_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

__all__ = ["CPE", "HOST2", "LAN", "WAN", "Child", "Completed", "Lab", "LabError"]


class Lab:
    """One bench's network. Made by `create`, ended by `close`; all of it belongs to one event loop.

    Methods raise `OSError` where a socket or command is refused, `LabError` when the keeper is gone and
    `ValueError` for a host that is not one of wan, host2, cpe, lan.
    """

    def __init__(self, topology: Topology, link: KeeperLink, workdir: Path, why_not: str) -> None:
        self.topology = topology
        """The addresses in force: `harness.lab.topology.LOOPBACK` in the fallback."""
        self.isolated = topology.isolated
        self.why_not = why_not
        """Why there are no namespaces; empty when there are."""
        self.notes = link.notes
        """What this machine did not allow and the lab does without."""
        self.ipv6 = link.ipv6
        self.etc: DeviceEtc | None = None
        """Hosts file and certificate store of the CPE; ``None`` in the fallback."""
        self.capture = Capture.absent(why_not)
        self._link = link
        self._workdir = workdir
        self._children: dict[int, Child] = {}
        self._early_exits: dict[int, int] = {}
        link.on_exit = self._child_ended
        link.on_lost = self._keeper_lost

    @classmethod
    async def create(
        cls, topology: Topology | None = None, *, workdir: Path, plain: Topology | None = None
    ) -> Lab:
        """Build the network and start the capture. *workdir* is an existing folder of this lab alone.

        *plain* are the addresses of a lab that shall have no namespaces, for a device that is elsewhere.

        The lab dies with the *thread* that calls this. ``CPECHECK_NO_NAMESPACES=1`` in the environment
        forces the fallback. Raises `LabError`.
        """
        topology = topology or Topology()
        log = workdir / "keeper.log"
        if os.environ.get("CPECHECK_NO_NAMESPACES") == "1":
            return await cls._fallback("switched off by CPECHECK_NO_NAMESPACES=1", workdir, log, plain)
        if plain is not None:
            return await cls._fallback("the device is not in the bench's network", workdir, log, plain)
        etc = DeviceEtc(workdir / "cpe-etc", topology.hosts, topology.acs_v4)
        order = {"topology": asdict(topology), "etc": etc.bindings()}
        try:
            link = await KeeperLink.start("isolated", order, log)
        except KeeperRefused as refused:
            return await cls._fallback(str(refused), workdir, log)
        lab = cls(topology, link, workdir, "")
        lab.etc = etc
        try:
            await lab._start_capture()
        except BaseException:
            await lab.close()
            raise
        return lab

    @classmethod
    async def _fallback(
        cls, why_not: str, workdir: Path, log: Path, addresses: Topology | None = None
    ) -> Lab:
        return cls(addresses or LOOPBACK, await KeeperLink.start("plain", {}, log), workdir, why_not)

    @property
    def keeper_pid(self) -> int:
        """Pid of the process that holds the lab."""
        return self._link.pid

    # --- sockets ---------------------------------------------------------------------------------------

    def listen(self, host: str, address: str, port: int = 0, backlog: int = 128) -> socket.socket:
        """A non-blocking listening TCP socket in *host*. `OSError` names address, port and host."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            return self._socket(host, family, bind=[address, port], listen=backlog)
        except OSError as error:
            words = f"cannot listen on {address} port {port} of host {host}: {error.strerror}"
            raise OSError(error.errno, words) from None

    def stream_socket(
        self, host: str, family: int, source: str | tuple[str, int] | None = None
    ) -> socket.socket:
        """An unconnected, non-blocking TCP socket in *host*, bound to *source* (address, or with a port)."""
        bind = [source, 0] if isinstance(source, str) else list(source) if source else None
        try:
            return self._socket(host, family, bind=bind, listen=0)
        except OSError as error:
            words = f"no TCP socket from {source or 'any address'} in host {host}: {error.strerror}"
            raise OSError(error.errno, words) from None

    def stream_sockets(self, host: str, family: int) -> list[socket.socket]:
        """As many unconnected, non-blocking TCP sockets in *host* as one question to the keeper gives.

        Without namespaces nobody need be asked.

        Raises:
            OSError: there are none to be had.
        """
        if not self.isolated:
            return [_adopted(socket.socket(family).detach()) for _ in range(SOCKETS_PER_MESSAGE)]
        order = {"op": "socket", "host": _known(host), "family": int(family), "count": SOCKETS_PER_MESSAGE}
        return [_adopted(descriptor) for descriptor in self._link.request_all(order)]

    def datagram_socket(self, host: str, address: str, port: int) -> socket.socket:
        """A non-blocking UDP socket in *host*, bound to *address* and *port*."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            return self._socket(host, family, bind=[address, port], listen=0, kind=socket.SOCK_DGRAM)
        except OSError as error:
            words = f"no UDP socket on {address} port {port} of host {host}: {error.strerror}"
            raise OSError(error.errno, words) from None

    def icmp_socket(self, host: str) -> socket.socket:
        """A non-blocking raw socket for ICMP over IPv4 in *host*; the kernel writes the IP header.

        Raises:
            LabError: there are no namespaces.
        """
        if not self.isolated:
            raise LabError(f"no raw sockets without namespaces: {self.why_not}")
        kind, proto = socket.SOCK_RAW, socket.IPPROTO_ICMP
        return self._socket(host, socket.AF_INET, bind=None, listen=0, kind=kind, proto=proto)

    def packet_socket(self, host: str, interface: str, *, receive: bool = True) -> socket.socket:
        """A non-blocking AF_PACKET socket with kernel timestamps (SO_TIMESTAMPNS) on an interface.

        With *receive* False it only sends. Raises `LabError` in the fallback.
        """
        if not self.isolated:
            raise LabError(f"packets cannot be seen: {self.why_not}")
        message = {"op": "packet_socket", "host": _known(host), "interface": interface, "receive": receive}
        return _adopted(self._link.request_now(message))

    def _socket(
        self,
        host: str,
        family: int,
        *,
        bind: list[Any] | None,
        listen: int,
        kind: int = socket.SOCK_STREAM,
        proto: int = 0,
    ) -> socket.socket:
        message = {
            "op": "socket",
            "host": _known(host),
            "family": int(family),
            "kind": int(kind),
            "proto": int(proto),
        }
        return _adopted(self._link.request_now({**message, "bind": bind, "listen": listen}))

    # --- processes -------------------------------------------------------------------------------------

    async def spawn(
        self,
        host: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | str = "/",
        log: Path,
        extra: Sequence[socket.socket] = (),
        call: str = "",
    ) -> Child:
        """Start a process in *host*; what it prints is appended to *log*. *env* is its whole environment.

        *extra* sockets are its descriptors 3, 4, ... It leads a session of its own and dies with the lab.
        With *call* (``module:function``, the module preloaded) it is that function in a fork of the keeper, and
        nothing is executed; the first word of *argv* is then but a name.
        Raises `OSError` when it cannot be executed.
        """
        output, nothing = _opened(log)
        with output, nothing:
            descriptors = [nothing.fileno(), output.fileno(), output.fileno()]
            descriptors += [sock.fileno() for sock in extra]
            return await self._start(host, argv, env, cwd, descriptors, call)

    async def preload(self, modules: Sequence[str]) -> None:
        """Import *modules* once, for processes that are then forked; see `harness.lab.forked`.

        Raises:
            OSError: one cannot be imported.
        """
        order = {"modules": list(modules), "path": sys.path, "dont_write_bytecode": sys.dont_write_bytecode}
        await self._link.request({"op": "preload", **order})

    async def run(
        self,
        host: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | str = "/",
        timeout: float,
        input: bytes = b"",  # noqa: A002 - the word of subprocess.run
    ) -> Completed:
        """Run a command in *host* to its end. After *timeout* seconds its whole session is killed.

        A daemon that it leaves behind lives on, and does not keep this waiting.
        """
        with (
            tempfile.TemporaryFile(dir=self._workdir) as given,
            tempfile.TemporaryFile(dir=self._workdir) as out,
            tempfile.TemporaryFile(dir=self._workdir) as err,
        ):
            given.write(input)
            given.seek(0)
            child = await self._start(host, argv, env, cwd, (given.fileno(), out.fileno(), err.fileno()))
            timed_out = False
            try:
                await child.wait(timeout)
            except TimeoutError:
                timed_out = True
            finally:
                if child.returncode is None:
                    await child.kill()
            assert child.returncode is not None
            said, complained = (os.pread(file.fileno(), OUTPUT_LIMIT, 0) for file in (out, err))
            return Completed(child.returncode, said, complained, timed_out)

    async def kill_all(self, host: str) -> int:
        """SIGKILL for every process in *host*, daemons included: a power cut. Returns how many there were.

        Meant for ``cpe`` and ``lan``: the capture process lives in ``wan``.
        Raises `OSError` (ENOTSUP) in the fallback.
        """
        return int((await self._link.request({"op": "kill_host", "host": _known(host)}))["killed"])

    async def _start(
        self,
        host: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None,
        cwd: Path | str,
        descriptors: Sequence[int],
        call: str = "",
    ) -> Child:
        environment = {"PATH": DEFAULT_PATH} if env is None else dict(env)
        message = {
            "op": "spawn",
            "host": _known(host),
            "argv": list(argv),
            "env": environment,
            "cwd": str(cwd),
            "call": call,
        }
        reply = await self._link.request(message, descriptors)
        child = Child(self._link, reply["key"], reply["pid"], argv[0])
        self._children[reply["key"]] = child
        if reply["key"] in self._early_exits:
            self._child_ended(reply["key"], self._early_exits.pop(reply["key"]))
        return child

    def _child_ended(self, key: int, returncode: int) -> None:
        child = self._children.pop(key, None)
        if child is None:  # its exit was heard of before the answer to spawn was taken up
            self._early_exits[key] = returncode
        else:
            child.ended(returncode)

    def _keeper_lost(self, why: str) -> None:
        self.capture.lost(why)
        for child in self._children.values():
            child.ended(-signal.SIGKILL)
        self._children.clear()

    # --- the rest --------------------------------------------------------------------------------------

    async def nft(self, host: str, ruleset: str) -> None:
        """Apply an nftables ruleset in *host*, all of it or nothing. Raises `LabError` with nft's words."""
        if not self.isolated:
            raise LabError(f"no packet filter without namespaces: {self.why_not}")
        try:
            done = await self.run(host, ["nft", "-f", "-"], timeout=10, input=ruleset.encode())
        except FileNotFoundError:
            raise LabError("nft is not installed (Debian and Ubuntu: apt install nftables)") from None
        if done.returncode:
            raise LabError(
                f"nft refused the ruleset of {host}: {done.stderr.decode(errors='replace').strip()}"
            )

    async def ping(self) -> int:
        """Ask the keeper whether it is there; returns the number of running processes."""
        return int((await self._link.request({"op": "ping"}))["children"])

    async def _start_capture(self) -> None:
        try:
            self.capture = await Capture.start(self, tap_plans(self.topology), self._workdir)
        except (OSError, LabError) as error:
            self.capture = Capture.absent(f"no packet capture: {error}")

    async def close(self) -> None:
        """End every process in the lab and dissolve its network. Safe to call twice."""
        await self.capture.close()
        await self._link.close()


def _known(host: str) -> str:
    if host not in HOSTS:
        raise ValueError(f"no host {host!r} in the lab: {', '.join(HOSTS)}")
    return host


def _adopted(descriptor: int) -> socket.socket:
    sock = socket.socket(fileno=descriptor)
    sock.setblocking(False)
    return sock


def _opened(log: Path) -> tuple[BinaryIO, BinaryIO]:
    return log.open("ab"), Path(os.devnull).open("rb")
