"""The bench's end of the keeper: starting it, asking it, hearing from it."""

from __future__ import annotations

import asyncio
import json
import os
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from .errors import LabError
from .keeper import MESSAGE_LIMIT

START_DEADLINE: Final = 15.0
"""Seconds of real time for the keeper to build the network."""
ANSWER_DEADLINE: Final = 60.0
"""Seconds of real time for an answer; importing a device's modules has taken over ten on a busy machine."""
CLOSE_DEADLINE: Final = 5.0
_FDS_PER_MESSAGE: Final = 32
SOCKETS_PER_MESSAGE: Final = _FDS_PER_MESSAGE


class KeeperRefused(Exception):
    """The machine does not allow namespaces; the message is the reason."""


def code_root() -> str:
    """Folder that holds the package ``harness``."""
    return str(Path(__file__).resolve().parents[2])


def lean_python(module: str) -> tuple[list[str], dict[str, str]]:
    """Command line and environment to run a module of ours that needs the standard library alone."""
    # -S saves a third of the start; -P: a file in the current folder must not shadow a module.
    argv = [sys.executable, "-S", "-P", "-m", module]
    return argv, {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": code_root(), "LC_ALL": "C.UTF-8"}


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a channel that keeps messages apart."""
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * MESSAGE_LIMIT)
    return ends


def _raise_for(reply: Mapping[str, Any]) -> None:
    if "error" in reply:
        raise OSError(reply["errno"], reply["error"])


class KeeperLink:
    """A running keeper. ``on_exit(key, returncode)`` is called for every child that ended."""

    def __init__(
        self, process: subprocess.Popen[bytes], requests: socket.socket, events: socket.socket
    ) -> None:
        self.ipv6 = True
        self.notes: list[str] = []
        self.on_exit: Callable[[int, int], None] = lambda _key, _code: None
        self.on_lost: Callable[[str], None] = lambda _why: None
        self.lost = ""
        """Why the keeper cannot be asked any more; empty while it can."""
        self._process = process
        self._requests = requests
        self._events = events
        self._one_request = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._last_id = 0

    @property
    def pid(self) -> int:
        """Pid of the outermost process of the keeper."""
        return self._process.pid

    @classmethod
    async def start(cls, mode: str, order: Mapping[str, Any], log: Path) -> KeeperLink:
        """Start a keeper in *mode*; raises `KeeperRefused` or `LabError`.

        The keeper is killed when the *thread* that called this ends (prctl(2), PR_SET_PDEATHSIG).
        """
        link = cls(*_launch(mode, log))
        try:
            link._events.send(json.dumps(order).encode())
            await link._until_ready(log)
        except BaseException:
            await link.close()
            raise
        link._loop.add_reader(link._events.fileno(), link._on_readable)
        return link

    async def _until_ready(self, log: Path) -> None:
        self._events.setblocking(False)
        try:
            async with asyncio.timeout(START_DEADLINE):
                data = await self._loop.sock_recv(self._events, MESSAGE_LIMIT)
        except TimeoutError:
            raise LabError(f"the keeper did not build the network within {START_DEADLINE:.0f} s") from None
        except ConnectionError:
            data = b""
        if not data:
            raise LabError(f"the keeper ended at its start; {log}: {_tail(log)}")
        hello = json.loads(data)
        if "refused" in hello:
            raise KeeperRefused(hello["refused"])
        self.ipv6, self.notes = hello["ipv6"], hello["notes"]

    def request_now(self, message: Mapping[str, Any]) -> int:
        """Ask for a socket and wait for it (well under a millisecond); returns the descriptor."""
        return self.request_all(message)[0]

    def request_all(self, message: Mapping[str, Any]) -> list[int]:
        """The same for as many as the message's ``count`` says, at most `SOCKETS_PER_MESSAGE`."""
        self._check()
        with self._one_request:
            try:
                self._requests.send(json.dumps(message).encode())
                data, descriptors, _, _ = socket.recv_fds(
                    self._requests, MESSAGE_LIMIT, _FDS_PER_MESSAGE, socket.MSG_CMSG_CLOEXEC
                )
            except TimeoutError:
                self._lose(f"the keeper did not answer within {ANSWER_DEADLINE:.0f} s")
            except ConnectionError as error:
                self._lose(f"the keeper is gone: {error.strerror}")
            else:
                if not data:
                    self._lose("the keeper ended")
        self._check()
        _raise_for(json.loads(data))
        return list(descriptors)

    async def request(self, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        """Ask for anything else; raises `OSError` with the keeper's words, `LabError` when it is gone."""
        self._check()
        self._last_id += 1
        number, answer = self._last_id, self._loop.create_future()
        data = json.dumps({**message, "id": number}).encode()
        if len(data) > MESSAGE_LIMIT:
            raise LabError(f"arguments and environment are too long: {len(data)} bytes")
        self._answers[number] = answer
        try:
            async with asyncio.timeout(ANSWER_DEADLINE):
                await self._send(data, descriptors)
                reply: dict[str, Any] = await answer
        except TimeoutError:
            raise LabError(f"the keeper did not answer {message['op']} in {ANSWER_DEADLINE:.0f} s") from None
        finally:
            self._answers.pop(number, None)
        _raise_for(reply)
        return reply

    async def _send(self, data: bytes, descriptors: Sequence[int]) -> None:
        while True:
            try:
                socket.send_fds(self._events, [data], list(descriptors))
            except BlockingIOError:
                await asyncio.sleep(0.001)
            except ConnectionError as error:
                self._lose(f"the keeper is gone: {error.strerror}")
                self._check()
            else:
                return

    def _check(self) -> None:
        if self.lost:
            raise LabError(self.lost)

    def _on_readable(self) -> None:
        while not self.lost:
            try:
                data = self._events.recv(MESSAGE_LIMIT)
            except BlockingIOError:
                return
            except ConnectionError:
                data = b""
            if not data:
                self._lose("the keeper ended, and with it everything in the lab")
                return
            message = json.loads(data)
            if message.get("event") == "exit":
                self.on_exit(message["key"], message["returncode"])
            elif (answer := self._answers.get(message["id"])) is not None and not answer.done():
                answer.set_result(message)

    def _lose(self, why: str) -> None:
        if self.lost:
            return
        self.lost = why
        self._loop.remove_reader(self._events.fileno())
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(LabError(why))
        self.on_lost(why)

    async def close(self) -> None:
        """End the keeper and all it holds; returns when its process is gone."""
        if self._process.returncode is not None:
            return
        self._lose("the lab is closed")
        self._requests.close()
        self._events.close()
        await self._loop.run_in_executor(None, self._finish)

    def _finish(self) -> None:
        handle = os.pidfd_open(self._process.pid)
        try:
            if not select.select([handle], [], [], CLOSE_DEADLINE)[0]:
                self._process.kill()
        finally:
            os.close(handle)
        self._process.wait()


def _launch(mode: str, log: Path) -> tuple[subprocess.Popen[bytes], socket.socket, socket.socket]:
    requests, keeper_requests = pair()
    events, keeper_events = pair()
    requests.settimeout(ANSWER_DEADLINE)
    argv, environment = lean_python("harness.lab.keeper")
    theirs = (keeper_requests.fileno(), keeper_events.fileno())
    with keeper_requests, keeper_events, log.open("ab") as output:
        process = subprocess.Popen(
            [*argv, mode, str(os.getpid()), *map(str, theirs)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=theirs,
            start_new_session=True,  # Ctrl-C is for the bench, which then closes the lab in order
        )
    return process, requests, events


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no words"
