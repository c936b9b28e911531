"""Runs the commands of a profile: environment, deadlines, logs, and errors in one line."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from pathlib import Path

from harness.device.api import DriverError
from harness.device.profile import Profile
from harness.lab.children import Child, Completed
from harness.lab.network import CPE, Lab, LabError

TAIL_LINES = 3
"""Last lines of a dead device's output that an error quotes."""


class Runner:
    """The commands of *profile*, run in *lab* (this host where it is not isolated), logged in *workdir*."""

    def __init__(self, profile: Profile, lab: Lab, workdir: Path) -> None:
        self.profile = profile
        self.lab = lab
        self.log = workdir / "commands.log"
        self.device_log = workdir / "device.log"
        self._log_start = 0
        self._secrets = set(profile.secrets)

    def has(self, name: str) -> bool:
        return name in self.profile.commands

    async def run(self, name: str, env: Mapping[str, str], secrets: Iterable[str] = ()) -> str:
        """Run the command *name* to its end; its standard output. *secrets* are masked from now on.

        Raises:
            DriverError: it cannot be run, does not end in time, or exits with another status than 0.
        """
        self._secrets |= {secret for secret in secrets if secret}
        done = await self.attempt(name, env)
        if done.returncode:
            last = _last_lines(done.stderr or done.stdout, 1)
            raise self.error(name, f"{ended(done.returncode)}{': ' + last if last else ''}")
        return done.stdout.decode("utf-8", "replace")

    async def attempt(self, name: str, env: Mapping[str, str]) -> Completed:
        """Run the command *name* to its end, whatever status it exits with.

        Raises:
            DriverError: it cannot be run, or does not end in time.
        """
        argv, limit = self.profile.commands[name].argv, self.profile.timeout(name)
        try:
            done = await self.lab.run(CPE, argv, env=env, cwd=self.profile.folder, timeout=limit)
        except (OSError, LabError) as error:
            raise self.error(name, f"cannot be run: {_reason(error)}") from error
        self._record(name, done)
        if done.timed_out:
            raise self.error(name, f"did not end within {limit:g} s")
        return done

    async def spawn(self, env: Mapping[str, str]) -> Child:
        """Start the command ``start``; what it prints goes to ``device.log``.

        Raises:
            DriverError: it cannot be run.
        """
        self._log_start = self.device_log.stat().st_size if self.device_log.exists() else 0
        argv = self.profile.commands["start"].argv
        try:
            return await self.lab.spawn(CPE, argv, env=env, cwd=self.profile.folder, log=self.device_log)
        except (OSError, LabError) as error:
            raise self.error("start", f"cannot be run: {_reason(error)}") from error

    def device_tail(self) -> str:
        """The last lines that the device's process printed, secrets masked, in one line."""
        if not self.device_log.exists():
            return ""
        with self.device_log.open("rb") as file:
            file.seek(self._log_start)
            return self.masked(_last_lines(file.read(), TAIL_LINES))

    def error(self, name: str, what: str) -> DriverError:
        return DriverError(self.masked(f"{name}: `{self.profile.commands[name].shown}` {what}"))

    def masked(self, text: str) -> str:
        """*text* with secret values overwritten by filler of the same length."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "*" * len(secret))
        return text

    def _record(self, name: str, done: Completed) -> None:
        head = f"{name}: {'timed out' if done.timed_out else ended(done.returncode)}\n"
        body = done.stdout.decode("utf-8", "replace") + done.stderr.decode("utf-8", "replace")
        with self.log.open("a", encoding="utf-8") as file:
            file.write(head + self.masked(body) + ("" if body.endswith("\n") or not body else "\n"))


def ended(returncode: int) -> str:
    """How a process ended, in words."""
    if returncode >= 0:
        return f"exited with status {returncode}"
    try:
        return f"was killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"was killed by signal {-returncode}"


def _last_lines(data: bytes, count: int) -> str:
    lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    return " / ".join(lines[-count:])


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
