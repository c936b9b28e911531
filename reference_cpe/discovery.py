"""Where the device learns of its ACS when nobody has set a URL: what DHCP delivers (TR-069 3.1).

The DHCP client is the system's. It hands over the options as a JSON object, number of the option to its octets
in hexadecimal digits (`{"43": "01...", "125": "...", "17": "..."}`), in a file that is read at boot and after
every failed session, or through the JSON API. What an ACS or the operator has set always wins.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reference_cpe import dhcp
from reference_cpe.dhcp import BadOption, Told
from reference_cpe.settings import Refused

if TYPE_CHECKING:
    from reference_cpe.parts import Parts

log = logging.getLogger("reference-cpe.discovery")

_ORDER = ("125", "43", "17")
"""Of two options that say the same thing, the first here counts."""
_LEAST_MULTIPLIER = 1000


class Discovery:
    """Seams: `told`, `refresh`, `deliver`."""

    def __init__(self, parts: Parts, file: str) -> None:
        self._parts = parts
        self._file = file

    def told(self) -> dict[str, Any]:
        """What DHCP has said, by the names of `dhcp.Told`; what it has not said is missing."""
        return dict(self._parts.store.get("dhcp") or {})

    def refresh(self) -> None:
        """Ask again: read the file, where there is one. One that cannot be used leaves everything as it is."""
        if not self._file:
            return
        try:
            self.deliver(json.loads(Path(self._file).read_bytes()))
        except FileNotFoundError:
            log.info("DHCP has delivered nothing yet: %s", self._file)
        except (OSError, ValueError) as error:
            log.warning("%s: %s", self._file, error)

    def deliver(self, options: object) -> None:
        """The DHCP client has got *options*; an empty object takes back what it had before.

        Raises:
            BadOption: it is no object of octets, or an option cannot be used; nothing is changed.
        """
        told = self._read(options)
        before = self._parts.settings.value("acs_url")
        self._parts.store.update(dhcp=told.said())
        after = self._parts.settings.value("acs_url")
        if after != before:
            log.info("DHCP names the ACS %s", after or "no more")
            self._parts.settings.changed({"acs_url": (before, after)})

    def _read(self, options: object) -> Told:
        if not isinstance(options, Mapping) or set(options) - set(_ORDER):
            raise BadOption(f"expected an object with {', '.join(_ORDER)}")
        told = Told()
        for name in _ORDER:
            if name in options:
                told = told.over(dhcp.read(int(name), _octets(name, options[name])))
        if len(told.provisioning_code) > 64:
            raise BadOption("the provisioning code has more than 64 characters")
        if told.retry_multiplier is not None and told.retry_multiplier < _LEAST_MULTIPLIER:
            raise BadOption(f"retry_multiplier is below {_LEAST_MULTIPLIER}")
        try:
            self._parts.settings.check("acs_url", told.acs_url)
        except Refused as error:
            raise BadOption(f"acs_url: {error}") from None
        return told


def _octets(name: str, value: object) -> bytes:
    try:
        return bytes.fromhex(value if isinstance(value, str) else "-")
    except ValueError:
        raise BadOption(f"option {name}: expected hexadecimal digits") from None
