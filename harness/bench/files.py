"""Files for Download cases: what the profile says a script and a firmware image are, and the server that has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.acs.auth import Basic, Digest
from harness.acs.files import Offer
from harness.case import NotApplicable

if TYPE_CHECKING:
    from harness.bench.rig import Rig


class Files:
    """The file server as a case sees it, with the file types of the device at hand."""

    def __init__(self, rig: Rig, fresh: Callable[[], str]) -> None:
        self._rig = rig
        self._fresh = fresh

    @property
    def script_type(self) -> str:
        """FileType of a script."""
        return self._rig.profile.files.script_type

    @property
    def firmware_type(self) -> str:
        """FileType of a firmware image."""
        return self._rig.profile.files.firmware_type

    @property
    def marker_parameter(self) -> str:
        """Full name of the parameter that a script sets."""
        return self._rig.profile.files.marker

    @property
    def port(self) -> int:
        """The file server's port on ``topology.files_v4``."""
        return self._rig.file_port

    def script(self, marker: str) -> bytes:
        """A harmless script that sets the marker parameter to *marker*."""
        return self._rig.profile.files.script_for(marker)

    def credentials_script(self, username: str, password: str) -> bytes:
        """A script that sets the connection-request credentials.

        Raises:
            NotApplicable: the profile has none (``files.credentials_script``).
        """
        script = self._rig.profile.files.credentials_script_for(username, password)
        if not script:
            raise NotApplicable("the profile has no files.credentials_script")
        return script

    def firmware(self) -> tuple[bytes, str]:
        """A working image, and the SoftwareVersion that it has (empty: not known)."""
        return self._rig.profile.files.firmware_for(f"9.{self._fresh()}")

    def damaged_firmware(self) -> bytes:
        """A working image of which the last byte is wrong."""
        image, _ = self.firmware()
        return image[:-1] + bytes((image[-1] ^ 0xFF,))

    def unusable_firmware(self) -> bytes:
        """Something that no device can take for firmware: the gate is what is tested, not the flash."""
        return b"this is not a firmware image " + self._fresh().encode() + bytes(2048)

    def requests(self) -> int:
        """Requests that have reached the file server in this case, uploads among them."""
        return len(self._rig.file_server.hits)

    def uploads_need(self, auth: Basic | Digest | None) -> None:
        """Ask for these credentials before an upload is taken, until the case is over."""
        self._rig.file_server.uploads_need(auth)

    def offer(self, name: str, content: bytes, *, auth: Basic | Digest | None = None) -> Offer:
        """Put *content* on the file server under *name*; *auth* protects it."""
        return self._rig.file_server.offer(f"/{name}", content, auth=auth)
