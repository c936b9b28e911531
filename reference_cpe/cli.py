"""The command ``reference-cpe``."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import click

from reference_cpe.clock import Clock, RealClock, SteeredClock
from reference_cpe.config import Config, ConfigError, ModelFile, read_config
from reference_cpe.defects import registry
from reference_cpe.definition_xml import BadModel
from reference_cpe.device import Device
from reference_cpe.fleet import Fleet, configs
from reference_cpe.models import choose
from reference_cpe.settings import Refused, acs_url

log = logging.getLogger("reference-cpe")

_TELL_EVERY = 10.0
"""Seconds between two lines about many devices."""
USAGE = 3
"""Exit status for a wrong call."""


class UsageError(click.ClickException):
    """One line on stderr, exit status 3."""

    exit_code = USAGE

    def show(self, file: Any = None) -> None:
        click.echo(f"reference-cpe: {self.format_message()}", err=True, file=file)


class _Command(click.Command):
    """Click's own usage errors exit with 3 too."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **{**kwargs, "standalone_mode": False})
        except click.exceptions.Abort:
            sys.exit(130)
        except click.ClickException as error:
            click.echo(f"reference-cpe: {error.format_message()}", err=True)
            sys.exit(USAGE)


def _state_directory() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "reference-cpe"


@click.command(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--acs-url", metavar="URL", help="Factory setting of the ACS URL.")
@click.option(
    "--config",
    "config_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Identity, network, settings (TOML).",
)
@click.option(
    "--state",
    "state",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Where the device keeps its state. [~/.local/state/reference-cpe]",
)
@click.option(
    "--defect", "defects", metavar="NAME", multiple=True, help="Be wrong on purpose; may be repeated."
)
@click.option(
    "--defect-file",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Python file with defects of one's own; without --defect all of them are on.",
)
@click.option(
    "--variant", "variants", metavar="NAME", multiple=True, help="Be correct but odd; may be repeated."
)
@click.option("--clock", "clock_path", metavar="PATH", help="Unix socket of a bench's clock server.")
@click.option("--api", "api_address", metavar="ADDRESS", help="JSON API at unix:PATH or HOST:PORT.")
@click.option(
    "--count",
    metavar="N",
    type=click.IntRange(1, 100_000),
    default=1,
    help="Be N devices: consecutive serial numbers and ports, state in DIR/SERIAL.",
)
@click.option(
    "--model",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Data-model definition (XML) in place of the built-in one.",
)
@click.option("--list-defects", is_flag=True, help="Print the defects and variants, and end.")
@click.option("--verbose", "-v", is_flag=True, help="Log more.")
def main(
    acs_url: str | None,
    config_path: Path | None,
    state: Path | None,
    defects: tuple[str, ...],
    files: tuple[Path, ...],
    variants: tuple[str, ...],
    clock_path: str | None,
    api_address: str | None,
    count: int,
    model: Path | None,
    list_defects: bool,
    verbose: bool,
) -> None:
    """A complete CWMP (TR-069) device that talks to the ACS at URL."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO if count == 1 else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    # No line says where in the code it was written, by which thread or process: finding that out takes most of its time.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    try:
        alterations = registry.select(defects, files, variants)
        if list_defects:
            click.echo(registry.listing())
            return
        config = _config(config_path, acs_url)
        if model is not None:
            config = dataclasses.replace(config, model=ModelFile(str(model)))
        choose(config.profile.data_model, config.model.file)
    except (registry.UnknownName, registry.BadFile, BadModel, ConfigError) as error:
        raise UsageError(str(error)) from error
    told = config.settings.get("acs_url") or config.dhcp.file
    if acs_url is None and api_address is None and not told:
        raise UsageError("nobody to talk to: give --acs-url, acs_url or [dhcp] in --config, or --api")
    if count > 1:
        if clock_path or api_address or config.web.listen:
            raise UsageError("--count: not with --clock, --api or [web], which belong to one device")
        sys.exit(asyncio.run(_serve_many(config, state or _state_directory(), alterations, count)))
    sys.exit(asyncio.run(_serve(config, state or _state_directory(), alterations, clock_path, api_address)))


def _config(path: Path | None, url: str | None) -> Config:
    config = read_config(path) if path is not None else Config()
    if url is None:
        return config
    try:
        return dataclasses.replace(config, settings={**config.settings, "acs_url": acs_url(url)})
    except Refused as error:
        raise ConfigError(f"--acs-url: {error}") from error


async def _serve(
    config: Config,
    state: Path,
    alterations: Sequence[registry.Alteration],
    clock_path: str | None,
    api_address: str | None,
) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        clock = await _clock(clock_path, config, stop)
    except (OSError, ValueError) as error:
        return _usage(f"--clock: {error}")
    try:
        device = Device(config, clock, state, alterations, Random())
    except OSError as error:
        return _usage(f"--state {state}: {error.strerror}")
    with clock.work():
        try:
            stop_api = await _start_api(device, clock, api_address)
        except (ValueError, OSError) as error:
            return _usage(f"--api: {error}")
        try:
            stop_web = await _start_web(device, clock, config)
        except OSError as error:
            return _usage(f"[web] listen: {error}")
        await device.boot()
    await stop.wait()
    log.info("ending")
    await stop_web()
    await stop_api()
    await device.close()
    await clock.close()
    return 0


async def _serve_many(
    config: Config, state: Path, alterations: Sequence[registry.Alteration], count: int
) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        fleet = Fleet(configs(config, count), state, alterations, Random())
    except ConfigError as error:
        return _usage(f"--count: {error}")
    except OSError as error:
        return _usage(f"--state {state}: {error.strerror}")
    await fleet.boot()
    while not stop.is_set():
        await _told(stop, fleet)
    await fleet.close()
    return 0


async def _told(stop: asyncio.Event, fleet: Fleet) -> None:
    """Wait a while, then say how the sessions of all devices went: one line instead of theirs."""
    try:
        await asyncio.wait_for(stop.wait(), _TELL_EVERY)
    except TimeoutError:
        pass
    totals = ", ".join(f"{count} {name}" for name, count in fleet.totals().items())
    click.echo(f"reference-cpe: {len(fleet.devices)} devices, sessions: {totals}", err=True)


async def _start_api(device: Device, clock: Clock, address: str | None) -> Callable[[], Awaitable[None]]:
    """Start the JSON API, if there is an address for it; gives what stops it."""
    if address is None:
        return _nothing
    from reference_cpe.api import Api  # aiohttp's server takes long to load; alone the device does without

    api = Api(device, clock)
    await api.start(address)
    return api.stop


async def _start_web(device: Device, clock: Clock, config: Config) -> Callable[[], Awaitable[None]]:
    """Start the web configuration, if there is an address for it; gives what stops it."""
    if not config.web.listen:
        return _nothing
    from reference_cpe.web.server import WebConfiguration

    pages = WebConfiguration(device, clock, config.web)
    await pages.start()
    return pages.stop


async def _nothing() -> None:
    """There is nothing to stop."""


async def _clock(path: str | None, config: Config, stop: asyncio.Event) -> Clock:
    if path is None:
        clock: Clock = RealClock()
    else:
        clock = steered = await SteeredClock.connect(path)
        steered.lost = stop.set
    clock.absolute = config.time.set
    return clock


def _usage(message: str) -> int:
    click.echo(f"reference-cpe: {message}", err=True)
    return USAGE
