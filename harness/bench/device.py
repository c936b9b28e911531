"""The device as a case sees it: settings to turn, certificates to store, verbs; and the way back to the baseline."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, Protocol

from harness.case import NotApplicable
from harness.device.api import Capabilities, Driver, DriverError, Names, SettingValue, Verb
from harness.lab.pki import Authority

Call = Callable[[Coroutine[Any, Any, Any]], Any]


class _Idle(Protocol):
    def __call__(self) -> None: ...


class _Calm(Protocol):
    async def __call__(self) -> None: ...


class DeviceUnderTest:
    """A blocking face of the driver that remembers what a case changed.

    ``settings`` is what the bench has set; `restore` puts back what differs from the baseline, and nothing else.
    """

    def __init__(
        self,
        call: Call,
        driver: Driver,
        baseline: dict[str, SettingValue],
        root: Authority,
        idle: _Idle,
        calm: _Calm,
    ) -> None:
        """*calm* waits until no session is under way that no case leads: a verb may restart the device."""
        self._loop_call = call
        self._calm = calm
        self._driver = driver
        self._baseline = baseline
        self._root = root
        self._idle = idle
        self.settings: dict[str, SettingValue] = {}
        self._doubtful: set[str] = set()
        self._masked = True
        self._root_stored: bytes | None = None
        self._client_stored = False

    @property
    def capabilities(self) -> Capabilities:
        return self._driver.capabilities

    @property
    def names(self) -> Names:
        return self._driver.names

    @property
    def baseline(self) -> dict[str, SettingValue]:
        """The settings between cases."""
        return dict(self._baseline)

    def _call(self, verb: Coroutine[Any, Any, Any], *, at_once: bool = False) -> Any:
        async def acted() -> Any:
            if not at_once:
                await self._calm()
            return await verb

        return self._loop_call(acted())

    def configure(self, **settings: SettingValue) -> None:
        """Set the given settings, leave the others alone; those that have the value already are not sent again.

        Raises:
            NotApplicable: the device does not have one of them.
            DriverError: the driver could not set them.
        """
        unknown = [key for key in settings if key not in self.capabilities.settings]
        if unknown:
            raise NotApplicable("the device has no setting " + ", ".join(unknown))
        changed = {
            key: value
            for key, value in settings.items()
            if key in self._doubtful or key not in self.settings or self.settings[key] != value
        }
        if not changed:
            return
        self._doubtful |= set(changed)
        self._call(self._driver.configure(changed))
        self.settings.update(changed)
        self._doubtful -= set(changed)
        self._idle()

    def try_configure(self, **settings: SettingValue) -> str:
        """As `configure`, for a value that the device may refuse: what it said then, or ``""``."""
        try:
            self.configure(**settings)
        except DriverError as refusal:
            with suppress(DriverError):  # a device that ends over a value it does not take is to come back
                self.configure(**{key: self.settings[key] for key in settings if key in self.settings})
            return str(refusal) or "refused"
        return ""

    def configure_during(self, **settings: SettingValue) -> None:
        """As `configure`, while a session runs: its end is not waited for.

        Raises:
            NotApplicable, DriverError: as `configure`.
        """
        unknown = [key for key in settings if key not in self.capabilities.settings]
        if unknown:
            raise NotApplicable("the device has no setting " + ", ".join(unknown))
        self._doubtful |= set(settings)
        self._call(self._driver.configure(settings), at_once=True)
        self.settings.update(settings)

    def read_settings(self) -> dict[str, SettingValue]:
        """What the device itself says its settings are."""
        return dict(self._call(self._driver.read_settings()))

    def mask_wan(self, on: bool) -> None:
        """Let the WAN mask what leaves by it, or not; masked again when restoring."""
        if on != self._masked:
            self._call(self._driver.mask_wan(on))
            self._masked = on
            self._idle()

    def doubt(self, *keys: str) -> None:
        """Something other than `configure` may have changed these settings: set them again when restoring."""
        self._doubtful |= set(keys) & self.capabilities.settings

    def upload_root_ca(self, authority: Authority) -> None:
        """Store the authority's certificate as the only CWMP root CA certificate."""
        self.upload_root_certificate(authority.pem)

    def upload_root_certificate(self, pem: bytes) -> None:
        """As `upload_root_ca`, for a certificate that may not be an authority's.

        Raises:
            DriverError: the device does not take it.
        """
        self._root_stored = None
        self._call(self._driver.upload_root_ca(pem))
        self._root_stored = pem
        self._idle()

    def remove_root_ca(self) -> None:
        """Empty the CWMP root CA slot."""
        self._root_stored = None
        self._call(self._driver.remove_root_ca())
        self._idle()

    def upload_root_ca_otherwise(self, authority: Authority) -> None:
        """As `upload_root_ca`, by the device's other way to upload files."""
        self._root_stored = None
        self._call(self._driver.upload_root_ca_otherwise(authority.pem))
        self._root_stored = authority.pem
        self._idle()

    def upload_other_ca(self, authority: Authority) -> None:
        """Store the authority's certificate under another file type; it stays there."""
        self._call(self._driver.upload_other_ca(authority.pem))
        self._idle()

    def upload_client_certificate(self, container: bytes, passphrase: str) -> None:
        """Store a PKCS#12 container as the device's own certificate; it is taken away after the case."""
        self._client_stored = True
        self._call(self._driver.upload_client_certificate(container, passphrase))
        self._idle()

    def remove_client_certificate(self) -> None:
        """Empty the slot of the client certificate."""
        self._call(self._driver.remove_client_certificate())
        self._client_stored = False
        self._idle()

    def restart(self) -> None:
        self._call(self._driver.restart())
        self._idle()

    def power_cycle(self) -> None:
        """Take the device's power away and give it back."""
        self._call(self._driver.power_cycle(), at_once=True)
        self._idle()

    def factory_reset(self, keep_unset: Iterable[str] = (), *, store_root: bool = True) -> None:
        """Reset to factory settings, then set the baseline again but for *keep_unset*, which stay as the factory left them.

        Without *store_root* the CWMP root CA is not stored again.
        """
        self._call(self._driver.factory_reset())
        kept = set(keep_unset)
        self.settings.clear()
        self._root_stored = None
        self._client_stored = False
        if store_root:
            self._store_root()
        self.configure(**{key: value for key, value in self._baseline.items() if key not in kept})
        self._doubtful |= kept

    def set_up(self) -> None:
        """Bring a device that was just started to the baseline."""
        self.settings.clear()
        self._doubtful.clear()
        self._root_stored = None
        self._store_root()
        self.configure(**self._baseline)

    def restore(self) -> None:
        """Put back what differs from the baseline."""
        self.mask_wan(True)
        self._store_root()
        if self._client_stored:
            self.remove_client_certificate()
        self.configure(**self._baseline)

    def _store_root(self) -> None:
        if Verb.UPLOAD_ROOT_CA in self.capabilities.verbs and self._root_stored != self._root.pem:
            self.upload_root_ca(self._root)

    def gone(self) -> str:
        """Empty while the device's process runs, as far as the driver can tell; else what was seen."""
        return self._driver.alive()

    def bring_back(self) -> None:
        """Start a device that is gone, or restart one that is there, and set the baseline.

        Raises:
            DriverError: it cannot be brought back.
        """
        verbs = self.capabilities.verbs
        if self.gone():
            self._call(self._driver.start())
        elif Verb.RESTART in verbs:
            self._call(self._driver.restart())
        elif Verb.POWER_CYCLE in verbs:
            self._call(self._driver.power_cycle())
        else:
            raise DriverError("the device does not answer, and its profile has no restart or power_cycle")
        self.set_up()
